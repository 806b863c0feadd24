"""The sweep: the student's success over both weights of alignment and over the share of states that are rendered."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sitt.report import SMOKE_LABEL
from sitt.report.contents import Contents, Row, read
from sitt.report.drawing import write_figure

PANELS = {
    "lambda_penalty": "λ_penalty",
    "lambda_gradient": "λ_gradient",
    "images_share": "rendered states, %",
}
"""What the view sweep varies, and the label of its axis."""


def write_sweep(database: Path, folder: Path) -> None:
    """Write sweep.pdf (fonts embedded) and sweep.png (300 dpi) into a folder.

    Raises:
        UserError: the database cannot be read, or the folder cannot be written.
    """
    contents = read(database)
    write_figure(lambda: draw(contents), folder, "sweep")


def draw(contents: Contents) -> Figure:
    """Draw a panel for each setting, and the level without alignment as a dotted line where it may be compared."""
    figure = Figure(figsize=(6.8, 2.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    plain = next((row for row in contents.table1 if row["method"] == "joint" and row["n"]), None)
    for axes, (setting, label) in zip(panels, PANELS.items()):
        _draw_panel(axes, [row for row in contents.sweep if row["setting"] == setting], setting == "images_share")
        if plain and setting != "images_share":  # its images are those of the sweep's centre
            level = float(plain["success_mean"])
            axes.axhline(level, color="0.4", lw=1.2, ls=(0, (1, 1.5)), zorder=1, label=plain["label"])
            axes.legend(loc="lower right", frameon=False)
        axes.set_xlabel(label)
        axes.set_ylim(-0.02, 1.02)
        axes.grid(axis="y", color="0.9", lw=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("student's success rate")
    if contents.smoke_test:
        figure.suptitle(SMOKE_LABEL, color="#b00020", fontweight="bold", fontsize="medium")
    return figure


def _draw_panel(axes: Axes, rows: list[Row], percent: bool) -> None:
    """Draw mean and 95 % interval over seeds at each value, on a logarithmic axis with room for 0."""
    factor = 100 if percent else 1
    values = [factor * row["value"] for row in rows]
    means = [float(row["success_mean"]) for row in rows]
    axes.plot(values, means, "o-", ms=4, lw=1.4)
    for value, row in zip(values, rows):
        if row["success_low"] is not None:
            axes.plot([value] * 2, [float(row["success_low"]), float(row["success_high"])], color="C0", lw=1.0)
        if row["n"] < row["n_expected"]:
            axes.annotate(
                f"{row['n']} of {row['n_expected']}", (value, float(row["success_mean"])), (4, 3),
                textcoords="offset points", fontsize="x-small",
            )  # fmt: skip
    positive = [value for value in values if value > 0]
    axes.set_xscale("symlog", linthresh=min(positive, default=1), linscale=0.6)
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.12)
