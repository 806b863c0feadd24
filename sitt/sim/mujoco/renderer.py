"""Images of the physics' states, on the CPU, without OpenGL."""

from __future__ import annotations

from typing import Any, Iterator

import mujoco
import numpy as np
import torch
import warp as wp
from mujoco.batch import Batch
from torch import Tensor

from sitt.config.schema import SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco import cast
from sitt.sim.mujoco.model import BACKGROUND, HANDLE_GEOMS, build_model

wp.config.log_level = wp.LOG_WARNING


class Renderer:
    """Draws rows (K, S) of the physics' `Batch.state`, `sim.render_batch` at a time.

    Args:
        task: the configuration; its camera is the student's.
        sim: how many images are drawn at a time.
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
        model = build_model(task, drawn=True, robot=robot)
        self._batch = Batch(model, sim.render_batch, 1)
        self._positions, self._rotations = self._batch.bind("geom_xpos"), self._batch.bind("geom_xmat")
        self._handle = [model.geom(name).id for name in HANDLE_GEOMS]
        rest = mujoco.MjData(model)
        mujoco.mj_forward(model, rest)
        self._scene = _scene(rest, model.camera(camera).id, self.size, self._handle)
        self._views = _views(sim.render_batch, model.ngeom)
        self._screen = _screen(self.size)
        wp.launch(cast.aim, (self.size, self.size), [self._scene], device="cpu")
        self._list_tree(rest)

    def images(self, states: np.ndarray) -> Tensor:
        """Draw K states; return (K, 3, H, W) uint8."""
        out = torch.empty(len(states), 3, self.size, self.size, dtype=torch.uint8)
        for part in self._chunks(len(states)):
            self._locate(states[part])
            self._draw(out[part], len(states[part]))
        return out

    def handle_pixels(self, states: np.ndarray) -> Tensor:
        """Return how many pixels of each of K states' images show the handle, (K,) int64."""
        out = torch.empty(len(states), dtype=torch.int64)
        nothing = torch.empty(0, 3, self.size, self.size, dtype=torch.uint8)
        for part in self._chunks(len(states)):
            self._locate(states[part])
            frames = self._views.frames.numpy()[: len(states[part])]
            handle = frames[:, self._handle]
            frames[:, :, :2] = np.maximum(frames[:, :, :2], handle[:, :, :2].min(1, keepdims=True))
            frames[:, :, 2:] = np.minimum(frames[:, :, 2:], handle[:, :, 2:].max(1, keepdims=True))
            out[part] = self._draw(nothing, len(states[part]))
        return out

    def _chunks(self, count: int) -> Iterator[slice]:
        size = len(self._positions)
        for start in range(0, count, size):
            yield slice(start, start + size)

    def _locate(self, states: np.ndarray) -> None:
        """Pose the geoms of up to `render_batch` states, and find where they may be seen."""
        count = len(states)
        self._batch.state[:count] = states
        self._batch.forward(np.arange(count), stage=mujoco.mjtStage.mjSTAGE_POS)
        self._place(self._positions[:count], self._rotations[:count])

    def _place(self, positions: np.ndarray, rotations: np.ndarray) -> None:
        """Find where geoms at positions (K, G, 3) with rotations (K, G, 9) may be seen."""
        views, (count, geoms) = self._views, positions.shape[:2]
        views.positions.numpy()[:count] = positions
        views.rotations.numpy()[:count] = rotations.reshape(count, geoms, 3, 3)
        wp.launch(cast.locate, (count, geoms), [self._scene, views], device="cpu")

    def _list_tree(self, rest: mujoco.MjData) -> None:
        """Build the tree that MuJoCo Warp would, at rest, for the order of its geoms."""
        self._place(rest.geom_xpos[None], rest.geom_xmat[None])
        tree = wp.Bvh(self._views.lowers[0], self._views.uppers[0], constructor="sah")
        wp.launch(cast.list_tree, 1, [tree.id, self._scene], device="cpu")

    def _draw(self, images: Tensor, count: int) -> Tensor:
        """Draw the first `count` worlds; return the handle's pixels (count,)."""
        nearest_first = self._views.nearest.numpy()[:count].argsort(1, kind="stable")
        order: Any = wp.array(nearest_first, dtype=wp.int64, device="cpu")
        handle = wp.empty((count, self.size), dtype=int, device="cpu")
        arguments = [self._scene, self._views, order, self._screen, wp.from_torch(images), handle]
        wp.launch(cast.draw, self.size, arguments, device="cpu")
        return torch.from_numpy(handle.numpy().sum(1))


def _scene(rest: mujoco.MjData, camera: int, size: int, handle: list[int]) -> Any:
    """Return all that no state changes, with room for the rays and for the order of the tree."""
    model = rest.model
    colors = np.where(model.geom_matid[:, None] < 0, model.geom_rgba, model.mat_rgba[model.geom_matid])
    axes = rest.cam_xmat[camera].reshape(3, 3)
    scene: Any = cast.Scene()
    scene.kinds = wp.array(model.geom_type, dtype=int, device="cpu")
    scene.is_handle = wp.array(np.isin(np.arange(model.ngeom), handle), dtype=int, device="cpu")
    scene.sizes = _vectors(model.geom_size)
    scene.colors = _vectors(colors[:, :3])
    scene.to_lights = _vectors(np.vstack([-rest.light_xdir, axes[:, 2]]))
    scene.lights = _vectors(np.vstack([model.light_diffuse, model.vis.headlight.diffuse]))
    scene.ambient = wp.vec3(*model.vis.headlight.ambient)
    scene.background = wp.vec3(*(int(255 * part) for part in BACKGROUND[:3]))
    scene.eye = wp.vec3(*rest.cam_xpos[camera])
    scene.axes = wp.mat33(*axes.ravel())
    scene.tree = wp.empty(model.ngeom, dtype=int, device="cpu")
    scene.fovy = model.cam_fovy[camera]
    scene.znear = model.vis.map.znear * model.stat.extent
    scene.rays = wp.empty((size, size), dtype=wp.vec3, device="cpu")
    scene.inverse_rays = wp.empty((size, size), dtype=wp.vec3, device="cpu")
    return scene


def _views(worlds: int, geoms: int) -> Any:
    """Return room for so many geoms in so many worlds."""
    views: Any = cast.Views()
    for name in ("positions", "lowers", "uppers"):
        setattr(views, name, wp.empty((worlds, geoms), dtype=wp.vec3, device="cpu"))
    views.rotations = wp.empty((worlds, geoms), dtype=wp.mat33, device="cpu")
    views.frames = wp.empty((worlds, geoms), dtype=wp.vec4i, device="cpu")
    views.nearest = wp.empty((worlds, geoms), dtype=float, device="cpu")
    return views


def _screen(size: int) -> Any:
    """Return room for one image."""
    screen: Any = cast.Screen()
    screen.distances = wp.empty((size, size), dtype=float, device="cpu")
    screen.normals = wp.empty((size, size), dtype=wp.vec3, device="cpu")
    screen.geoms = wp.empty((size, size), dtype=int, device="cpu")
    screen.unsure = wp.empty((size, size), dtype=bool, device="cpu")
    return screen


def _vectors(values: np.ndarray) -> wp.array:
    return wp.array(values.astype(np.float32), dtype=wp.vec3, device="cpu")
