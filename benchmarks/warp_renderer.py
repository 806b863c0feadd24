"""The same images by MuJoCo Warp's ray tracer on the CPU, which ours must equal to the bit."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch

from sitt.config.schema import SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco_warp.raytracer import RayTracer


class ReferenceRenderer(RayTracer):
    """Draws rows (K, S) of the physics' `Batch.state`, as `sitt.sim.mujoco.renderer.Renderer` does."""

    def __init__(
        self,
        task: DrawerConfig,
        sim: SimConfig,
        camera: str = "student",
        size: int | None = None,
        robot: bool = True,
    ) -> None:
        super().__init__(task, sim.render_batch, "cpu", camera, size, robot)
        self._batch = Batch(self._model, sim.render_batch, 1)
        self._positions, self._rotations = self._batch.bind("geom_xpos"), self._batch.bind("geom_xmat")

    def _pose(self, states: np.ndarray) -> None:
        count, data = len(states), self._warp_data
        self._batch.state[:count] = states
        self._batch.forward(np.arange(count), stage=mujoco.mjtStage.mjSTAGE_POS)
        data.geom_xpos.numpy()[:count] = self._positions[:count]
        data.geom_xmat.numpy()[:count] = self._rotations[:count].reshape(count, -1, 3, 3)
