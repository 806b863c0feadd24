"""Tiny trainings on the maze by the drawer's algorithms: determinism, resuming, budget, and what each sign changes."""

import signal

import duckdb
import pytest
import torch

from sitt.config.compose import compose
from sitt.evaluation import evaluate_run
from sitt.methods import train
from tests.methods.test_resume import assert_same_results, interrupt

TINY = (
    "training.iterations=4",
    "training.evaluations=3",
    "training.evaluation_episodes=5",
    "student.images=64",
    "student.gradient_steps=8",
    "student.batch_size=16",
    "training.num_envs=8",
    "task.episode_length=20",
    "evaluation.episodes=9",
    "evaluation.num_envs=4",
)
EXTRA = {"bc": ("method.num_envs=8",), "dagger": ("method.num_envs=8", "method.rounds=2")}
METHODS = ("joint", "maze_aligned", "maze_added", "bc", "dagger")


def config_of(method, *overrides):
    return compose("maze", method, 0, (*TINY, *EXTRA.get(method, ()), *overrides))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One finished run of each method, by name."""
    folder = tmp_path_factory.mktemp("maze")
    for method in METHODS:
        train(config_of(method), folder / method / "policy.pt", teacher_of(folder, method))
    return folder


def teacher_of(runs, method):
    return runs / "joint/policy.pt" if method in EXTRA else None


def weights(runs, method):
    return torch.load(runs / method / "policy.pt", weights_only=True)


@pytest.mark.parametrize("method", ["maze_added", "dagger"])
def test_interrupted_is_as_never(runs, tmp_path, monkeypatch, method):
    interrupt(monkeypatch, 3, signal.SIGTERM)
    with pytest.raises(SystemExit):
        train(config_of(method), tmp_path / "policy.pt", teacher_of(runs, method))
    train(config_of(method), tmp_path / "policy.pt", teacher_of(runs, method))
    assert_same_results(tmp_path, runs / method)


@pytest.mark.parametrize("method", METHODS)
def test_every_student_is_shown_equally_many_states(runs, method):
    used = duckdb.sql(f"SELECT max(images_rendered), max(gradient_steps) FROM '{runs}/{method}/training.parquet'")
    assert used.fetchall() == [(64, 8)]


def test_there_is_no_noise_to_learn(runs):
    assert not any("log_std" in name for name in weights(runs, "joint"))
    stds = duckdb.sql(f"SELECT count(*), count(action_std) FROM '{runs}/joint/training.parquet'").fetchall()
    assert stds == [(6, 0)]


def test_both_signs_change_the_teacher_and_not_alike(runs):
    plain, aligned, added = (weights(runs, method)["teacher.encoder.0.weight"] for method in METHODS[:3])
    assert not torch.equal(plain, aligned)
    assert not torch.equal(aligned, added)


def test_only_the_sign_and_the_size_of_the_penalty_differ(runs, tmp_path):
    penalty = config_of("maze_aligned").method.lambda_penalty
    as_aligned = ("method.kl_in_reward=subtracted", f"method.lambda_penalty={penalty}")
    train(config_of("maze_added", *as_aligned), tmp_path / "policy.pt", None)
    turned = torch.load(tmp_path / "policy.pt", weights_only=True)
    assert all(torch.equal(value, turned[name]) for name, value in weights(runs, "maze_aligned").items())


def test_evaluated_episodes_say_how_they_ended(runs, tmp_path):
    path = tmp_path / "episodes.parquet"
    evaluate_run(config_of("joint"), runs / "joint/policy.pt", path)
    rows = duckdb.sql(f"SELECT policy, success, ending, length, route, max_opening_m, handle_visible FROM '{path}'")
    found = rows.fetchall()
    assert len(found) == 2 * 9
    for _, success, ending, length, route, opening, visible in found:
        assert len(route) == length <= 20
        assert success == (ending == "target")
        assert (ending == "time-out") <= (length == 20)
        assert opening is None and visible is None
