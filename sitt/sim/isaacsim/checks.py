"""What only the real simulator can show: each check measures one thing and says whether it is as we count on.

A stage runs those of `AT_START` when it is built, and refuses the first that fails; `sitt probe` runs all and goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, Iterable

import torch
from torch import Tensor

from sitt.errors import UserError
from sitt.findings import Finding
from sitt.sim.base import SimState
from sitt.sim.isaacsim.kinematics import state_of

if TYPE_CHECKING:
    from sitt.sim.isaacsim.stage import Stage

Check = Callable[["Stage"], Finding]
HOME = (0.0, 0.0, 0.0, 0.0)
AWAY = (-0.05, 0.1, 0.05, 0.1)
"""Displacements of the cabinet, m and rad; the second leads away from the robot, so that nothing touches."""
LIMITS = 1e-3
"""rad and m; how far the joints' limits may be from the configured ones."""
MOVED = 1e-3
"""m; how exactly cabinet and drawer must have moved."""
SAGGED = 5e-3
"""m; how far the hand may be from where the joints put it, one step after a reset."""
CHANGED = 0.5
"""Levels of 255, mean over the image, by which the picture must differ beyond three times its own noise."""


def limits(stage: Stage) -> Finding:
    """Compare the joints' limits with the configured ones."""
    robot, drawer = stage.task.joint_limits()
    cfg, worst = stage.drawer, 0.0
    for key, configured, real in (
        ("robot.joint_lower", cfg.robot.joint_lower, robot[:, 0]),
        ("robot.joint_upper", cfg.robot.joint_upper, robot[:, 1]),
        ("cabinet.drawer_travel", (cfg.cabinet.drawer_travel,), drawer[1:]),
    ):
        off = float((real - torch.tensor(configured)).abs().max())
        worst = max(worst, off)
        if not off <= LIMITS:
            shown = [round(value, 4) for value in real.tolist()]
            return Finding(
                False,
                f"task.{key} must be {shown}, the limits that Isaac Sim's assets have",
                "change it, or use Isaac Sim's 4.0 assets",
                {"off": off},
            )
    return Finding(
        True, f"the joints' limits are those of the configuration ({worst:.4f} rad or m off)", "", {"off": worst}
    )


def cabinet(stage: Stage) -> Finding:
    """Displace every cabinet by `set_world_poses` and look where its root is one step later."""
    displace(stage, HOME)
    before = stage.task.cabinet_positions()
    displace(stage, AWAY)
    off = float((stage.task.cabinet_positions() - before - torch.tensor(AWAY[:3])).norm(dim=-1).max())
    return _followed("its root", off)


def drawer(stage: Stage) -> Finding:
    """Look whether the drawer is where its cabinet should be, at home and displaced."""
    off = torch.tensor([_distance(stage, offset, ("drawer_position",)) for offset in (HOME, AWAY)])
    return _followed("its drawer", float(off.max()))


def hand(stage: Stage) -> Finding:
    """Look whether hand and fingers are where the joints put them."""
    off = _distance(stage, HOME, ("hand_position", "left_finger_position", "right_finger_position"))
    return Finding(
        off <= SAGGED,
        f"Isaac Sim's Franka has its hand or fingers {1000 * off:.2f} mm from where the joints put them",
        "use Isaac Sim's 4.0 assets, and task.robot's base and finger poses as in configs/task/franka_drawer.yaml",
        {"off_mm": 1000 * off},
    )


def picture(stage: Stage) -> Finding:
    """Look whether the picture of environment 0 changes when its cabinet is displaced."""
    views = []
    for offset in (HOME, AWAY):
        displace(stage, offset)
        views.append([look(stage), look(stage)])
    noise = max(difference(*pair) for pair in views)
    change = difference(views[0][1], views[1][1])
    measured = {"change": change, "noise": noise}
    text = f"mean change {change:.2f} of 255, noise {noise:.2f}"
    if change > 3 * noise + CHANGED:
        return Finding(True, f"the picture follows the cabinet ({text})", "", measured)
    return Finding(
        False,
        f"Isaac Sim's picture did not follow the cabinet ({text})",
        "raise sim.frames_per_image, and see docs/isaac-sim.md for the other ways out",
        measured,
    )


AT_START: Dict[str, Check] = {
    "limits": limits,
    "cabinet": cabinet,
    "drawer": drawer,
    "hand": hand,
    "picture": picture,
}


def check_stage(stage: Stage) -> None:
    """Run all checks of the start.

    Raises:
        UserError: says what is not as we count on, and the known ways out.
    """
    for check in AT_START.values():
        finding = check(stage)
        if not finding.ok:
            raise UserError(f"{finding.text}; {finding.mend}")


def displace(stage: Stage, offset: Iterable[float]) -> SimState:
    """Put every environment at its default with the cabinet displaced (x, y, z, yaw), and step once."""
    return start(stage, default_joints(stage), torch.tensor(tuple(offset)).expand(stage.num_envs, 4))


def start(stage: Stage, joints: Tensor, offset: Tensor) -> SimState:
    """Put every environment at rest at joints (N, 9) with the cabinet displaced by (N, 4), and step once."""
    stage.write(torch.arange(stage.num_envs), stage.task.at_rest(joints, offset))
    return SimState(stage.step(joints))


def default_joints(stage: Stage) -> Tensor:
    """Return the default joint positions of every environment (N, 9)."""
    return torch.tensor(stage.drawer.robot.default_joint_positions).repeat(stage.num_envs, 1)


def look(stage: Stage, env: int = 0) -> Tensor:
    """Return the present picture (3, H, W) uint8 of an environment."""
    return stage.cameras.images(torch.tensor([env]))[0]


def difference(one: Tensor, other: Tensor) -> float:
    """Return the mean difference of two pictures, levels of 255."""
    return float((one.float() - other.float()).abs().mean())


def _distance(stage: Stage, offset: Iterable[float], links: Iterable[str]) -> float:
    """Return how far links are at most from where the joints put them, m; NaN if one has no position."""
    offset = torch.tensor(tuple(offset)).expand(stage.num_envs, 4)
    joints, shut = default_joints(stage), torch.zeros(stage.num_envs)
    state = start(stage, joints, offset)
    expected = state_of(stage.drawer, joints, 0 * joints, offset, shut, shut)
    off = [(getattr(state, link) - getattr(expected, link)).norm(dim=-1) for link in links]
    return float(torch.stack(off).max())


def _followed(what: str, off: float) -> Finding:
    measured = {"off_mm": 1000 * off}
    if off <= MOVED:  # not so NaN
        return Finding(True, f"{what} follows set_world_poses ({1000 * off:.3f} mm off)", "", measured)
    return Finding(
        False,
        f"Isaac Sim's set_world_poses did not displace the cabinet: {what} did not follow ({1000 * off:.1f} mm off)",
        "known ways out: sim.pipeline=cpu, or to translate each environment's cabinet in USD with "
        "replicate_physics=False (docs/isaac-sim.md)",
        measured,
    )
