"""What a simulator promises the task: it moves bodies and draws images, and knows no reward."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Dict, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class SimState:
    """Named state of all N environments, world frame, float32, SI units, quaternions (w, x, y, z).

    The tensors are live: the next `step` or `reset` overwrites them in place.
    """

    WIDTH: ClassVar[int] = 40
    """Numbers per environment."""

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

    @classmethod
    def of_block(cls, block: Tensor) -> SimState:
        """Return the state whose fields are views of a block (N, WIDTH), side by side in their order."""
        return cls(
            joint_positions=block[:, 0:9],
            joint_velocities=block[:, 9:18],
            hand_position=block[:, 18:21],
            hand_rotation=block[:, 21:25],
            left_finger_position=block[:, 25:28],
            right_finger_position=block[:, 28:31],
            drawer_position=block[:, 31:34],
            drawer_rotation=block[:, 34:38],
            drawer_opening=block[:, 38],
            drawer_velocity=block[:, 39],
        )

    def select(self, env_ids: Tensor) -> SimState:
        """Return a copy of the state of environments (K,)."""
        return SimState(**{field.name: getattr(self, field.name)[env_ids] for field in fields(self)})


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
