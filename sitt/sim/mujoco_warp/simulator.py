"""FrankaDrawer on MuJoCo Warp: thousands of simulations on one GPU, whose state torch sees by zero-copy."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Callable, Dict, Tuple

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

from sitt.config.sim import MujocoWarpConfig
from sitt.config.task import DrawerConfig
from sitt.errors import UserError
from sitt.guard import require_finite
from sitt.sim.base import SimState
from sitt.sim.mujoco.model import HANDLE_GEOMS, ROBOT_BASE, build_model, rest_state
from sitt.sim.mujoco_warp.renderer import WarpRenderer
from sitt.task.rotations import rotate, turns_about_z

_ROBOT, _DRAWER, _PROPS = slice(0, 9), slice(9, 10), 10
"""Where qpos has the robot, the drawer and the first cube."""
_LARGEST = 1e10
"""A simulation has diverged beyond this [MuJoCo: mjMAXVAL]."""
_STATE = ("qpos", "qvel", "qacc_warmstart", "ctrl", "mocap_pos", "mocap_quat")
"""All that the next steps depend on."""
_NO_ROOM = {
    "constraints": mjw.OverflowType.NEFC | mjw.OverflowType.NJMAX_NNZ,
    "contacts": mjw.OverflowType.BROADPHASE | mjw.OverflowType.NARROWPHASE | mjw.OverflowType.CCD,
}
"""How MuJoCo Warp says that it had to drop something, by the key that gives room."""
_FULL = sum(int(flags) for flags in _NO_ROOM.values())


class MujocoWarpSimulator:
    """The simulator for a GPU; see `sitt.sim.base.Simulator` for the contract.

    Args:
        task: the configuration that shapes the scene.
        sim: the device, and how much room it gives.
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
        with wp.ScopedDevice(sim.device):
            self._model = mjw.put_model(self.model)
            self._data = mjw.put_data(
                self.model, rest, nworld=num_envs, nconmax=sim.contacts, njmax=sim.constraints
            )  # fmt: skip
        options = self._model.opt
        options.disableflags |= mjw.DisableBit.SENSOR  # `_read` gathers the same numbers
        options.warn_overflow = mjw.OverflowType.NONE  # `step` says it
        options.deterministic = mjw.DeterminismType.ALL
        # Live views. Warp's stream waits for torch's default one and the other way round: both are blocking streams.
        self.qpos, self.qvel, self._warmstart, self.ctrl, self._cabinet, self._turn = self._views(*_STATE)
        self._qacc, self._bodies, self._rotations, self._overflow = self._views("qacc", "xpos", "xquat", "overflow")
        self._hand, self._left, self._right, self._drawer = (
            self.model.body(name).id for name in ("link7", "left_finger", "right_finger", "drawer")
        )
        self._block = torch.zeros(num_envs, SimState.WIDTH, device=self.device)
        self.state = SimState.of_block(self._block)
        self._set_constants(rest.qpos)
        self._pose = self._replayed(self._kinematics)
        self._advance = self._replayed(self._substeps)
        self.reset(self.in_view(), self._default_joints(num_envs), torch.zeros(num_envs, 4, device=self.device))

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
        self.ctrl[:] = self._within_limits(joint_targets)
        self._advance()
        self._recover()
        self._read()
        require_finite("physics", self._block)

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
        with wp.ScopedDevice(self._sim.device):
            mjw.collision(self._model, self._data)  # a step leaves the contacts from before its last substep
        contact = self._data.contact
        geoms, env = wp.to_torch(contact.geom).long(), wp.to_torch(contact.worldid).long()
        found = torch.arange(len(env), device=self.device) < wp.to_torch(self._data.nacon)
        touching = found & self._is_handle[geoms].any(1) & self._is_robot[geoms].any(1)
        touched = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        touched[env[touching]] = True
        return touched[env_ids]

    def save(self) -> Dict[str, Any]:
        """Return the full physical state, enough to continue bit for bit, and the count of failures."""
        tensors = {name: view.clone() for name, view in zip(_STATE, self._views(*_STATE))}
        return {**tensors, "bad_simulations": self.bad_simulations}

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
        for name, view in zip(_STATE, self._views(*_STATE)):
            view.copy_(saved[name])
        self.bad_simulations = saved["bad_simulations"]
        self._refresh()

    def _views(self, *names: str) -> Tuple[Tensor, ...]:
        return tuple(wp.to_torch(getattr(self._data, name)) for name in names)

    def _set_constants(self, rest: np.ndarray) -> None:
        """Put on the device what does not change."""
        robot, model = self._task.robot, self.model

        def tensor(values: Any) -> Tensor:
            return torch.tensor(values, device=self.device)

        self._rest = tensor(rest).float()
        self._centre = tensor(self._task.cabinet.position)
        stiffness = tensor(robot.stiffness)
        self._reach = tensor(robot.force_limits) / stiffness
        self._lag = tensor(robot.damping) / stiffness
        self._lead = self._lag * tensor(robot.velocity_limits)
        self._is_robot = tensor(model.body_rootid[model.geom_bodyid] == model.body(ROBOT_BASE).id)
        self._is_handle = tensor(np.isin(np.arange(model.ngeom), [model.geom(name).id for name in HANDLE_GEOMS]))

    def _replayed(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return what does Warp's `work` again and again: on a GPU one CUDA graph, which costs one launch."""

        def launch() -> None:
            with wp.ScopedDevice(self._sim.device):
                work()

        if self.device.type == "cpu":
            return launch
        launch()  # compiles and loads what the capture may not
        with wp.ScopedDevice(self._sim.device), wp.ScopedCapture() as capture:
            work()
        return lambda: wp.capture_launch(capture.graph)

    def _kinematics(self) -> None:
        mjw.kinematics(self._model, self._data)

    def _substeps(self) -> None:
        for _ in range(self._task.substeps):
            mjw.step(self._model, self._data)
        self._kinematics()  # a step leaves the poses from before it

    def _default_joints(self, count: int) -> Tensor:
        return self._rest[_ROBOT].expand(count, -1)

    def _place(self, ids: Tensor, joints: Tensor, offset: Tensor) -> None:
        """Write the state of a fresh episode."""
        turn = turns_about_z(offset[:, 3])
        for rates in (self.qvel, self._warmstart):
            rates[ids] = 0.0
        self.qpos[ids] = self._rest
        self.qpos[ids, _ROBOT] = joints
        self.ctrl[ids] = joints
        self._cabinet[ids, 0] = self._centre + offset[:, :3]
        self._turn[ids, 0] = turn
        for start in range(_PROPS, self.model.nq, 7):  # the cubes, if there are any, move with the cabinet
            away = self._rest[start : start + 3] - self._centre
            self.qpos[ids, start : start + 3] = self._centre + offset[:, :3] + rotate(turn, away)
            self.qpos[ids, start + 3 : start + 7] = turn

    def _within_limits(self, targets: Tensor) -> Tensor:
        """Limit position targets (N, 9) so that the drives keep the robot's velocity and force limits.

        Why and how: `sitt.sim.mujoco.simulator.MujocoSimulator._within_limits`.
        """
        position, velocity = self.qpos[:, _ROBOT], self.qvel[:, _ROBOT]
        targets = targets.clamp(position - self._lead, position + self._lead)
        centre = position + self._lag * velocity
        return targets.clamp(centre - self._reach, centre + self._reach)

    def _recover(self) -> None:
        """Put simulations that diverged in this step back to the default pose and cabinet, and count them."""
        numbers = torch.cat((self.qpos, self.qvel, self._qacc), 1)
        diverged = ~(numbers.abs() < _LARGEST).all(1)  # no comparison holds for NaN
        if not (diverged | (self._overflow & _FULL != 0)).any():
            return
        self._require_room()
        ids = diverged.nonzero().squeeze(-1)
        self.bad_simulations += len(ids)
        self._place(ids, self._default_joints(len(ids)), torch.zeros(len(ids), 4, device=self.device))
        self._pose()

    def _require_room(self) -> None:
        for key, flags in _NO_ROOM.items():
            if (self._overflow & int(flags)).any():
                raise UserError(
                    f"sim.{key} = {getattr(self._sim, key)} per environment are too few for what touches in "
                    f"{self.num_envs} environments; raise sim.{key}"
                )

    def _refresh(self) -> None:
        """Compute the poses of the bodies and refresh `state`."""
        self._pose()
        self._read()

    def _read(self) -> None:
        """Gather `state`, in the order of its fields."""
        places, turns = self._bodies, self._rotations
        fields = (
            self.qpos[:, _ROBOT],
            self.qvel[:, _ROBOT],
            places[:, self._hand],
            turns[:, self._hand],
            places[:, self._left],
            places[:, self._right],
            places[:, self._drawer],
            turns[:, self._drawer],
            self.qpos[:, _DRAWER],
            self.qvel[:, _DRAWER],
        )
        torch.cat(fields, 1, out=self._block)

    def _drawn_state(self, env_ids: Tensor) -> Tensor:
        """Return what the renderer draws environments (K,) from, (K, nq + 7)."""
        return torch.cat((self.qpos[env_ids], self._cabinet[env_ids, 0], self._turn[env_ids, 0]), 1)
