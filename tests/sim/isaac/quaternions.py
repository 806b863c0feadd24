"""omni.isaac.core.utils.torch: quaternions (..., 4) are (w, x, y, z)."""

from __future__ import annotations

import math

import torch


def about_z(angle: float) -> torch.Tensor:
    return torch.tensor([[math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)]])


def quat_conjugate(a):
    return a * torch.tensor([1.0, -1.0, -1.0, -1.0])


def wxyz_multiply(a, b):
    (w, u), (x, v) = ((q[..., :1], q[..., 1:]) for q in (a, b))
    return torch.cat([w * x - (u * v).sum(-1, keepdim=True), w * v + x * u + torch.linalg.cross(u, v)], -1)


def quat_apply(a, b):
    pure = torch.cat([torch.zeros_like(b[..., :1]), b], -1)
    return wxyz_multiply(wxyz_multiply(a, pure), quat_conjugate(a))[..., 1:]


def quat_mul(a, b):
    assert a.shape == b.shape
    return wxyz_multiply(a, b)


def tf_inverse(q, t):
    return quat_conjugate(q), -quat_apply(quat_conjugate(q), t)


def tf_combine(q1, t1, q2, t2):
    return quat_mul(q1, q2), quat_apply(q1, t2) + t1


def tf_vector(q, v):
    return quat_apply(q, v)


def tensor_clamp(t, min_t, max_t):
    return torch.max(torch.min(t, max_t), min_t)
