"""What is checked on the real simulator at the start, since nothing but it can show that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sitt.errors import UserError
from sitt.sim.base import SimState
from sitt.sim.isaacsim.kinematics import state_of

if TYPE_CHECKING:
    from sitt.sim.isaacsim.stage import Stage

PROBE = (-0.05, 0.1, 0.05, 0.1)
"""Displacement of the cabinet, m and rad: away from the robot, so that nothing touches."""
MOVED = 1e-3
"""m; how exactly cabinet and drawer must have moved."""
SAGGED = 5e-3
"""m; how far the hand may be from where the joints put it, one step after a reset."""
CHANGED = 0.5
"""Levels of 255, mean over the image, by which the picture must differ beyond three times its own noise."""


class View(NamedTuple):
    """What is seen one control step after a reset of all environments."""

    state: SimState
    cabinet: Tensor
    """(N, 3) m."""
    image: Tensor
    """(3, H, W) uint8 of environment 0."""
    noise: float
    """Mean difference of two images of the same state."""


def check_stage(stage: Stage) -> None:
    """Displace every cabinet and look whether cabinet, drawer and picture follow, and the hand is where it should be.

    Raises:
        UserError: says what did not, and the known ways out.
    """
    at_home, displaced = _look(stage, torch.zeros(4)), _look(stage, torch.tensor(PROBE))
    cabinet = (displaced.cabinet - at_home.cabinet - torch.tensor(PROBE[:3])).norm(dim=-1).max()
    _require("the cabinet's root did not follow", float(cabinet), MOVED)
    for view, offset in ((at_home, torch.zeros(4)), (displaced, torch.tensor(PROBE))):
        expected = _expected(stage, offset)
        drawer = (view.state.drawer_position - expected.drawer_position).norm(dim=-1).max()
        _require("the drawer is not where its cabinet should be", float(drawer), MOVED)
        for link in ("hand_position", "left_finger_position", "right_finger_position"):
            off = (getattr(view.state, link) - getattr(expected, link)).norm(dim=-1).max()
            if not off <= SAGGED:
                raise UserError(
                    f"Isaac Sim's Franka has its {link} {float(off):.3f} m from where its joints put it; use Isaac "
                    "Sim's 4.0 assets, and task.robot's base and finger poses as in configs/task/franka_drawer.yaml"
                )
    change = _difference(displaced.image, at_home.image)
    if not change > 3 * max(at_home.noise, displaced.noise) + CHANGED:
        raise UserError(
            f"Isaac Sim's picture did not follow the cabinet (mean change {change:.2f} of 255); raise "
            "sim.frames_per_image, and see docs/isaac-sim.md for the other ways out"
        )


def _look(stage: Stage, offset: Tensor) -> View:
    everyone, joints = torch.arange(stage.num_envs), _joints(stage)
    stage.write(everyone, stage.task.at_rest(joints, offset.expand(stage.num_envs, 4)))
    state = SimState.of_block(stage.step(joints))
    first, second = (stage.cameras.images(torch.tensor([0]))[0] for _ in range(2))
    return View(state, stage.task.cabinet_positions(), second, _difference(first, second))


def _expected(stage: Stage, offset: Tensor) -> SimState:
    joints, still = _joints(stage), torch.zeros(stage.num_envs)
    return state_of(stage.drawer, joints, 0 * joints, offset.expand(stage.num_envs, 4), still, still)


def _joints(stage: Stage) -> Tensor:
    return torch.tensor(stage.drawer.robot.default_joint_positions).expand(stage.num_envs, 9)


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one.float() - other.float()).abs().mean())


def _require(what: str, error: float, limit: float) -> None:
    if not error <= limit:  # NaN too
        raise UserError(
            f"Isaac Sim's set_world_poses did not displace the cabinet: {what} ({error:.4f} m off); known ways out: "
            "sim.pipeline=cpu, or to translate each environment's cabinet in USD with replicate_physics=False "
            "(docs/isaac-sim.md)"
        )
