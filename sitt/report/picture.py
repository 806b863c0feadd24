"""A film strip of one episode: the whole scene above, and below it what the student sees."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
from torch import Tensor

from sitt.config.schema import RunConfig, SimConfig
from sitt.config.task import DrawerConfig
from sitt.errors import UserError
from sitt.evaluation import play, start_seeds, start_states, student_actor, teacher_actor
from sitt.files import atomic_path
from sitt.runs.weights import load_networks
from sitt.sim.mujoco.renderer import Renderer
from sitt.sim.mujoco.simulator import MujocoSimulator
from sitt.task.drawer_world import DrawerWorld
from sitt.task.franka_drawer import FrankaDrawer
from sitt.task.world import World

FRAMES = 4
SIZE = 480
"""Pixels of each picture; the student itself sees `task.camera.image_size`."""


class Column(NamedTuple):
    """One moment of the episode."""

    seconds: float
    opening: float
    """m of the drawer."""
    pictures: list[Tensor]
    """Scene and student's view, each (3, SIZE, SIZE) uint8."""


def write_strip(config: RunConfig, policy: Path, actor_name: str, episode: int, output: Path) -> None:
    """Play one evaluation episode and draw it at its start, end and evenly in between.

    Args:
        config: the run's resolved configuration.
        policy: the run's policy.pt.
        actor_name: 'teacher' or 'student'.
        episode: which of the fixed start states.
        output: the image to write; its suffix chooses the format.
    """
    networks = load_networks(config, policy)
    actor = (teacher_actor if actor_name == "teacher" else student_actor)(networks)
    if not isinstance(config.task, DrawerConfig):
        raise UserError(f"task {config.task.name} has no camera; name a run of franka_drawer")
    task, one = FrankaDrawer(config.task), SimConfig(name="mujoco", render_batch=1)
    simulator = MujocoSimulator(config.task, one, 1, config.threads)
    cameras = [Renderer(config.task, one, camera, SIZE, fine=True) for camera in ("overview", "student")]
    length = config.task.episode_length
    drawn_at = [round(k * length / (FRAMES - 1)) for k in range(FRAMES)]
    columns: list[Column] = []

    def draw(step: int, _: World) -> None:
        if step in drawn_at:
            state = simulator.batch.state[:1].copy()
            pictures = [camera.images(state)[0] for camera in cameras]
            columns.append(Column(step * task.cfg.control_dt, float(simulator.state.drawer_opening[0]), pictures))

    starts = start_states(task, start_seeds(config.evaluation.seed, episode + 1)[episode:])
    play(DrawerWorld(task, simulator, "continuation"), starts, actor, observer=draw)
    _draw(columns, output)


def _draw(columns: list[Column], output: Path) -> None:
    figure, axes = plt.subplots(2, len(columns), figsize=(2.4 * len(columns), 5.0), layout="constrained")
    for column, moment in zip(axes.T, columns):
        column[0].set_title(f"{moment.seconds:.1f} s, drawer {100 * moment.opening:.0f} cm", fontsize=9)
        for axis, picture in zip(column, moment.pictures):
            axis.imshow(picture.permute(1, 2, 0).numpy())
            axis.set_xticks([])
            axis.set_yticks([])
    axes[0, 0].set_ylabel("scene", fontsize=9)
    axes[1, 0].set_ylabel("student's camera", fontsize=9)
    with atomic_path(output) as temporary:
        figure.savefig(temporary, dpi=150, metadata={"Software": None})
    plt.close(figure)
