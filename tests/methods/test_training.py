"""Whole tiny trainings: determinism, budgets, and who changes whom."""

from types import SimpleNamespace

import duckdb
import pytest
import torch

from sitt.env import make_env, make_world
from sitt.errors import UserError
from sitt.evaluation import evaluate_run, student_actor
from sitt.methods import train
from sitt.nn.policy import Networks
from sitt.rl.collector import Collector
from sitt.rl.ppo import PPO
from sitt.runs.weights import load_networks
from sitt.seeding import generator
from sitt.sim.mujoco import MujocoSimulator
from tests.conftest import tiny

METHODS = ("bc", "blind", "dagger", "joint", "joint_aligned")


def weights(run):
    return torch.load(run.folder / "policy.pt", weights_only=True)


def metrics(run):
    """All columns of training.parquet but time and name."""
    path = str(run.folder / "training.parquet")
    return duckdb.sql(f"SELECT * EXCLUDE (run_id, wall_s) FROM '{path}' ORDER BY iteration, policy").fetchall()


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_result_other_seed_another(trained, method):
    first, second, other = trained(method, 0), trained(method, 0, again=True), trained(method, 1)
    assert metrics(first) == metrics(second)
    assert all(torch.equal(a, b) for a, b in zip(weights(first).values(), weights(second).values()))
    assert metrics(first) != metrics(other)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_uses_exactly_the_same_budget(trained, method):
    run = trained(method)
    rows = metrics(run)
    path = run.folder / "training.parquet"
    used = duckdb.sql(f"SELECT max(images_rendered), max(gradient_steps) FROM '{path}'").fetchall()
    assert used == [(0 if method == "blind" else 64, 8)]
    assert len(rows) == 2 * 3


@pytest.mark.parametrize("method", ["bc", "dagger"])
def test_the_imitated_teacher_stays_as_it_was(trained, method):
    teacher, student = weights(trained("joint")), weights(trained(method))
    for name, value in teacher.items():
        if name.startswith("teacher."):
            assert torch.equal(student[name], value), name
    before = Networks(trained(method).config).state_dict()
    for part in ("student.body", "own_decoder"):
        assert any(not torch.equal(student[n], before[n]) for n in student if n.startswith(part))


def test_the_joint_teacher_without_pressure_is_plain_ppo_bit_for_bit(trained):
    run = trained("joint")
    config = run.config
    networks = Networks(config)
    env = make_env(config, config.training.num_envs, generator(config.seed, "environment"))
    networks.teacher.normalizer.update(env.observation)
    # One image per iteration, never looked at: no student, no alignment phase.
    collector = Collector(
        env,
        networks,
        config.ppo,
        config.task.reward_scale,
        1,
        1,
        0.0,
        generator(config.seed, "exploration"),
        generator(9, "other subset"),
    )
    ppo = PPO(config.ppo, networks.teacher, networks.proxy, 0.0, generator(config.seed, "minibatches"))
    iterations = config.training.iterations
    for iteration in range(iterations):
        collected = collector.collect(iteration / iterations)
        networks.teacher.return_normalizer.update(collected.rollout.returns.unsqueeze(-1))
        ppo.update(collected.rollout, iteration / iterations)
        networks.teacher.normalizer.update(collected.raw_observations)
    trained_weights = weights(run)
    for name, value in networks.teacher.state_dict().items():
        assert torch.equal(trained_weights[f"teacher.{name}"], value), name


def test_a_blind_student_leaves_the_teacher_as_it_is(trained):
    seeing, blind = weights(trained("joint")), weights(trained("blind"))
    for name, value in seeing.items():
        if name.startswith("teacher."):
            assert torch.equal(blind[name], value), name
    assert not torch.equal(blind["student.body.0.weight"], seeing["student.body.0.weight"])


def test_nothing_is_rendered_for_a_blind_student(tmp_path, monkeypatch):
    def render(*_):
        raise AssertionError("rendered")

    monkeypatch.setattr(MujocoSimulator, "render", render)
    run = SimpleNamespace(config=tiny("blind", 0), folder=tmp_path)
    train(run.config, tmp_path / "policy.pt", None)
    evaluate_run(run.config, tmp_path / "policy.pt", tmp_path / "episodes.parquet")
    statistics = weights(run)
    assert statistics["student.normalizer.count"] == 64
    assert statistics["student.normalizer.variance"].max() < 1e-6  # it has been shown one and the same image


@pytest.mark.parametrize("method", ["blind", "joint"])
def test_only_the_blind_student_acts_alike_wherever_the_cabinet_stands(trained, method):
    run = trained(method)
    networks = load_networks(run.config, run.folder / "policy.pt")
    world = make_world(run.config, 2)
    offset = torch.tensor([[0.0, -0.15, 0.0, 0.0], [0.0, 0.15, 0.0, 0.0]])
    joints = torch.tensor(run.config.task.robot.default_joint_positions).expand(2, 9)
    world.reset(torch.arange(2), (joints, offset))
    with torch.no_grad():
        one, other = student_actor(networks)(world.observe(), world).mode()
    assert torch.equal(one, other) == (method == "blind")


def test_alignment_changes_the_teacher(trained):
    plain, aligned = weights(trained("joint")), weights(trained("joint_aligned"))
    assert not torch.equal(plain["teacher.encoder.0.weight"], aligned["teacher.encoder.0.weight"])


@pytest.mark.parametrize(("progress", "share"), [(0.0, 0.0), (0.2, 0.4), (0.5, 1.0), (0.9, 1.0)])
def test_penalty_lowers_the_reward_by_lambda_times_the_divergence(progress, share):
    config = tiny("joint", 0, "ppo.lambda_start=0.0", "ppo.lambda_rise=0.5")

    def collect(penalty):
        networks = Networks(config)
        env = make_env(config, 8, generator(0, "environment"))
        arguments = (
            config.ppo,
            config.task.reward_scale,
            8,
            8,
            penalty,
            generator(0, "exploration"),
            generator(0, "subset"),
        )
        return networks, Collector(env, networks, *arguments).collect(progress).rollout

    networks, plain = collect(0.0)
    _, penalised = collect(0.5)
    teacher = networks.teacher
    with torch.no_grad():
        proxy = teacher.decoder(networks.proxy(plain.observations))
        kl = (0.5 * ((plain.behaviour.mean - proxy) / teacher.log_std.exp()).square()).sum(-1)
    assert torch.equal(plain.actions, penalised.actions)
    # The last step of each environment has no later rewards: its advantage falls by the penalty alone.
    last = slice(-8, None)
    fall = plain.advantages[last] - penalised.advantages[last]
    assert torch.allclose(fall, share * 0.5 * kl[last], atol=1e-5)
    rise = collect(-0.5)[1].advantages[last] - plain.advantages[last]  # the sign of the authors' maze code
    assert torch.allclose(rise, fall, atol=1e-5)


@pytest.mark.parametrize("method", ["bc", "dagger"])
def test_a_missing_teacher_is_one_sentence(tmp_path, method):
    with pytest.raises(UserError, match="--teacher is missing"):
        train(tiny(method, 0), tmp_path / "policy.pt", None)
    with pytest.raises(UserError, match="does not exist"):
        train(tiny(method, 0), tmp_path / "policy.pt", tmp_path / "none.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["bc", "dagger", "joint"])
def test_a_buffer_that_is_too_small_is_refused_before_rendering(trained, tmp_path, method):
    teacher = trained("joint").folder / "policy.pt" if method != "joint" else None
    config = tiny(method, 0, "student.images=2048", "training.num_envs=64", "student.buffer_mebibytes=1")
    with pytest.raises(UserError, match=r"2048 images .* more than student\.buffer_mebibytes = 1;"):
        train(config, tmp_path / "policy.pt", teacher)


def test_the_alignment_reuses_as_many_roll_outs_as_the_window_says(tmp_path):
    def student(window):
        train(tiny("joint", 0, f"student.window={window}"), tmp_path / "policy.pt", None)
        state = torch.load(tmp_path / "policy.pt", weights_only=True)
        return torch.cat([value.flatten() for name, value in state.items() if name.startswith("student.body.")])

    one, two, four, more = (student(window) for window in (1, 2, 4, 100))
    assert not torch.equal(one, two) and not torch.equal(two, four)
    assert torch.equal(four, more)  # there are four iterations


@pytest.mark.parametrize("method", ["bc", "dagger"])
def test_the_students_learning_rate_falls_once_the_exploration_is_over(trained, method):
    run = trained(method)
    path = run.folder / "training.parquet"
    rates = duckdb.sql(f"SELECT learning_rate FROM '{path}' WHERE policy = 'student' ORDER BY iteration").fetchall()
    # Iterations 0, 2 and 4 of 4: the last one begins when 3/4 of the training, half of the settling, is over.
    assert run.config.ppo.exploration_fraction == 0.5
    full = run.config.student.learning_rate
    assert [rate for (rate,) in rates[1:]] == pytest.approx([full, full / 2])
