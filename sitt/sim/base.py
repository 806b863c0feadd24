"""What a simulator promises the task: it moves bodies and draws images, and knows no reward."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Protocol

import torch
from torch import Tensor


class SimState:
    """Named state of all N environments, world frame, float32, SI units, quaternions (w, x, y, z).

    The tensors are live: the next `step` or `reset` overwrites them in place.
    """

    WIDTH: ClassVar[int] = 40
    """Numbers per environment."""

    block: Tensor
    """(N, WIDTH) all of it, side by side; the rest are views, in their order."""
    joint_positions: Tensor
    """(N, 9) rad and m: seven arm joints, left finger, right finger."""
    joint_velocities: Tensor
    """(N, 9) rad/s and m/s."""
    hand_position: Tensor
    """(N, 3) origin of panda_link7."""
    hand_rotation: Tensor
    """(N, 4) orientation of panda_link7."""
    left_finger_position: Tensor
    """(N, 3) origin of panda_leftfinger."""
    right_finger_position: Tensor
    """(N, 3) origin of panda_rightfinger."""
    drawer_position: Tensor
    """(N, 3) origin of the drawer's frame."""
    drawer_rotation: Tensor
    """(N, 4) orientation of the drawer's frame."""
    drawer_opening: Tensor
    """(N,) m, position of drawer_top_joint."""
    drawer_velocity: Tensor
    """(N,) m/s."""

    def __init__(self, block: Tensor) -> None:
        """Name the columns of a block (N, WIDTH)."""
        self.block = block
        (
            self.joint_positions,
            self.joint_velocities,
            self.hand_position,
            self.hand_rotation,
            self.left_finger_position,
            self.right_finger_position,
            self.drawer_position,
            self.drawer_rotation,
            opening,
            velocity,
        ) = block.split((9, 9, 3, 4, 3, 3, 3, 4, 1, 1), -1)
        self.drawer_opening, self.drawer_velocity = opening.squeeze(-1), velocity.squeeze(-1)

    def select(self, env_ids: Tensor) -> SimState:
        """Return a copy of the state of environments (K,)."""
        return SimState(self.block[env_ids])


class Simulator(Protocol):
    """N copies of the scene, stepped together."""

    num_envs: int
    device: torch.device
    state: SimState
    bad_simulations: int
    """How often a simulation diverged and was put back to the default state."""

    def reset(self, env_ids: Tensor, joint_positions: Tensor, cabinet_offset: Tensor) -> None:
        """Put environments at rest with the drawer closed, and refresh `state`.

        Args:
            env_ids: (K,) int64.
            joint_positions: (K, 9) rad and m; also the first position targets.
            cabinet_offset: (K, 4) displacement x, y, z (m) and yaw (rad) of the cabinet.
        """

    def step(self, joint_targets: Tensor) -> None:
        """Advance all environments by one control step towards (N, 9) position targets."""

    def in_view(self) -> Tensor:
        """Return the environments that can be rendered now, (M,) int64, ascending.

        All of them, or the first few if not every one has a camera; and without those whose picture lags behind: after
        a reset of some, not of all, a simulator may need one control step until it can draw them.
        """

    def render(self, env_ids: Tensor) -> Tensor:
        """Return the student's camera images of environments (K,), all in view, as (K, 3, H, W) uint8."""

    def handle_visible(self, env_ids: Tensor) -> Tensor:
        """Return how much of the handle the student's camera sees in environments (K,), (K,) float32 in [0, 1].

        The handle's pixels in the image, over those that it would have if the robot were not there; NaN where there
        would be none, and where the simulator cannot tell.
        """

    def handle_touched(self, env_ids: Tensor) -> Tensor:
        """Return whether the robot is known to be in contact with the handle in environments (K,), (K,) bool."""

    def save(self) -> Dict[str, Any]:
        """Return the full physical state, enough to continue bit for bit: tensors and numbers."""

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
