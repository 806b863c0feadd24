"""OIGE's drawer reward, term by term (franka_cabinet.py, compute_franka_reward), and two terms of ours."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sitt.config.task import RewardConfig

FINGER_RANGE = 0.04
"""m; half the gripper's opening, from which OIGE's finger terms count [O]."""
NEAR, CLOSE = 0.02, 0.03
"""m; hand-to-handle distances of the doubled distance reward and of the finger-closing reward [O]."""
BONUS_OPENINGS = (0.01, 0.2, 0.39)
"""m; drawer openings at which OIGE adds its bonuses [O]."""
GRIP = 0.08
"""m; hand-to-handle distance up to which closing the fingers of a pulling hand counts [ours]."""


class RewardInputs(NamedTuple):
    """All that the reward depends on; tensors are (N,) or as stated."""

    distance: Tensor
    """m between grasp and handle point."""
    forward_dot: Tensor
    """Cosine between the gripper's forward axis and the drawer's inward axis."""
    up_dot: Tensor
    """Cosine between the gripper's up axis and the drawer's up axis."""
    left_finger_height: Tensor
    """m of the left finger's origin above the handle point."""
    right_finger_height: Tensor
    """m of the right finger's origin above the handle point."""
    fingers: Tensor
    """(N, 2) finger joint positions, m."""
    opening: Tensor
    """m of the drawer."""
    success: Tensor
    """Whether the drawer is open, bool."""
    actions: Tensor
    """(N, 9) clipped actions."""


class Reward:
    """The weighted terms."""

    def __init__(self, cfg: RewardConfig) -> None:
        self._reads_both_fingers = cfg.finger_reward == "fixed"
        # Tensors (): of a Python number each operation would make one first, which takes longer than the operation.
        weights = cfg.model_dump(exclude={"finger_reward"})
        self._weights = {name: torch.tensor(weight) for name, weight in weights.items()}
        self._distances = torch.tensor([[NEAR], [CLOSE], [GRIP]])
        self._openings = torch.tensor(BONUS_OPENINGS).unsqueeze(-1)
        self._gripper_range = torch.tensor(2 * FINGER_RANGE)
        self._half, self._one = torch.tensor([0.5, 1.0])

    def terms(self, inputs: RewardInputs) -> dict[str, Tensor]:
        """Return each weighted term (N,) by name; the task reward is their sum."""
        weights, half, one = self._weights, self._half, self._one
        near, close, within_grip = (inputs.distance <= self._distances).to(inputs.distance.dtype)
        fall = one + inputs.distance * inputs.distance
        distance = (one + near) / (fall * fall)
        rotation = half * (inputs.forward_dot * inputs.forward_dot.abs() + inputs.up_dot * inputs.up_dot.abs())

        left = inputs.left_finger_height
        # OIGE issue 151: upstream reads the left finger twice, so the handle is never between the fingers.
        right = inputs.right_finger_height if self._reads_both_fingers else left
        between = ((left > 0) & (right < 0)).to(distance.dtype)
        around = half * between
        finger_distance = between * (self._gripper_range - left.abs() - right.abs())
        left_finger, right_finger = inputs.fingers.unbind(-1)
        closing = self._gripper_range - (left_finger + right_finger)

        first, second, third = (inputs.opening > self._openings).to(inputs.opening.dtype)
        return {
            "distance": weights["distance"] * distance,
            "rotation": weights["rotation"] * rotation,
            "around": weights["around"] * around,
            "open": weights["open"] * inputs.opening * (one + around),
            "finger_distance": weights["finger_distance"] * finger_distance,
            "finger_close": weights["finger_close"] * close * closing,
            "grip": weights["grip"] * first * between * within_grip * closing,
            "action": -weights["action"] * (inputs.actions * inputs.actions).sum(-1),
            "bonus": half * first + around * second + between * third,
            "success": weights["success"] * inputs.success,
        }
