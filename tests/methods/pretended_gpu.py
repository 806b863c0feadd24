"""A device of torch's that is none: its tensors lie on the CPU, and meet no tensor that says it is there.

A script for `test_device.py`, in a process of its own: `python -m tests.methods.pretended_gpu FOLDER` trains and
evaluates with the learner on that device, and fails where code written for the CPU would fail on a GPU.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import sitt.device
import sitt.env
import sitt.evaluation
import sitt.methods
from sitt import seeding
from sitt.device import default_device
from sitt.runs import checkpoint, weights
from sitt.runs.progress import Progress
from sitt.sim import make_simulator
from sitt.sim.base import SimState
from tests.conftest import tiny

_setup_privateuseone_for_python_backend("pretended")
DEVICE = torch.device("pretended", 0)
SHORT = (
    "training.iterations=2",
    "training.evaluations=2",
    "training.evaluation_episodes=2",
    "ppo.horizon=8",
    "task.episode_length=4",
    "evaluation.episodes=2",
    "evaluation.num_envs=2",
)
MAY_MIX = ("aten.copy_.", "aten._to_copy.")
plain_tensor = torch.tensor


class Elsewhere(torch.Tensor):
    """A tensor on the pretended device; `here` holds its numbers."""

    @staticmethod
    def __new__(cls, here):
        return torch.Tensor._make_wrapper_subclass(
            cls, here.size(), here.stride(), here.storage_offset(), dtype=here.dtype, device=DEVICE
        )

    def __init__(self, here):
        self.here = here

    def tolist(self):
        return self.here.tolist()

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return run(operation, args, kwargs or {})


def run(operation, args, kwargs):
    """Do an operation with the numbers, if all tensors but those of no dimension are in one place."""
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    elsewhere = {id(tensor.here): tensor for tensor in given if isinstance(tensor, Elsewhere)}
    strangers = [tensor for tensor in given if not isinstance(tensor, Elsewhere) and tensor.dim()]
    if elsewhere and strangers and not str(operation).startswith(MAY_MIX):
        raise RuntimeError(f"{operation} mixes devices: {[tensor.shape for tensor in strangers]} are on the CPU")
    leaves = isinstance(args[0], Elsewhere) if str(operation).startswith("aten.copy_.") else bool(elsewhere)
    if kwargs.get("device") is not None:
        leaves = torch.device(kwargs["device"]).type == DEVICE.type
        kwargs = {**kwargs, "device": "cpu"}
    result = operation(*tree_map(numbers, args), **tree_map(numbers, kwargs))
    if not leaves:
        return result
    # What an operation changed in place is the same tensor as before.
    return tree_map(lambda leaf: elsewhere[id(leaf)] if id(leaf) in elsewhere else moved(leaf), result)


def numbers(leaf):
    return leaf.here if isinstance(leaf, Elsewhere) else leaf


def moved(leaf):
    return Elsewhere(leaf) if isinstance(leaf, torch.Tensor) else leaf


class Mode(TorchDispatchMode):
    """Sends what makes tensors here, too."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return run(operation, args, kwargs or {})


class Generator(torch.Generator):
    """Says that it is on the device."""

    @property
    def device(self):
        return DEVICE


def generator(seed, name):
    made = torch.Generator() if default_device().type == "cpu" else Generator()
    return made.manual_seed(seeding.derive_seed(seed, name))


def tensor(data, device=None, **kwargs):
    """Stand for torch.tensor, which makes its numbers where no mode sees it."""
    made = plain_tensor(data, device="cpu", **kwargs)
    return made if torch.device(device or default_device()).type == "cpu" else Elsewhere(made)


class Simulator:
    """The simulator on the CPU, as if it kept its state on the device."""

    def __init__(self, *arguments):
        with torch.device("cpu"):
            self.simulator = make_simulator(*arguments)
            self.state = SimState(Elsewhere(self.simulator.state.block))
        self.num_envs, self.bad_simulations, self.load = arguments[2], 0, self.simulator.load

    def __getattr__(self, name):
        method = getattr(self.simulator, name)

        def call(*arguments):
            assert all(isinstance(argument, Elsewhere) for argument in arguments)
            with _disable_current_modes(), torch.device("cpu"):
                return tree_map(moved, method(*map(numbers, arguments)))

        return call


def at_home(write):
    """A real GPU's tensors can be pickled."""
    return lambda content, path: write(tree_map(numbers, content), path)


def main(folder: Path) -> None:
    torch.tensor = tensor
    sitt.env.make_simulator = Simulator
    sitt.device.beside = sitt.evaluation.beside = lambda sim: DEVICE
    for module in [module for name, module in sys.modules.items() if name.startswith("sitt.")]:
        if hasattr(module, "generator"):
            module.generator = generator
    weights.write_tensors = checkpoint.write_tensors = at_home(weights.write_tensors)
    with Mode():
        for method in ("joint_aligned", "dagger"):
            config = tiny(method, 0, *SHORT)
            policy = folder / method / "policy.pt"
            teacher = folder / "joint_aligned" / "policy.pt" if method == "dagger" else None
            interrupt_once()
            try:
                sitt.methods.train(config, policy, teacher)
            except SystemExit:
                sitt.methods.train(config, policy, teacher)
            rows = sitt.evaluation.final_episodes(config, policy)
            print(method, len(rows))


def interrupt_once() -> None:
    update = Progress.update

    def watched(progress, iteration, env_steps):
        update(progress, iteration, env_steps)
        if iteration == 1:
            Progress.update = update
            signal.raise_signal(signal.SIGTERM)

    Progress.update = watched


if __name__ == "__main__":
    main(Path(sys.argv[1]))
