"""Ctrl-C and SIGTERM: a checkpoint is written first, and the same command goes on. (SIGKILL: tests/faults.)"""

import os
import signal
import sys
import time

from tests.workflow.conftest import edit, jobs_of, wait_for

POLICY = "results/smoke/runs/joint/seed0/policy.pt"
COMMAND = ("snakemake", "--cores", "2", POLICY, "--config", "experiment=smoke", "methods=[joint]", "seeds=[0]")


def train_log(clone, method="joint"):
    log = clone.folder / f"results/smoke/logs/{method}/seed0/train.log"
    return log.read_text(encoding="utf-8") if log.exists() else ""


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
    assert process.wait(timeout=60) != 0
    assert wait_for(lambda: not jobs_of(process.pid), 20)


def test_interrupted_workflow_ends_cleanly_and_goes_on_unless_the_configuration_changed(clone):
    edit(clone, "num_envs: 32", "num_envs: 128")
    edit(clone, "gradient_steps: 20", "gradient_steps: 8000")  # half a minute
    process = clone.start(*COMMAND)
    assert wait_for(lambda: " 1/7 " in train_log(clone, "opening"), 240)
    other = clone.run(*COMMAND)
    assert other.returncode != 0
    assert "another snakemake is working on results/smoke" in other.stderr
    assert "Traceback" not in other.stderr

    interrupt(process)
    assert (clone.folder / "results/smoke/checkpoints/opening/seed0/checkpoint.pt").exists()

    process = clone.start(*COMMAND)
    assert wait_for(lambda: " 8/20 " in train_log(clone), 240)
    assert "/7  goes on from its checkpoint" in train_log(clone, "opening")
    assert " 7/20  goes on from the opening" in train_log(clone)
    interrupt(process)
    assert not list((clone.folder / "results/smoke/runs/joint/seed0").glob("*.pt"))
    assert (clone.folder / "results/smoke/checkpoints/joint/seed0/checkpoint.pt").exists()

    edit(clone, "gradient_steps: 8000", "gradient_steps: 20")
    done = clone.run(*COMMAND)  # by hand, `sitt train` would refuse that checkpoint
    assert done.returncode == 0, done.stderr[-6000:]
    assert " 1/7 " in train_log(clone, "opening")
    assert "goes on" not in train_log(clone, "opening")
    assert "goes on from its checkpoint" not in train_log(clone)


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
