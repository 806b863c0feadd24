import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# `python -m snakemake` would find the package in the working directory; the command, as a user types it, must too.
BIN = Path(sys.executable).parent


class Clone:
    """A copy of this repository in which the workflow runs for real."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("configs", "sitt", "workflow"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder / name)
        self.log = ""
        """What Snakemake said, where a fixture keeps it."""

    def environment(self) -> dict:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SITT_", "PYTHONPATH"))}
        return {**kept, "PATH": f"{BIN}{os.pathsep}{kept['PATH']}"}

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.run("snakemake", "--cores", "2", *arguments)

    def run(self, *command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=3600
        )

    def start(self, *command: str) -> subprocess.Popen:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # A test run in the background of a script ignores Ctrl-C, and its children would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def edit(clone: Clone, old: str, new: str) -> None:
    """Change a line of the smoke experiment."""
    file = clone.folder / "configs/experiment/smoke.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def wait_for(condition, seconds: float) -> bool:
    """Wait until a condition holds; return whether it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def jobs_of(session: int) -> list[tuple[int, list[str]]]:
    """Return process and command of all that a workflow, leader of its session, has started."""
    command = ["ps", "-ww", "-o", "pid=,stat=,args=", "-s", str(session)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    rows = [line.split() for line in listed]
    return [(int(pid), words) for pid, state, *words in rows if state[0] != "Z" and int(pid) != session]


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """A clone in which the README's smoke test has run."""
    clone = Clone(tmp_path_factory.mktemp("smoke"))
    done = clone.snakemake("--verbose", "--config", "experiment=smoke")
    assert done.returncode == 0, done.stderr[-6000:]
    clone.log = done.stderr
    return clone
