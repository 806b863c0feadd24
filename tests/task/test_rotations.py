"""Quaternions against scipy's rotations."""

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from sitt.task.rotations import about_z, multiply, rotate


def random_rotations(count, seed):
    rotations = Rotation.random(count, rng=np.random.default_rng(seed))
    xyzw = rotations.as_quat()
    return rotations, torch.tensor(xyzw[:, [3, 0, 1, 2]])


def test_rotate_and_multiply_agree_with_scipy():
    first, q1 = random_rotations(20, 0)
    second, q2 = random_rotations(20, 1)
    vectors = np.random.default_rng(2).normal(size=(20, 3))
    assert np.allclose(rotate(q1, torch.tensor(vectors)), first.apply(vectors))
    assert np.allclose(rotate(multiply(q1, q2), torch.tensor(vectors)), (first * second).apply(vectors))


def test_about_z_turns_x_into_y():
    turned = rotate(about_z(math.pi / 2), torch.tensor([1.0, 0.0, 0.0]))
    assert torch.allclose(turned, torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)
