"""Where the robot's links and the drawer are, computed from the joints.

Isaac Sim 4.0.0 moves link poses at the next physics step only: PhysX's `update_articulations_kinematic` came with
omni.physx 106.0.18 of 2024-06-28. Until then the state of a fresh episode is worked out here.
"""

from __future__ import annotations

import math
from typing import Tuple

import torch
from torch import Tensor

from sitt.config.task import DrawerConfig, RobotConfig
from sitt.sim.base import SimState
from sitt.sim.isaacsim.cabinet import DRAWER, displaced
from sitt.task.rotations import about_z, multiply, rotate, turns_about_z

PANDA = (
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -math.pi / 2),
    (0.0, 0.316, math.pi / 2),
    (0.0825, 0.0, math.pi / 2),
    (-0.0825, 0.384, -math.pi / 2),
    (0.0, 0.0, math.pi / 2),
    (0.088, 0.0, math.pi / 2),
)
"""Franka's published Denavit-Hartenberg table in Craig's convention: a (m), d (m), alpha (rad) of each arm joint."""


def state_of(
    task: DrawerConfig,
    joint_positions: Tensor,
    joint_velocities: Tensor,
    cabinet_offset: Tensor,
    opening: Tensor,
    velocity: Tensor,
) -> SimState:
    """Return the state that follows from joints (K, 9), cabinet displacements (K, 4) and the drawer's joint (K,)."""
    robot, count = task.robot, len(joint_positions)
    hand, turn = link7(robot, joint_positions)
    sides = torch.zeros(2, count, 3)
    sides[0, :, 1], sides[1, :, 1] = joint_positions[:, 7], -joint_positions[:, 8]
    left, right = torch.tensor(robot.finger_midpoint) + rotate(about_z(robot.finger_yaw).expand(2, count, 4), sides)
    position = torch.tensor(task.cabinet.position).expand(count, 3)
    upright = about_z(0.0).expand(count, 4)
    drawer = position + torch.tensor(DRAWER) + torch.stack([opening, 0 * opening, 0 * opening], -1)
    drawer, drawer_turn = displaced(drawer, upright, position, cabinet_offset)
    fields = (
        joint_positions,
        joint_velocities,
        hand,
        turn,
        hand + rotate(turn, left),
        hand + rotate(turn, right),
        drawer,
        drawer_turn,
        opening.unsqueeze(-1),
        velocity.unsqueeze(-1),
    )
    return SimState(torch.cat(fields, -1))


def link7(robot: RobotConfig, joint_positions: Tensor) -> Tuple[Tensor, Tensor]:
    """Return position (K, 3) and rotation (K, 4) of panda_link7 in the world for joints (K, 9)."""
    count, angles = len(joint_positions), joint_positions.double()
    position = torch.tensor(robot.base_position, dtype=torch.float64).expand(count, 3)
    turn = about_z(robot.base_yaw).double().expand(count, 4)
    for joint, (a, d, alpha) in enumerate(PANDA):
        step = torch.tensor([a, -math.sin(alpha) * d, math.cos(alpha) * d], dtype=torch.float64)
        position = position + rotate(turn, step.expand(count, 3))
        tilt = torch.tensor([math.cos(alpha / 2), math.sin(alpha / 2), 0.0, 0.0], dtype=torch.float64)
        turn = multiply(turn, multiply(tilt.expand(count, 4), turns_about_z(angles[:, joint])))
    return position.float(), turn.float()
