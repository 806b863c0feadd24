"""Views of all robots, cabinets, links and cubes at once, as PhysX gives them."""

from __future__ import annotations

import torch
from isaac.kit import current
from isaac.physics import Physics

FRANKA_JOINTS = [*(f"panda_joint{i}" for i in range(1, 8)), "panda_finger_joint1", "panda_finger_joint2"]


class _View:
    def __init__(self, prim_paths_expr: str, name: str, reset_xform_properties: bool = True) -> None:
        assert not reset_xform_properties
        self.name = name
        self._expr = prim_paths_expr
        self._of = prim_paths_expr.rpartition("/")[2]

    def initialize(self, physics_sim_view: Physics) -> None:
        self._physics = physics_sim_view
        path = self._expr.replace(".*", "env_0", 1).replace(".*", "prop_0")
        assert current().stage.GetPrimAtPath(path), path

    def _ids(self, indices) -> torch.Tensor:
        if indices is None:
            return torch.arange(self.count)
        assert indices.dtype == torch.int32, "as OIGE hands them over"
        return indices.long()


class ArticulationView(_View):
    """omni.isaac.core.articulations.ArticulationView of all Frankas or all cabinets."""

    @property
    def count(self):
        return self._physics.count

    @property
    def dof_names(self):
        return list(FRANKA_JOINTS if self._of == "franka" else current().cabinet_joints)

    @property
    def num_dof(self):
        return len(self.dof_names)

    def get_dof_index(self, dof_name):
        return self.dof_names.index(dof_name)

    def get_dof_limits(self):
        robot = current().drawer.robot
        if self._of == "franka":
            limits = torch.tensor([robot.joint_lower, robot.joint_upper]).T
        else:
            limits = torch.tensor([[-1.57, 0.0], [0.0, 1.57], [0.0, 0.4], [0.0, 0.4]])
        return limits.expand(self.count, -1, -1).clone()

    def get_joint_positions(self, indices=None, clone=True):
        return self._joints("qpos")[self._ids(indices)]

    def get_joint_velocities(self, indices=None, clone=True):
        return self._joints("qvel")[self._ids(indices)]

    def set_joint_positions(self, positions, indices=None):
        self._set("qpos", positions, self._ids(indices))
        if self._of == "franka":
            self._physics.targets[self._ids(indices)] = positions

    def set_joint_velocities(self, velocities, indices=None):
        self._set("qvel", velocities, self._ids(indices))
        if self._of == "franka":
            self._physics.velocity_targets[self._ids(indices)] = velocities

    def set_joint_position_targets(self, positions, indices=None):
        assert self._of == "franka"
        self._physics.targets[self._ids(indices)] = positions

    def set_joint_velocity_targets(self, velocities, indices=None):
        if self._of == "franka":
            self._physics.velocity_targets[self._ids(indices)] = velocities

    def get_world_poses(self, indices=None, clone=True):
        assert self._of == "cabinet"
        ids, batch = self._ids(indices), self._physics.mujoco.physics.batch
        positions = torch.from_numpy(batch.mocap_pos[:, 0]).float() + self._physics.origin
        return positions[ids], torch.from_numpy(batch.mocap_quat[:, 0]).float()[ids]

    def set_world_poses(self, positions=None, orientations=None, indices=None):
        assert self._of == "cabinet"
        assert ((orientations.norm(dim=-1) - 1).abs() < 1e-5).all()
        if not current().rooted:
            self._physics.place_cabinets(self._ids(indices), positions, orientations)

    def _joints(self, name) -> torch.Tensor:
        values = torch.from_numpy(getattr(self._physics.mujoco.physics.batch, name)).float()
        if self._of == "franka":
            return values[:, :9]
        joints = self._physics.other_joints.clone()
        joints[:, 3] = values[:, 9]
        return joints

    def _set(self, name, values, ids) -> None:
        batch = getattr(self._physics.mujoco.physics.batch, name)
        if self._of == "franka":
            batch[ids.numpy(), :9] = values.double().numpy()
        else:
            assert values.shape == (len(ids), 4)
            batch[ids.numpy(), 9] = values[:, 3].double().numpy()


class RigidPrimView(_View):
    """omni.isaac.core.prims.RigidPrimView of a link, or of the cubes, environment by environment."""

    @property
    def count(self):
        return self._physics.count * (self._physics.props if self._of == ".*" else 1)

    def get_world_poses(self, indices=None, clone=True):
        if self._of != ".*":
            position, rotation = self._physics.links[self._of]
            return position[self._ids(indices)], rotation[self._ids(indices)]
        poses = self._cubes("qpos", 10, 7)
        return (poses[:, :3] + self._origins())[self._ids(indices)], poses[self._ids(indices), 3:]

    def set_world_poses(self, positions, orientations, indices=None):
        ids = self._ids(indices)
        self._cubes_set("qpos", 10, 7, ids, torch.cat([positions - self._origins()[ids], orientations], -1))

    def get_velocities(self, indices=None, clone=True):
        return self._cubes("qvel", 10, 6)[self._ids(indices)]

    def set_velocities(self, velocities, indices=None):
        self._cubes_set("qvel", 10, 6, self._ids(indices), velocities)

    def _origins(self):
        return self._physics.origin.repeat_interleave(self._physics.props, 0)

    def _cubes(self, name, start, width):
        values = torch.from_numpy(getattr(self._physics.mujoco.physics.batch, name)).float()
        return values[:, start:].reshape(-1, width)

    def _cubes_set(self, name, start, width, ids, values):
        batch = getattr(self._physics.mujoco.physics.batch, name)
        rows = batch[:, start:].reshape(-1, width).copy()
        rows[ids.numpy()] = values.double().numpy()
        batch[:, start:] = rows.reshape(batch.shape[0], -1)
