"""What `sitt.sim.base.Simulator` promises, on every simulator; Isaac Sim runs under the fakes."""

from __future__ import annotations

import math

import pytest
import torch
from isaac.setup import ABOVE, drawer, isaac, isaac_sim
from test_mujoco import panda, random_start, random_targets, rotation, yaw_matrix

from sitt.config.sim import MujocoWarpConfig, SimConfig
from sitt.env import Env
from sitt.guard import NotFiniteError
from sitt.seeding import generator
from sitt.sim import make_simulator
from sitt.sim.base import SimState
from sitt.task.drawer_world import DrawerWorld
from sitt.task.franka_drawer import FrankaDrawer

TASK = drawer({"camera": ABOVE, "episode_length": 20, "steps_after_success": 0})
DEFAULT = torch.tensor(TASK.robot.default_joint_positions)


@pytest.fixture(params=["mujoco", "mujoco_warp", "isaacsim"])
def make(request):
    """Return what makes simulators of N environments."""
    if request.param == "mujoco":
        yield lambda count: make_simulator(TASK, SimConfig(name="mujoco", render_batch=4), count, 1)
    elif request.param == "mujoco_warp":
        sim = request.getfixturevalue("warp_on_cpu")
        assert isinstance(sim, MujocoWarpConfig)
        yield lambda count: make_simulator(TASK, sim, count, 1)
    else:
        with isaac(TASK):
            yield lambda count: make_simulator(TASK, isaac_sim(cameras=4), count, 1)


def copy(state: SimState) -> SimState:
    return state.select(torch.arange(len(state.drawer_opening)))


def assert_equal(one: SimState, other: SimState, rows=slice(None), atol=0.0) -> None:
    assert torch.allclose(one.block[rows], other.block[rows], rtol=0, atol=atol)


def test_a_reset_shows_at_once_in_the_state_and_leaves_the_others_alone(make):
    simulator = make(6)
    joints, offset = random_start(6)
    for targets in random_targets(5, 6):
        simulator.step(targets)
    before = copy(simulator.state)
    order = torch.tensor([4, 1, 3])
    simulator.reset(order, joints[order], offset[order])
    state = simulator.state
    assert_equal(state, before, torch.tensor([0, 2, 5]))
    assert torch.allclose(state.joint_positions[order], joints[order], atol=1e-6)
    assert state.joint_velocities[order].abs().max() == state.drawer_velocity[order].abs().max() == 0
    assert state.drawer_opening[order].abs().max() == 0
    turn = yaw_matrix(TASK.robot.base_yaw)
    for env in order.tolist():
        hand = panda(joints[env].double().numpy())
        assert state.hand_position[env].numpy() == pytest.approx(
            turn @ hand[:3, 3] + TASK.robot.base_position, abs=1e-5
        )
        assert rotation(state.hand_rotation[env]) == pytest.approx(turn @ hand[:3, :3], abs=1e-5)
        yaw = yaw_matrix(float(offset[env, 3]))
        drawer_at = yaw @ [0.0515, 0.0, 0.3172] + TASK.cabinet.position + offset[env, :3].numpy()
        assert state.drawer_position[env].numpy() == pytest.approx(drawer_at, abs=1e-5)
        assert rotation(state.drawer_rotation[env]) == pytest.approx(yaw, abs=1e-5)
        middle = (state.left_finger_position[env] + state.right_finger_position[env]).numpy() / 2
        at = state.hand_position[env].numpy() + rotation(state.hand_rotation[env]) @ TASK.robot.finger_midpoint
        assert middle == pytest.approx(at, abs=1e-5)


def test_the_state_after_a_reset_is_what_the_first_step_starts_from(make):
    simulator = make(5)
    joints, offset = random_start(5)
    simulator.reset(torch.tensor([3, 0]), joints[[3, 0]], offset[[3, 0]])
    at_once = copy(simulator.state)
    simulator.step(torch.where(torch.tensor([1, 0, 0, 1, 0])[:, None] > 0, joints, DEFAULT))
    assert_equal(simulator.state, at_once, torch.tensor([3, 0]), atol=1e-5)


def test_joints_move_to_their_targets(make):
    simulator = make(3)
    joints, offset = random_start(3)
    simulator.reset(torch.arange(3), joints, offset)
    targets = joints + 0.1 * torch.tensor([[1.0], [-1.0], [0.0]]) * (torch.arange(9) < 7)
    for _ in range(90):
        simulator.step(targets)
    assert (simulator.state.joint_positions - targets)[:, :7].abs().max() < 0.01
    assert simulator.state.joint_velocities.abs().max() < 0.02


def test_starts_through_the_environment_are_those_that_the_task_draws(make):
    world = DrawerWorld(FrankaDrawer(TASK), make(64), "truncation")
    Env(world, generator(3, "environment"))
    state = world.simulator.state
    noise = state.joint_positions[:, :7] - DEFAULT[:7]
    assert noise.abs().max() <= 0.125 + 1e-5 and noise.abs().max() > 0.12
    assert noise.mean().abs() < 0.02 and noise.std() == pytest.approx(0.125 / math.sqrt(3), rel=0.1)
    shift = state.drawer_position - torch.tensor(TASK.cabinet.position) - torch.tensor([0.0515, 0.0, 0.3172])
    widths = torch.tensor([TASK.cabinet.offset.x, TASK.cabinet.offset.y, TASK.cabinet.offset.z])
    assert (shift.abs() <= widths + 1e-5).all() and (shift.abs().amax(0) > 0.9 * widths).all()


def test_what_follows_an_episodes_end_belongs_to_the_next_episode(make):
    """The terminal observation is kept apart; the action chosen next is applied to the new episode, and no other."""
    world = DrawerWorld(FrankaDrawer(TASK), make(4), "truncation")
    env = Env(world, generator(3, "environment"))
    env.steps[:] = torch.tensor([0, TASK.episode_length - 1, 5, 2])
    step = env.step(torch.full((4, 9), 0.3))
    assert step.truncated.tolist() == [False, True, False, False] and not step.terminated.any()
    assert not torch.equal(step.observation[1], step.final_observation[1])
    assert torch.equal(step.observation[[0, 2, 3]], step.final_observation[[0, 2, 3]])
    assert step.observation[1, 9:18].abs().max() == 0, "a fresh episode is at rest"
    start, targets = world.simulator.state.joint_positions[1].clone(), world.targets[1].clone()
    assert torch.allclose(targets, start, atol=1e-6)
    push = torch.zeros(4, 9)
    push[1, 0] = 1.0
    after = env.step(push)
    moved = world.simulator.state.joint_positions[1] - start
    assert moved[0] > 1e-4 and moved[1:7].abs().max() < moved[0] / 5
    assert after.truncated.tolist() == [False] * 4 and env.steps.tolist() == [2, 1, 7, 4]


def test_images_come_in_the_order_asked_for_and_follow_the_cabinet(make):
    simulator = make(4)
    offset = torch.zeros(4, 4)
    offset[:, 1] = torch.tensor([0.0, 0.2, -0.2, 0.1])
    simulator.reset(torch.arange(4), DEFAULT.expand(4, 9), offset)
    assert simulator.in_view().tolist() == [0, 1, 2, 3], "after a reset of all, all can be seen"
    images = simulator.render(torch.arange(4))
    assert images.shape == (4, 3, 32, 32) and images.dtype == torch.uint8
    order = torch.tensor([2, 0, 3])
    assert torch.equal(simulator.render(order), images[order])
    assert simulator.render(torch.arange(0)).shape == (0, 3, 32, 32)
    columns = [(image[0].int() > 2 * image[1].int() + 40).float().sum(0) for image in images]
    centres = [float((column * torch.arange(32)).sum() / column.sum()) for column in columns]
    assert centres[1] > centres[3] > centres[0] > centres[2], "the red handle moves with its cabinet"


def test_a_saved_state_is_taken_up_where_it_was(make):
    simulator = make(3)
    joints, offset = random_start(3)
    targets = random_targets(40, 3)
    simulator.reset(torch.arange(3), joints, offset)
    for step in range(20):
        simulator.step(targets[step])
    saved = {
        key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in simulator.save().items()
    }
    at_save = copy(simulator.state)
    for step in range(20, 40):
        simulator.step(targets[step])
    end = copy(simulator.state)
    simulator.load(saved)
    assert_equal(simulator.state, at_save, atol=1e-5)
    for step in range(20, 40):
        simulator.step(targets[step])
    assert_equal(simulator.state, end, atol=1e-3)


def test_numbers_that_are_none_never_reach_the_task(make, monkeypatch):
    """A diverged environment is put back and counted; it does not harm the others."""
    simulator = make(3)
    joints, offset = random_start(3)
    simulator.reset(torch.arange(3), joints, offset)
    if hasattr(simulator, "physics"):
        simulator.physics.qvel[1, 0] = float("nan")
    else:
        read = simulator._stage.task.read

        def diverged():
            block = read()
            block[1, 20] = float("nan")
            return block

        monkeypatch.setattr(simulator._stage.task, "read", diverged)
    simulator.step(joints)
    assert simulator.bad_simulations == 1
    assert torch.allclose(simulator.state.joint_positions[1], DEFAULT, atol=1e-5)
    assert (simulator.state.joint_positions[[0, 2]] - joints[[0, 2]]).abs().max() < 1e-3
    assert simulator.state.block.isfinite().all()


def test_a_reward_that_is_none_stops_the_world(make, monkeypatch):
    world = DrawerWorld(FrankaDrawer(TASK), make(2), "truncation")
    Env(world, generator(3, "environment"))
    monkeypatch.setattr(world.task, "reward", lambda state, points, actions: torch.tensor([0.0, float("nan")]))
    with pytest.raises(NotFiniteError, match="reward of environment 1"):
        world.step(torch.zeros(2, 9))
