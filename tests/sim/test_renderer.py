"""Facts about the images: the red handle is seen, the arm hides it, and the batch size changes nothing."""

from __future__ import annotations

import pytest
import torch
from test_mujoco import DEFAULT, SIM, random_start

from sitt.config.compose import compose
from sitt.config.schema import SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.renderer import Renderer
from sitt.sim.mujoco.simulator import MujocoSimulator

TASK = compose("easy", "joint", 0).task
assert isinstance(TASK, DrawerConfig)
"""With a camera that looks over the arm, and sees the whole handle wherever these tests put the cabinet."""


def make(num_envs: int) -> MujocoSimulator:
    return MujocoSimulator(TASK, SIM, num_envs, 1)


def red_pixels(images: torch.Tensor) -> torch.Tensor:
    """Count the saturated red pixels of (K, 3, H, W) images."""
    red, green, blue = images.int().unbind(1)
    return ((red > 90) & (red > 4 * green) & (red > 4 * blue)).sum((1, 2))


def test_images_are_batches_of_channels_first_bytes() -> None:
    images = make(3).render(torch.tensor([2, 0]))
    size = TASK.camera.image_size
    assert images.shape == (2, 3, size, size)
    assert images.dtype == torch.uint8
    sky, floor = images[0, :, 0, 0].int(), images[0, :, -1, 0].int()
    assert sky[2] >= sky[0] > 200, "blue-grey, in the order red, green, blue"
    assert (floor - floor.float().mean()).abs().max() < 10, "grey"
    assert make(1).render(torch.arange(0)).shape == (0, 3, size, size)


def test_red_pixels_are_the_handle() -> None:
    simulator = make(6)
    joints, offset = random_start(6)
    simulator.reset(torch.arange(6), joints, offset)
    everyone = torch.arange(6)
    counted = simulator.renderer.handle_pixels(simulator.physics.state)
    assert torch.equal(red_pixels(simulator.render(everyone)), counted)
    assert counted.max() > 10


def test_the_arm_can_hide_the_handle() -> None:
    simulator, everyone = make(32), torch.arange(32)
    joints, offset = random_start(32)
    joints[:, :4] = torch.tensor([0.0, -0.5, 0.0, -1.8])  # stretched out before the camera, from left to right
    joints[:, 0] = torch.linspace(-0.8, 1.2, 32)
    simulator.reset(everyone, joints, offset)
    with_arm = simulator.renderer.handle_pixels(simulator.physics.state)
    visible = simulator.handle_visible(everyone)
    joints[:, 0] -= 2.0  # the arm turned away
    simulator.reset(everyone, joints, offset)
    without_arm = simulator.renderer.handle_pixels(simulator.physics.state)
    assert without_arm.min() >= 10, "the camera sees the whole handle wherever the cabinet stands"
    assert (with_arm <= without_arm).all()
    assert (with_arm == 0).any(), "from some sides the arm hides it"
    assert torch.equal(visible, with_arm / without_arm), "hidden by the arm: 0"
    assert (simulator.handle_visible(everyone) == 1).all(), "in the open: 1"
    assert torch.equal(simulator.handle_visible(torch.tensor([5, 2])), torch.ones(2))


def test_from_above_the_arm_leaves_the_handle_in_sight() -> None:
    above = compose("difficulty", "joint_top", 100).task
    assert isinstance(above, DrawerConfig)
    everyone = torch.arange(32)
    joints, offset = random_start(32)
    joints[:, :4] = torch.tensor([0.0, -0.5, 0.0, -1.8])  # the poses that hide it from the student's own camera
    joints[:, 0] = torch.linspace(-0.8, 1.2, 32)
    visible = {}
    for task in (TASK, above):
        simulator = MujocoSimulator(task, SIM, 32, 1)
        simulator.reset(everyone, joints, offset)
        visible[task] = simulator.handle_visible(everyone)
    assert visible[above].isfinite().all(), "it is in the image wherever the cabinet stands"
    assert visible[above].mean() > visible[TASK].mean() + 0.2


def test_a_handle_outside_the_image_is_neither_seen_nor_hidden() -> None:
    simulator = make(2)
    simulator.reset(torch.tensor([1]), DEFAULT[None], torch.tensor([[0.0, 5.0, 0.0, 0.0]]))
    assert simulator.handle_visible(torch.arange(2)).isnan().tolist() == [False, True]
    assert simulator.handle_visible(torch.arange(0)).shape == (0,)


@pytest.mark.parametrize("batch", [1, 3])
def test_an_image_does_not_depend_on_the_images_drawn_beside_it(batch: int) -> None:
    simulator = make(6)
    joints, offset = random_start(6)
    simulator.reset(torch.arange(6), joints, offset)
    states = simulator.physics.state
    together = Renderer(TASK, SIM).images(states)
    chunked = Renderer(TASK, SimConfig(name="mujoco", render_batch=batch)).images(states)
    assert torch.equal(together, chunked)


def test_the_picture_follows_the_cabinet_and_the_drawer() -> None:
    simulator = make(3)
    offset = torch.zeros(3, 4)
    offset[1, 1] = 0.25
    simulator.reset(torch.arange(3), DEFAULT.expand(3, 9), offset)
    simulator.physics.qpos[2, 9] = 0.3
    plain, moved, opened = simulator.render(torch.arange(3))
    assert not torch.equal(plain, moved)
    assert not torch.equal(plain, opened)
    again = simulator.render(torch.tensor([0]))[0]
    assert torch.equal(plain, again)
