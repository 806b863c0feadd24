"""Images of the physics' states, on its device."""

from __future__ import annotations

import mujoco_warp as mjw
import warp as wp
from torch import Tensor

from sitt.config.sim import MujocoWarpConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco_warp.raytracer import RayTracer


class WarpRenderer(RayTracer):
    """Draws states (K, nq + 7): joint positions, then the cabinet's position and rotation."""

    def __init__(self, task: DrawerConfig, sim: MujocoWarpConfig, robot: bool = True) -> None:
        super().__init__(task, sim.render_batch, sim.device, robot=robot)
        data = self._warp_data
        self._places = tuple(wp.to_torch(array) for array in (data.qpos, data.mocap_pos, data.mocap_quat))

    def _pose(self, states: Tensor) -> None:
        qpos, position, rotation = (place[: len(states)] for place in self._places)
        joints = qpos.shape[1]
        qpos[:] = states[:, :joints]
        position[:, 0], rotation[:, 0] = states[:, joints : joints + 3], states[:, joints + 3 :]
        mjw.kinematics(self._warp_model, self._warp_data)
