"""MuJoCo Warp's model and data of all environments, whose state torch sees without a copy."""

from __future__ import annotations

from typing import Callable, Dict, Tuple

import mujoco
import mujoco_warp as mjw
import torch
import warp as wp
from torch import Tensor

from sitt.config.sim import MujocoWarpConfig
from sitt.errors import UserError

STATE = ("qpos", "qvel", "qacc_warmstart", "ctrl", "mocap_pos", "mocap_quat")
"""All that the next steps depend on."""
LARGEST = 1e10
"""A simulation has diverged beyond this [MuJoCo: mjMAXVAL]."""
NO_ROOM = {
    "constraints": int(mjw.OverflowType.NEFC | mjw.OverflowType.NJMAX_NNZ),
    "contacts": int(mjw.OverflowType.BROADPHASE | mjw.OverflowType.NARROWPHASE | mjw.OverflowType.CCD),
}
"""How MuJoCo Warp says that it had to leave something out, by the key of the configuration that gives room."""


class WarpPhysics:
    """N worlds of one model; all tensors are live views.

    Warp's stream and torch's default one are blocking streams of CUDA: each waits for the other's work.
    """

    def __init__(self, rest: mujoco.MjData, sim: MujocoWarpConfig, num_envs: int, substeps: int) -> None:
        """Start all worlds from `rest`, whose derived fields are computed; a step is `substeps` of the model's."""
        self.sim = sim
        self._substeps = substeps
        with wp.ScopedDevice(sim.device):
            self.model = mjw.put_model(rest.model)
            self.data = mjw.put_data(rest.model, rest, num_envs, nconmax=sim.contacts, njmax=sim.constraints)
        options = self.model.opt
        # Sensors: the simulator gathers the same numbers. NATIVECCD: without it, MuJoCo Warp too finds the contacts of
        # boxes by MuJoCo's own algorithm; with it a grasp slips otherwise than in MuJoCo.
        options.disableflags |= mjw.DisableBit.SENSOR | mjw.DisableBit.NATIVECCD
        options.warn_overflow = mjw.OverflowType.NONE  # `require_room` says it
        self.qpos, self.qvel, _, self.ctrl, self.mocap_pos, self.mocap_quat = self.state().values()
        self.body_positions, self.body_rotations = self._view("xpos"), self._view("xquat")
        self._qacc, self._overflow = self._view("qacc"), self._view("overflow")
        self.pose = self._replayed(self._kinematics)
        self.step = self._replayed(self._step)

    def state(self) -> Dict[str, Tensor]:
        """Return what the next steps depend on, by name, (N, …)."""
        return {name: self._view(name) for name in STATE}

    def diverged(self) -> Tensor:
        """Return the worlds whose last step led to no number, or to one too large, (K,) int64.

        Raises:
            UserError: there was no room for all contacts of all worlds.
        """
        numbers = torch.cat((self.qpos, self.qvel, self._qacc), 1)
        diverged = ~(numbers.abs() < LARGEST).all(1)  # no comparison holds for NaN
        full = (self._overflow & sum(NO_ROOM.values())) != 0
        if (diverged | full).any():  # the one look at the device in a good step
            self._require_room()
        return diverged.nonzero().squeeze(-1)

    def contacts(self) -> Tuple[Tensor, Tensor]:
        """Return the geoms (C, 2) of all pairs in contact and the worlds (C,) that they are in.

        Found anew: a step leaves those from before its last substep.
        """
        with wp.ScopedDevice(self.sim.device):
            mjw.collision(self.model, self.data)
        found = int(self._view("nacon"))
        geoms, worlds = (wp.to_torch(array) for array in (self.data.contact.geom, self.data.contact.worldid))
        return geoms[:found].long(), worlds[:found].long()

    def _view(self, name: str) -> Tensor:
        return wp.to_torch(getattr(self.data, name))

    def _kinematics(self) -> None:
        mjw.kinematics(self.model, self.data)

    def _step(self) -> None:
        for _ in range(self._substeps):
            mjw.step(self.model, self.data)
        self._kinematics()  # a step leaves the poses from before it

    def _replayed(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return what does Warp's `work` again and again: on a GPU as a CUDA graph, which costs one launch."""

        def launch() -> None:
            with wp.ScopedDevice(self.sim.device):
                work()

        if self.sim.device == "cpu":
            return launch
        launch()  # compiles and loads what must not be met first in a capture
        with wp.ScopedDevice(self.sim.device), wp.ScopedCapture() as capture:
            work()
        return lambda: wp.capture_launch(capture.graph)

    def _require_room(self) -> None:
        for key, flags in NO_ROOM.items():
            if (self._overflow & flags).any():
                given, worlds = getattr(self.sim, key), len(self._overflow)
                raise UserError(
                    f"sim.{key} = {given} per environment are too few for these {worlds} environments; raise sim.{key}"
                )
