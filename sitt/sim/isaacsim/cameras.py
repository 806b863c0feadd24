"""The student's cameras on the stage, and their pictures.

Imports USD, which inside Isaac Sim exists only after the application has started.
"""

from __future__ import annotations

import math
from typing import Any, Callable, List, Optional

import numpy as np
import torch
from pxr import Gf, Usd, UsdGeom
from torch import Tensor

from sitt.config.task import CameraConfig
from sitt.errors import UserError
from sitt.sim.camera import camera_axes
from sitt.sim.isaacsim.cabinet import HANDLE_BOXES

APERTURE = 20.955
"""Width and height of the film; USD's default width, in tenths of the stage's unit like the focal length."""
NEAR = 0.01
"""m; nearest point that is drawn."""
RED = (0.8, 0.05, 0.05)
PAINT = 0.001
"""m; thickness of the handle's paint, so that it hides what it covers."""


def camera_path(env: int) -> str:
    """Return where environment `env` has its camera on the stage."""
    return f"/World/envs/env_{env}/student_camera"


def add_camera(stage: Usd.Stage, path: str, camera: CameraConfig, far: float) -> None:
    """Put the configured camera on the stage; its parent is the environment's frame.

    Args:
        stage: with metres as its unit, z up.
        path: see `camera_path`.
        camera: eye and target in m, vertical field of view in degrees.
        far: m; what is farther away is not drawn, such as the next environment.
    """
    prim = UsdGeom.Camera.Define(stage, path)
    axes = camera_axes(camera.eye, camera.target)
    # USD multiplies row vectors from the left, so a frame's axes are the rows of its matrix.
    rows = [[*axes[:, i], 0.0] for i in range(3)] + [[*camera.eye, 1.0]]
    prim.AddTransformOp().Set(Gf.Matrix4d(rows))
    # The picture is a square: the same aperture in both directions, or its width would be cut to the aspect ratio.
    prim.CreateHorizontalApertureAttr(APERTURE)
    prim.CreateVerticalApertureAttr(APERTURE)
    prim.CreateFocalLengthAttr(APERTURE / 2 / math.tan(math.radians(camera.fovy) / 2))
    prim.CreateClippingRangeAttr(Gf.Vec2f(NEAR, far))


def paint_handle(stage: Usd.Stage, drawer: str) -> None:
    """Cover the handle of the drawer at a path with red boxes [P], which are drawn and touch nothing."""
    for i, (centre, size) in enumerate(HANDLE_BOXES):
        box = UsdGeom.Cube.Define(stage, f"{drawer}/handle_paint_{i}")
        box.CreateSizeAttr(1.0)
        box.CreateExtentAttr([Gf.Vec3f(-0.5), Gf.Vec3f(0.5)])
        box.CreateDisplayColorAttr([Gf.Vec3f(*RED)])
        box.AddTranslateOp().Set(Gf.Vec3d(*centre))
        box.AddScaleOp().Set(Gf.Vec3f(*np.add(size, 2 * PAINT).tolist()))


class Cameras:
    """Render products of the first K environments; number k is environment k's, and is drawn only when asked for."""

    def __init__(self, count: int, size: int, frames: int, draw: Callable[[], None]) -> None:
        """Look through cameras that are on the stage.

        Args:
            count: K.
            size: height and width, pixels.
            frames: frames drawn for one image.
            draw: draws one frame of the stage without moving it.
        """
        # tasks/cartpole_camera.py, line 122; core, omni.isaac.gym, vec_env_base.py, create_viewport_render_product
        import omni.replicator.core as rep

        self.count = count
        self._size, self._frames, self._draw = size, frames, draw
        self._products = [rep.create.render_product(camera_path(env), resolution=(size, size)) for env in range(count)]
        self._annotators: List[Any] = []
        for product in self._products:
            # One each, and not one writer for all: a writer's dictionary promises no order.
            annotator = rep.AnnotatorRegistry.get_annotator("rgb", device="cpu")
            annotator.attach([product])
            self._annotators.append(annotator)
        self._watch(range(count), False)

    def warm_up(self, frames: int) -> None:
        """Draw frames through all cameras and throw them away."""
        self._watch(range(self.count), True)
        for _ in range(frames):
            self._draw()
        self._watch(range(self.count), False)

    def images(self, env_ids: Tensor) -> Tensor:
        """Return images (K, 3, H, W) uint8 of environments (K,), in their order."""
        envs = env_ids.tolist()
        images = np.empty((len(envs), self._size, self._size, 3), dtype=np.uint8)
        if envs:
            self._watch(envs, True)
            for _ in range(self._frames):
                self._draw()
            for i, env in enumerate(envs):
                images[i] = self._picture(env)
            self._watch(envs, False)
        return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()

    def _watch(self, envs: Any, on: bool) -> None:
        for env in envs:
            # As in Isaac Sim's standalone_examples/api/omni.replicator.isaac/custom_fps_writer_annotator.py, line 50.
            self._products[env].hydra_texture.set_updates_enabled(on)

    def series(self, env: int, count: int) -> List[Optional[np.ndarray]]:
        """Return the pictures (H, W, 3) uint8 of environment `env` after each of `count` frames; None: not yet."""
        self._watch([env], True)
        pictures: List[Optional[np.ndarray]] = []
        for _ in range(count):
            self._draw()
            data = self._annotators[env].get_data()
            complete = np.shape(data) == (self._size, self._size, 4)
            pictures.append(np.array(data)[:, :, :3] if complete else None)
        self._watch([env], False)
        return pictures

    def _picture(self, env: int) -> np.ndarray:
        data = self._annotators[env].get_data()
        shape = (self._size, self._size, 4)
        if data is None or np.shape(data) != shape:
            got = "nothing" if data is None else f"an array {np.shape(data)}"
            raise UserError(
                f"Isaac Sim's camera of environment {env} gave {got} instead of {shape} after {self._frames} frames; "
                "raise sim.frames_per_image and sim.warmup_frames, or lower sim.cameras if GPU memory is short"
            )
        return np.asarray(data)[:, :, :3]
