"""FrankaDrawer: observations, actions, reward, success and reset distribution, batch first.

The one definition of the task for every simulator. Source: OIGE's FrankaCabinetTask
(franka_cabinet.py, commit f8f91bc) unless a line says otherwise.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple, Tuple

import torch
from torch import Tensor

from sitt.config.task import DrawerConfig
from sitt.sim.base import SimState
from sitt.sim.drives import Drives
from sitt.task.rewards import Reward, RewardInputs
from sitt.task.rotations import about_z, rotate


class Points(NamedTuple):
    """What is to come together in N environments, in the world's frame."""

    grasp: Tensor
    """The point between the fingers (N, 3), m."""
    handle: Tensor
    """The handle's grasp point (N, 3), m."""


class FrankaDrawer:
    """The Markov decision process; it holds constants only, the simulator holds the state."""

    def __init__(self, cfg: DrawerConfig) -> None:
        self.cfg = cfg
        robot = cfg.robot
        self.default_joints = torch.tensor(robot.default_joint_positions)
        self.lower = torch.tensor(robot.joint_lower)
        self.upper = torch.tensor(robot.joint_upper)
        self.joint_range = self.upper - self.lower
        self.action_step = torch.tensor(robot.speed_scales) * robot.action_scale * cfg.control_dt
        largest = torch.tensor(robot.velocity_limits) * cfg.control_dt
        self.step_range = -largest, largest
        self.drives = Drives(robot)
        self.velocity_scale = torch.tensor(cfg.velocity_scale)
        self.success_opening = torch.tensor(cfg.success_opening)
        self.one = torch.tensor(1.0)
        self.reward_terms = Reward(cfg.reward).terms
        self.grasp_offset = torch.tensor([robot.finger_midpoint]) + torch.tensor([robot.grasp_shift])
        cosine, _, _, sine = about_z(robot.finger_yaw)
        self.finger_turn = cosine, torch.stack([-sine, sine, -sine, sine])
        self.handle_offset = torch.tensor([cfg.cabinet.handle_offset])
        offset = cfg.cabinet.offset
        self.cabinet_range = torch.tensor([offset.x, offset.y, offset.z, offset.yaw])
        self.gripper_axes = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
        """Forward and up."""
        self.drawer_axes = torch.tensor([[[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
        """Inward and up."""

    def sample_start(self, count: int, rng: torch.Generator) -> Tuple[Tensor, Tensor]:
        """Draw start states: joint positions (count, 9) and cabinet displacements (count, 4)."""
        noise, shift = (
            2.0 * torch.rand(count, width, generator=rng, device=rng.device).to(self.lower.device) - 1.0
            for width in (len(self.default_joints), 4)
        )
        joints = self.default_joints + self.cfg.robot.reset_noise * noise
        displacement = shift * self.cabinet_range
        return torch.clamp(joints, self.lower, self.upper), displacement

    def joint_targets(self, targets: Tensor, actions: Tensor, state: SimState) -> Tensor:
        """Move position targets (N, 9) by actions (N, 9) in [−1, 1], within joint and velocity limits.

        With `robot.anti_windup` they also stay where a drive's force, k (target − q) − d q', is within its limit.
        A hand that pushes against the cabinet would otherwise move them ever further in, at no more force, and all
        of that way must be undone before it pulls: exploration then never finds the pull.
        """
        step = torch.clamp(self.action_step * actions, *self.step_range)
        targets = targets + step
        if self.cfg.robot.anti_windup:
            targets = self.drives.within_force(targets, state.joint_positions, state.joint_velocities)
        return torch.clamp(targets, self.lower, self.upper)

    def points(self, state: SimState) -> Points:
        """Return what `observe` and `reward` are told of a state."""
        return Points(
            grasp=state.hand_position + rotate(state.hand_rotation, self.grasp_offset),
            handle=state.drawer_position + rotate(state.drawer_rotation, self.handle_offset),
        )

    def observe(self, state: SimState, points: Points) -> Tensor:
        """Return the teacher's observations (N, 23); the first 18 are the student's proprioception."""
        risen = state.joint_positions - self.lower
        joints = (risen + risen) / self.joint_range - self.one
        observation = torch.cat(
            (
                joints,
                state.joint_velocities * self.velocity_scale,
                points.handle - points.grasp,
                state.drawer_opening.unsqueeze(-1),
                state.drawer_velocity.unsqueeze(-1),
            ),
            dim=-1,
        )
        return observation.clamp_(-self.cfg.observation_clip, self.cfg.observation_clip)

    def reward(self, state: SimState, points: Points, actions: Tensor) -> Tensor:
        """Return the task reward (N,) of the state that clipped actions (N, 9) led to."""
        terms = self.reward_terms(self.reward_inputs(state, points, actions))
        # One by one: a reduction over a stack would round differently for different N.
        return reduce(torch.add, terms.values())

    def reward_inputs(self, state: SimState, points: Points, actions: Tensor) -> RewardInputs:
        """Reduce the state to the quantities that the reward is made of."""
        height = points.handle[:, 2]
        # hand ⊗ finger without the products that are zero, since a finger turns about z only.
        cosine, sines = self.finger_turn
        gripper = state.hand_rotation * cosine + state.hand_rotation.flip(-1) * sines
        # All axes of a body at once: each call costs more than its numbers.
        axes = rotate(gripper.unsqueeze(-2), self.gripper_axes)
        forward_dot, up_dot = (axes * rotate(state.drawer_rotation.unsqueeze(-2), self.drawer_axes)).sum(-1).unbind(-1)
        return RewardInputs(
            distance=torch.linalg.vector_norm(points.handle - points.grasp, dim=-1),
            forward_dot=forward_dot,
            up_dot=up_dot,
            left_finger_height=state.left_finger_position[:, 2] - height,
            right_finger_height=state.right_finger_position[:, 2] - height,
            fingers=state.joint_positions[:, 7:],
            opening=state.drawer_opening,
            success=self.success(state),
            actions=actions,
        )

    def success(self, state: SimState) -> Tensor:
        """Return whether the drawer is open (N,), bool."""
        return state.drawer_opening > self.success_opening
