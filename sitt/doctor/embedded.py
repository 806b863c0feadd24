"""What the default experiment needs: nothing but pip."""

from __future__ import annotations

import importlib.metadata
import sys
import time
from pathlib import Path
from typing import Callable, Dict

from sitt.findings import Finding
from sitt.runs import paths
from sitt.runs.provenance import available_cores, memory_gib


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):
        return Finding(False, f"{version}; the workflow and MuJoCo 4 need 3.11 or newer", "make PYTHON=python3.12")
    return Finding(True, version)


def _machine() -> Finding:
    cores, memory = available_cores(), memory_gib()
    text = f"{cores} cores, {memory} GiB of memory"
    if memory is not None and memory < 2 * cores:
        return Finding(
            True, f"{text}; little for {cores} jobs side by side: use snakemake --cores {max(1, int(memory // 2))}"
        )
    return Finding(True, text)


def _package(name: str, mend: str = "pip install -c requirements.lock -e .") -> Callable[[], Finding]:
    def check() -> Finding:
        try:
            return Finding(True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            return Finding(False, "not installed", mend)

    return check


def _configs() -> Finding:
    from sitt.config.compose import experiment_names
    from sitt.runs.plan import make_plan

    names = experiment_names()
    runs = sum(len(make_plan({"experiment": name}).folders()) for name in names)
    return Finding(True, f"{len(names)} experiments of {runs} runs in all: {', '.join(names)}")


def _writable() -> Finding:
    folders = (paths.RESULTS, paths.REPORTS)
    for folder in folders:
        existed = folder.exists()
        paths.require_writable(folder)
        if not existed:
            folder.rmdir()
    return Finding(True, f"{' and '.join(map(str, folders))} in {Path.cwd()} can be written")


def _frame() -> Finding:
    import torch

    from sitt.config.compose import compose
    from sitt.env import make_world

    config = compose("embedded", "joint", 0)
    start = time.perf_counter()
    image = make_world(config, 1).look(torch.arange(1))
    seconds = time.perf_counter() - start
    if int(image.max()) == int(image.min()):
        return Finding(False, "the image has one colour only", "please report this machine")
    height, width = image.shape[-2:]
    return Finding(
        True,
        f"{width}×{height} image drawn on the CPU, no OpenGL; first one after {seconds:.1f} s",
    )


EMBEDDED: Dict[str, Callable[[], Finding]] = {
    "python": _python,
    "machine": _machine,
    "torch": _package("torch", "pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"),
    "mujoco": _package("mujoco"),
    "mujoco-warp": _package("mujoco-warp"),
    "snakemake": _package("snakemake"),
    "duckdb": _package("duckdb"),
    "configs": _configs,
    "folders": _writable,
    "renderer": _frame,
}
