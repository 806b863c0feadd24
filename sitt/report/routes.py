"""The routes through the colour maze: one maze with the route of each seed, and where all routes lead.

The same database gives the same bytes; the mazes are drawn again from the seeds in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from sitt.config.maze import MazeConfig
from sitt.errors import UserError
from sitt.evaluation import start_states
from sitt.report import SMOKE_LABEL
from sitt.report.contents import Contents, Row, read
from sitt.report.drawing import write_figure
from sitt.task.maze import LAVA, MOVES, PATH, STEPS, ColourMaze

POLICIES = ("teacher", "student")
COLOURS = ListedColormap(["#ffffff", "#f2b8a8", "#9ecae1"])
"""Free cells, lava and path."""
ENDS = {"target": "*", "lava": "X", "time-out": "o"}
"""How an episode ended, as a marker."""
PANEL = 1.75
"""Width and height of a panel, inches."""


def write_routes(database: Path, folder: Path) -> None:
    """Write routes.pdf (fonts embedded) and routes.png (300 dpi) into a folder.

    Raises:
        UserError: the database cannot be read or has no routes, or the folder cannot be written.
    """
    contents = read(database)
    if not contents.routes:
        raise UserError(f"{database} has no routes; name the database of an experiment with task: maze")
    write_figure(lambda: _draw(contents), folder, "routes")


def cells_of(world: ColourMaze, route: str) -> np.ndarray:
    """Return the cells (T + 1, 2) that a route visits, the start first."""
    ways = {".": (0, 0), **dict(zip(MOVES, STEPS))}
    steps = np.array([ways[letter] for letter in route]).reshape(-1, 2)
    start = world.coordinates[world.start].numpy().astype(int)
    return np.concatenate((start[None], start + steps.cumsum(0)))


def visits(world: ColourMaze, routes: list[str]) -> np.ndarray:
    """Return the part of the routes that visit each cell, (grid_size, grid_size), x first."""
    counts = np.zeros((world.cfg.grid_size, world.cfg.grid_size))
    for route in routes:
        x, y = np.unique(cells_of(world, route), axis=0).T
        counts[x, y] += 1
    return counts / max(1, len(routes))


def _draw(contents: Contents) -> Figure:
    task = next(run["config"]["task"] for run in contents.runs if run["config"])
    world = ColourMaze(MazeConfig.model_validate_json(json.dumps(task)), 1)
    labels = {row["method"]: row["label"] for row in contents.routes}
    seeds = sorted({row["seed"] for row in contents.routes})
    palette = dict(zip(seeds, sns.color_palette("dark", len(seeds))))
    close = ConstrainedLayoutEngine(h_pad=0.03, w_pad=0.03, hspace=0.0, wspace=0.0)
    figure = Figure(figsize=(PANEL * len(labels) + 1.3, 4 * PANEL + 0.8), layout=close)
    FigureCanvasAgg(figure)
    grid = figure.subplots(2 * len(POLICIES), len(labels), squeeze=False)
    for column, (method, label) in enumerate(labels.items()):
        grid[0, column].set_title(label, fontsize="medium")
        for number, policy in enumerate(POLICIES):
            rows = [row for row in contents.routes if (row["method"], row["policy"]) == (method, policy)]
            example, everywhere = grid[2 * number : 2 * number + 2, column]
            _draw_example(example, world, rows, palette)
            image = _draw_visits(everywhere, world, rows)
            if not column:
                example.set_ylabel(f"{policy}, one maze")
                everywhere.set_ylabel(f"{policy}, all mazes")
    bar = figure.colorbar(image, ax=grid, shrink=0.45, aspect=40, ticks=[0, 0.1, 0.25, 0.5, 1])
    bar.set_label("part of the episodes that visit a cell")
    bar.outline.set_visible(False)
    figure.legend(handles=_handles(palette), loc="outside lower center", ncols=3 + len(seeds), frameon=False)
    if contents.smoke_test:
        figure.suptitle(SMOKE_LABEL, color="#b00020", fontweight="bold")
    return figure


def _draw_example(axes: Axes, world: ColourMaze, rows: list[Row], palette: dict[int, Any]) -> None:
    """Draw the first maze, and each seed's route a little beside the others."""
    size = world.cfg.grid_size
    (cells,) = start_states(world, [rows[0]["start_seed"]])
    colours = cells.view(world.side, world.side)[1:-1, 1:-1].clone()
    axes.imshow(colours.T.numpy(), cmap=COLOURS, vmin=0, vmax=2)
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", lw=0.25)
    axes.tick_params(which="both", length=0)
    for row in (row for row in rows if row["episode"] == rows[0]["episode"]):
        beside = 0.24 * (list(palette).index(row["seed"]) - (len(palette) - 1) / 2)
        x, y = (cells_of(world, row["route"]) + beside).T
        axes.plot(x, y, color=palette[row["seed"]], lw=1.1, solid_joinstyle="round", zorder=3)
        axes.plot(x[-1], y[-1], ENDS[row["ending"]], color=palette[row["seed"]], ms=5, mec="white", mew=0.4, zorder=4)
    _mark_ends(axes, world)


def _draw_visits(axes: Axes, world: ColourMaze, rows: list[Row]) -> Any:
    """Draw how often each cell is visited, and where the lava is."""
    share = visits(world, [row["route"] for row in rows])
    image = axes.imshow(share.T, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    margin, lava = world.cfg.margin, world.cfg.lava_size
    axes.add_patch(Rectangle((margin - 0.5, margin - 0.5), lava, lava, fill=False, ec="#c0391b", lw=1.2))
    axes.tick_params(length=0)
    _mark_ends(axes, world)
    return image


def _mark_ends(axes: Axes, world: ColourMaze) -> None:
    start, target = (world.coordinates[cell].tolist() for cell in (world.start, world.target))
    axes.add_patch(Rectangle((target[0] - 0.5, target[1] - 0.5), 1, 1, color="#2ca02c", zorder=2))
    axes.plot(*start, "o", color="0.45", ms=3.5, zorder=2)
    axes.set_xticklabels([])
    axes.set_yticklabels([])
    for spine in axes.spines.values():
        spine.set(color="0.6", lw=0.8)


def _handles(palette: dict[int, Any]) -> list[Line2D]:
    """Return the legend's entries: seeds, ends of an episode, and cells."""
    lines = [Line2D([], [], color=colour, lw=1.6, label=f"seed {seed}") for seed, colour in palette.items()]
    ends = [
        Line2D([], [], color="0.3", ls="", marker=marker, label=f"ends: {ending}") for ending, marker in ENDS.items()
    ]
    squares: dict[str, tuple[str, Any]] = {
        "start": ("o", "0.45"),
        "target": ("s", "#2ca02c"),
        "lava": ("s", COLOURS(LAVA)),
        "path": ("s", COLOURS(PATH)),
    }
    cells = [
        Line2D([], [], color=colour, ls="", marker=marker, label=name) for name, (marker, colour) in squares.items()
    ]
    return [*lines, *ends, *cells]
