"""How fast the simulator is."""

from __future__ import annotations

import time
from typing import Callable

import torch

from sitt.findings import Finding
from sitt.sim.isaacsim.checks import default_joints
from sitt.sim.isaacsim.stage import Stage

LEAST_S = 3.0
"""Seconds for which a speed is measured."""


def steps(stage: Stage) -> Finding:
    """Step without pictures."""
    joints = default_joints(stage)
    seconds = _seconds_per_call(lambda: stage.step(joints))
    text = f"{stage.num_envs / seconds:,.0f} control steps/s without pictures ({stage.num_envs} environments)"
    return Finding(True, text, "", {"steps_per_s": stage.num_envs / seconds, "environments": stage.num_envs})


def drawing(stage: Stage) -> Finding:
    """Draw one picture, a full batch, and a full batch in every control step."""
    batch, joints = torch.arange(min(stage.sim.render_batch, stage.cameras.count)), default_joints(stage)
    one = _seconds_per_call(lambda: stage.cameras.images(batch[:1]))
    many = _seconds_per_call(lambda: stage.cameras.images(batch)) / len(batch)

    def step_and_draw() -> None:
        stage.step(joints)
        stage.cameras.images(batch)

    rate = stage.num_envs / _seconds_per_call(step_and_draw)
    text = (
        f"{1000 * one:.1f} ms for one picture, {1000 * many:.1f} ms each for {len(batch)} at a time; "
        f"{rate:,.0f} control steps/s with those in every step"
    )
    return Finding(
        True, text, "", {"one_ms": 1000 * one, "batch_ms": 1000 * many, "batch": len(batch), "steps_per_s": rate}
    )


def _seconds_per_call(call: Callable[[], object]) -> float:
    call()
    calls, seconds, began = 0, 0.0, time.perf_counter()
    while not calls or seconds < LEAST_S:
        call()
        calls, seconds = calls + 1, time.perf_counter() - began
    return seconds / calls
