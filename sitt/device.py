"""The device of the learner: everything is made where the simulator keeps its state, unless its maker says where."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from sitt.config.sim import SimConfig
from sitt.errors import UserError
from sitt.runs.gpu import NoGpuError, lease_gpu


def default_device() -> torch.device:
    """Return where torch makes a tensor of which nobody says where."""
    return torch.empty(0).device


def beside(sim: SimConfig) -> AbstractContextManager[Any]:
    """Return a context in which torch makes everything on the simulator's device; lease the GPU that it needs.

    Enter it before anything, such as an encoder, asks for CUDA.

    Raises:
        UserError: there is no such device.
    """
    if sim.needs_gpu:
        try:
            lease_gpu()
        except NoGpuError as error:
            raise error.of(sim) from None
    if sim.learner_device == "cpu":
        return nullcontext()  # torch's own default, and no detour for each of its calls
    require_cuda(sim)
    return torch.device(sim.learner_device)


def require_cuda(sim: SimConfig) -> None:
    """Raise a UserError if the simulator needs a GPU and torch finds none."""
    if sim.learner_device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"sim {sim.name} needs an NVIDIA GPU (sim.device = cuda), but torch {torch.__version__} finds none; "
            f"{cuda_mend()}, or choose another simulator (sim: mujoco needs none)"
        )


def cuda_mend() -> str:
    """Return what to do where torch finds no GPU."""
    if torch.version.cuda:
        return f"install a driver of NVIDIA's that is new enough for CUDA {torch.version.cuda}"
    # PyPI's build for Linux, which the versions in requirements.lock belong to.
    return "set up a new .venv with a CUDA build of torch (make setup TORCH_INDEX=https://pypi.org/simple)"
