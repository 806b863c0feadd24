"""MuJoCo Warp's ray tracer: images of the scene on the CPU or on a GPU, without OpenGL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, Iterator

import mujoco
import mujoco_warp as mjw
import torch
import warp as wp
from torch import Tensor

from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.model import BACKGROUND, HANDLE_GEOMS, build_model

wp.config.log_level = wp.LOG_WARNING


class RayTracer(ABC):
    """Draws any number of states, some at a time; who inherits says how a state becomes poses of geoms.

    Args:
        task: the configuration; its camera is the student's.
        batch: images drawn per call of the ray tracer.
        device: where it draws, as Warp and torch name it.
        camera: "student", or "overview" for pictures of the whole scene.
        size: height and width in pixels; the task's image size if None.
        robot: whether the robot is drawn.
    """

    def __init__(
        self,
        task: DrawerConfig,
        batch: int,
        device: str = "cpu",
        camera: str = "student",
        size: int | None = None,
        robot: bool = True,
    ) -> None:
        self.size = size or task.camera.image_size
        self._worlds, self._device, self._camera = batch, device, camera
        self._model = build_model(task, drawn=True, robot=robot)
        rest = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, rest)
        with wp.ScopedDevice(device):
            self._warp_model = mjw.put_model(self._model)
            self._warp_data = mjw.put_data(self._model, rest, nworld=batch)
        self._is_handle = torch.zeros(self._model.ngeom + 1, dtype=torch.bool, device=device)
        self._is_handle[[self._model.geom(name).id for name in HANDLE_GEOMS]] = True

    @abstractmethod
    def _pose(self, states: Any) -> None:
        """Write the poses of the geoms in up to `batch` states into the ray tracer's first worlds."""

    @cached_property
    def _colors(self) -> mjw.RenderContext:
        return self._context(rgb=True)

    @cached_property
    def _segments(self) -> mjw.RenderContext:
        return self._context(rgb=False)

    def images(self, states: Any) -> Tensor:
        """Draw K states; return (K, 3, H, W) uint8."""
        out = torch.empty(len(states), 3, self.size, self.size, dtype=torch.uint8, device=self._device)
        packed = wp.to_torch(self._colors.rgb_data.view(wp.int32))
        pixels = packed.view(torch.uint8).view(self._worlds, self.size, self.size, 4)  # blue, green, red, alpha
        for part in self._chunks(len(states)):
            self._trace(states[part], self._colors)
            for channel in range(3):
                out[part, channel] = pixels[: len(states[part]), :, :, 2 - channel]
        return out

    def handle_pixels(self, states: Any) -> Tensor:
        """Return how many pixels of each of K states' images show the handle, (K,) int64."""
        out = torch.empty(len(states), dtype=torch.int64, device=self._device)
        segments = wp.to_torch(self._segments.seg_data)
        for part in self._chunks(len(states)):
            self._trace(states[part], self._segments)
            geoms = segments[: len(states[part]), :, 0].long()  # -1, the background, reads the last entry: False
            out[part] = self._is_handle[geoms].sum(1)
        return out

    def _context(self, rgb: bool) -> mjw.RenderContext:
        """Make the ray tracer's buffers, for colours or else for geom numbers."""
        with wp.ScopedDevice(self._device):
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

    def _trace(self, states: Any, context: mjw.RenderContext) -> None:
        """Draw up to `batch` states into the context's first rows."""
        self._warp_data.nworld = len(states)  # the ray tracer draws this many
        with wp.ScopedDevice(self._device):
            self._pose(states)
            mjw.refit_bvh(self._warp_model, self._warp_data, context)
            mjw.render(self._warp_model, self._warp_data, context)
