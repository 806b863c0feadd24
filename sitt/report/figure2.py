"""Figure 2: what teachers leave the student to see, trained with and without alignment, from the same starts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from sitt.config.compose import load
from sitt.evaluation import teacher_actor
from sitt.report import SMOKE_LABEL
from sitt.report.drawing import write_figure
from sitt.report.film import Camera, Moment, caption, drawer, film
from sitt.runs.paths import CONFIG, POLICY

STARTS = 2
"""Start states shown: the first of the evaluation."""
SIZE = 400
"""Pixels of each picture; the student itself sees `task.camera.image_size`."""
MOMENTS = ("start", "halfway to the handle", "first contact", "drawer open")


class Run(NamedTuple):
    """One teacher's episodes."""

    label: str
    episodes: list[list[tuple[Image.Image, tuple[str, str]] | None]]
    """For each start state and each of MOMENTS its picture and caption; None: it never came to that."""
    smoke_test: bool


def write_figure2(run_dirs: list[Path], folder: Path) -> None:
    """Write figure2.pdf and figure2.png (300 dpi) into a folder.

    Args:
        run_dirs: folders of runs, .../<method>/seed<seed>, one row for each; an unfinished run shows as missing.
        folder: where to write.

    Raises:
        UserError: a run's files are damaged, or the folder cannot be written.
    """
    runs = {run_dir: _play(run_dir) for run_dir in run_dirs}
    write_figure(lambda: _draw(runs), folder, "figure2")


def pick(episode: list[Moment], threshold: float) -> list[Moment | None]:
    """Return the moment of an episode for each of MOMENTS.

    Args:
        episode: its moments, step by step.
        threshold: from which opening on the drawer is open, m.
    """
    contact = next((step for step, moment in enumerate(episode) if moment.touched), None)
    return [
        episode[0],
        None if contact is None else episode[contact // 2],
        None if contact is None else episode[contact],
        next((moment for moment in episode if moment.opening > threshold), None),
    ]


def _play(run_dir: Path) -> Run | None:
    """Play a run's teacher and draw what MOMENTS ask for; None: the run is not finished."""
    if not (run_dir / POLICY).is_file():
        return None
    config = load(run_dir / CONFIG)
    task = drawer(config)
    camera = Camera(task, "student", SIZE)
    episodes = []
    filmed, eyes = film(config, run_dir / POLICY, teacher_actor, STARTS)
    for episode in filmed:
        picked = pick(episode, task.success_opening)
        episodes.append(
            [moment and (camera.picture(moment), caption(moment, eyes.visible(moment))) for moment in picked]
        )
    return Run(f"{config.method.label}\nseed {config.seed}", episodes, config.experiment.smoke_test)


def _draw(runs: dict[Path, Run | None]) -> Figure:
    """Draw for each start state a block with one row per run."""
    figure = Figure(figsize=(6.8, 0.4 + 1.95 * STARTS * max(1, len(runs))), layout="constrained")
    FigureCanvasAgg(figure)
    if any(run and run.smoke_test for run in runs.values()):
        figure.suptitle(SMOKE_LABEL, color="#b00020", fontweight="bold", fontsize=9)
    if not runs:
        figure.text(0.5, 0.5, "this experiment has no run with or without alignment", ha="center", va="center")
        return figure
    for start, block in enumerate(figure.subfigures(STARTS, 1, squeeze=False).flat):
        block.suptitle(f"start state {start + 1} of the evaluation", fontsize=8, fontweight="bold")
        axes = block.subplots(len(runs), len(MOMENTS), squeeze=False)
        for axis, title in zip(axes[0], MOMENTS):
            axis.set_title(title, fontsize=8)
        for row, (run_dir, run) in zip(axes, runs.items()):
            row[0].set_ylabel(run.label if run else "\n".join(run_dir.parts[-2:]), fontsize=8)
            for column, axis in enumerate(row):
                _show(axis, run.episodes[start][column] if run else None, "never" if run else "missing")
    return figure


def _show(axis: Axes, picked: tuple[Image.Image, tuple[str, str]] | None, lack: str) -> None:
    """Draw one picture with its caption, or say why there is none."""
    axis.set_xticks([])
    axis.set_yticks([])
    if picked is None:
        axis.set_facecolor("0.93")
        axis.set_box_aspect(1)
        axis.text(0.5, 0.5, lack, ha="center", va="center", fontsize=8, color="0.35", transform=axis.transAxes)
        return
    picture, words = picked
    axis.imshow(picture)
    axis.set_xlabel("\n".join(words), fontsize=7, labelpad=3)
