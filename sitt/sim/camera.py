"""The student's camera: one pose for every simulator."""

from __future__ import annotations

from typing import Sequence

import numpy as np


def camera_axes(eye: Sequence[float], target: Sequence[float]) -> np.ndarray:
    """Return the axes of an upright camera that looks from `eye` at `target` (m), as the columns of a rotation (3, 3).

    Right, up and back: MuJoCo's and USD's cameras look along their own -z, with y up.
    """
    back = np.subtract(eye, target)
    back = back / np.linalg.norm(back)
    right = np.cross((0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back], axis=1)
