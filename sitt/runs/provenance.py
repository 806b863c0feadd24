"""Where a result came from: commit, versions, machine."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

ROOT = Path(__file__).resolve().parents[2]

RESULTS_VERSION = 5
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


@functools.cache
def git_state() -> Tuple[Optional[str], Optional[bool]]:
    """Return the commit and whether tracked files differ from it; (None, None) outside a repository."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return None, None
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)


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
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
