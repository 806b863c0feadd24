"""A run stops at its first NaN or Inf: one sentence, a dump of the state, and a checkpoint that is still good."""

import json

import pytest
import torch

from sitt.env import make_env
from sitt.errors import UserError
from sitt.guard import NotFiniteError, require_finite
from sitt.methods import train
from sitt.seeding import generator
from sitt.sim.mujoco import MujocoSimulator
from sitt.task.franka_drawer import FrankaDrawer
from tests.conftest import tiny

INF, NAN = float("inf"), float("nan")
EVERY = "training.checkpoint_interval_s=0"


def stopped(folder, *arguments, **named):
    """Train until the guard stops it; return the sentence and the dump."""
    with pytest.raises(UserError) as caught:
        train(*arguments, **named)
    message, dump = str(caught.value), folder / "checkpoints/not_finite.pt"
    assert "\n" not in message
    assert f"; {dump} holds the state (torch.load); change what leads there" in message
    assert not (folder / "policy.pt").exists()
    return message, torch.load(dump, weights_only=True)


@pytest.mark.parametrize(
    ("method", "override", "iteration", "words"),
    [
        ("joint", "task.cabinet.position=[1e300,0.0,0.4]", 0, "the physics of environment 0 (and of 3 more) is inf"),
        ("joint", "task.reward.distance=1e39", 0, "the reward of environment 0 (and of 3 more) is inf"),
        ("joint", "ppo.value_coefficient=1e39", 1, "the teacher's loss is inf"),
        ("joint", "ppo.value_coefficient=1e30", 1, "the norm of the teacher's gradient is inf"),
        ("joint_aligned", "student.learning_rate=1e30", 1, "the proxy's loss is "),
        ("dagger", "student.learning_rate=1e30", 1, "the student's loss is "),
    ],
)
def test_numbers_that_grow_too_large_are_named(trained, tmp_path, method, override, iteration, words):
    teacher = trained("joint").folder / "policy.pt" if method == "dagger" else None
    message, dump = stopped(tmp_path, tiny(method, 0, override), tmp_path / "policy.pt", teacher)
    assert f"smoke/{method}/seed0 stopped in iteration {iteration}: {words}" in message
    assert not dump["values"].isfinite().all()
    assert dump["iteration"] == iteration


def test_before_a_training_begins_the_sentence_stands_alone(tmp_path):
    # At rest the joints' velocity is zero, and zero times infinity is no number.
    with pytest.raises(UserError, match=r"^the observation of environment 0 \(and of 7 more\) is nan$"):
        train(tiny("joint", 0, "task.velocity_scale=1e39"), tmp_path / "policy.pt", None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("quantity", ["reward", "observe"])
def test_the_state_is_dumped_and_the_same_command_goes_on(trained, tmp_path, monkeypatch, quantity):
    run, whole, calls = trained("joint_aligned"), getattr(FrankaDrawer, quantity), []

    def broken(task, *arguments):
        values = whole(task, *arguments)
        if len(values) == 8:  # the training's environments
            calls.append(1)
            if len(calls) == 2 * 16 + 5:  # in the third roll-out
                values[6] = NAN
        return values

    monkeypatch.setattr(FrankaDrawer, quantity, broken)
    config = tiny("joint_aligned", 0, EVERY)
    message, dump = stopped(tmp_path, config, tmp_path / "policy.pt", None)
    word = {"reward": "reward", "observe": "observation"}[quantity]
    assert f"stopped in iteration 3: the {word} of environment 6 is nan" in message
    assert dump["quantity"] == word
    assert dump["values"].flatten(1 if quantity == "observe" else 0).isnan().nonzero()[:, 0].unique().tolist() == [6]
    env = dump["parts"]["collector"]["env"]
    assert env["world"]["simulator"]["state"].shape[0] == 8
    assert all(weights.isfinite().all() for weights in dump["parts"]["networks"].values())

    monkeypatch.setattr(FrankaDrawer, quantity, whole)
    train(config, tmp_path / "policy.pt", None)  # from the checkpoint after the second iteration
    weights, expected = (torch.load(path / "policy.pt", weights_only=True) for path in (tmp_path, run.folder))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert not (tmp_path / "checkpoints").exists()


def test_simulations_that_diverged_are_counted_in_run_json(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings into MUJOCO_LOG.TXT
    step, calls = MujocoSimulator.step, []

    def disturbed(simulator, targets):
        if simulator.num_envs == 8:
            calls.append(1)
            if len(calls) in (20, 40):
                simulator.physics.qvel[3, 0] = INF
        step(simulator, targets)

    monkeypatch.setattr(MujocoSimulator, "step", disturbed)
    train(tiny("joint", 0), tmp_path / "policy.pt", None)
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["bad_simulations"] == 2


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_the_first_environment_is_named(bad):
    values = torch.zeros(7, 3, 2)
    require_finite("thing", values)
    values[[2, 5], [0, 2], 1] = bad
    with pytest.raises(NotFiniteError, match=rf"^the thing of environment 2 \(and of 1 more\) is {bad}$"):
        require_finite("thing", values)
    with pytest.raises(NotFiniteError, match=r"of environment 12 \(and of 1 more\)"):
        require_finite("thing", values, torch.arange(10, 17))
    with pytest.raises(NotFiniteError, match=rf"^the loss is {bad}$"):
        require_finite("loss", torch.tensor(bad))


def test_a_sum_that_overflows_is_no_alarm():
    require_finite("thing", torch.full((4,), 3e38))


def test_infinities_of_both_signs_do_not_cancel():
    with pytest.raises(NotFiniteError):
        require_finite("thing", torch.tensor([INF, -INF]))


def test_a_world_names_its_own_environments_after_a_reset(monkeypatch):
    env = make_env(tiny("joint", 0), 8, generator(0, "environment"))
    whole = FrankaDrawer.observe

    def broken(task, state, points):
        values = whole(task, state, points)
        values[1] = NAN
        return values

    monkeypatch.setattr(FrankaDrawer, "observe", broken)
    with pytest.raises(NotFiniteError, match=r"of environment 5 is nan"):
        env.world.observe(torch.tensor([3, 5, 7]))
