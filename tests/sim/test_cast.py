"""The images are those of MuJoCo Warp's ray tracer, byte for byte, and so are the counts of the handle's pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_mujoco import SIM, make_task

from benchmarks.warp_renderer import ReferenceRenderer
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.renderer import Renderer
from sitt.sim.mujoco.simulator import MujocoSimulator

TASK, WITH_PROPS = make_task(), make_task(props=True)
CAMERAS = {
    "candidates 1 and easy": ((1.25, 0.0, 1.1), (0.32, 0.0, 0.72), 55.0),
    "candidate 2": ((1.25, 0.0, 1.1), (0.32, 0.0, 0.7), 30.0),
    "candidate 3": ((1.05, 0.0, 0.95), (0.32, 0.0, 0.72), 38.0),
    "candidate 4": ((1.25, 0.0, 0.85), (0.32, 0.0, 0.72), 30.0),
    "joint_top": ((0.75, 0.0, 1.6), (0.32, 0.0, 0.7), 35.0),
    "within the robot's reach": ((0.6, 0.1, 0.75), (0.2, 0.0, 0.7), 90.0),
    "between the robot and the floor": ((0.95, 0.05, 0.4), (0.0, 0.1, 0.5), 110.0),
    "in the drawer": ((0.05, 0.02, 0.72), (0.6, 0.0, 0.75), 120.0),
    "below the floor": ((0.5, 0.0, -0.5), (0.4, 0.1, 0.6), 70.0),
}
"""Eye, target and fovy. From the last four, geoms reach to the eye, around it and behind it."""


def seen_from(eye: tuple, target: tuple, fovy: float, task: DrawerConfig = TASK) -> DrawerConfig:
    camera = task.camera.model_copy(update={"eye": eye, "target": target, "fovy": fovy})
    return task.model_copy(update={"camera": camera})


def states(count: int, task: DrawerConfig = TASK, seed: int = 0) -> np.ndarray:
    """Return rows of `Batch.state`: any joints, the cabinet displaced and turned, the drawer open, cubes anywhere."""
    rng = np.random.default_rng(seed)
    simulator = MujocoSimulator(task, SIM, count, 1)
    joints = rng.uniform(task.robot.joint_lower, task.robot.joint_upper, (count, 9))
    near = rng.random(count) < 0.5  # and half of them where policies are
    joints[near] = task.robot.default_joint_positions + rng.normal(0.0, 0.2, (near.sum(), 9))
    offset = rng.uniform(-1.0, 1.0, (count, 4)) * [0.3, 0.5, 0.2, 0.8] * (rng.random((count, 1)) < 0.8)
    simulator.reset(torch.arange(count), torch.from_numpy(joints), torch.from_numpy(offset))
    simulator.physics.qpos[:, 9] = rng.uniform(0.0, task.cabinet.drawer_travel, count) * (rng.random(count) < 0.8)
    cubes = simulator.physics.qpos[:, 10:].reshape(count, -1, 7)
    cubes[:, :, :3] += rng.normal(0.0, 0.2, cubes[:, :, :3].shape)
    cubes[:, :, 3:] = rng.normal(size=cubes[:, :, 3:].shape)
    simulator.physics.qpos[:, 10:] = cubes.reshape(count, -1)
    return simulator.physics.state.copy()


def assert_equal(drawn: np.ndarray, task: DrawerConfig = TASK, **options) -> None:
    ours, reference = (kind(task, SIM, **options) for kind in (Renderer, ReferenceRenderer))
    images = ours.images(drawn)
    assert torch.equal(images, reference.images(drawn))
    assert images.float().std() > 5, "there is something to be seen"
    assert torch.equal(ours.handle_pixels(drawn), reference.handle_pixels(drawn))


@pytest.mark.parametrize("camera", CAMERAS)
def test_from_every_place(camera: str) -> None:
    assert_equal(states(60), seen_from(*CAMERAS[camera]))


def test_with_cubes() -> None:
    assert_equal(states(30, WITH_PROPS), WITH_PROPS)


def test_rays_along_the_faces_of_cubes() -> None:
    """In the middle column, rays run along faces: whether they hit is a matter of rounding, also that of the bounds."""
    simulator = MujocoSimulator(WITH_PROPS, SIM, 8, 1)
    cubes = simulator.physics.qpos[:, 10:].reshape(8, 4, 7)
    cubes[:, :] = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    cubes[:, :, 0] = (0.6, 0.45, 0.3, 0.1)
    cubes[:, :, 1] = 1e-9 * np.arange(32).reshape(8, 4)
    cubes[:, :, 2] += (0.0, 0.1, 0.2, 0.3)
    simulator.physics.qpos[:, 10:] = cubes.reshape(8, -1)
    for target in (1.2, 1.1, 0.9):
        task = seen_from((1.25, 0.04, 1.2), (0.2, 0.04, target), 50.0, WITH_PROPS)
        assert_equal(simulator.physics.state.copy(), task, size=65)


def test_cubes_at_one_place() -> None:
    """Which of them is seen depends on the order in which they are tried, as far as they differ by about 1e-6 m."""
    task = seen_from(*CAMERAS["joint_top"], WITH_PROPS)
    drawn = states(20, WITH_PROPS)
    simulator = MujocoSimulator(WITH_PROPS, SIM, len(drawn), 1)
    simulator.physics.state[:] = drawn
    cubes = simulator.physics.qpos[:, 10:].reshape(len(drawn), 4, 7)
    cubes[:, :] = (0.4, 0.0, 1.2, 1.0, 0.0, 0.0, 0.0)
    cubes[:, :, 2] += np.random.default_rng(2).uniform(0.0, 3e-6, (len(drawn), 4))
    cubes[:10, :, 3:] = (0.8, 0.4, 0.4, 0.2)
    simulator.physics.qpos[:, 10:] = cubes.reshape(len(drawn), -1)
    assert_equal(simulator.physics.state.copy(), task)


def test_without_robot() -> None:
    assert_equal(states(30), robot=False)


def test_pictures_of_the_whole_scene() -> None:
    assert_equal(states(6), camera="overview", size=237)


def test_eyes_beside_the_hand() -> None:
    """The camera in front of, within and behind links: their frames are the whole image, or end at its edge."""
    rng = np.random.default_rng(1)
    for eye in rng.uniform((0.3, -0.3, 0.5), (0.7, 0.3, 1.0), (12, 3)):
        assert_equal(states(5, seed=int(1e6 * eye[0])), seen_from(tuple(eye), tuple(eye + rng.normal(size=3)), 80.0))
