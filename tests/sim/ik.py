"""Inverse kinematics for the tests: which joint positions put the hand at a pose?"""

from __future__ import annotations

import mujoco
import numpy as np

LEVEL = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Hand before the drawer: pointing along world -x, closing along world z (columns are its axes)."""


def solve(model: mujoco.MjModel, start: np.ndarray, position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Return arm joint positions (7,) that put the hand's frame at a world pose, by damped least squares.

    Raises:
        AssertionError: no such pose was found from `start` (7,).
    """
    data = mujoco.MjData(model)
    data.qpos[:7] = start
    hand = model.body("hand").id
    move, turn = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    error = np.zeros(6)
    for _ in range(300):
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        now = data.xmat[hand].reshape(3, 3)
        error[:3] = position - data.xpos[hand]
        error[3:] = 0.5 * np.cross(now.T, rotation.T).sum(axis=0)
        if np.abs(error).max() < 1e-6:
            return data.qpos[:7].copy()
        mujoco.mj_jacBody(model, data, move, turn, hand)
        jacobian = np.vstack([move, turn])[:, :7]
        step = jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 1e-4 * np.eye(6), error)
        data.qpos[:7] += np.clip(step, -0.2, 0.2)
        data.qpos[:7] = np.clip(data.qpos[:7], model.jnt_range[:7, 0], model.jnt_range[:7, 1])
    raise AssertionError(f"no joint positions found for {position}; error {error}")
