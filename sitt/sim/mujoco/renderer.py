"""Images of the scene by MuJoCo Warp's ray tracer on the CPU; no OpenGL anywhere."""

from __future__ import annotations

from functools import cached_property
from typing import Iterator

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from mujoco.batch import Batch
from torch import Tensor

from sitt.config.schema import SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.model import HANDLE_GEOMS, build_model

wp.config.log_level = wp.LOG_WARNING
BACKGROUND = (0.87, 0.90, 0.93, 1.0)


class Renderer:
    """Draws any number of states, `sim.render_batch` at a time.

    Args:
        task: the configuration; its camera is the student's.
        sim: how many images are drawn per call of the ray tracer.
        camera: "student", or "overview" for pictures of the whole scene.
        size: height and width in pixels; the task's image size if None.
        robot: whether the robot is drawn.
    """

    def __init__(
        self,
        task: DrawerConfig,
        sim: SimConfig,
        camera: str = "student",
        size: int | None = None,
        robot: bool = True,
    ) -> None:
        self.size = size or task.camera.image_size
        self._worlds = sim.render_batch
        self._camera = camera
        self._model = build_model(task, drawn=True, robot=robot)
        self._batch = Batch(self._model, self._worlds, 1)
        self._positions, self._rotations = self._batch.bind("geom_xpos"), self._batch.bind("geom_xmat")
        self._rest = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, self._rest)
        with wp.ScopedDevice("cpu"):
            self._warp_model = mjw.put_model(self._model)
            self._warp_data = mjw.put_data(self._model, self._rest, nworld=self._worlds)
        self._is_handle = np.zeros(self._model.ngeom + 1, dtype=bool)
        self._is_handle[[self._model.geom(name).id for name in HANDLE_GEOMS]] = True

    @cached_property
    def _colors(self) -> mjw.RenderContext:
        return self._context(rgb=True)

    @cached_property
    def _segments(self) -> mjw.RenderContext:
        return self._context(rgb=False)

    def images(self, states: np.ndarray) -> Tensor:
        """Draw states (K, S), rows of the physics' `Batch.state`; return (K, 3, H, W) uint8."""
        out = np.empty((len(states), 3, self.size, self.size), dtype=np.uint8)
        pixels = self._colors.rgb_data.numpy().view(np.uint8).reshape(self._worlds, self.size, self.size, 4)
        for part in self._chunks(len(states)):
            self._trace(states[part], self._colors)
            blue_green_red = pixels[: len(states[part]), :, :, :3]
            out[part] = blue_green_red[..., ::-1].transpose(0, 3, 1, 2)
        return torch.from_numpy(out)

    def handle_pixels(self, states: np.ndarray) -> Tensor:
        """Return how many pixels of each state's image show the handle, (K,) int64."""
        out = np.empty(len(states), dtype=np.int64)
        segments = self._segments.seg_data.numpy()
        for part in self._chunks(len(states)):
            self._trace(states[part], self._segments)
            geoms = segments[: len(states[part]), :, 0]  # -1, the background, reads the last entry: False
            out[part] = self._is_handle[geoms].sum(axis=1)
        return torch.from_numpy(out)

    def _context(self, rgb: bool) -> mjw.RenderContext:
        """Make the ray tracer's buffers, for colours or else for geom numbers."""
        with wp.ScopedDevice("cpu"):
            return mjw.create_render_context(
                self._model,
                nworld=self._worlds,
                cam_res=(self.size, self.size),
                cam_active=[self._camera],
                render_rgb=rgb,
                render_seg=not rgb,
                render_depth=False,
                use_textures=False,
                use_shadows=False,
                samples_per_pixel=1,
                enable_specular=False,
                enable_emission=False,
                background_color=BACKGROUND,
            )

    def _chunks(self, count: int) -> Iterator[slice]:
        for start in range(0, count, self._worlds):
            yield slice(start, start + self._worlds)

    def _trace(self, states: np.ndarray, context: mjw.RenderContext) -> None:
        """Draw up to `render_batch` states into the context's first rows."""
        count = len(states)
        self._batch.state[:count] = states
        self._batch.forward(np.arange(count), stage=mujoco.mjtStage.mjSTAGE_POS)
        data = self._warp_data
        data.geom_xpos.numpy()[:count] = self._positions[:count]
        data.geom_xmat.numpy()[:count] = self._rotations[:count].reshape(count, -1, 3, 3)
        data.nworld = count  # the ray tracer draws this many
        with wp.ScopedDevice("cpu"):
            mjw.refit_bvh(self._warp_model, data, context)
            mjw.render(self._warp_model, data, context)


def compile_kernels(task: DrawerConfig, sim: SimConfig) -> None:
    """Compile the ray tracer's kernels into Warp's cache, so that jobs that run side by side find them there."""
    renderer = Renderer(task, sim)
    data = mujoco.MjData(renderer._model)
    state = np.empty((1, mujoco.mj_stateSize(renderer._model, mujoco.mjtState.mjSTATE_INTEGRATION)))
    mujoco.mj_getState(renderer._model, data, state[0], mujoco.mjtState.mjSTATE_INTEGRATION)
    renderer.images(state)
    renderer.handle_pixels(state)
    Renderer(task, sim, robot=False).handle_pixels(state)
