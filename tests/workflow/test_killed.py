"""A killed workflow leaves nothing that hinders the same command, which goes on where it was."""

import os
import signal
import subprocess
import sys
import time

import pytest

COMMAND = ("snakemake", "--cores", "2", "--config", "experiment=smoke", "methods=[joint]", "seeds=[0]")


@pytest.fixture
def slow_clone(clone):
    """A clone whose smoke training lasts long enough to be killed in the middle, about half a minute."""
    edit(clone, "num_envs: 32", "num_envs: 512")
    edit(clone, "gradient_steps: 20", "gradient_steps: 6000")
    return clone


def edit(clone, old, new):
    file = clone.folder / "configs/experiment/smoke.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def train_log(clone):
    log = clone.folder / "results/smoke/logs/joint/seed0/train.log"
    return log.read_text(encoding="utf-8") if log.exists() else ""


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_same_command_goes_on_after_a_kill(slow_clone):
    clone = slow_clone
    process = clone.start(*COMMAND)
    assert wait_for(lambda: " 2/20 " in train_log(clone), 240)

    other = clone.run(*COMMAND)
    assert other.returncode != 0
    assert "another snakemake is working on results/smoke" in other.stderr
    assert "Traceback" not in other.stderr

    process.kill()  # the workflow alone: its job must notice
    process.wait()
    assert wait_for(lambda: not jobs_of(process.pid), 20)
    folder = clone.folder / "results/smoke/runs/joint/seed0"
    checkpoints = clone.folder / "results/smoke/checkpoints/joint/seed0"
    assert not (folder / "policy.pt").exists()
    assert (checkpoints / "checkpoint.pt").exists()

    done = clone.run(*COMMAND)
    assert done.returncode == 0, done.stderr[-6000:]
    assert "goes on from its checkpoint" in train_log(clone)
    assert " 1/20 " not in train_log(clone)
    assert (folder / "policy.pt").exists()
    assert not checkpoints.exists()
    assert (clone.folder / "reports/smoke/table1.md").exists()


def jobs_of(session: int) -> list:
    """Processes of the session that `process` led, itself excluded."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if " Z" not in line]


def test_interrupted_workflow_ends_cleanly_and_goes_on_unless_the_configuration_changed(slow_clone):
    clone = slow_clone
    process = clone.start(*COMMAND)
    assert wait_for(lambda: " 1/20 " in train_log(clone), 240)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
    assert process.wait(timeout=60) != 0
    assert wait_for(lambda: not jobs_of(process.pid), 20)
    assert not list((clone.folder / "results/smoke/runs/joint/seed0").glob("*.pt"))
    assert (clone.folder / "results/smoke/checkpoints/joint/seed0/checkpoint.pt").exists()

    edit(clone, "gradient_steps: 6000", "gradient_steps: 20")
    done = clone.run(*COMMAND)  # by hand, `sitt train` would refuse that checkpoint
    assert done.returncode == 0, done.stderr[-6000:]
    assert " 1/20 " in train_log(clone)
    assert "goes on" not in train_log(clone)


def test_a_training_by_hand_stops_on_request_and_goes_on(clone):
    run = clone.folder / "by-hand"
    sitt = (sys.executable, "-m", "sitt.cli")  # the clone's, whichever is installed
    what = ("--experiment=smoke", "--method=joint", "--seed=0", f"--output={run}/config.yaml")
    made = clone.run(*sitt, "configure", *what, "training.num_envs=256", "training.evaluations=2")
    assert made.returncode == 0, made.stderr
    command = (*sitt, "train", f"--config={run}/config.yaml", f"--output={run}/policy.pt")
    process = clone.start(*command)
    assert wait_for((run / "checkpoints").exists, 120)
    time.sleep(0.5)  # now it takes signals, and measures the networks as they begin
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert {path.name for path in run.iterdir()} == {"config.yaml", "checkpoints"}

    done = clone.run(*command)
    assert done.returncode == 0, done.stderr
    assert "goes on from its checkpoint" in done.stderr
    assert {path.name for path in run.iterdir()} == {"config.yaml", "policy.pt", "training.parquet", "run.json"}
