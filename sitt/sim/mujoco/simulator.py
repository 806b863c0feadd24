"""FrankaDrawer on MuJoCo's `Batch`: many simulations on a few CPU threads, bit-identical at any thread count."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch, SimulationError
from torch import Tensor

from sitt.config.schema import SimConfig
from sitt.config.task import DrawerConfig
from sitt.guard import require_finite
from sitt.sim.base import SimState
from sitt.sim.mujoco.model import HANDLE_GEOMS, ROBOT_BASE, build_model, rest_state, yaw_quaternion
from sitt.sim.mujoco.renderer import Renderer
from sitt.sim.mujoco.timers import stop_timers

_STAGE = mujoco.mjtStage.mjSTAGE_VEL
_ROBOT = slice(0, 9)
_BAD = [int(getattr(mujoco.mjtWarning, f"mjWARN_{name}")) for name in ("BADQPOS", "BADQVEL", "BADQACC", "BADCTRL")]


class MujocoSimulator:
    """The default simulator; see `sitt.sim.base.Simulator` for the contract.

    Args:
        task: the configuration that shapes the scene.
        sim: how many images are drawn at a time.
        num_envs: N, the number of simulations.
        threads: CPU threads of the physics.
    """

    def __init__(self, task: DrawerConfig, sim: SimConfig, num_envs: int, threads: int) -> None:
        stop_timers()
        self.num_envs = num_envs
        self.device = torch.device("cpu")
        self.bad_simulations = 0
        """How often a simulation diverged and was put back to the default state."""
        self.model = build_model(task)
        self.batch = Batch(self.model, num_envs, threads, persistent=True)
        self._task, self._sim = task, sim
        self._rest = rest_state(self.model, task)
        self._is_robot = self.model.body_rootid[self.model.geom_bodyid] == self.model.body(ROBOT_BASE).id
        self._is_handle = np.isin(np.arange(self.model.ngeom), [self.model.geom(name).id for name in HANDLE_GEOMS])
        self._sensors = self.batch.bind("sensordata")
        self._contacts = self.batch.bind("ncon")
        block = torch.zeros(num_envs, self.model.nsensordata)
        self._block = block.numpy()
        self.state = SimState.of_block(block)
        stiffness = np.array(task.robot.stiffness)
        self._reach = np.array(task.robot.force_limits) / stiffness
        self._lag = np.array(task.robot.damping) / stiffness
        self._lead = self._lag * np.array(task.robot.velocity_limits)
        everyone = torch.arange(num_envs)
        self.reset(everyone, self._default_joints(num_envs), torch.zeros(num_envs, 4))

    @cached_property
    def renderer(self) -> Renderer:
        """Made when the first image is asked for: many simulators never draw."""
        return Renderer(self._task, self._sim)

    @cached_property
    def _renderer_without_robot(self) -> Renderer:
        return Renderer(self._task, self._sim, robot=False)

    @cached_property
    def _copy(self) -> mujoco.MjData:
        """Room for one simulation's data; to make it anew each time takes forty times as long."""
        return mujoco.MjData(self.model)

    def reset(self, env_ids: Tensor, joint_positions: Tensor, cabinet_offset: Tensor) -> None:
        """Put environments (K,) at rest at `joint_positions` (K, 9) with the cabinet displaced by (K, 4)."""
        ids = env_ids.numpy()
        if not len(ids):
            return
        joints = joint_positions.numpy().astype(np.float64)
        offset = cabinet_offset.numpy().astype(np.float64)
        self._place(ids, joints, offset)
        self._forward(np.sort(ids))

    def step(self, joint_targets: Tensor) -> None:
        """Advance all environments by one control step towards (N, 9) position targets."""
        batch = self.batch
        batch.ctrl[:] = self._within_limits(joint_targets.numpy())
        failed = np.zeros(0, dtype=np.int64)
        try:
            batch.step(nstep=self._task.substeps, stage=_STAGE)
        except SimulationError as error:
            failed = error.ids
        self._recover(failed)
        np.copyto(self._block, self._sensors, casting="same_kind")
        require_finite("physics", torch.from_numpy(self._block))

    def in_view(self) -> Tensor:
        """Return all environments."""
        return torch.arange(self.num_envs)

    def render(self, env_ids: Tensor) -> Tensor:
        """Return the student's camera images of environments (K,) as (K, 3, H, W) uint8."""
        return self.renderer.images(self.batch.state[env_ids.numpy()])

    def handle_visible(self, env_ids: Tensor) -> Tensor:
        """Return the part (K,) of the handle that the robot leaves to the student's camera; NaN: out of the image."""
        states = self.batch.state[env_ids.numpy()]
        return self.renderer.handle_pixels(states) / self._renderer_without_robot.handle_pixels(states)

    def handle_touched(self, env_ids: Tensor) -> Tensor:
        """Return whether the robot is in contact with the handle (K,), bool."""
        return torch.tensor([self._touches(env) for env in env_ids.tolist()], dtype=torch.bool)

    def save(self) -> Dict[str, Any]:
        """Return the full physical state (N, S) float64, enough to continue bit for bit, and the count of failures."""
        return {"state": torch.from_numpy(self.batch.state.copy()), "bad_simulations": self.bad_simulations}

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self.batch.state[:] = saved["state"].numpy()
        self.bad_simulations = saved["bad_simulations"]
        self._forward(np.arange(self.num_envs))

    def _touches(self, env: int) -> bool:
        if not self._contacts[env]:  # most have none, and need no copy
            return False
        pairs = self.batch.get_data(env, self._copy).contact.geom
        return bool((self._is_handle[pairs].any(1) & self._is_robot[pairs].any(1)).any())

    def _default_joints(self, count: int) -> Tensor:
        return torch.tensor(self._task.robot.default_joint_positions).expand(count, 9)

    def _place(self, ids: np.ndarray, joints: np.ndarray, offset: np.ndarray) -> None:
        """Write the state of a fresh episode."""
        batch = self.batch
        batch.reset(np.sort(ids), stage=mujoco.mjtStage.mjSTAGE_NONE)
        yaw = yaw_quaternion(offset[:, 3])
        position = np.array(self._task.cabinet.position) + offset[:, :3]
        batch.mocap_pos[ids, 0] = position
        batch.mocap_quat[ids, 0] = yaw
        batch.qpos[ids] = self._rest
        batch.qpos[ids, _ROBOT] = joints
        batch.ctrl[ids] = joints
        self._move_props(ids, offset)

    def _move_props(self, ids: np.ndarray, offset: np.ndarray) -> None:
        """Displace the cubes, if there are any, with the cabinet."""
        centre = np.array(self._task.cabinet.position)
        cos, sin = np.cos(offset[:, 3]), np.sin(offset[:, 3])
        for start in range(10, self.model.nq, 7):
            x, y, z = self._rest[start : start + 3] - centre
            moved = np.stack([cos * x - sin * y, sin * x + cos * y, np.full_like(cos, z)], axis=1)
            self.batch.qpos[ids, start : start + 3] = centre + offset[:, :3] + moved
            self.batch.qpos[ids, start + 3 : start + 7] = yaw_quaternion(offset[:, 3])

    def _within_limits(self, targets: np.ndarray) -> np.ndarray:
        """Limit position targets (N, 9) so that the drives keep the robot's velocity and force limits.

        A drive pushes with k (target - q) - d q'. It settles at the speed k (target - q) / d, so the target
        leads q by at most d / k times the velocity limit; and its force stays within ±f while the target is
        within q + (d q' ± f) / k. MuJoCo's own force limit would switch off the drive's implicit damping
        while it saturates, which makes the light fingers jump, and it has no velocity limit.
        """
        position, velocity = self.batch.qpos[:, _ROBOT], self.batch.qvel[:, _ROBOT]
        targets = np.clip(targets, position - self._lead, position + self._lead)
        centre = position + self._lag * velocity
        return np.clip(targets, centre - self._reach, centre + self._reach, out=targets)

    def _forward(self, ids: np.ndarray) -> None:
        """Compute the derived fields of sorted environments and refresh `state`."""
        self.batch.forward(ids, stage=_STAGE)
        self._block[ids] = self._sensors[ids]

    def _recover(self, failed: np.ndarray) -> None:
        """Put simulations that diverged in this step back to the default pose and cabinet, and count them."""
        warnings = self.batch.warning[:, :, 1]  # [..., 1] counts them
        if not (warnings.any() or len(failed)):  # as in almost all steps
            return
        diverged = warnings[:, _BAD].any(axis=1)
        diverged[failed] = True
        if not diverged.any():
            return
        ids = np.flatnonzero(diverged)
        self.bad_simulations += len(ids)
        self.batch.warning[ids] = 0
        self._place(ids, self._default_joints(len(ids)).numpy().astype(np.float64), np.zeros((len(ids), 4)))
        self.batch.forward(ids, stage=_STAGE)
