"""OIGE's own reward, observation and flags, of states that meet every branch; what they need is Isaac Sim's fakes."""

from __future__ import annotations

import math
from typing import Dict

import torch
from isaac.kit import Kit
from isaac.setup import OIGE, drawer

from sitt.sim.base import SimState
from sitt.task.franka_drawer import FrankaDrawer
from sitt.task.rewards import RewardInputs
from sitt.task.rotations import rotate

TASK = drawer(OIGE, {"camera": {"image_size": 16}, "episode_length": 40})
TOLERANCE = 1e-5
MARGIN = 1e-4
"""m; no recorded state is nearer to a threshold, where rounding would decide."""


def rewards(task, actions: torch.Tensor) -> Dict[str, torch.Tensor]:
    """OIGE's reward (N,) of the present state and clipped actions, as published and with both fingers read."""
    task.actions = actions.clone()
    task.get_observations()
    task.calculate_metrics()
    upstream = task.rew_buf.clone()
    # Issue 151: franka_cabinet.py, line 296, reads the left finger again.
    task.franka_rfinger_pos, _ = task._frankas._rfingers.get_world_poses(clone=False)
    task.calculate_metrics()
    return {"upstream": upstream, "fixed": task.rew_buf.clone()}


def inputs_of(state: SimState) -> RewardInputs:
    task = FrankaDrawer(TASK)
    return task.reward_inputs(state, task.points(state), torch.zeros(len(state.drawer_opening), 9))


def branches(state: SimState) -> Dict[str, torch.Tensor]:
    """Say of N states which way each condition of the reward goes (N,), and what ends the episode."""
    inputs = inputs_of(state)
    left, right = inputs.left_finger_height > 0, inputs.right_finger_height < 0
    conditions = {
        "d <= 0.02": inputs.distance <= 0.02,
        "d <= 0.03": inputs.distance <= 0.03,
        "forward axis": inputs.forward_dot > 0,
        "up axis": inputs.up_dot > 0,
        "left finger above": left,
        "right finger below": right,
        "around the handle": left & right,
        "opening > 0.01": inputs.opening > 0.01,
        "opening > 0.2": inputs.opening > 0.2,
        "opening > 0.39": inputs.opening > 0.39,
    }
    return {f"{name}: {way}": value == way for name, value in conditions.items() for way in (True, False)}


def clear_of_thresholds(state: SimState) -> torch.Tensor:
    inputs = inputs_of(state)
    near = torch.zeros(len(inputs.distance), dtype=torch.bool)
    for values, thresholds in (
        (inputs.distance, (0.02, 0.03)),
        (inputs.opening, (0.01, 0.2, 0.39)),
        (inputs.left_finger_height, (0.0,)),
        (inputs.right_finger_height, (0.0,)),
    ):
        for threshold in thresholds:
            near |= (values - threshold).abs() < MARGIN
    return ~near


def random_rotations(count: int, rng: torch.Generator) -> torch.Tensor:
    q = torch.randn(count, 4, generator=rng)
    return q / q.norm(dim=-1, keepdim=True)


def scatter(kit: Kit, rng: torch.Generator) -> None:
    """Put links and joints of all environments anywhere, so that half of the hands are at the handle."""
    physics = kit.world.physics
    count, robot = physics.count, TASK.robot
    hand, drawer_turn = random_rotations(count, rng), random_rotations(count, rng)
    drawer_at = torch.rand(count, 3, generator=rng)
    handle = drawer_at + rotate(drawer_turn, torch.tensor(TASK.cabinet.handle_offset).expand(count, 3))
    far = torch.where(torch.rand(count, 1, generator=rng) < 0.5, 0.04, 1.0) * torch.rand(count, 1, generator=rng)
    way = torch.randn(count, 3, generator=rng)
    grasp = handle + far * way / way.norm(dim=-1, keepdim=True)
    offset = torch.tensor(robot.finger_midpoint) + torch.tensor(robot.grasp_shift)
    hand_at = grasp - rotate(hand, offset.expand(count, 3))
    fingers = handle[None] + 0.05 * torch.randn(2, count, 3, generator=rng)
    for name, position, turn in (
        ("panda_link7", hand_at, hand),
        ("panda_leftfinger", fingers[0], hand),
        ("panda_rightfinger", fingers[1], hand),
        ("drawer_top", drawer_at, drawer_turn),
    ):
        physics.links[name] = (position + physics.origin, turn)
    joints = torch.tensor(robot.joint_lower) + torch.rand(count, 9, generator=rng) * (
        torch.tensor(robot.joint_upper) - torch.tensor(robot.joint_lower)
    )
    speeds = 30.0 * torch.randn(count, 10, generator=rng)  # some beyond the observation's ±5
    # Fine near the thresholds, and everywhere.
    opening = torch.tensor([0.0, 0.02, 0.21, 0.395])[torch.randint(4, (count,), generator=rng)]
    opening = torch.where(torch.rand(count, generator=rng) < 0.5, opening, 0.4 * torch.rand(count, generator=rng))
    batch = physics.mujoco.physics.batch
    batch.qpos[:, :9], batch.qpos[:, 9] = joints.double().numpy(), opening.double().numpy()
    batch.qvel[:] = speeds.double().numpy()[:, : batch.qvel.shape[1]]


def pull(kit: Kit, rng: torch.Generator) -> None:
    """Pull at every drawer, at a speed that changes by chance, m/s."""
    batch = kit.world.physics.mujoco.physics.batch
    batch.qvel[:, 9] += (0.3 * torch.randn(len(batch.qvel), generator=rng) + 0.15).double().numpy()


def starts(count: int, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints (K, 9) anywhere, and displacements (K, 4) that put the handle to the hand in half of the episodes."""
    from sitt.sim.isaacsim.kinematics import state_of

    task, robot = FrankaDrawer(TASK), TASK.robot
    lower, upper = torch.tensor(robot.joint_lower), torch.tensor(robot.joint_upper)
    joints = lower + torch.rand(count, 9, generator=rng) * (upper - lower)
    still, shut = torch.zeros(count, 4), torch.zeros(count)
    state = state_of(TASK, joints, torch.zeros(count, 9), still, shut, shut)
    offset = 0.2 * (torch.rand(count, 4, generator=rng) - 0.5)
    offset[:, 3] = math.pi * (2 * torch.rand(count, generator=rng) - 1)
    yawed = state_of(TASK, joints, torch.zeros(count, 9), offset, shut, shut)
    miss = task.points(state).grasp - task.points(yawed).handle + 0.02 * torch.randn(count, 3, generator=rng)
    offset[:, :3] += torch.where(torch.rand(count, 1, generator=rng) < 0.5, miss, torch.zeros(count, 3))
    return joints, offset
