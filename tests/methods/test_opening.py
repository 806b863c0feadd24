"""Joint trainings that begin with a common opening are, bit for bit, those that were trained whole."""

import json
import os
import signal

import pytest
import torch

from sitt.config.compose import method_names
from sitt.errors import UserError
from sitt.methods import train
from sitt.rl.schedule import iterations_before_lambda
from sitt.runs import key
from sitt.runs.plan import run_opening
from sitt.runs.progress import Progress
from tests.conftest import assert_same_results, at_iteration, sentence, tiny

TIMES = ("wall_s", "started_at", "attempts")


def opened(folder, *overrides):
    """Train an opening into a folder and return its file."""
    train(tiny("opening", 0, *overrides), folder / "opening.pt", None)
    return folder / "opening.pt"


@pytest.fixture(scope="module")
def opening(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("opening"))


def terminate(monkeypatch, iteration):
    at_iteration(monkeypatch, iteration, lambda: os.kill(os.getpid(), signal.SIGTERM))


def same(value, other):
    """Whether two contents of files are equal, but for times."""
    if isinstance(value, dict):
        assert value.keys() == other.keys()
        return all(name in TIMES or same(value[name], other[name]) for name in value)
    if isinstance(value, list):
        return len(value) == len(other) and all(map(same, value, other))
    return torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other


def content(path):
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize("method", ["joint", "joint_aligned"])
def test_begun_with_an_opening_a_training_is_the_whole_one(trained, opening, tmp_path, method):
    run = trained(method)
    train(run.config, tmp_path / "policy.pt", None, opening=opening)
    assert_same_results(tmp_path, run.folder)
    told, whole = (json.loads((folder / "run.json").read_text()) for folder in (tmp_path, run.folder))
    assert {name for name in told if told[name] != whole[name]} <= {*TIMES, "sha256"}
    first, second = told["attempts"]
    assert (first["exit"], second["exit"]) == ("finished", "finished")
    assert told["started_at"] <= first["started_at"] <= second["started_at"]
    assert told["wall_s"] > second["wall_s"]  # it counts the opening


def test_the_opening_ends_where_lambda_begins(opening, trained):
    # 0 and 1 of 4 iterations are less than the share 0.3 of the training.
    assert content(opening)["iteration"] == iterations_before_lambda(trained("joint").config) == 2
    assert not (opening.parent / "checkpoints").exists()
    # At the start itself the rise is still zero.
    for start, rise, iterations in ((0.5, 0.5, 3), (0.5, 0.0, 2), (0.0, 0.5, 1), (0.0, 0.0, 0), (1.0, 0.0, 4)):
        config = tiny("opening", 0, f"ppo.lambda_start={start}", f"ppo.lambda_rise={rise}")
        assert iterations_before_lambda(config) == iterations


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_an_opening_may_be_none_or_all_of_the_training(tmp_path, start):
    keys = (f"ppo.lambda_start={start}", "ppo.lambda_rise=0.0")
    opening = opened(tmp_path / "opening", *keys)
    for folder, begin in (("whole", None), ("opened", opening)):
        train(tiny("joint_aligned", 0, *keys), tmp_path / folder / "policy.pt", None, opening=begin)
    assert_same_results(tmp_path / "opened", tmp_path / "whole")


def test_a_small_window_is_in_the_opening_too(tmp_path):
    # The memory's ring of two roll-outs has come round.
    keys = ("student.window=2", "ppo.lambda_start=0.7")
    opening = opened(tmp_path / "opening", *keys)
    assert content(opening)["iteration"] == 3
    for folder, begin in (("whole", None), ("opened", opening)):
        train(tiny("joint_aligned", 0, *keys), tmp_path / folder / "policy.pt", None, opening=begin)
    assert_same_results(tmp_path / "opened", tmp_path / "whole")


def test_the_recording_holds_the_opening(opening, tmp_path):
    for folder, begin in (("whole", None), ("opened", opening)):
        train(tiny("joint", 0), tmp_path / folder / "policy.pt", None, tmp_path / f"{folder}.pt", begin)
    assert same(content(tmp_path / "opened.pt"), content(tmp_path / "whole.pt"))


def test_an_interrupted_opening_goes_on_to_the_same_file(opening, tmp_path, monkeypatch):
    terminate(monkeypatch, 1)
    with pytest.raises(SystemExit):
        opened(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]
    again = content(opened(tmp_path))
    assert same(again, content(opening))
    assert [attempt["exit"] for attempt in again["attempts"]] == ["SIGTERM", "finished"]
    assert [path.name for path in tmp_path.iterdir()] == ["opening.pt"]


def test_a_workflows_opening_is_trained_once(trained, opening, tmp_path, monkeypatch):
    # Snakemake deletes it if it is killed before it has seen the job's end.
    folder, checkpoint = tmp_path / "opening/seed0", tmp_path / "checkpoints/opening/seed0"
    opened(folder).unlink()
    at_iteration(monkeypatch, 1, lambda: pytest.fail("an iteration was made again"))
    again = opened(folder)
    monkeypatch.undo()
    assert same(content(again), content(opening))
    assert checkpoint.exists()
    run = tmp_path / "runs/joint_aligned/seed0"
    train(trained("joint_aligned").config, run / "policy.pt", None, opening=again)
    assert_same_results(run, trained("joint_aligned").folder)
    assert not checkpoint.exists()


def test_a_training_goes_on_from_its_own_checkpoint(trained, opening, tmp_path, monkeypatch):
    run, output = trained("joint_aligned"), tmp_path / "policy.pt"
    terminate(monkeypatch, 3)
    with pytest.raises(SystemExit):
        train(run.config, output, None, opening=opening)
    seen = []
    monkeypatch.setattr(Progress, "resumed", lambda progress, iteration, env_steps, source: seen.append(iteration))
    train(run.config, output, None, opening=opening)
    assert seen == [3]
    assert_same_results(tmp_path, run.folder)
    attempts = json.loads((tmp_path / "run.json").read_text())["attempts"]
    assert [attempt["exit"] for attempt in attempts] == ["finished", "SIGTERM", "finished"]


def test_killed_before_its_first_checkpoint_it_begins_again(trained, opening, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    def kill():
        raise KilledError

    run, output = trained("joint_aligned"), tmp_path / "policy.pt"
    at_iteration(monkeypatch, 3, kill)
    with pytest.raises(KilledError):
        train(run.config, output, None, opening=opening)
    train(run.config, output, None, opening=opening)
    assert_same_results(tmp_path, run.folder)
    attempts = json.loads((tmp_path / "run.json").read_text())["attempts"]
    assert [attempt["exit"] for attempt in attempts] == ["finished", "error", "finished"]


def begin(config, output, opening):
    train(config, output, None, opening=opening)


def test_an_opening_of_another_training_is_refused(opening, tmp_path, monkeypatch):
    output = tmp_path / "policy.pt"
    for change, words in (
        ("ppo.gamma=0.5", "ppo.gamma was 0.99, now 0.5"),
        ("method.activation_loss=true", "method.activation_loss was false, now true"),
    ):
        message = sentence(begin, tiny("joint_aligned", 0, change), output, opening)
        assert message.startswith(f"{opening} is of another training: {words}; undo that, or remove it")
    assert "seed was 0, now 1" in sentence(begin, tiny("joint", 1), output, opening)
    monkeypatch.setattr(key, "RESULTS_VERSION", key.RESULTS_VERSION + 1)
    assert "RESULTS_VERSION was" in sentence(begin, tiny("joint", 0), output, opening)
    assert not output.exists()


def test_a_damaged_opening_is_one_sentence(opening, tmp_path, monkeypatch):
    config, output, file = tiny("joint", 0), tmp_path / "policy.pt", tmp_path / "opening.pt"
    assert "does not exist" in sentence(begin, config, output, file)
    whole = opening.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        file.write_bytes(damaged)
        assert sentence(begin, config, output, file).startswith(f"{file} is damaged or no checkpoint of this code;")
    # A checkpoint is no opening: it lacks the memory.
    terminate(monkeypatch, 1)
    with pytest.raises(SystemExit):
        train(config, tmp_path / "stopped/policy.pt", None)
    checkpoint = tmp_path / "stopped/checkpoints/checkpoint.pt"
    assert "is damaged or no checkpoint" in sentence(begin, config, output, checkpoint)


@pytest.mark.parametrize("method", ["blind", "opening"])
def test_others_begin_with_no_opening(opening, tmp_path, method):
    with pytest.raises(UserError, match=f"--opening .*: {method} shares none with joint training"):
        begin(tiny(method, 0), tmp_path / "policy.pt", opening)
    assert list(tmp_path.iterdir()) == []


def test_who_differs_in_lambda_alone_begins_with_the_opening():
    def begins(experiment, methods):
        return {method for method in methods if run_opening(experiment, method, 0)}

    assert run_opening("embedded", "joint", 2) == ["results/embedded/opening/seed2/opening.pt"]
    assert begins("embedded", {*method_names()} - {"maze_aligned", "maze_added"}) == {
        "joint", "joint_aligned", "joint_penalty", "joint_gradient",
        "sweep_penalty_low", "sweep_penalty_high", "sweep_gradient_low", "sweep_gradient_high",
    }  # fmt: skip
    assert begins("maze", ("bc", "joint", "maze_aligned", "maze_added")) == {"joint"}
