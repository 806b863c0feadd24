"""MuJoCo's `Batch` of one model: many simulations on a few CPU threads, bit-identical at any thread count.

A batch that keeps all that MuJoCo derives from each simulation's state streams it through the processor's caches in
every step. This one keeps the states alone. What a step leaves is derived from the state before its last substep, so
that the bodies must be posed anew; a model that computes nothing else does it in a seventh of a step's time.
"""

from __future__ import annotations

import copy
from functools import cached_property

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError

from sitt.sim.mujoco.timers import stop_timers

_BAD = [int(getattr(mujoco.mjtWarning, f"mjWARN_{name}")) for name in ("BADQPOS", "BADQVEL", "BADQACC", "BADCTRL")]


class BatchPhysics:
    """N simulations; all arrays are live views."""

    def __init__(self, rest: mujoco.MjData, num_envs: int, threads: int, substeps: int) -> None:
        """Start all simulations from the state of `rest`; a step is `substeps` of its model's."""
        stop_timers()
        self._model, posed = copy.copy(rest.model), copy.copy(rest.model)
        self._model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_SENSOR
        self._untouched = copy.copy(self._model)
        self._untouched.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT
        posed.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
        self._substeps = substeps
        self.batch = batch = Batch(posed, num_envs, threads)  # a step brings the model that moves
        self._fresh = np.empty(batch.nstate)
        mujoco.mj_getState(rest.model, rest, self._fresh, mujoco.mjtState.mjSTATE_INTEGRATION)
        batch.state[:] = self._fresh
        # To make a view costs more than to use it.
        self.state, self.qpos, self.qvel, self.ctrl = batch.state, batch.qpos, batch.qvel, batch.ctrl
        self.mocap_pos, self.mocap_quat = batch.mocap_pos, batch.mocap_quat
        self.sensors = batch.bind("sensordata")
        """(N, S) of the state that was posed last; those of velocities are not computed."""
        self.places = batch.bind("geom_xpos")
        """(N, geoms, 3) of the state that was posed last, m."""

    @cached_property
    def _data(self) -> mujoco.MjData:
        """Room for one simulation's data; to make it anew each time takes forty times as long."""
        return mujoco.MjData(self._model)

    def restart(self, ids: np.ndarray) -> None:
        """Put simulations (K,) back to the state that all began with."""
        self.state[ids] = self._fresh

    def step(self, untouched: np.ndarray) -> np.ndarray:
        """Advance all simulations; return those that diverged, (K,) ascending, whose states are no use any more.

        Args:
            untouched: (N,) bool, in which nothing can touch anything, so that no contacts are looked for.
        """
        failed = np.zeros(0, dtype=np.int64)
        for model, those in ((self._untouched, untouched), (self._model, ~untouched)):
            self.batch.set_models(model)
            try:
                self.batch.step(np.flatnonzero(those), nstep=self._substeps)
            except SimulationError as error:
                failed = np.concatenate([failed, error.ids])
        self.batch.set_models(None)
        if not (np.count_nonzero(self.batch.warning) or len(failed)):  # as in almost all steps
            return failed
        diverged = self.batch.warning[:, _BAD, 1].any(axis=1)  # [..., 1] counts them
        diverged[failed] = True
        self.batch.warning[diverged] = 0
        return np.flatnonzero(diverged)

    def pose(self, ids: np.ndarray | None = None) -> None:
        """Compute `sensors` of all simulations, or of some (K,), ascending."""
        self.batch.forward(ids, stage=mujoco.mjtStage.mjSTAGE_POS)

    def contacts(self, sim: int) -> np.ndarray:
        """Return the geoms (C, 2) of all pairs in contact in a simulation."""
        data = self.batch.get_data(sim, self._data)
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_collision(self._model, data)
        return data.contact.geom
