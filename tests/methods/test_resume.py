"""A training that was interrupted or killed goes on bit for bit, and from nothing but its own checkpoint."""

import os
import re
import signal
from pathlib import Path

import pytest
import torch

from sitt.errors import UserError
from sitt.evaluation import evaluate_run
from sitt.methods import train
from sitt.runs import checkpoint, key
from sitt.runs.progress import Progress
from tests.conftest import assert_same_results, at_iteration, tiny

METHODS = ("bc", "dagger", "joint", "joint_aligned")


class Killed(Exception):
    """Stands for a SIGKILL: nothing is written any more."""


def train_again(run, folder, *overrides, teacher=None):
    """Train the run of the fixture `trained` in another folder."""
    train(tiny(run.config.method.name, run.config.seed, *overrides), folder / "policy.pt", teacher)


@pytest.fixture(autouse=True)
def interruptible():
    """A shell starts what it puts in the background with SIGINT ignored, and an ignored signal stays ignored."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


def interrupt(monkeypatch, number, which=signal.SIGTERM):
    at_iteration(monkeypatch, number, lambda: os.kill(os.getpid(), which))


def kill():
    raise Killed


@pytest.mark.parametrize("method", METHODS)
def test_interrupted_twice_is_as_never(trained, tmp_path, monkeypatch, method):
    run = trained(method)
    teacher = trained("joint").folder / "policy.pt" if method in ("bc", "dagger") else None
    for iteration, which in ((1, signal.SIGTERM), (3, signal.SIGINT)):
        interrupt(monkeypatch, iteration, which)
        with pytest.raises(SystemExit) as stopped:
            train_again(run, tmp_path, teacher=teacher)
        assert stopped.value.code == 128 + which
        assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]
    train_again(run, tmp_path, teacher=teacher)
    assert_same_results(tmp_path, run.folder)


def test_a_kill_costs_what_came_after_the_last_checkpoint_only(trained, tmp_path, monkeypatch):
    every = "training.checkpoint_interval_s=0"
    run = trained("joint_aligned")
    at_iteration(monkeypatch, 3, kill)
    with pytest.raises(Killed):
        train_again(run, tmp_path, every)
    seen = []
    monkeypatch.setattr(Progress, "resumed", lambda progress, iteration, env_steps, source: seen.append(iteration))
    train_again(run, tmp_path, every)
    assert seen == [2]
    assert_same_results(tmp_path, run.folder)


def test_results_that_a_workflow_deletes_again_cost_no_iteration(trained, tmp_path, monkeypatch):
    # Snakemake does so if a training is killed after its last line and before its end was seen.
    run, folder = trained("joint"), tmp_path / "runs/joint/seed0"
    train_again(run, folder)
    assert {path.name for path in folder.iterdir()} == {"policy.pt", "training.parquet", "run.json"}
    for path in folder.iterdir():
        path.unlink()
    at_iteration(monkeypatch, 1, kill)
    train_again(run, folder)
    assert_same_results(folder, run.folder)
    assert (tmp_path / "checkpoints/joint/seed0").exists()
    evaluate_run(run.config, folder / "policy.pt", folder / "episodes.parquet")
    assert not (tmp_path / "checkpoints/joint/seed0").exists()


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(trained, tmp_path, monkeypatch):
    every = "training.checkpoint_interval_s=0"
    run = trained("joint")
    write, calls = Path.write_bytes, []

    def write_half(path, content):
        calls.append(path)
        if len(calls) == 2:
            write(path, content[: len(content) // 2])
            raise Killed
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(Killed):
            train_again(run, tmp_path, every)
    assert [path.name for path in calls] == ["checkpoint.pt"] * 2
    train_again(run, tmp_path, every)
    assert_same_results(tmp_path, run.folder)


def test_what_a_killed_process_left_half_written_goes(trained, stopped, monkeypatch):
    half = stopped / "checkpoints/.checkpoint.pt.x1y2/checkpoint.pt"
    half.parent.mkdir()
    half.write_bytes(b"half")
    seen = []
    at_iteration(monkeypatch, 3, lambda: seen.append(half.parent.exists()))
    train_again(trained("joint"), stopped)
    assert seen == [False]


def test_a_small_window_goes_on_too(trained, tmp_path, monkeypatch):
    # The memory's ring of two roll-outs has come round when it is restored.
    for folder in ("whole", "halves"):
        if folder == "halves":
            interrupt(monkeypatch, 3)
            with pytest.raises(SystemExit):
                train(tiny("joint", 0, "student.window=2"), tmp_path / folder / "policy.pt", None)
        train(tiny("joint", 0, "student.window=2"), tmp_path / folder / "policy.pt", None)
    assert_same_results(tmp_path / "halves", tmp_path / "whole")


@pytest.fixture
def stopped(trained, tmp_path, monkeypatch):
    """The folder of a training that was interrupted after its second iteration."""
    run = trained("joint")
    interrupt(monkeypatch, 2)
    with pytest.raises(SystemExit):
        train_again(run, tmp_path)
    return tmp_path


def refusal(action, *arguments, **named):
    with pytest.raises(UserError) as caught:
        action(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message
    assert "checkpoints/checkpoint.pt" in message
    assert "remove its folder, and the training starts anew" in message
    return message


def test_a_checkpoint_of_another_configuration_is_refused(trained, stopped):
    before = (stopped / "checkpoints/checkpoint.pt").read_bytes()
    message = refusal(train_again, trained("joint"), stopped, "ppo.gamma=0.5")
    assert "ppo.gamma was 0.99, now 0.5;" in message
    message = refusal(train_again, trained("joint"), stopped, "ppo.gamma=0.5", "ppo.clip=0.1")
    assert "ppo.gamma was 0.99, now 0.5 (and ppo.clip changed);" in message
    many = [f"ppo.{key}=0.7" for key in ("gamma", "gae_lambda", "clip", "value_coefficient", "max_grad_norm")]
    message = refusal(train_again, trained("joint"), stopped, *many)
    assert re.search(r" was [\d.]+, now [\d.]+ \(and ppo\.\w+, ppo\.\w+, ppo\.\w+, 1 more changed\);", message)
    assert (stopped / "checkpoints/checkpoint.pt").read_bytes() == before
    # What shapes no result may change.
    train_again(trained("joint"), stopped, "training.checkpoint_interval_s=5", "method.label=Other")
    assert_same_results(stopped, trained("joint").folder)


def test_a_checkpoint_of_another_version_of_the_code_is_refused(trained, stopped, monkeypatch):
    monkeypatch.setattr(key, "RESULTS_VERSION", key.RESULTS_VERSION + 1)
    assert re.search(r"RESULTS_VERSION was \d+, now \d+;", refusal(train_again, trained("joint"), stopped))


def test_a_checkpoint_of_another_teachers_student_is_refused(trained, tmp_path, monkeypatch):
    run, teacher, other = trained("bc"), trained("joint", 0), trained("joint", 1)
    interrupt(monkeypatch, 1)
    with pytest.raises(SystemExit):
        train_again(run, tmp_path, teacher=teacher.folder / "policy.pt")
    message = refusal(train_again, run, tmp_path, teacher=other.folder / "policy.pt")
    assert "the first networks or their teacher" in message


class Bomb:
    def __reduce__(self):
        return os.system, ("touch went_off",)


@pytest.mark.parametrize("damage", ["bomb", "half", "empty", "list", "no memory"])
def test_a_damaged_checkpoint_is_one_sentence(trained, stopped, monkeypatch, damage):
    monkeypatch.chdir(stopped)
    file = stopped / "checkpoints/checkpoint.pt"
    if damage == "bomb":
        torch.save({"key": Bomb()}, file)
    elif damage == "half":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "list":
        torch.save([1], file)
    else:
        os.truncate(stopped / "checkpoints/embeddings.bin", 100)
    assert "is damaged or no checkpoint of this code" in refusal(train_again, trained("joint"), stopped)
    assert not (stopped / "went_off").exists()


def test_two_trainings_of_one_run_exclude_each_other(trained, stopped, monkeypatch):
    monkeypatch.setattr(checkpoint, "LOCK_WAIT_S", 0)
    errors = []

    def try_too():
        with pytest.raises(UserError, match=r"another process trains into .*checkpoints; wait for it, or stop it"):
            train_again(trained("joint"), stopped)
        errors.append(1)

    at_iteration(monkeypatch, 3, try_too)
    train_again(trained("joint"), stopped)
    assert len(errors) == 1
    assert_same_results(stopped, trained("joint").folder)
