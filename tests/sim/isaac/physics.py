"""Physics of N environments: MuJoCo's, with PhysX's habit that link poses are those of the last step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from isaac.quaternions import about_z, wxyz_multiply
from pxr import UsdGeom

from sitt.config.sim import SimConfig
from sitt.sim.mujoco.simulator import MujocoSimulator

if TYPE_CHECKING:
    from isaac.kit import Kit


class Physics:
    """N environments of MuJoCo behind PhysX's views; world frame."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        envs = [prim for prim in kit.stage.GetPrimAtPath("/World/envs").GetChildren()]
        self.count = len(envs)
        at = [UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0).ExtractTranslation() for prim in envs]
        self.origin = torch.tensor([list(p) for p in at], dtype=torch.float32)
        one = kit.drawer.model_copy(update={"substeps": 1})
        self.mujoco = MujocoSimulator(one, SimConfig(name="mujoco", render_batch=4), self.count, 1)
        self.targets = self.mujoco.state.joint_positions.clone()
        self.velocity_targets = torch.zeros(self.count, 9)
        self.other_joints = torch.zeros(self.count, 4)
        self.props = (self.mujoco.model.nq - 10) // 7
        self.place_cabinets(torch.arange(self.count), self.origin + torch.tensor([0.0, 0.0, 0.4]), about_z(0.0))
        # OIGE's cabinet and cubes are not where our configuration has them.
        away = np.subtract((0.0, 0.0, 0.4), kit.drawer.cabinet.position)
        for cube in range(self.props):
            self.mujoco.physics.qpos[:, 10 + 7 * cube : 13 + 7 * cube] += away
        self.steps = 0
        self.refresh()

    def place_cabinets(self, ids: torch.Tensor, positions: torch.Tensor, rotations: torch.Tensor) -> None:
        batch = self.mujoco.physics.batch
        batch.mocap_pos[ids.numpy(), 0] = (positions - self.origin[ids]).numpy()
        batch.mocap_quat[ids.numpy(), 0] = rotations.numpy()

    def step(self) -> None:
        assert not self.velocity_targets.any(), "a drive would pull towards a velocity"
        self.mujoco.step(self.targets)
        self.steps += 1
        self.refresh()

    def refresh(self) -> None:
        """Take over what only a step makes known."""
        state = self.mujoco.state
        yaw = about_z(self.kit.drawer.robot.finger_yaw).expand(self.count, 4)
        finger = wxyz_multiply(state.hand_rotation, yaw)
        self.links = {
            "panda_link7": (state.hand_position + self.origin, state.hand_rotation.clone()),
            "panda_leftfinger": (state.left_finger_position + self.origin, finger),
            "panda_rightfinger": (state.right_finger_position + self.origin, finger),
            "drawer_top": (state.drawer_position + self.origin, state.drawer_rotation.clone()),
        }
        if not self.kit.frozen or self.steps < 2:
            self.pictured = self.mujoco.physics.state.copy()
