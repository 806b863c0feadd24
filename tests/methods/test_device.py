"""The learner on another device than the CPU. There is no GPU here: torch pretends one (`pretended_gpu.py`)."""

import subprocess
import sys

import torch

from sitt.config.compose import compose
from sitt.evaluation import start_seeds, start_states
from sitt.task.franka_drawer import FrankaDrawer
from tests.conftest import tiny


def test_the_learner_never_mixes_its_device_with_the_cpu(tmp_path):
    command = [sys.executable, "-m", "tests.methods.pretended_gpu", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["joint_aligned", "4", "dagger", "4"]
    weights = torch.load(tmp_path / "joint_aligned" / "policy.pt", weights_only=True)
    assert {value.device.type for value in weights.values()} == {"cpu"}


def test_evaluations_start_from_the_same_states_on_every_device():
    """Drawn on the CPU, whatever torch's default is; a device without numbers would give none."""
    task = FrankaDrawer(tiny("joint", 0).task)
    expected = start_states(task, start_seeds(5, 3))
    with torch.device("meta"):
        found = start_states(task, start_seeds(5, 3))
    assert all(torch.equal(one, other) for one, other in zip(expected, found))


def test_sizes_for_a_gpu_come_with_its_simulator():
    chosen, preset = compose("embedded", "joint", 0, ["sim=mujoco_warp"]), compose("embedded-gpu", "joint", 0)
    assert chosen.training.num_envs == 4096
    assert chosen == preset.model_copy(update={"experiment": chosen.experiment})
    assert compose("smoke", "joint", 0, ["sim=mujoco_warp"]).training.num_envs == 32, "an experiment's own go before"
