"""Quaternions (w, x, y, z), batch first: shapes (..., 4) and vectors (..., 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def rotate(q: Tensor, v: Tensor) -> Tensor:
    """Rotate vectors v (..., 3) by unit quaternions q (..., 4); they have equally many dimensions, which broadcast."""
    axis = q[..., 1:]
    half = torch.linalg.cross(axis, v)
    t = half + half  # of a Python number, torch would make a tensor first
    return v + q[..., :1] * t + torch.linalg.cross(axis, t)


def multiply(p: Tensor, q: Tensor) -> Tensor:
    """Hamilton product p ⊗ q: the rotation q followed by p."""
    pw, px, py, pz = p.unbind(-1)
    qw, qx, qy, qz = q.unbind(-1)
    return torch.stack(
        (
            pw * qw - px * qx - py * qy - pz * qz,
            pw * qx + px * qw + py * qz - pz * qy,
            pw * qy - px * qz + py * qw + pz * qx,
            pw * qz + px * qy - py * qx + pz * qw,
        ),
        -1,
    )


def about_z(angle: float) -> Tensor:
    """Return the (4,) rotation by `angle` rad about the z axis."""
    return torch.tensor([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)])


def turns_about_z(angles: Tensor) -> Tensor:
    """Return the rotations (..., 4) by `angles` (...) rad about the z axis, in their precision."""
    half = angles / 2
    return torch.stack([half.cos(), torch.zeros_like(half), torch.zeros_like(half), half.sin()], -1)
