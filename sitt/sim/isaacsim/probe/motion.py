"""Physics: what happens to bodies that were put somewhere."""

from __future__ import annotations

import torch

from sitt.findings import Finding
from sitt.sim.base import SimState
from sitt.sim.isaacsim.cabinet import DRAWER_INDEX
from sitt.sim.isaacsim.checks import AWAY, MOVED, default_joints, displace, start
from sitt.sim.isaacsim.stage import Stage

SECOND = 60
"""Control steps."""
OPENED = 0.1
"""m; how far the drawer is put open, without reaching the arm."""
PULLED = 0.02
"""rad; how far an arm that holds still may be from its targets: with gravity, 400 N·m/rad give way by more."""
RESTORED = 1e-3
"""rad; how far motion from a restored state may be from what it was."""


def stays(stage: Stage) -> Finding:
    """Look whether a displaced cabinet, which is fixed to the world, stays where it was put for a second."""
    displace(stage, AWAY)
    before = stage.task.cabinet_positions()
    _hold(stage, SECOND)
    off = 1000 * float((stage.task.cabinet_positions() - before).norm(dim=-1).max())
    return Finding(
        off <= 1000 * MOVED,
        f"a displaced cabinet moves by {off:.3f} mm within a second",
        "see the ways out of the point cabinet (docs/isaac-sim.md)",
        {"off_mm": off},
    )


def opening(stage: Stage) -> Finding:
    """Put joint 3 of the cabinet 10 cm open and look whether it is the top drawer that moves."""
    everyone, joints = torch.arange(stage.num_envs), default_joints(stage)
    offset = torch.tensor((*AWAY[:3], 0.0)).expand(stage.num_envs, 4)
    shut = start(stage, joints, offset).drawer_position.clone()
    open_joints = OPENED * (torch.arange(4) == DRAWER_INDEX).expand(stage.num_envs, 4)
    stage.write(everyone, stage.task.at_rest(joints, offset)._replace(cabinet_joints=open_joints))
    moved = SimState(stage.step(joints)).drawer_position - shut
    off = 1000 * float((moved - torch.tensor([OPENED, 0.0, 0.0])).norm(dim=-1).max())
    return Finding(
        off <= 1000 * MOVED,
        f"joint {DRAWER_INDEX} put {1000 * OPENED:.0f} mm open moves the top drawer so, to {off:.3f} mm",
        "use Isaac Sim's 4.0 assets",
        {"off_mm": off},
    )


def reset(stage: Stage) -> Finding:
    """Reset environment 0 in the middle of motion and look whether it alone is changed, and at once."""
    joints = default_joints(stage)
    start(stage, joints, torch.zeros(stage.num_envs, 4))
    moving = joints + torch.tensor([0.3, -0.3, 0.3, 0.3, -0.3, 0.3, 0.3, 0.0, 0.0])
    for _ in range(10):
        before = stage.step(moving)
    stage.write(torch.tensor([0]), stage.task.at_rest(joints[:1], torch.zeros(1, 4)))
    after = stage.task.read()
    fresh = float((after[0, :9] - joints[0]).abs().max())
    others = float((after[1:] - before[1:]).abs().max()) if stage.num_envs > 1 else 0.0
    return Finding(
        fresh <= 1e-4 and others <= 1e-4,
        f"a reset sets its environment's joints at once ({fresh:.1e} rad off) and changes the others by {others:.1e}",
        "please report this, with the log: episodes would begin in states that the training does not know of",
        {"fresh_off_rad": fresh, "others_changed": others},
    )


def restore(stage: Stage) -> Finding:
    """Repeat ten control steps from a saved state, as after an evaluation that borrowed the stage."""
    everyone, joints = torch.arange(stage.num_envs), default_joints(stage)
    start(stage, joints, torch.zeros(stage.num_envs, 4))
    saved, ends = stage.task.snapshot(stage.num_envs), []
    for _ in range(2):
        stage.settle(everyone, saved)
        for _ in range(10):
            block = stage.step(joints - 0.1 * (torch.arange(9) < 7))
        ends.append(block[:, :9].clone())
    off = float((ends[1] - ends[0]).abs().max())
    return Finding(
        off <= RESTORED,
        f"ten steps from a restored state end {off:.1e} rad from where they did",
        "please report this, with the log: an evaluation in the course of a training would disturb it",
        {"off_rad": off},
    )


def gravity(stage: Stage) -> Finding:
    """Let the arm hold its pose for a second and look how far it gives way."""
    displace(stage, AWAY)
    block = _hold(stage, SECOND)
    off = float((block[:, :7] - default_joints(stage)[:, :7]).abs().max())
    measured = {"off_rad": off}
    if off <= PULLED:
        return Finding(True, f"no gravity pulls at the arm: it holds its pose to {off:.4f} rad", "", measured)
    return Finding(
        False,
        f"gravity pulls at the arm: holding still, it gives way by {off:.4f} rad",
        "it can be trained so, but MuJoCo's arm has none: mention it beside any comparison of the two",
        measured,
    )


def _hold(stage: Stage, steps: int) -> torch.Tensor:
    """Return the state (N, 40) after some control steps at the default pose."""
    joints = default_joints(stage)
    for _ in range(steps):
        block = stage.step(joints)
    return block
