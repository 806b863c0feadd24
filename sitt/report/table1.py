"""Table 1 in Markdown, LaTeX and CSV, with the numbers of the view `table1`."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

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
)

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def write_table1(database: Path, folder: Path) -> None:
    """Write table1.md, table1.tex and table1.csv into a folder.

    Raises:
        UserError: the database cannot be read, or the folder cannot be written.
    """
    contents = read(database)
    for name, text in (
        ("table1.md", markdown(contents)),
        ("table1.tex", latex(contents)),
        ("table1.csv", comma_separated(contents)),
    ):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def markdown(contents: Contents) -> str:
    """Return Table 1 in Markdown."""
    rows = [table1_cells(row) for row in contents.table1]
    lines = [f"# Table 1: {_escape_markdown(contents.title)}", ""]
    if contents.smoke_test:
        lines += [f"**{SMOKE_LABEL}**", ""]
    lines += [_escape_markdown(contents.subject), ""]
    lines += _markdown_table(rows)
    if contents.maze:
        lines += ["", MAZE, "", *_markdown_table([maze_cells(row) for row in contents.maze])]
    if contents.comparisons:
        lines += ["", COMPARISONS, "", *(f"- {_escape_markdown(_sentence(row))}" for row in contents.comparisons)]
    lines += ["", "Notes:", "", *(f"- {_escape_markdown(note)}" for note in contents.notes), ""]
    return "\n".join(lines)


def latex(contents: Contents) -> str:
    """Return Table 1 as a LaTeX table that needs the package booktabs."""
    rows = [table1_cells(row) for row in contents.table1]
    smoke = rf"\textbf{{{SMOKE_LABEL}.}} " if contents.smoke_test else ""
    caption = f"{contents.task.capitalize()} success rates."
    notes = "\n".join(_escape_latex(note) for note in (contents.subject, *contents.notes))
    lines = [
        "% Needs \\usepackage{booktabs}.",
        r"\begin{table}",
        r"  \centering\small",
        rf"  \caption{{{smoke}\textbf{{{caption}}} {_escape_latex(contents.title)}.}}",
        rf"  \label{{tab:{contents.task}-success}}",
        r"  \begin{tabular}{lcccccc}",
        r"    \toprule",
    ]
    if rows:
        lines += [f"    {' & '.join(_escape_latex(head) for head in rows[0])} \\\\", r"    \midrule"]
    # The braces keep a row that begins with '[' from being read as an argument of the line break before it.
    lines += [f"    {' & '.join('{' + _escape_latex(cell) + '}' for cell in row.values())} \\\\" for row in rows]
    lines += [r"    \bottomrule", r"  \end{tabular}", "", r"  \smallskip", r"  \parbox{\linewidth}{\footnotesize"]
    return "\n".join([*lines, notes + "}", r"\end{table}", ""])


def comma_separated(contents: Contents) -> str:
    """Return the view table1 as CSV; NULL is an empty field."""
    buffer = io.StringIO()
    if contents.table1:
        writer = csv.DictWriter(buffer, ["experiment", "smoke_test", *contents.table1[0]], lineterminator="\n")
        writer.writeheader()
        about = {"experiment": contents.experiment, "smoke_test": str(contents.smoke_test).lower()}
        writer.writerows({**about, **row} for row in contents.table1)
    return buffer.getvalue()


def _markdown_table(rows: list[dict[str, str]]) -> list[str]:
    """Return the lines of a table of cells by column head; none for no rows."""
    if not rows:
        return []
    head = list(rows[0])
    return [
        f"| {' | '.join(head)} |",
        "|" + "|".join([":--"] + ["--:"] * (len(head) - 1)) + "|",
        *(f"| {' | '.join(_escape_markdown(cell) for cell in row.values())} |" for row in rows),
    ]


def _sentence(row: Row) -> str:
    cells = comparison_cells(row)
    return (
        f"{cells['Difference']}: {cells['Success rate']} {cells['95 % interval']}, n = {cells['n']}, "
        f"P(better) = {cells['P(better)']}"
    )


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*|<>])", r"\\\1", " ".join(text.split()))


def _escape_latex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in " ".join(text.split()))
