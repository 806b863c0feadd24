"""Evaluation: fixed starts, full episodes, and outcomes that do not depend on the batch."""

import shutil

import duckdb
import pytest
import torch

from sitt import cli
from sitt.config.compose import dump
from sitt.env import make_world
from sitt.errors import UserError
from sitt.evaluation import evaluate_run, play, start_seeds, start_states, student_actor, teacher_actor
from sitt.nn.distributions import Gaussian
from sitt.nn.policy import Networks
from sitt.runs.weights import load_networks
from sitt.task.franka_drawer import FrankaDrawer
from tests.conftest import tiny


@pytest.mark.parametrize("actor_of", [teacher_actor, student_actor])
def test_outcomes_do_not_depend_on_the_number_of_environments(actor_of):
    config = tiny("joint", 0, "task.episode_length=40")
    networks = Networks(config).eval()
    starts = start_states(FrankaDrawer(config.task), start_seeds(5, 7))
    outcomes = []
    for num_envs in (1, 3, 7, 50):
        outcomes.append(play(make_world(config, num_envs), starts, actor_of(networks)))
    for outcome in outcomes[1:]:
        assert torch.equal(outcome.returns, outcomes[0].returns)


@pytest.mark.parametrize("command", ["evaluate", "videos"])
def test_jobs_use_the_configured_threads_and_not_the_cores(trained, tmp_path, command):
    run = trained("joint")
    config, policy = tmp_path / "config.yaml", tmp_path / "policy.pt"
    dump(run.config, config)
    shutil.copy(run.folder / "policy.pt", policy)
    given = {"evaluate": ["--config", str(config), "--policy", str(policy)], "videos": [str(tmp_path)]}
    torch.set_num_threads(2)
    try:
        assert cli.main([command, *given[command], "--output", str(tmp_path / "output")]) == 0
        assert torch.get_num_threads() == run.config.threads == 1
    finally:
        torch.set_num_threads(1)


def test_start_states_are_fixed_and_extend():
    task = FrankaDrawer(tiny("joint", 0).task)
    few, many = start_states(task, start_seeds(5, 3)), start_states(task, start_seeds(5, 6))
    assert torch.equal(few[0], many[0][:3]) and torch.equal(few[1], many[1][:3])
    other = start_states(task, start_seeds(6, 3))
    assert not torch.equal(few[0], other[0])


def test_success_counts_at_any_time_and_does_not_end_the_episode():
    """A drawer that stands open at the start and is left alone: success, full length, reward of every step."""
    config = tiny("joint", 0)
    world = make_world(config, 2)
    steps = []

    def idle(observations, world):
        if not steps:
            world.simulator.physics.qpos[0, 9] = 0.399
        steps.append(1)
        return Gaussian(torch.zeros(2, 9), torch.zeros(9))

    outcome = play(world, start_states(world, start_seeds(1, 2)), idle)
    assert outcome.success.tolist() == [True, False]
    assert not outcome.over.any()
    assert outcome.lengths.tolist() == [config.task.episode_length] * 2
    assert len(steps) == config.task.episode_length


def test_evaluate_run_writes_one_row_per_episode_and_policy(trained, tmp_path):
    run = trained("joint")
    output = tmp_path / "episodes.parquet"
    evaluate_run(run.config, run.folder / "policy.pt", output)
    rows = duckdb.sql(
        f"SELECT policy, count(*), count(DISTINCT seed), min(length), max(length) FROM '{output}' GROUP BY 1"
    )
    episodes, length = run.config.evaluation.episodes, run.config.task.episode_length
    assert sorted(rows.fetchall()) == [(p, episodes, episodes, length, length) for p in ("student", "teacher")]
    seen = duckdb.sql(f"SELECT count(*) FROM '{output}' WHERE handle_visible BETWEEN 0 AND 1").fetchall()
    assert seen == [(2 * episodes,)]


def test_all_methods_are_evaluated_from_the_same_starts(trained, tmp_path):
    seeds = []
    for method in ("joint", "bc"):
        output = tmp_path / f"{method}.parquet"
        run = trained(method)
        evaluate_run(run.config, run.folder / "policy.pt", output)
        seeds.append(duckdb.sql(f"SELECT seed FROM '{output}' ORDER BY policy, episode").fetchall())
    assert seeds[0] == seeds[1]


def test_damaged_and_foreign_policies_are_refused(trained, tmp_path):
    run = trained("joint")
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes((run.folder / "policy.pt").read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        load_networks(run.config, damaged)
    other = tiny("joint", 0, "networks.critic=[8,8,8]")
    with pytest.raises(UserError, match="another configuration"):
        load_networks(other, run.folder / "policy.pt")
