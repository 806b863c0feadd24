"""Figure 3: return of student and teacher over environment steps. The same database gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sitt.report import SMOKE_LABEL
from sitt.report.contents import Contents, Row, read
from sitt.report.drawing import write_figure

LINES = {"student": "-", "teacher": (0, (4, 1.5))}
BASELINE = (0, (1, 1.5))
NEUTRAL = "0.25"


def write_figure3(database: Path, folder: Path) -> None:
    """Write figure3.pdf (fonts embedded) and figure3.png (300 dpi) into a folder.

    Raises:
        UserError: the database cannot be read, or the folder cannot be written.
    """
    contents = read(database)
    write_figure(lambda: _draw(contents), folder, "figure3")


def methods_with_a_teacher(contents: Contents) -> list[str]:
    """Return the methods whose own teacher learns: its return changes along the environment steps."""
    found = []
    for method in dict.fromkeys(row["method"] for row in contents.figure3):
        curve = _curve(contents, method, "teacher")
        if len({row["env_steps"] for row in curve}) > 1 and len({row["return_mean"] for row in curve}) > 1:
            found.append(method)
    return found


def _draw(contents: Contents) -> Figure:
    figure = Figure(figsize=(6.8, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    learned = methods_with_a_teacher(contents)
    colours = dict(
        zip(
            (row["method"] for row in contents.table1),
            sns.color_palette("colorblind", max(1, len(contents.table1))),
        )
    )
    curves, baselines = [], []
    for row in contents.table1:
        colour, label = colours[row["method"]], _label(row)
        if row["method"] in learned:
            for policy in LINES:
                _draw_curve(axes, _curve(contents, row["method"], policy), policy, colour)
            curves.append(Line2D([], [], color=colour, lw=2, label=label))
        elif any(point["method"] == row["method"] for point in contents.figure3):
            level = float(row["return_mean"])
            axes.axhline(level, color=colour, lw=1.3, ls=BASELINE, zorder=1)
            baselines.append(Line2D([], [], color=colour, lw=1.3, ls=BASELINE, label=f"final student, {label}"))
    styles = [Line2D([], [], color=NEUTRAL, lw=1.6, ls=style, label=policy) for policy, style in LINES.items()]
    if not curves:
        axes.text(0.5, 0.5, "no finished run with a teacher", ha="center", va="center", transform=axes.transAxes)
        styles = []
    if handles := [*curves, *styles, *baselines]:
        figure.legend(handles=handles, loc="outside right upper", frameon=False, handlelength=2.6)
    if contents.smoke_test:
        axes.set_title(SMOKE_LABEL, color="#b00020", fontweight="bold", fontsize="medium", loc="left")
    axes.set_xlabel("environment steps (millions)")
    axes.set_ylabel("return (mean ± std over seeds)")
    axes.margins(x=0)
    axes.grid(axis="y", color="0.9", lw=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)
    return figure


def _draw_curve(axes: Axes, curve: list[Row], policy: str, colour: Any) -> None:
    """Draw a mean, and a band of ± one standard deviation where there is one."""
    steps = [row["env_steps"] / 1e6 for row in curve]
    mean = [float(row["return_mean"]) for row in curve]
    axes.plot(steps, mean, color=colour, ls=LINES[policy], lw=1.6, zorder=3)
    if all(row["return_std"] is not None for row in curve):
        deviation = [float(row["return_std"]) for row in curve]
        low = [m - d for m, d in zip(mean, deviation)]
        high = [m + d for m, d in zip(mean, deviation)]
        axes.fill_between(steps, low, high, color=colour, alpha=0.16, lw=0, zorder=2)


def _curve(contents: Contents, method: str, policy: str) -> list[Row]:
    return [row for row in contents.figure3 if row["method"] == method and row["policy"] == policy]


def _label(row: Row) -> str:
    """Return a method's name, with its seeds where some are missing."""
    label = row["label"]
    return label if row["n"] == row["n_expected"] else f"{label}\n({row['n']} of {row['n_expected']} seeds)"
