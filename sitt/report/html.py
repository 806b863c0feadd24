"""report.html: one file with Table 1, the figures, the videos and every run's provenance; it fetches nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jinja2

from sitt.files import atomic_path
from sitt.report import SMOKE_LABEL
from sitt.report.contents import (
    COMPARISONS,
    MAZE,
    Contents,
    Row,
    comparison_cells,
    maze_cells,
    read,
    table1_cells,
    teacher_cells,
    visibility_cells,
)


def write_html(database: Path, folder: Path) -> None:
    """Write report.html into the folder of the other artefacts, with its figures and the methods' videos.

    Raises:
        UserError: the database cannot be read, or the folder cannot be written.
    """
    text = html(read(database), folder)
    with atomic_path(folder / "report.html") as temporary:
        temporary.write_text(text, encoding="utf-8")


def html(contents: Contents, folder: Path) -> str:
    """Return the report; what comes from the database is escaped, what the folder lacks is said to be missing."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sitt", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    return environment.get_template("report.html.j2").render(
        contents=contents,
        machines=_machines(contents),
        smoke_label=SMOKE_LABEL,
        table1=[table1_cells(row) for row in contents.table1],
        differences=[
            f"{row['success_mean'] - row['paper_mean']:+}"
            if row["success_mean"] is not None and row["paper_mean"] is not None
            else "–"
            for row in contents.table1
        ],
        comparisons=[comparison_cells(row) for row in contents.comparisons],
        comparisons_note=COMPARISONS,
        teachers=[teacher_cells(row) for row in contents.teachers],
        visibility=[visibility_cells(row) for row in contents.visibility],
        maze=[maze_cells(row) for row in contents.maze],
        maze_note=MAZE,
        **{name: _embedded(folder / f"{name}.png") for name in ("routes", "sweep", "figure2", "figure3")},
        videos=[(row["label"], _embedded(folder / "videos" / f"{row['method']}.gif")) for row in contents.table1],
    )


def _embedded(path: Path) -> str | None:
    """Return a file's content as text, None if there is no such file."""
    return base64.b64encode(path.read_bytes()).decode("ascii") if path.is_file() else None


def _machines(contents: Contents) -> list[list[Row]]:
    """Group the finished runs by the machine and the versions that made them."""
    groups: dict[str, list[Row]] = {}
    for run in contents.runs:
        if run["status"] == "finished":
            groups.setdefault(json.dumps([run["hardware"], run["versions"]], sort_keys=True), []).append(run)
    return list(groups.values())


def duration(seconds: float) -> str:
    """Return a wall time as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
