"""What this machine can run, and why not: each check tries the real thing and says what it found."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Tuple

from sitt.runs import paths
from sitt.runs.provenance import available_cores, memory_gib


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    ok: bool
    text: str


NEEDED = "needed"
OPTIONAL = "optional"


def examine() -> bool:
    """Print one line per check; return whether the default experiment can run here."""
    able = True
    for need, name, check in CHECKS:
        try:
            finding = check()
        except Exception as error:  # a broken installation may raise anything, and the doctor reports it
            finding = Finding(False, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
        mark = "✓" if finding.ok else ("✗" if need == NEEDED else "–")
        print(f"{mark} {name:<16} {finding.text}", flush=True)
        able = able and (finding.ok or need == OPTIONAL)
    return able


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):
        return Finding(False, f"{version}; the workflow and MuJoCo 4 need 3.11 or newer")
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
            return Finding(False, f"not installed; {mend}")

    return check


def _configs() -> Finding:
    from sitt.config.compose import compose, experiment_names, method_names

    experiments, methods = experiment_names(), method_names()
    for experiment in experiments:
        for method in methods:
            compose(experiment, method, 0)
    return Finding(True, f"experiments {', '.join(experiments)}; methods {', '.join(methods)}")


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
        return Finding(False, "the image has one colour only; please report this machine")
    height, width = image.shape[-2:]
    return Finding(
        True,
        f"{width}×{height} image by MuJoCo Warp's ray tracer on the CPU, no OpenGL; first one after {seconds:.1f} s",
    )


def _cuda() -> Finding:
    import torch

    if not torch.cuda.is_available():
        built = "this build of torch is for CPUs" if torch.version.cuda is None else "no usable GPU or driver"
        return Finding(False, f"none: {built}; nothing here needs it")
    return Finding(True, f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}")


def _containers() -> Finding:
    found = [name for name in ("docker", "apptainer", "singularity", "podman") if shutil.which(name)]
    if not found:
        return Finding(False, "no docker, apptainer, singularity or podman; only Isaac Sim would need one")
    return Finding(True, ", ".join(found))


CHECKS: List[Tuple[str, str, Callable[[], Finding]]] = [
    (NEEDED, "python", _python),
    (NEEDED, "machine", _machine),
    (NEEDED, "torch", _package("torch", "pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu")),
    (NEEDED, "mujoco", _package("mujoco")),
    (NEEDED, "mujoco-warp", _package("mujoco-warp")),
    (NEEDED, "snakemake", _package("snakemake")),
    (NEEDED, "duckdb", _package("duckdb")),
    (NEEDED, "configs", _configs),
    (NEEDED, "folders", _writable),
    (NEEDED, "renderer", _frame),
    (OPTIONAL, "CUDA", _cuda),
    (OPTIONAL, "containers", _containers),
]
