"""Render products and annotators: a camera that was paused shows the present with its second frame."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
from isaac.kit import current
from pxr import UsdGeom

ENV = re.compile(r"/World/envs/env_(\d+)/")


class RenderProduct:
    """What omni.replicator.core.create.render_product returns."""

    def __init__(self, camera, resolution) -> None:
        kit = current()
        assert UsdGeom.Camera(kit.stage.GetPrimAtPath(camera)), f"no camera at {camera}"
        assert resolution == (kit.drawer.camera.image_size,) * 2
        self.env = int(ENV.match(camera).group(1))
        self.enabled = True
        self.drawn = 0
        self._next = self._shown = None
        self.hydra_texture = SimpleNamespace(set_updates_enabled=self._enable)
        kit.products.append(self)

    def _enable(self, on) -> None:
        self.enabled = bool(on)

    def draw(self) -> None:
        if self.enabled:
            physics = current().world.physics
            self._shown, self._next = self._next, physics.pictured[self.env].copy()
            self.drawn += 1

    def data(self):
        if self._shown is None or current().blind:
            return None
        image = current().world.physics.mujoco.renderer.images(self._shown[None])[0].permute(1, 2, 0).numpy()
        return np.concatenate([image, np.full_like(image[..., :1], 255)], -1)


class Annotator:
    """What omni.replicator.core.AnnotatorRegistry.get_annotator returns."""

    def attach(self, products) -> None:
        (self._product,) = products

    def get_data(self):
        return self._product.data()


def get_annotator(name, device):
    assert (name, device) == ("rgb", "cpu")
    return Annotator()
