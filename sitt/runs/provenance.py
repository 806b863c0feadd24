"""Where a result came from: commit, versions, machine."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional

from sitt.config.schema import RunConfig

ROOT = Path(__file__).resolve().parents[2]

RESULTS_VERSION = 6
"""Raise it with a change of the code that changes results: the workflow then trains every run anew."""

PACKAGES = (
    "torch",
    "numpy",
    "mujoco",
    "mujoco-warp",
    "warp-lang",
    "transformers",
    "pyarrow",
    "duckdb",
    "snakemake",
    "hydra-core",
    "pydantic",
)

RENDERERS = {
    "mujoco": "MuJoCo Warp ray tracer (CPU)",
    "mujoco_warp": "MuJoCo Warp ray tracer (GPU)",
    "grid": "none",
    "isaacsim": "RTX, by Replicator",
}


class GitState(NamedTuple):
    """The code; all None outside its repository."""

    commit: Optional[str] = None
    dirty: Optional[bool] = None
    """Whether tracked files differ from the commit."""
    diff: Optional[str] = None
    """How they do, as a patch to it; None if they do not."""


def origin(config: RunConfig) -> Dict[str, Any]:
    """Return where the results of this process come from: keys of run.json."""
    git = git_state()
    return {
        "git_commit": git.commit,
        "git_dirty": git.dirty,
        "git_diff": git.diff,
        "hardware": hardware(config.sim.name, config.threads),
        "versions": versions(),
    }


@functools.cache
def git_state() -> GitState:
    """Return the state of this clone when it was first asked for."""
    commit = _git("rev-parse", "HEAD")
    # An installed package may lie in a repository of something else, whose files are nobody's business.
    if not commit or _git("ls-files", "--error-unmatch", "pyproject.toml") is None:
        return GitState()
    # Whatever the user's Git makes of a diff for reading, this one can be applied.
    plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    diff = _git("diff", "HEAD", *plain, "--", ".")
    return GitState(commit.strip(), None if diff is None else bool(diff), diff or None)


@functools.cache
def versions() -> Dict[str, str]:
    """Return the versions of Python, of this package's results and of what shapes them, and the lock file's digest."""
    found = {"python": platform.python_version(), "results": str(RESULTS_VERSION)}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    lock = ROOT / "requirements.lock"
    if lock.is_file():
        found["lock"] = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    return found


def hardware(simulator: str, threads: int) -> Dict[str, Any]:
    """Return what the run ran on: processor, cores this process may use, memory, torch's GPU, renderer and threads."""
    return {
        "cpu": _cpu_model(),
        "cores": available_cores(),
        "memory_gib": memory_gib(),
        **_gpu(),
        "renderer": RENDERERS.get(simulator, simulator),
        "threads": threads,
    }


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_gib() -> Optional[float]:
    """Return the machine's memory in GiB, or None where the system does not say."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None


def _gpu() -> Dict[str, str]:
    """Return the GPU of a process that uses one."""
    import torch  # the workflow reads this module without it

    return {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_initialized() else {}


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> Optional[str]:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(ROOT), *arguments], capture_output=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")  # there may be files in other encodings
