"""The look of the figures, and how they become files: the same content gives the same bytes on every machine."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

from sitt.files import atomic_path

UNDATED: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
"""Metadata that would differ between two runs or two versions, left out."""


def write_figure(draw: Callable[[], Figure], folder: Path, name: str) -> None:
    """Write name.pdf (fonts embedded) and name.png (300 dpi) into a folder.

    Raises:
        UserError: the folder cannot be written.
    """
    for kind in UNDATED:
        with atomic_path(folder / f"{name}.{kind}") as temporary:
            temporary.write_bytes(rendered(draw, kind))


def rendered(draw: Callable[[], Figure], kind: str) -> bytes:
    """Return a figure as a file of a kind, 'pdf' or 'png'."""
    buffer = io.BytesIO()
    with style():
        draw().savefig(buffer, format=kind, dpi=300, metadata=UNDATED[kind])
    return buffer.getvalue()


@contextmanager
def style() -> Iterator[None]:
    """The look of the figures, with the font that comes with matplotlib, so that every machine draws the same."""
    with mpl.rc_context(), sns.axes_style("ticks"), sns.plotting_context("paper"):
        # Type 42 embeds fonts as TrueType; a '$' in a label is a '$'.
        mpl.rcParams.update({"font.family": "DejaVu Sans", "pdf.fonttype": 42, "text.parse_math": False})
        yield
