"""What the tests of the simulator isaacsim share: configurations, and simulators under the fakes."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import yaml
from isaac import fakes

from sitt.config.sim import IsaacSimConfig
from sitt.config.task import DrawerConfig

CONFIGS = Path(__file__).parents[3] / "configs"
OIGE_ROOT = Path(os.environ["OIGE_ROOT"]) if "OIGE_ROOT" in os.environ else None
OIGE = {
    "episode_length": 500,
    "success_is": "termination",
    "steps_after_success": 0,
    "robot": {"anti_windup": False, "grasp_shift": [0.0, 0.04, 0.0], "velocity_limits": [7.5] * 7 + [0.75] * 2},
    "cabinet": {"position": [0.0, 0.0, 0.4]},
    "reward": {
        "rotation": 0.5,
        "open": 7.5,
        "around": 10.0,
        "finger_distance": 100.0,
        "grip": 0.0,
        "success": 0.0,
        "finger_reward": "upstream",
        "scale": 0.01,
    },
}
"""OIGE's own numbers where our task has others."""


ABOVE = {"eye": [1.25, 0.0, 1.1], "target": [0.32, 0.0, 0.72], "fovy": 55.0, "image_size": 32}
"""A camera that looks over the arm, small."""


def drawer(*changes: dict) -> DrawerConfig:
    """Our task, changed section by section."""
    values = yaml.safe_load((CONFIGS / "task" / "franka_drawer.yaml").read_text())
    for change in changes:
        for key, value in change.items():
            values[key] = {**values[key], **value} if isinstance(value, dict) else value
    return DrawerConfig.model_validate_json(json.dumps(values))


def isaac_sim(**changes) -> IsaacSimConfig:
    values = yaml.safe_load((CONFIGS / "sim" / "isaacsim.yaml").read_text())
    return IsaacSimConfig.model_validate_json(json.dumps({**values, "pipeline": "cpu", "warmup_frames": 2, **changes}))


@contextmanager
def isaac(task: DrawerConfig, oige: Path | None = OIGE_ROOT):
    """Isaac Sim under the fakes, on GPU 2, with OIGE's own source if OIGE_ROOT names a checkout."""
    gpu = mock.patch("sitt.runs.gpu.lease_gpu", return_value=2)
    with gpu, fakes.installed(task, oige or fakes.STANDIN) as kit:
        yield kit
