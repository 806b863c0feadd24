"""FrankaDrawer on MuJoCo: many simulations on a few CPU threads, bit-identical at any thread count."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict

import mujoco
import numpy as np
import torch
from torch import Tensor

from sitt.config.schema import SimConfig
from sitt.config.task import DrawerConfig
from sitt.guard import require_finite
from sitt.sim.base import SimState
from sitt.sim.drives import Drives
from sitt.sim.mujoco.clearance import FASTEST, Clearance
from sitt.sim.mujoco.model import HANDLE_GEOMS, ROBOT_BASE, build_model, geoms_under, rest_state, yaw_quaternion
from sitt.sim.mujoco.physics import BatchPhysics
from sitt.sim.mujoco.renderer import Renderer

_ROBOT, _DRAWER = slice(0, 9), 9
"""Where qpos and qvel have the robot and the drawer."""


class MujocoSimulator:
    """The default simulator; see `sitt.sim.base.Simulator` for the contract.

    Args:
        task: the configuration that shapes the scene.
        sim: how many images are drawn at a time.
        num_envs: N, the number of simulations.
        threads: CPU threads of the physics.
    """

    def __init__(self, task: DrawerConfig, sim: SimConfig, num_envs: int, threads: int) -> None:
        self.num_envs = num_envs
        self.device = torch.device("cpu")
        self.bad_simulations = 0
        """How often a simulation diverged and was put back to the default state."""
        self.model = build_model(task)
        self._task, self._sim = task, sim
        rest = mujoco.MjData(self.model)
        rest.qpos[:] = self._rest = rest_state(self.model, task)
        mujoco.mj_kinematics(self.model, rest)
        self.physics = BatchPhysics(rest, num_envs, threads, task.substeps)
        # Contacts are looked for before each substep, last when all but one are done.
        self.clearance = Clearance(rest, self.physics, FASTEST * (task.substeps - 1) * task.physics_dt)
        self._cabinet = np.array(task.cabinet.position)
        self._drives = Drives(task.robot, torch.float64)
        self._is_robot = geoms_under(self.model, ROBOT_BASE)
        self._is_handle = np.isin(np.arange(self.model.ngeom), [self.model.geom(name).id for name in HANDLE_GEOMS])
        self.state = SimState(torch.zeros(num_envs, SimState.WIDTH))
        views = self.state.block, self.state.joint_velocities, self.state.drawer_velocity
        self._block, self._joint_velocities, self._drawer_velocity = (view.numpy() for view in views)
        self.reset(torch.arange(num_envs), self._default_joints(num_envs), torch.zeros(num_envs, 4))

    @cached_property
    def renderer(self) -> Renderer:
        """Made when the first image is asked for: many simulators never draw."""
        return Renderer(self._task, self._sim)

    @cached_property
    def _renderer_without_robot(self) -> Renderer:
        return Renderer(self._task, self._sim, robot=False)

    def reset(self, env_ids: Tensor, joint_positions: Tensor, cabinet_offset: Tensor) -> None:
        """Put environments (K,) at rest at `joint_positions` (K, 9) with the cabinet displaced by (K, 4)."""
        ids = env_ids.numpy()
        if not len(ids):
            return
        joints = joint_positions.numpy().astype(np.float64)
        offset = cabinet_offset.numpy().astype(np.float64)
        self._place(ids, joints, offset)
        self._refresh(np.sort(ids))

    def step(self, joint_targets: Tensor) -> None:
        """Advance all environments by one control step towards (N, 9) position targets."""
        physics = self.physics
        position, velocity = (torch.from_numpy(array[:, _ROBOT]) for array in (physics.qpos, physics.qvel))
        physics.ctrl[:] = self._drives.within_limits(joint_targets.double(), position, velocity).numpy()
        diverged = physics.step(self.clearance.clear())
        if len(diverged):
            self.bad_simulations += len(diverged)
            joints = self._default_joints(len(diverged)).double().numpy()
            self._place(diverged, joints, np.zeros((len(diverged), 4)))
        self._refresh()
        require_finite("physics", self.state.block)

    def in_view(self) -> Tensor:
        """Return all environments."""
        return torch.arange(self.num_envs)

    def render(self, env_ids: Tensor) -> Tensor:
        """Return the student's camera images of environments (K,) as (K, 3, H, W) uint8."""
        return self.renderer.images(self.physics.state[env_ids.numpy()])

    def handle_visible(self, env_ids: Tensor) -> Tensor:
        """Return the part (K,) of the handle that the robot leaves to the student's camera; NaN: out of the image."""
        states = self.physics.state[env_ids.numpy()]
        return self.renderer.handle_pixels(states) / self._renderer_without_robot.handle_pixels(states)

    def handle_touched(self, env_ids: Tensor) -> Tensor:
        """Return whether the robot is in contact with the handle (K,), bool."""
        clear = self.clearance.clear()
        return torch.tensor([not clear[env] and self._touches(env) for env in env_ids.tolist()], dtype=torch.bool)

    def save(self) -> Dict[str, Any]:
        """Return the full physical state (N, S) float64, enough to continue bit for bit, and the count of failures."""
        return {"state": torch.from_numpy(self.physics.state.copy()), "bad_simulations": self.bad_simulations}

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self.physics.state[:] = saved["state"].numpy()
        self.bad_simulations = saved["bad_simulations"]
        self.clearance.settle(slice(None))
        self._refresh()

    def _touches(self, env: int) -> bool:
        pairs = self.physics.contacts(env)
        return bool((self._is_handle[pairs].any(1) & self._is_robot[pairs].any(1)).any())

    def _default_joints(self, count: int) -> Tensor:
        return torch.tensor(self._task.robot.default_joint_positions).expand(count, 9)

    def _place(self, ids: np.ndarray, joints: np.ndarray, offset: np.ndarray) -> None:
        """Write the state of a fresh episode."""
        physics = self.physics
        physics.restart(ids)
        physics.mocap_pos[ids, 0] = self._cabinet + offset[:, :3]
        physics.mocap_quat[ids, 0] = yaw_quaternion(offset[:, 3])
        physics.qpos[ids, _ROBOT] = physics.ctrl[ids] = joints
        if self.model.nq > _DRAWER + 1:
            self._move_props(ids, offset)
        self.clearance.settle(ids)

    def _move_props(self, ids: np.ndarray, offset: np.ndarray) -> None:
        """Displace the cubes with the cabinet."""
        physics, cos, sin = self.physics, np.cos(offset[:, 3]), np.sin(offset[:, 3])
        for start in range(_DRAWER + 1, self.model.nq, 7):
            x, y, z = self._rest[start : start + 3] - self._cabinet
            moved = np.stack([cos * x - sin * y, sin * x + cos * y, np.full_like(cos, z)], axis=1)
            physics.qpos[ids, start : start + 3] = self._cabinet + offset[:, :3] + moved
            physics.qpos[ids, start + 3 : start + 7] = physics.mocap_quat[ids, 0]

    def _refresh(self, ids: np.ndarray | None = None) -> None:
        """Bring `state` up to date with the physics, of all environments or of some (K,), ascending."""
        physics, rows = self.physics, slice(None) if ids is None else ids
        physics.pose(ids)
        self._block[rows] = physics.sensors[rows]
        self._joint_velocities[rows] = physics.qvel[rows, _ROBOT]
        self._drawer_velocity[rows] = physics.qvel[rows, _DRAWER]
