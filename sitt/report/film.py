"""Episodes on film: the first evaluation episodes of one run, state by state, with pictures and captions for them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sitt.config.schema import RunConfig, SimConfig
from sitt.config.sim import in_mujoco
from sitt.config.task import DrawerConfig
from sitt.env import make_world
from sitt.errors import UserError
from sitt.evaluation import Actor, play, start_seeds, start_states
from sitt.nn.policy import Networks, Student
from sitt.runs.weights import load_networks
from sitt.sim.mujoco.renderer import Renderer
from sitt.sim.mujoco.simulator import MujocoSimulator
from sitt.task.drawer_world import DrawerWorld
from sitt.task.world import World
from sitt.threads import use_threads


class Moment(NamedTuple):
    """One episode after some number of control steps."""

    seconds: float
    state: np.ndarray
    """(S,), a row of the physics' `Batch.state`."""
    opening: float
    """m of the drawer."""
    touched: bool
    """The robot is in contact with the handle."""


class Eyes:
    """Looks at moments again once the episodes are over: few of them are shown, and each look costs images."""

    def __init__(self, world: DrawerWorld, student: Student) -> None:
        self._world, self._student = world, student

    def visible(self, moment: Moment) -> float:
        """Return the part of the handle that the robot leaves to the student's camera; NaN: outside the image."""
        return float(self._world.simulator.handle_visible(self._again(moment)))

    def shown(self, moment: Moment) -> Tensor:
        """Return what the student is shown, (3, H, W) uint8."""
        return self._student.look(self._world, self._again(moment))[0]

    def _again(self, moment: Moment) -> Tensor:
        """Put a moment's state into the simulations, and return one of these."""
        count = self._world.num_envs
        states = torch.from_numpy(moment.state).expand(count, -1)
        self._world.simulator.load({**self._world.simulator.save(), "state": states})
        return torch.zeros(1, dtype=torch.int64)


def drawer(config: RunConfig) -> DrawerConfig:
    """Return the configuration of the run's task.

    Raises:
        UserError: it is another task, of which there is nothing to film.
    """
    if not isinstance(config.task, DrawerConfig):
        raise UserError(f"task.name = {config.task.name!r} has no camera; film a run of an experiment with the drawer")
    return config.task


def film(
    config: RunConfig, policy: Path, actor_of: Callable[[Networks], Actor], count: int
) -> tuple[list[list[Moment]], Eyes]:
    """Play episodes from the first `count` start states of the evaluation, in MuJoCo.

    They are the very ones in the run's episodes.parquet if it was trained there.

    Args:
        config: the run's resolved configuration.
        policy: the run's policy.pt.
        actor_of: `teacher_actor` or `student_actor`.
        count: how many episodes.

    Returns:
        For each episode its moments, the first before any control step; and who can look at them.
    """
    control_dt = drawer(config).control_dt
    use_threads(config)
    networks = load_networks(config, policy)
    world = make_world(config.model_copy(update={"sim": in_mujoco(config.sim)}), count)
    assert isinstance(world, DrawerWorld) and isinstance(world.simulator, MujocoSimulator)
    simulator, everyone = world.simulator, torch.arange(count)
    steps: list[list[Moment]] = []

    def record(step: int, _: World) -> None:
        columns = (
            [step * control_dt] * count,
            simulator.physics.state.copy(),
            simulator.state.drawer_opening.tolist(),
            simulator.handle_touched(everyone).tolist(),
        )
        steps.append([Moment(*values) for values in zip(*columns)])

    play(world, start_states(world, start_seeds(config.evaluation.seed, count)), actor_of(networks), observer=record)
    return [list(episode) for episode in zip(*steps)], Eyes(world, networks.student)


class Camera:
    """Draws moments as the students' camera would, but large: as flat, without shadows, and with smooth edges."""

    def __init__(self, task: DrawerConfig, name: str, size: int) -> None:
        """Place the camera `name`, "student" or "overview", for square pictures of `size` pixels."""
        self._renderer = Renderer(task, SimConfig(name="mujoco", render_batch=1), name, 2 * size)

    def picture(self, moment: Moment) -> Image.Image:
        """Draw one moment at twice the size, and average."""
        return to_image(self._renderer.images(moment.state[None])[0]).reduce(2)


def to_image(pixels: Tensor) -> Image.Image:
    """Turn (3, H, W) uint8 into an image."""
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def caption(moment: Moment, visible: float) -> tuple[str, str]:
    """Return when it is and how far the drawer is open, and how much of the handle is seen."""
    seen = "out of the image" if math.isnan(visible) else f"{100 * visible:.0f} % visible"
    return f"{moment.seconds:.2f} s, drawer {max(0.0, 100 * moment.opening):.0f} cm", f"handle {seen}"
