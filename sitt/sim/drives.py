"""What the robot's position drives can do, in numbers: their force and their speed."""

from __future__ import annotations

import torch
from torch import Tensor

from sitt.config.task import RobotConfig


class Drives:
    """Nine drives, each of which pushes with k (target − q) − d q'."""

    def __init__(self, robot: RobotConfig, dtype: torch.dtype = torch.float32) -> None:
        force, stiffness, damping, speed = (
            torch.tensor(values, dtype=dtype)
            for values in (robot.force_limits, robot.stiffness, robot.damping, robot.velocity_limits)
        )
        self._reach = force / stiffness
        self._lag = damping / stiffness
        self._lead = self._lag * speed

    def within_force(self, targets: Tensor, position: Tensor, velocity: Tensor) -> Tensor:
        """Limit targets (N, 9) so that the force stays within ±f: to q + (d q' ± f) / k."""
        centre = position + self._lag * velocity
        return torch.clamp(targets, centre - self._reach, centre + self._reach)

    def within_limits(self, targets: Tensor, position: Tensor, velocity: Tensor) -> Tensor:
        """Limit targets (N, 9) so that the drives keep the robot's velocity and force limits.

        A drive settles at the speed k (target − q) / d, so the target leads q by at most d / k times the velocity
        limit. MuJoCo's own force limit would switch off the drive's implicit damping while it saturates, which makes
        the light fingers jump, and it has no velocity limit.
        """
        targets = torch.clamp(targets, position - self._lead, position + self._lead)
        return self.within_force(targets, position, velocity)
