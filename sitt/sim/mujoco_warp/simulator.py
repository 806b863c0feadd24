"""FrankaDrawer on MuJoCo Warp: thousands of simulations on one GPU."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict

import mujoco
import numpy as np
import torch
from torch import Tensor

from sitt.config.sim import MujocoWarpConfig
from sitt.config.task import DrawerConfig
from sitt.guard import require_finite
from sitt.sim.base import SimState
from sitt.sim.drives import Drives
from sitt.sim.mujoco.model import HANDLE_GEOMS, ROBOT_BASE, build_model, geoms_under, rest_state
from sitt.sim.mujoco_warp.physics import WarpPhysics
from sitt.sim.mujoco_warp.renderer import WarpRenderer
from sitt.task.rotations import rotate, turns_about_z

_ROBOT, _DRAWER, _PROPS = slice(0, 9), slice(9, 10), 10
"""Where qpos has the robot, the drawer and the first cube."""


class MujocoWarpSimulator:
    """The simulator for a GPU; see `sitt.sim.base.Simulator` for the contract.

    Args:
        task: the configuration that shapes the scene.
        sim: the device, how much room it gives, and how many images are drawn per call of the ray tracer.
        num_envs: N, the number of simulations.
    """

    def __init__(self, task: DrawerConfig, sim: MujocoWarpConfig, num_envs: int) -> None:
        self.num_envs = num_envs
        self.device = torch.device(sim.device)
        self.bad_simulations = 0
        """How often a simulation diverged and was put back to the default state."""
        self.model = build_model(task)
        self._task, self._sim = task, sim
        rest = mujoco.MjData(self.model)
        rest.qpos[:] = rest_state(self.model, task)
        mujoco.mj_forward(self.model, rest)
        self._hand, self._left, self._right, self._drawer = (
            self.model.body(name).id for name in ("link7", "left_finger", "right_finger", "drawer")
        )
        with self.device:
            self._set_constants(rest.qpos)
            self.state = SimState(torch.zeros(num_envs, SimState.WIDTH))
        self.physics = WarpPhysics(rest, sim, num_envs, task.substeps)
        self.reset(self.in_view(), *self._default_start(num_envs))

    @cached_property
    def renderer(self) -> WarpRenderer:
        """Made when the first image is asked for: many simulators never draw."""
        return WarpRenderer(self._task, self._sim)

    @cached_property
    def _renderer_without_robot(self) -> WarpRenderer:
        return WarpRenderer(self._task, self._sim, robot=False)

    def reset(self, env_ids: Tensor, joint_positions: Tensor, cabinet_offset: Tensor) -> None:
        """Put environments (K,) at rest at `joint_positions` (K, 9) with the cabinet displaced by (K, 4)."""
        if len(env_ids):
            self._place(env_ids, joint_positions, cabinet_offset)
            self._refresh()

    def step(self, joint_targets: Tensor) -> None:
        """Advance all environments by one control step towards (N, 9) position targets.

        Raises:
            UserError: there is no room for all contacts.
        """
        physics = self.physics
        physics.ctrl[:] = self._drives.within_limits(joint_targets, physics.qpos[:, _ROBOT], physics.qvel[:, _ROBOT])
        physics.step()
        diverged = physics.diverged()
        if len(diverged):
            self.bad_simulations += len(diverged)
            self.reset(diverged, *self._default_start(len(diverged)))
        self._read()
        require_finite("physics", self.state.block)

    def in_view(self) -> Tensor:
        """Return all environments."""
        return torch.arange(self.num_envs, device=self.device)

    def render(self, env_ids: Tensor) -> Tensor:
        """Return the student's camera images of environments (K,) as (K, 3, H, W) uint8."""
        return self.renderer.images(self._drawn_state(env_ids))

    def handle_visible(self, env_ids: Tensor) -> Tensor:
        """Return the part (K,) of the handle that the robot leaves to the student's camera; NaN: out of the image."""
        states = self._drawn_state(env_ids)
        return self.renderer.handle_pixels(states) / self._renderer_without_robot.handle_pixels(states)

    def handle_touched(self, env_ids: Tensor) -> Tensor:
        """Return whether the robot is in contact with the handle (K,), bool."""
        geoms, envs = self.physics.contacts()
        touching = self._is_handle[geoms].any(1) & self._is_robot[geoms].any(1)
        touched = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        touched[envs[touching]] = True
        return touched[env_ids]

    def save(self) -> Dict[str, Any]:
        """Return the full physical state, enough to continue bit for bit, and the count of failures."""
        state = {name: tensor.clone() for name, tensor in self.physics.state().items()}
        return {**state, "bad_simulations": self.bad_simulations}

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
        for name, tensor in self.physics.state().items():
            tensor.copy_(saved[name])
        self.bad_simulations = saved["bad_simulations"]
        self._refresh()

    def _set_constants(self, rest: np.ndarray) -> None:
        model = self.model
        self._rest = torch.tensor(rest, dtype=torch.float32)
        self._centre = torch.tensor(self._task.cabinet.position)
        self._drives = Drives(self._task.robot)
        handle = [model.geom(name).id for name in HANDLE_GEOMS]
        self._is_handle = torch.tensor(np.isin(np.arange(model.ngeom), handle))
        self._is_robot = torch.tensor(geoms_under(model, ROBOT_BASE))

    def _default_start(self, count: int) -> tuple[Tensor, Tensor]:
        return self._rest[_ROBOT].expand(count, 9), torch.zeros(count, 4, device=self.device)

    def _place(self, ids: Tensor, joints: Tensor, offset: Tensor) -> None:
        """Write the state of a fresh episode."""
        physics, turn = self.physics, turns_about_z(offset[:, 3])
        for tensor in physics.state().values():
            tensor[ids] = 0.0
        physics.qpos[ids] = self._rest
        physics.qpos[ids, _ROBOT] = joints
        physics.ctrl[ids] = joints
        physics.mocap_pos[ids, 0] = self._centre + offset[:, :3]
        physics.mocap_quat[ids, 0] = turn
        for start in range(_PROPS, self.model.nq, 7):  # the cubes, if there are any, move with the cabinet
            away = self._rest[start : start + 3] - self._centre
            physics.qpos[ids, start : start + 3] = self._centre + offset[:, :3] + rotate(turn, away[None])
            physics.qpos[ids, start + 3 : start + 7] = turn

    def _refresh(self) -> None:
        self.physics.pose()
        self._read()

    def _read(self) -> None:
        """Gather `state`, in the order of its fields."""
        qpos, qvel = self.physics.qpos, self.physics.qvel
        places, turns = self.physics.body_positions, self.physics.body_rotations
        fields = (
            qpos[:, _ROBOT],
            qvel[:, _ROBOT],
            places[:, self._hand],
            turns[:, self._hand],
            places[:, self._left],
            places[:, self._right],
            places[:, self._drawer],
            turns[:, self._drawer],
            qpos[:, _DRAWER],
            qvel[:, _DRAWER],
        )
        torch.cat(fields, 1, out=self.state.block)

    def _drawn_state(self, env_ids: Tensor) -> Tensor:
        """Return what the renderer draws environments (K,) from, (K, nq + 7)."""
        physics = self.physics
        return torch.cat((physics.qpos[env_ids], physics.mocap_pos[env_ids, 0], physics.mocap_quat[env_ids, 0]), 1)
