"""The drawer drawn by `mujoco.Renderer`; importing this needs the OpenGL library that MUJOCO_GL names."""

from __future__ import annotations

import mujoco
import numpy as np
from OpenGL import GL

from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.model import build_model


class GlRenderer:
    """Draws states (K, S) of `Batch` one after the other, as MuJoCo's documentation shows.

    It is spared what ours does not draw: shadows, reflections and four samples per pixel.
    """

    def __init__(self, task: DrawerConfig) -> None:
        self.size = task.camera.image_size
        self.model = build_model(task, drawn=True)
        self.model.vis.quality.offsamples = 0
        self.data = mujoco.MjData(self.model)
        self.renderer = mujoco.Renderer(self.model, self.size, self.size)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self.renderer.scene.flags[flag] = 0
        self.driver: str = GL.glGetString(GL.GL_RENDERER).decode()
        """What OpenGL's driver calls itself."""

    def images(self, states: np.ndarray) -> np.ndarray:
        """Return the images (K, H, W, 3) uint8."""
        out = np.empty((len(states), self.size, self.size, 3), dtype=np.uint8)
        for state, pixels in zip(states, out):
            mujoco.mj_setState(self.model, self.data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
            mujoco.mj_fwdPosition(self.model, self.data)
            self.renderer.update_scene(self.data, "student")
            self.renderer.render(out=pixels)
        return out
