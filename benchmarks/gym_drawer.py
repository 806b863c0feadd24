"""FrankaDrawer as a Gymnasium environment of one MjModel and MjData, in lean NumPy: what one writes without `Batch`.

The same model, controls, substeps, observation, reward and resets as `sitt.env`; tests/speed/test_gym_drawer.py shows
it. Where a vector has three or four numbers, plain floats are faster than NumPy, and are used.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import gymnasium
import mujoco
import numpy as np

from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.model import build_model, yaw_quaternion
from sitt.task.rewards import BONUS_OPENINGS, CLOSE, FINGER_RANGE, GRIP, NEAR

Vector = List[float]


class FrankaDrawerEnv(gymnasium.Env):
    """One episode at a time; observation (23,), action (9,) in ±1."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (23,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (9,), np.float32)

    def __init__(self, task: DrawerConfig) -> None:
        self.task, self.model = task, build_model(task)
        self.data = mujoco.MjData(self.model)
        robot = task.robot
        self.default = np.array(robot.default_joint_positions)
        self.lower, self.upper = np.array(robot.joint_lower), np.array(robot.joint_upper)
        self.max_step = np.array(robot.velocity_limits) * task.control_dt
        self.action_step = np.array(robot.speed_scales) * robot.action_scale * task.control_dt
        stiffness = np.array(robot.stiffness)
        self.reach, self.lag = np.array(robot.force_limits) / stiffness, np.array(robot.damping) / stiffness
        self.lead = self.lag * np.array(robot.velocity_limits)
        self.grasp_offset = [m + s for m, s in zip(robot.finger_midpoint, robot.grasp_shift)]
        half = robot.finger_yaw / 2
        self.finger_rotation = [float(np.cos(half)), 0.0, 0.0, float(np.sin(half))]
        offset = task.cabinet.offset
        self.displacement = np.array([offset.x, offset.y, offset.z, offset.yaw])
        self.targets, self.steps, self.since_success = self.default.copy(), 0, 0

    def reset(
        self, *, seed: int | None = None, options: Dict[str, Any] | None = None
    ) -> Tuple[np.ndarray, Dict[str, Any]]:
        """Start an episode; `options` may name `joints` (9,) and the cabinet's `displacement` (4,)."""
        super().reset(seed=seed)
        rng, options = self.np_random, options or {}
        noise = self.task.robot.reset_noise * rng.uniform(-1.0, 1.0, 9)
        joints = options.get("joints", np.clip(self.default + noise, self.lower, self.upper))
        displacement = options.get("displacement", rng.uniform(-1.0, 1.0, 4) * self.displacement)
        data = self.data
        mujoco.mj_resetData(self.model, data)
        data.mocap_pos[0] = self.task.cabinet.position + displacement[:3]
        data.mocap_quat[0] = yaw_quaternion(displacement[3])
        data.qpos[:9] = data.ctrl[:] = self.targets = joints
        mujoco.mj_step1(self.model, data)
        self.steps = self.since_success = 0
        return self._observe(), {}

    def step(self, action: np.ndarray) -> Tuple[np.ndarray, float, bool, bool, Dict[str, Any]]:
        """Move the joint targets by an action (9,), clipped to ±1, and the bodies by one control step."""
        model, data, task = self.model, self.data, self.task
        action = np.minimum(np.maximum(action, -1.0), 1.0)
        position = data.qpos[:9]
        centre = position + self.lag * data.qvel[:9]
        low, high = centre - self.reach, centre + self.reach
        targets = self.targets + np.minimum(np.maximum(self.action_step * action, -self.max_step), self.max_step)
        if task.robot.anti_windup:
            targets = np.minimum(np.maximum(targets, low), high)
        self.targets = np.minimum(np.maximum(targets, self.lower), self.upper)
        control = np.minimum(np.maximum(self.targets, position - self.lead), position + self.lead)
        data.ctrl[:] = np.minimum(np.maximum(control, low), high)
        for _ in range(task.substeps):  # ends with what derives from the new state, and computes nothing twice
            mujoco.mj_step2(model, data)
            mujoco.mj_step1(model, data)
        observation = self._observe()
        reward = self._reward(action)
        success = data.sensordata[38] > task.success_opening
        self.since_success += success or self.since_success > 0
        enough = self.since_success > task.steps_after_success
        self.steps += 1
        terminated = enough and task.success_is == "termination"
        truncated = self.steps >= task.episode_length or (enough and task.success_is == "truncation")
        return observation, reward, bool(terminated), bool(truncated and not terminated), {"success": bool(success)}

    def _observe(self) -> np.ndarray:
        """Return the teacher's observation, and keep what the reward needs too."""
        block, limit = self.data.sensordata, self.task.observation_clip
        self.sensors: Vector = block.tolist()
        hand, drawer = self.sensors[18:21], self.sensors[31:34]
        self.hand_rotation, self.drawer_rotation = self.sensors[21:25], self.sensors[34:38]
        self.handle = _add(drawer, _rotate(self.drawer_rotation, self.task.cabinet.handle_offset))
        grasp = _add(hand, _rotate(self.hand_rotation, self.grasp_offset))
        self.way = [a - b for a, b in zip(self.handle, grasp)]
        observation = np.empty(23, np.float32)
        observation[:9] = 2.0 * (block[:9] - self.lower) / (self.upper - self.lower) - 1.0
        observation[9:18] = block[9:18] * self.task.velocity_scale
        observation[18:21] = self.way
        observation[21:] = block[38:40]
        return np.minimum(np.maximum(observation, -limit), limit)

    def _reward(self, action: np.ndarray) -> float:
        """Return the task reward of the state that was observed last."""
        cfg, sensors = self.task.reward, self.sensors
        x, y, z = self.way
        square = x * x + y * y + z * z
        distance = square**0.5
        gripper = _multiply(self.hand_rotation, self.finger_rotation)
        forward = _dot(_rotate(gripper, (0.0, 0.0, 1.0)), _rotate(self.drawer_rotation, (-1.0, 0.0, 0.0)))
        up = _dot(_rotate(gripper, (0.0, 1.0, 0.0)), _rotate(self.drawer_rotation, (0.0, 0.0, 1.0)))
        left = sensors[27] - self.handle[2]
        right = sensors[30] - self.handle[2] if cfg.finger_reward == "fixed" else left
        between = left > 0 and right < 0
        around, opening = 0.5 * between, sensors[38]
        closing = 2 * FINGER_RANGE - sensors[7] - sensors[8]
        first, second, third = (opening > threshold for threshold in BONUS_OPENINGS)
        return float(
            cfg.distance * (2.0 if distance <= NEAR else 1.0) / (1.0 + square) ** 2
            + cfg.rotation * 0.5 * (forward * abs(forward) + up * abs(up))
            + cfg.around * around
            + cfg.open * opening * (1.0 + around)
            + cfg.finger_distance * between * (2 * FINGER_RANGE - abs(left) - abs(right))
            + cfg.finger_close * (distance <= CLOSE) * closing
            + cfg.grip * first * between * (distance <= GRIP) * closing
            - cfg.action * action.dot(action)
            + 0.5 * first
            + around * second
            + 2.0 * around * third
            + cfg.success * (opening > self.task.success_opening)
        )


def _add(a: Vector, b: Vector) -> Vector:
    return [a[0] + b[0], a[1] + b[1], a[2] + b[2]]


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _rotate(q: Vector, v: Any) -> Vector:
    """Rotate a vector by a unit quaternion (w, x, y, z)."""
    w, x, y, z = q
    a, b, c = v
    tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    return [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx]


def _multiply(p: Vector, q: Vector) -> Vector:
    pw, px, py, pz = p
    qw, qx, qy, qz = q
    return [
        pw * qw - px * qx - py * qy - pz * qz,
        pw * qx + px * qw + py * qz - pz * qy,
        pw * qy - px * qz + py * qw + pz * qx,
        pw * qz + px * qy - py * qx + pz * qw,
    ]
