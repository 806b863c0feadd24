"""Observations, actions, starts and episode ends of the task on the real simulator."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from sitt.config.compose import compose
from sitt.env import make_env
from sitt.seeding import generator
from sitt.sim import make_simulator
from sitt.sim.base import SimState
from sitt.task.franka_drawer import FrankaDrawer


@pytest.fixture(scope="module")
def config():
    return compose("embedded", "joint", 0)


@pytest.fixture(scope="module")
def task(config):
    return FrankaDrawer(config.task)


@pytest.fixture(scope="module")
def simulator(config):
    return make_simulator(config.task, config.sim, 4, 1)


def place(task, simulator, displacement):
    joints = task.default_joints.expand(simulator.num_envs, 9)
    simulator.reset(torch.arange(simulator.num_envs), joints, displacement)
    return simulator.state


def test_observation_layout_and_scaling(task, simulator):
    state = place(task, simulator, torch.zeros(4, 4))
    points = task.points(state)
    observation = task.observe(state, points)
    assert observation.shape == (4, 23)
    # Joint 1 at 1.157 of ±2.8973; finger at 0.035 of [0, 0.04].
    assert observation[0, 0] == pytest.approx(1.157 / 2.8973, abs=1e-5)
    assert observation[0, 7] == pytest.approx(2 * 0.035 / 0.04 - 1, abs=1e-5)
    assert observation[0, 9:18].abs().max() == 0
    assert torch.allclose(observation[:, 18:21], points.handle - points.grasp)
    assert observation[0, 21:].abs().max() < 1e-6


def test_handle_point_of_the_closed_drawer(task, simulator):
    state = place(task, simulator, torch.zeros(4, 4))
    # Cabinet (-0.05, 0, 0.4) + drawer joint (0.0515, 0, 0.3172) + handle (0.3, 0.01, 0).
    assert torch.allclose(task.points(state).handle[0], torch.tensor([0.3015, 0.01, 0.7172]), atol=1e-5)


def test_the_reward_jumps_where_the_drawer_counts_as_open(task, simulator, config):
    state = place(task, simulator, torch.zeros(4, 4))
    openings = torch.tensor([0.2, 0.3, 0.389, 0.391])
    handle, above = task.points(state).handle, torch.tensor([0.0, 0.0, 0.03])
    state.drawer_opening[:] = openings
    state.left_finger_position[:], state.right_finger_position[:] = handle + above, handle - above
    reward = task.reward(state, task.points(state), torch.zeros(4, 9))
    cfg = config.task.reward
    # Of all terms only "open" (half as much again between the fingers), its bonuses and "success" tell the four apart.
    assert task.success(state).tolist() == [False, False, False, True]
    assert (reward[2] - reward[1]).item() == pytest.approx(1.5 * cfg.open * 0.089, abs=1e-4)
    assert (reward[3] - reward[2]).item() == pytest.approx(1.5 * cfg.open * 0.002 + 1.0 + cfg.success, abs=1e-4)


def test_axes_of_gripper_and_drawer_agree_with_scipy(task, config):
    turns = Rotation.random(50, random_state=0), Rotation.random(50, random_state=1)
    hand, drawer = (torch.tensor(turn.as_quat()[:, [3, 0, 1, 2]], dtype=torch.float32) for turn in turns)
    state = SimState(torch.zeros(50, SimState.WIDTH))
    state.hand_rotation[:], state.drawer_rotation[:] = hand, drawer
    inputs = task.reward_inputs(state, task.points(state), torch.zeros(50, 9))
    gripper = turns[0] * Rotation.from_euler("z", config.task.robot.finger_yaw)
    forward = (gripper.apply([0, 0, 1]) * turns[1].apply([-1, 0, 0])).sum(1)
    up = (gripper.apply([0, 1, 0]) * turns[1].apply([0, 0, 1])).sum(1)
    assert np.allclose(inputs.forward_dot, forward, atol=1e-6) and np.allclose(inputs.up_dot, up, atol=1e-6)


def test_displacements_mirror(task, simulator):
    """Opposite displacements move the handle by opposite vectors; yaw turns it about the cabinet's axis."""
    offsets = torch.tensor([[0.1, 0.2, 0.05, 0.0], [-0.1, -0.2, -0.05, 0.0], [0, 0, 0, 0.3], [0, 0, 0, -0.3]])
    handles = task.points(place(task, simulator, offsets)).handle
    rest = torch.tensor([0.3015, 0.01, 0.7172])
    assert torch.allclose(handles[0] - rest, torch.tensor([0.1, 0.2, 0.05]), atol=1e-5)
    assert torch.allclose(handles[0] + handles[1], 2 * rest, atol=1e-5)
    for handle, yaw in zip(handles[2:], (0.3, -0.3)):
        turned = (0.3515 * math.cos(yaw) - 0.01 * math.sin(yaw), 0.3515 * math.sin(yaw) + 0.01 * math.cos(yaw))
        assert (handle[:2] + torch.tensor([0.05, 0.0])).tolist() == pytest.approx(turned, abs=1e-5)


def with_anti_windup(config, on):
    robot = config.task.robot.model_copy(update={"anti_windup": on})
    return FrankaDrawer(config.task.model_copy(update={"robot": robot}))


def test_targets_obey_velocity_and_joint_limits(config, simulator):
    task = with_anti_windup(config, False)
    state = place(task, simulator, torch.zeros(4, 4))
    targets = task.default_joints.expand(4, 9)
    full = task.joint_targets(targets, torch.ones(4, 9), state)
    step = full[0] - targets[0]
    # 7.5 rad/s would be 0.125 rad a step; the limits are 2.175 and 2.61 rad/s.
    assert step[:4].tolist() == pytest.approx([2.175 / 60] * 4, abs=1e-6)
    assert step[4:7].tolist() == pytest.approx([2.61 / 60] * 3, abs=1e-6)
    # Fingers: 0.1 x 7.5 / 60 = 0.0125 m, limited to 0.2 / 60, and to the joint's end.
    assert step[7:].tolist() == pytest.approx([0.2 / 60] * 2, abs=1e-6)
    small = task.joint_targets(targets, torch.full((4, 9), 0.1), state)
    assert (small - targets)[0, 0] == pytest.approx(0.1 * 7.5 / 60, abs=1e-6)
    for _ in range(400):
        full = task.joint_targets(full, torch.ones(4, 9), state)
    assert torch.equal(full[0], task.upper)


@pytest.mark.parametrize("anti_windup", [True, False])
def test_targets_do_not_wind_up_before_an_obstacle(config, simulator, anti_windup):
    task = with_anti_windup(config, anti_windup)
    state = place(task, simulator, torch.zeros(4, 4))  # something holds the robot here, whatever the drives do
    start = targets = task.default_joints.expand(4, 9)
    for _ in range(30):
        targets = task.joint_targets(targets, torch.ones(4, 9), state)
    # Held still, joint 1 pushes with its 87 N m from 87 / 400 rad on, joint 7 with its 12 N m from 12 / 400 rad on.
    lead = [87 / 400, 12 / 400] if anti_windup else [30 * 2.175 / 60, 30 * 2.61 / 60]
    assert (targets - start)[0, [0, 6]].tolist() == pytest.approx(lead, abs=1e-5)
    # A joint that moves at its velocity limit needs the lead (80 / 400) s x 2.175 rad/s for that alone.
    state.joint_velocities[:] = 2.175
    for _ in range(30):
        targets = task.joint_targets(targets, torch.ones(4, 9), state)
    lead = 87 / 400 + 0.2 * 2.175 if anti_windup else 60 * 2.175 / 60
    assert (targets - start)[0, 0] == pytest.approx(min(lead, 2.8973 - 1.157), abs=1e-5)


def test_starts_fill_the_configured_intervals():
    offset = "task.cabinet.offset={x: 0.15, y: 0.25, z: 0.08, yaw: 0.3}"
    task = FrankaDrawer(compose("embedded", "joint", 0, (offset,)).task)
    joints, displacement = task.sample_start(4000, generator(0, "test"))
    spread = torch.tensor([0.15, 0.25, 0.08, 0.3])
    assert (displacement.abs() <= spread).all()
    assert torch.allclose(displacement.abs().amax(0), spread, rtol=0.02)
    assert displacement.mean(0).abs().max() < 0.02
    noise = joints[:, :7] - task.default_joints[:7]
    assert noise.abs().max() <= 0.125 + 1e-6 and noise.abs().max() > 0.124
    assert joints[:, 7:].min() >= 0 and joints[:, 7:].max() <= 0.04


def test_episode_is_truncated_at_its_length_and_restarted(config):
    env = make_env(config, 3, generator(1, "environment"))
    env.steps[:] = torch.tensor([0, config.task.episode_length - 1, 5])
    step = env.step(torch.zeros(3, 9))
    assert step.truncated.tolist() == [False, True, False]
    assert not step.terminated.any()
    assert env.steps.tolist() == [1, 0, 6]
    # The ended environment's final observation is kept apart from the first one of its new episode.
    assert not torch.equal(step.observation[1], step.final_observation[1])
    assert torch.equal(step.observation[0], step.final_observation[0])


def play_on_after_success(config, success_is, steps_after_success, steps):
    """Open the drawer of the first of two environments; return the last step and the environments."""
    task = config.task.model_copy(update={"success_is": success_is, "steps_after_success": steps_after_success})
    env = make_env(config.model_copy(update={"task": task}), 2, generator(1, "environment"))
    env.steps[:] = 0
    env.world.simulator.physics.qpos[0, 9] = 0.395
    for _ in range(steps):
        step = env.step(torch.zeros(2, 9))
    return step, env


@pytest.mark.parametrize("success_is", ["truncation", "termination"])
def test_success_ends_the_episode_as_configured(config, success_is):
    step, env = play_on_after_success(config, success_is, steps_after_success=0, steps=1)
    assert step.success.tolist() == [True, False]
    assert step.truncated.tolist() == [success_is == "truncation", False]
    assert step.terminated.tolist() == [success_is == "termination", False]
    assert env.steps.tolist() == [0, 1]


def test_the_episode_goes_on_for_the_configured_steps_after_success(config):
    step, env = play_on_after_success(config, "truncation", steps_after_success=2, steps=2)
    assert not step.truncated.any()
    env.world.simulator.physics.qpos[0, 9] = 0.1  # pushed shut again: it was open once, which is success
    step = env.step(torch.zeros(2, 9))
    assert step.truncated.tolist() == [True, False]
    assert env.steps.tolist() == [0, 3] and env.world.since_success.tolist() == [0, 0]


def test_success_as_a_continuation_ends_nothing(config):
    step, env = play_on_after_success(config, "continuation", steps_after_success=0, steps=3)
    assert not (step.truncated | step.terminated).any()
    assert env.steps.tolist() == [3, 3]
