"""Facts about the simulator mujoco_warp beside mujoco: the same model in float32, by another solver; on Warp's CPU."""

from __future__ import annotations

import signal

import pytest
import torch
from test_mujoco import DEFAULT, SIM, TASK, grasp_and_pull, random_start, random_targets

from sitt.config.compose import compose
from sitt.device import beside, require_cuda
from sitt.env import make_world
from sitt.evaluation import play, start_seeds, start_states, student_actor, teacher_actor
from sitt.methods import train
from sitt.runs.weights import load_networks
from sitt.sim import make_simulator
from sitt.sim.base import SimState
from tests.conftest import WARP_ON_CPU, assert_same_results, at_iteration, sentence, tiny

on_a_machine_without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@pytest.fixture
def both(warp_on_cpu):
    """Return what makes N environments of both simulators."""
    return lambda count: [make_simulator(TASK, sim, count, 1) for sim in (SIM, warp_on_cpu)]


class Trajectory:
    """The states of one environment, and the first one in which the robot touches the handle."""

    def __init__(self) -> None:
        self.states: list[SimState] = []
        self.first_touch = 0

    def add(self, simulator) -> None:
        if not self.first_touch and simulator.handle_touched(torch.arange(1)):
            self.first_touch = len(self.states)
        self.states.append(simulator.state.select(torch.arange(1)))


def difference(one: SimState, other: SimState, *names: str) -> float:
    return max(float((getattr(one, name) - getattr(other, name)).abs().max()) for name in names)


def assert_close(one: SimState, other: SimState, places: float, rates: float) -> None:
    """Compare rad, m and quaternions by `places`, rad/s and m/s by `rates`."""
    moving = ("joint_velocities", "drawer_velocity")
    still = [name for name in vars(one) if name not in ("block", *moving)]
    assert difference(one, other, *still) < places
    assert difference(one, other, *moving) < rates


def test_without_contact_trajectories_agree_to_float32(both):
    """Measured: 7e-7 rad, 3e-6 rad/s, and 9 of 16384 pixels."""
    joints, offset = random_start(4)
    mujoco, warp = both(4)
    for simulator in (mujoco, warp):
        simulator.reset(torch.arange(4), joints, offset)
    assert_close(mujoco.state, warp.state, places=1e-6, rates=1e-9)
    for targets in random_targets(60, 4):
        for simulator in (mujoco, warp):
            simulator.step(targets)
        assert_close(mujoco.state, warp.state, places=5e-6, rates=2e-5)
    images = [simulator.render(torch.arange(4)) for simulator in (mujoco, warp)]
    different = (images[0] != images[1]).any(1).float().mean()
    assert different < 0.005, "some pixels at edges"
    visible = [simulator.handle_visible(torch.arange(4)) for simulator in (mujoco, warp)]
    assert torch.allclose(*visible, atol=0.1, equal_nan=True)


def test_both_grasp_the_handle_and_open_the_drawer(both):
    """The hand meets the handle in the same step, and both stay together to the end, 288 steps later.

    Measured: 5e-6 rad and 2e-4 rad/s where the fingers close, 1e-6 and 1e-5 later.
    """
    trajectories = []
    for simulator in both(1):
        trajectory, step = Trajectory(), simulator.step

        def watched(targets, simulator=simulator, trajectory=trajectory, step=step):
            step(targets)
            trajectory.add(simulator)

        simulator.step = watched
        grasp_and_pull(simulator)
        trajectories.append(trajectory)
    mujoco, warp = trajectories
    assert mujoco.first_touch == warp.first_touch > 60
    for one, other in zip(mujoco.states, warp.states):
        assert_close(one, other, places=5e-5, rates=2e-3)
    assert min(one.drawer_opening, other.drawer_opening) > TASK.success_opening


def test_a_policy_trained_in_one_does_the_same_in_the_other(trained, warp_on_cpu):
    run = trained("joint")
    networks = load_networks(run.config, run.folder / "policy.pt")
    for actor_of in (teacher_actor, student_actor):
        outcomes = []
        for sim in (run.config.sim, warp_on_cpu):
            world = make_world(run.config.model_copy(update={"sim": sim}), 4)
            starts = start_states(world, start_seeds(run.config.evaluation.seed, 4))
            watcher = world.watcher(4)
            outcome = play(world, starts, actor_of(networks), observer=watcher)
            outcomes.append((outcome, watcher.max_opening(4)))
        (one, opening), (other, opening_there) = outcomes
        assert torch.allclose(one.returns, other.returns, rtol=1e-3)
        assert torch.equal(one.success, other.success)
        assert torch.allclose(opening, opening_there, atol=1e-4)


def test_a_training_that_was_interrupted_is_as_never(warp_on_cpu, tmp_path, monkeypatch):
    config = tiny("joint_aligned", 0, *WARP_ON_CPU, "training.iterations=2", "training.evaluations=2")
    train(config, tmp_path / "whole" / "policy.pt", None)
    at_iteration(monkeypatch, 1, lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit):
        train(config, tmp_path / "parts" / "policy.pt", None)
    train(config, tmp_path / "parts" / "policy.pt", None)
    assert_same_results(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize("key", ["contacts", "constraints"])
def test_contacts_without_room_are_no_secret(warp_on_cpu, key):
    simulator = make_simulator(TASK, warp_on_cpu.model_copy(update={key: 1}), 2, 1)
    simulator.step(DEFAULT.expand(2, 9))
    simulator.reset(torch.tensor([1]), DEFAULT[None], torch.tensor([[0.5, 0.0, 0.0, 0.0]]))  # into the hand
    message = sentence(simulator.step, DEFAULT.expand(2, 9))
    assert f"sim.{key} = 1 per environment are too few" in message and f"raise sim.{key}" in message


@on_a_machine_without_gpu
def test_without_a_gpu_nothing_starts(tmp_path, monkeypatch):
    config = tiny("joint", 0, "sim=mujoco_warp")
    assert config.sim.device == "cuda"
    without_driver = sentence(train, config, tmp_path / "policy.pt", None)
    monkeypatch.setattr("sitt.device.lease_gpu", lambda: 0)
    without_cuda = sentence(beside, config.sim)
    assert without_cuda == sentence(require_cuda, config.sim)
    for message, why in ((without_driver, "nvidia-smi does not answer"), (without_cuda, "a CUDA build of torch")):
        for words in ("mujoco_warp", "sim.device = cuda", why, "sim: mujoco needs none"):
            assert words in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["bc", "blind", "dagger", "joint", "joint_aligned"])
def test_the_preset_for_a_gpu_has_the_budgets_of_embedded(method):
    small, large = compose("embedded", method, 0), compose("embedded-gpu", method, 0)

    def budgets(config):
        ppo, training = config.ppo, config.training
        batch = training.num_envs * ppo.horizon
        updates = training.iterations * ppo.epochs * ppo.minibatches
        memory = config.student.images // training.iterations * config.student.window
        return batch * training.iterations, updates, batch // ppo.minibatches, memory, config.student.gradient_steps

    assert budgets(small) == budgets(large)
    assert large.training.num_envs == 4096
    assert (small.task, small.encoder, small.networks, small.evaluation, small.method) == (
        large.task, large.encoder, large.networks, large.evaluation, large.method,
    )  # fmt: skip
