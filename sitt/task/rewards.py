"""OIGE's drawer reward, term by term (franka_cabinet.py, compute_franka_reward), and two terms of ours."""

from __future__ import annotations

from typing import NamedTuple

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


def reward_terms(inputs: RewardInputs, cfg: RewardConfig) -> dict[str, Tensor]:
    """Return each weighted term (N,) by name; the task reward is their sum."""
    near = 1.0 + (inputs.distance <= NEAR)
    fall = 1.0 + inputs.distance * inputs.distance
    distance = near / (fall * fall)
    rotation = 0.5 * (inputs.forward_dot * inputs.forward_dot.abs() + inputs.up_dot * inputs.up_dot.abs())

    left = inputs.left_finger_height
    # OIGE issue 151: upstream reads the left finger twice, so the handle is never between the fingers.
    right = inputs.right_finger_height if cfg.finger_reward == "fixed" else left
    between = ((left > 0) & (right < 0)).to(distance.dtype)
    around = 0.5 * between
    finger_distance = between * (2 * FINGER_RANGE - left.abs() - right.abs())
    left_finger, right_finger = inputs.fingers.unbind(-1)
    closing = 2 * FINGER_RANGE - (left_finger + right_finger)

    first, second, third = (inputs.opening > threshold for threshold in BONUS_OPENINGS)
    return {
        "distance": cfg.distance * distance,
        "rotation": cfg.rotation * rotation,
        "around": cfg.around * around,
        "open": cfg.open * inputs.opening * (1.0 + around),
        "finger_distance": cfg.finger_distance * finger_distance,
        "finger_close": cfg.finger_close * (inputs.distance <= CLOSE) * closing,
        "grip": cfg.grip * first * between * (inputs.distance <= GRIP) * closing,
        "action": -cfg.action * inputs.actions.square().sum(-1),
        "bonus": 0.5 * first + around * second + 2.0 * around * third,
        "success": cfg.success * inputs.success,
    }
