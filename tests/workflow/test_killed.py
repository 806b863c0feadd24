"""A killed workflow leaves nothing that hinders the same command, or that it loses."""

import os
import signal
import subprocess
import time

import pytest

COMMAND = ("snakemake", "--cores", "2", "--config", "experiment=smoke", "methods=[joint]", "seeds=[0]")


@pytest.fixture
def slow_clone(clone):
    """A clone whose smoke training lasts long enough to be killed in the middle, about half a minute."""
    file = clone.folder / "configs/experiment/smoke.yaml"
    text = file.read_text(encoding="utf-8")
    for fast, slow in (("num_envs: 32", "num_envs: 512"), ("gradient_steps: 20", "gradient_steps: 6000")):
        assert fast in text
        text = text.replace(fast, slow)
    file.write_text(text, encoding="utf-8")
    return clone


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_same_command_completes_after_a_kill(slow_clone):
    clone = slow_clone
    log = clone.folder / "results/smoke/logs/joint/seed0/train.log"
    process = clone.start(*COMMAND)
    assert wait_for(lambda: log.exists() and " 1/20 " in log.read_text(encoding="utf-8"), 240)

    other = clone.run(*COMMAND)
    assert other.returncode != 0
    assert "another snakemake is working on results/smoke" in other.stderr
    assert "Traceback" not in other.stderr

    process.kill()  # the workflow alone: its job must notice
    process.wait()
    assert wait_for(lambda: not jobs_of(process.pid), 20)
    folder = clone.folder / "results/smoke/runs/joint/seed0"
    assert not (folder / "policy.pt").exists()

    done = clone.run(*COMMAND)
    assert done.returncode == 0, done.stderr[-6000:]
    assert (folder / "policy.pt").exists()
    assert (clone.folder / "reports/smoke/table1.md").exists()


def jobs_of(session: int) -> list:
    """Processes of the session that `process` led, itself excluded."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if " Z" not in line]


def test_interrupted_workflow_ends_cleanly(slow_clone):
    clone = slow_clone
    log = clone.folder / "results/smoke/logs/joint/seed0/train.log"
    process = clone.start(*COMMAND)
    assert wait_for(lambda: log.exists() and " 1/20 " in log.read_text(encoding="utf-8"), 240)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
    assert process.wait(timeout=60) != 0
    assert wait_for(lambda: not jobs_of(process.pid), 20)
    assert not list((clone.folder / "results/smoke/runs/joint/seed0").glob("*.pt"))
