"""OIGE's cabinet task with starts of our choosing; needs a running Isaac Sim.

What OIGE decides and we do not take: its random starts, its automatic reset in the step after an episode's end (so no
action meant for a terminal state is ever applied to a fresh one, and no transition has to be masked), and `is_done`,
which merges success and time-out. Its observation, reward and flags are still computed, as the tests' reference.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple

import torch
from omni.isaac.core.utils.stage import get_current_stage
from omniisaacgymenvs.tasks.franka_cabinet import FrankaCabinetTask
from torch import Tensor

from sitt.config.task import DrawerConfig
from sitt.errors import UserError
from sitt.sim.isaacsim.cabinet import DRAWER_INDEX, DRAWER_JOINT, POSITION, displaced
from sitt.sim.isaacsim.cameras import add_camera, camera_path, paint_handle

ROBOT_JOINTS = [*(f"panda_joint{i}" for i in range(1, 8)), "panda_finger_joint1", "panda_finger_joint2"]


class Snapshot(NamedTuple):
    """All that moves in K environments, each in its own frame, float32."""

    joint_positions: Tensor
    """(K, 9) rad and m."""
    joint_velocities: Tensor
    """(K, 9)."""
    targets: Tensor
    """(K, 9) position targets."""
    cabinet_joints: Tensor
    """(K, 4) rad and m."""
    cabinet_velocities: Tensor
    """(K, 4)."""
    cabinet_offset: Tensor
    """(K, 4) displacement x, y, z (m) and yaw (rad)."""
    props: Tensor
    """(K, P, 7) positions and rotations of the cubes."""
    prop_velocities: Tensor
    """(K, P, 6)."""


class DrawerTask(FrankaCabinetTask):
    """FrankaCabinetTask that is placed where it is told and moves towards joint targets."""

    def __init__(self, sim_config: Any, env: Any, drawer: DrawerConfig, far: float) -> None:
        self._drawer, self._far = drawer, far
        super().__init__(name="FrankaCabinet", sim_config=sim_config, env=env)

    def set_up_scene(self, scene: Any) -> None:
        """Build environment 0, with a camera, and clone it."""
        add_camera(get_current_stage(), camera_path(0), self._drawer.camera, self._far)
        super().set_up_scene(scene)

    def get_cabinet(self) -> None:
        """Add the cabinet, its handle painted red."""
        super().get_cabinet()
        paint_handle(get_current_stage(), f"{self.default_zero_env_path}/cabinet/drawer_top")

    def post_reset(self) -> None:
        """Check the joints' names once physics runs, and put every environment at its default.

        Raises:
            UserError: they are not those that OIGE counts on.
        """
        self._require_names()
        positions, rotations = self._cabinets.get_world_poses()
        self._home = positions - self._env_pos, rotations
        self._offset = torch.zeros(self._num_envs, 4, device=self._device)
        super().post_reset()

    def reset_idx(self, env_ids: Tensor) -> None:
        """Put environments (K,) at the default pose; OIGE's `post_reset` calls it for all."""
        joints = torch.tensor(self._drawer.robot.default_joint_positions).expand(len(env_ids), 9)
        self.write(env_ids, self.at_rest(joints, torch.zeros(len(env_ids), 4)))

    def pre_physics_step(self, actions: Tensor) -> None:
        """Hand the joint targets (N, 9), which VecEnvRLGames calls actions, to the robot's drives."""
        self.franka_dof_targets[:] = actions
        everyone = torch.arange(self._num_envs, dtype=torch.int32, device=self._device)
        self._frankas.set_joint_position_targets(self.franka_dof_targets, indices=everyone)

    def at_rest(self, joints: Tensor, offset: Tensor) -> Snapshot:
        """Return the start of an episode with joints (K, 9) and the cabinet displaced by (K, 4), with all in it."""
        count = len(joints)
        still, shut = torch.zeros(count, 9), torch.zeros(count, 4)
        props = torch.zeros(count, self.num_props, 7)
        if self.num_props:
            home = self.default_prop_pos - self._env_pos.repeat_interleave(self.num_props, 0)
            props[...] = torch.cat([home, self.default_prop_rot], -1)[: self.num_props].cpu()
            flat = props.flatten(0, 1)
            pivots = torch.tensor(POSITION).expand(len(flat), 3)
            shift = (offset + self._standing()).repeat_interleave(self.num_props, 0)
            props = torch.cat(displaced(flat[:, :3], flat[:, 3:], pivots, shift), -1).view_as(props)
        return Snapshot(joints, still, joints, shut, shut, offset, props, torch.zeros(count, self.num_props, 6))

    def write(self, env_ids: Tensor, snapshot: Snapshot) -> None:
        """Put environments (K,) into a state. PhysX moves the links there with the next physics step."""
        ids = env_ids.to(self._device)
        indices = ids.to(torch.int32)
        now = Snapshot(*(tensor.to(self._device) for tensor in snapshot))
        # Positions set the targets too, and velocities the velocity targets (core, articulation_view.py, lines 995
        # and 1120), so that the targets come last, and those of velocities are zero again.
        for view, positions, velocities in (
            (self._frankas, now.joint_positions, now.joint_velocities),
            (self._cabinets, now.cabinet_joints, now.cabinet_velocities),
        ):
            view.set_joint_positions(positions, indices=indices)
            view.set_joint_velocities(velocities, indices=indices)
            view.set_joint_velocity_targets(torch.zeros_like(velocities), indices=indices)
        self.franka_dof_targets[ids] = now.targets
        self._frankas.set_joint_position_targets(now.targets, indices=indices)
        self._offset[ids] = now.cabinet_offset
        home, rotation = self._home[0][ids], self._home[1][ids]
        home, rotation = displaced(home, rotation, home, now.cabinet_offset + self._standing().to(self._device))
        self._cabinets.set_world_poses(home + self._env_pos[ids], rotation, indices=indices)
        if self.num_props:
            # As in OIGE's reset_idx, lines 361 to 365; it leaves the cubes their velocities.
            cubes = self.prop_indices[ids].flatten().to(torch.int32)
            poses = now.props.flatten(0, 1)
            origin = self._env_pos[ids].repeat_interleave(self.num_props, 0)
            self._props.set_world_poses(poses[:, :3] + origin, poses[:, 3:], cubes)
            self._props.set_velocities(now.prop_velocities.flatten(0, 1), cubes)
        self.reset_buf[ids] = 0
        self.progress_buf[ids] = 0

    def snapshot(self, count: int) -> Snapshot:
        """Return the state of the first `count` environments, on the CPU."""
        first = slice(0, count)
        cubes = torch.zeros(self._num_envs, self.num_props, 7)
        speeds = torch.zeros(self._num_envs, self.num_props, 6)
        if self.num_props:
            positions, rotations = self._props.get_world_poses()
            positions = positions - self._env_pos.repeat_interleave(self.num_props, 0)
            cubes = torch.cat([positions, rotations], -1).view_as(cubes).cpu()
            speeds = self._props.get_velocities().view_as(speeds).cpu()
        tensors = (
            self._frankas.get_joint_positions(),
            self._frankas.get_joint_velocities(),
            self.franka_dof_targets,
            self._cabinets.get_joint_positions(),
            self._cabinets.get_joint_velocities(),
            self._offset,
            cubes,
            speeds,
        )
        return Snapshot(*(tensor[first].cpu().clone() for tensor in tensors))

    def read(self) -> Tensor:
        """Return the fields of SimState side by side, (N, 40) on the CPU: those of the last physics step."""
        origin = self._env_pos
        hand, hand_turn = self._frankas._hands.get_world_poses(clone=False)
        left, _ = self._frankas._lfingers.get_world_poses(clone=False)
        right, _ = self._frankas._rfingers.get_world_poses(clone=False)
        drawer, drawer_turn = self._cabinets._drawers.get_world_poses(clone=False)
        joint = slice(DRAWER_INDEX, DRAWER_INDEX + 1)
        fields = (
            self._frankas.get_joint_positions(clone=False),
            self._frankas.get_joint_velocities(clone=False),
            hand - origin,
            hand_turn,
            left - origin,
            right - origin,
            drawer - origin,
            drawer_turn,
            self._cabinets.get_joint_positions(clone=False)[:, joint],
            self._cabinets.get_joint_velocities(clone=False)[:, joint],
        )
        return torch.cat(fields, -1).cpu()

    def joint_limits(self) -> Tuple[Tensor, Tensor]:
        """Return lower and upper limits of the robot's joints (9, 2) and of the drawer's (2,), on the CPU."""
        return self._frankas.get_dof_limits()[0].cpu(), self._cabinets.get_dof_limits()[0, DRAWER_INDEX].cpu()

    def cabinet_positions(self) -> Tensor:
        """Return where the cabinets' roots are, (N, 3) m in each environment's frame, on the CPU."""
        return (self._cabinets.get_world_poses()[0] - self._env_pos).cpu()

    def _standing(self) -> Tensor:
        """Return what takes the cabinet from where OIGE puts it to where the configuration wants it, (4,)."""
        return torch.tensor([want - has for want, has in zip(self._drawer.cabinet.position, POSITION)] + [0.0])

    def _require_names(self) -> None:
        robot, cabinet = list(self._frankas.dof_names), list(self._cabinets.dof_names)
        if robot != ROBOT_JOINTS:
            raise UserError(f"Isaac Sim's Franka has the joints {robot}, not {ROBOT_JOINTS}; use its 4.0 assets")
        if DRAWER_JOINT not in cabinet or cabinet.index(DRAWER_JOINT) != DRAWER_INDEX:
            raise UserError(
                f"OIGE reads joint {DRAWER_INDEX} of the cabinet as {DRAWER_JOINT}, but its joints are {cabinet}; use "
                "Isaac Sim's 4.0 assets"
            )
