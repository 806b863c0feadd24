"""That robots which are called clear are: by MuJoCo's own distances, and at the speeds that there are."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch
from test_mujoco import TASK, make, make_task, random_start, random_targets

from sitt.sim.mujoco.clearance import FASTEST

MARGIN = FASTEST * (TASK.substeps - 1) * TASK.physics_dt


def scattered(count: int, seed: int):
    """Return a simulator whose robots stand anywhere, before cabinets anywhere, with drawers anyhow."""
    simulator, rng = make(count), torch.Generator().manual_seed(seed)
    lower, upper = torch.tensor(TASK.robot.joint_lower), torch.tensor(TASK.robot.joint_upper)
    joints = lower + (upper - lower) * torch.rand(count, 9, generator=rng)
    _, offset = random_start(count, seed)
    offset[:, 3] *= 10.0  # up to a half turn
    simulator.reset(torch.arange(count), joints, offset)
    simulator.physics.qpos[:, 9] = 0.5 * torch.rand(count, generator=rng).numpy() - 0.05
    simulator.physics.pose()
    return simulator


def distance(model: mujoco.MjModel, data: mujoco.MjData, robot: np.ndarray) -> float:
    """Return the least distance of the robot to anything else, or 1 m."""
    others = [geom for geom in np.flatnonzero(~robot) if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_PLANE]
    pairs = [(part, other) for part in np.flatnonzero(robot) for other in others]
    heights = data.geom_xpos[robot, 2] - model.geom_rbound[robot]
    return min(heights.min(), *(mujoco.mj_geomDistance(model, data, *pair, 1.0, None) for pair in pairs))


def test_mujoco_finds_everything_further_from_clear_robots_than_the_margin() -> None:
    simulator = scattered(300, 0)
    clear, data = simulator.clearance.clear(), mujoco.MjData(simulator.model)
    assert 30 < clear.sum() < 270
    for env in np.flatnonzero(clear):
        mujoco.mj_kinematics(simulator.model, simulator.physics.batch.get_data(env, data))
        assert distance(simulator.model, data, simulator._is_robot) > MARGIN


def test_a_robot_is_clear_up_to_the_margin_before_the_foremost_corner() -> None:
    joints, yaws = random_start(41)[0], torch.linspace(-3.1, 3.1, 41)
    simulator, offset = make(41), torch.zeros(41, 4)
    offset[:, 3] = yaws
    simulator.reset(torch.arange(41), joints, offset)
    gaps, model, data = np.empty(41), simulator.model, mujoco.MjData(simulator.model)
    cabinet = np.flatnonzero(model.body_rootid[model.geom_bodyid] == model.body("cabinet").id)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    for env in range(41):
        mujoco.mj_kinematics(model, simulator.physics.batch.get_data(env, data))
        corners = [
            data.geom(i).xpos + (signs * model.geom_size[i]) @ data.geom(i).xmat.reshape(3, 3).T for i in cabinet
        ]
        robot = simulator._is_robot
        gaps[env] = (data.geom_xpos[robot, 0] - model.geom_rbound[robot]).min() - np.concatenate(corners)[:, 0].max()
    for short, clear in ((-1e-5, True), (1e-5, False)):
        offset[:, 0] = torch.tensor(gaps - MARGIN + short)
        simulator.reset(torch.arange(41), joints, offset)
        assert simulator.clearance.clear().tolist() == [clear] * 41


def test_nothing_in_contact_is_clear() -> None:
    simulator = scattered(300, 1)
    touching = np.array([len(simulator.physics.contacts(env)) > 0 for env in range(300)])
    assert touching.sum() > 20
    assert not (touching & simulator.clearance.clear()).any()


def test_a_step_without_the_look_is_the_step_with_it() -> None:
    with_it, without = scattered(300, 2), scattered(300, 2)
    clear = with_it.clearance.clear()
    with_it.physics.step(np.zeros(300, dtype=bool))
    without.physics.step(clear)
    assert 30 < clear.sum() < 270
    assert np.array_equal(with_it.physics.state, without.physics.state)


def test_nothing_moves_half_as_fast_as_the_margin_allows() -> None:
    simulator = make(32)
    joints, offset = random_start(32)
    simulator.reset(torch.arange(32), joints, offset)
    before, fastest = simulator.physics.places.copy(), 0.0
    for targets in random_targets(60, 32):
        simulator.step(targets.sign() * 3.0)  # from one end of every joint to the other
        after = simulator.physics.places.copy()
        fastest = max(fastest, np.linalg.norm(after - before, axis=-1).max() / TASK.control_dt)
        before = after
    assert 1.0 < fastest < FASTEST / 2


def test_a_cabinet_that_moves_near_makes_its_robot_unclear_at_once_and_after_loading() -> None:
    simulator, other = make(2), make(2)
    joints, nowhere = random_start(2)[0], torch.zeros(2, 4)
    simulator.reset(torch.arange(2), joints, nowhere)
    assert simulator.clearance.clear().tolist() == [True, True]
    simulator.reset(torch.tensor([1]), joints[1:], torch.tensor([[0.4, 0.0, 0.0, 0.0]]))
    assert simulator.clearance.clear().tolist() == [True, False]
    other.load(simulator.save())
    assert other.clearance.clear().tolist() == [True, False]


@pytest.mark.parametrize("props", [False, True])
def test_cubes_always_touch_the_drawer(props: bool) -> None:
    assert make(2, task=make_task(props)).clearance.clear().tolist() == [not props] * 2
