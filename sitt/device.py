"""The device of the learner: everything is made where the simulator keeps its state, unless its maker says where."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from sitt.config.sim import SimConfig
from sitt.errors import UserError
from sitt.runs.gpu import lease_gpu


def default_device() -> torch.device:
    """Return where torch makes a tensor of which nobody says where."""
    return torch.empty(0).device


def beside(sim: SimConfig) -> AbstractContextManager[Any]:
    """Return a context in which torch makes everything on the simulator's device; lease the GPU that it needs.

    Enter it before anything, such as an encoder, asks for CUDA.

    Raises:
        UserError: there is no such device.
    """
    if sim.learner_device == "cpu":
        if sim.needs_gpu:
            lease_gpu()
        return nullcontext()  # torch's own default, and no detour for each of its calls
    try:
        lease_gpu()
    except UserError as error:
        raise _refusal(sim, str(error)) from error
    require_cuda(sim)
    return torch.device(sim.learner_device)


def require_cuda(sim: SimConfig) -> None:
    """Raise a UserError if the simulator needs a GPU and torch finds none."""
    if sim.learner_device == "cuda" and not torch.cuda.is_available():
        raise _refusal(sim, f"torch {torch.__version__} finds none; install NVIDIA's driver and a CUDA build of torch")


def _refusal(sim: SimConfig, why: str) -> UserError:
    return UserError(f"sim {sim.name} needs an NVIDIA GPU (sim.device = cuda), but {why}; sim: mujoco needs none")
