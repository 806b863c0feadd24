"""The cabinet and where it stands: each environment's is displaced at each reset."""

from __future__ import annotations

from typing import Tuple

from torch import Tensor

from sitt.task.rotations import multiply, rotate, turns_about_z

POSITION = (0.0, 0.0, 0.4)
"""m; where OIGE puts the cabinet (robots/articulations/cabinet.py, line 58)."""
DRAWER = (0.0515, 0.0, 0.3172)
"""m; origin of the closed top drawer in the cabinet's frame [U]."""
DRAWER_JOINT, DRAWER_INDEX = "drawer_top_joint", 3
"""OIGE reads the drawer's joint by this index (tasks/franka_cabinet.py, lines 310 and 429)."""
HANDLE_BOXES = (
    ((0.304, 0.0, 0.0092), (0.016, 0.167, 0.0244)),
    ((0.284, 0.06325, 0.0092), (0.022, 0.0405, 0.0244)),
    ((0.284, -0.06325, 0.0092), (0.022, 0.0405, 0.0244)),
)
"""m; centre and size of the handle's bar and posts in the drawer's frame [U]."""


def displaced(positions: Tensor, rotations: Tensor, pivots: Tensor, offset: Tensor) -> Tuple[Tensor, Tensor]:
    """Move poses (K, 3) and (K, 4) with a cabinet that stands at `pivots` (K, 3).

    Args:
        positions: m.
        rotations: unit quaternions (w, x, y, z).
        pivots: m; the cabinet's origin, through whose vertical it is turned.
        offset: (K, 4) displacement x, y, z (m) and yaw (rad).
    """
    turn = turns_about_z(offset[:, 3])
    return pivots + rotate(turn, positions - pivots) + offset[:, :3], multiply(turn, rotations)
