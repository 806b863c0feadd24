"""Our task says what OIGE's says: on recorded states everywhere, and on OIGE's source itself where OIGE_ROOT is set."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest
import torch
from isaac import quaternions, reference
from isaac.record_oige import VECTORS, record
from isaac.setup import OIGE, OIGE_ROOT, drawer, isaac, isaac_sim
from scipy.spatial.transform import Rotation

from sitt.sim import make_simulator
from sitt.sim.base import SimState
from sitt.task.drawer_world import DrawerWorld
from sitt.task.franka_drawer import FrankaDrawer

needs_oige = pytest.mark.skipif(OIGE_ROOT is None, reason="OIGE_ROOT names no checkout of OmniIsaacGymEnvs f8f91bc")
STEPS, ENVS, OFTEN = 1000, 16, 50


@pytest.fixture(scope="module")
def vectors():
    with np.load(VECTORS) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def ours(fingers: str) -> FrankaDrawer:
    return FrankaDrawer(drawer(OIGE, {"reward": {**OIGE["reward"], "finger_reward": fingers}}))


def reward(task: FrankaDrawer, state: SimState, actions: torch.Tensor) -> torch.Tensor:
    return task.reward(state, task.points(state), actions)


def assert_like_oige(vectors) -> None:
    state, actions = SimState(vectors["state"]), vectors["actions"]
    for fingers in ("upstream", "fixed"):
        error = reward(ours(fingers), state, actions) - vectors[f"reward_{fingers}"]
        assert error.abs().max() <= reference.TOLERANCE, fingers
    task = ours("upstream")
    clip = task.cfg.observation_clip
    observation = task.observe(state, task.points(state))
    assert (observation - vectors["observation"].clamp(-clip, clip)).abs().max() <= reference.TOLERANCE
    over = task.success(state) | (vectors["progress"] >= reference.TASK.episode_length)
    assert torch.equal(over, vectors["reset"].bool())


def test_reward_observation_and_ends_are_oiges_on_recorded_states(vectors):
    assert len(vectors["state"]) > 250
    assert_like_oige(vectors)
    met = {name: int(branch.sum()) for name, branch in reference.branches(SimState(vectors["state"])).items()}
    assert min(met.values()) >= 25, met
    assert (vectors["observation"].abs() > 5).sum() > 100, "some are clamped"


def test_the_recorded_states_would_show_a_difference(vectors):
    state, actions = SimState(vectors["state"]), vectors["actions"]
    assert (reward(ours("fixed"), state, actions) - vectors["reward_upstream"]).abs().max() > 1
    for key in ("distance", "rotation", "open", "finger_close", "action"):
        changed = drawer(OIGE, {"reward": {**OIGE["reward"], key: 1.01 * getattr(reference.TASK.reward, key)}})
        assert (reward(FrankaDrawer(changed), state, actions) - vectors["reward_upstream"]).abs().max() > 1e-4, key


@needs_oige
def test_the_recorded_vectors_are_what_oige_says_today(vectors):
    again = record(OIGE_ROOT)
    assert set(again) == set(vectors)
    for name, values in again.items():
        assert np.allclose(values, vectors[name].numpy(), rtol=0, atol=1e-6), name
    assert_like_oige({name: torch.from_numpy(values) for name, values in again.items()})


@needs_oige
def test_a_thousand_random_steps_of_oiges_own_task_give_our_rewards_and_ends():
    rng = torch.Generator().manual_seed(11)
    met: Counter = Counter()
    with isaac(reference.TASK) as kit:
        simulator = make_simulator(reference.TASK, isaac_sim(cameras=1), ENVS, 1)
        oige, everyone = simulator._stage.task, torch.arange(ENVS)
        assert type(oige).__mro__[1].__module__ == "omniisaacgymenvs.tasks.franka_cabinet"
        assert OIGE_ROOT.resolve() in [path.resolve() for path in map(type(OIGE_ROOT), sys.path)]
        tasks = {fingers: ours(fingers) for fingers in ("upstream", "fixed")}
        world = DrawerWorld(FrankaDrawer(reference.TASK), simulator, "termination")
        world.reset(everyone, reference.starts(ENVS, rng))
        steps = torch.randint(reference.TASK.episode_length, (ENVS,), generator=rng)
        oige.progress_buf[:] = steps
        for _ in range(STEPS):
            actions = 2 * torch.rand(ENVS, 9, generator=rng) - 1
            reference.pull(kit, rng)
            before = oige.franka_dof_targets.clone()
            outcome = world.step(actions)
            steps += 1
            # franka_cabinet.py, line 328, which its pre_physics_step would have run on these actions.
            targets = before + oige.franka_dof_speed_scales * oige.dt * actions * oige.action_scale
            targets = targets.clamp(oige.franka_dof_lower_limits, oige.franka_dof_upper_limits)
            assert (oige.franka_dof_targets - targets).abs().max() <= reference.TOLERANCE
            flags = oige.reset_buf.bool().clone()  # of VecEnvRLGames.step, before anything is computed again
            clear = reference.clear_of_thresholds(simulator.state)
            for fingers, expected in reference.rewards(oige, actions).items():
                error = reward(tasks[fingers], simulator.state, actions) - expected
                assert error[clear].abs().max() <= reference.TOLERANCE, fingers
            assert torch.equal(outcome.reward, reward(tasks["upstream"], simulator.state, actions))
            assert (world.observe() - oige.obs_buf.clamp(-5, 5)).abs().max() <= reference.TOLERANCE
            timeout = steps >= reference.TASK.episode_length
            assert torch.equal(flags, outcome.terminated | timeout)
            for name, branch in reference.branches(simulator.state).items():
                met[name] += int((branch & clear).sum())
            met["ended by success"] += int(outcome.terminated.sum())
            met["ended by time"] += int((timeout & ~outcome.terminated).sum())
            ended = flags.nonzero().squeeze(-1)
            if len(ended):
                world.reset(ended, reference.starts(len(ended), rng))
                steps[ended] = 0
        print("".join(f"\n{name:<28} {count:>6}" for name, count in met.items()), f"\ntransitions {STEPS * ENVS}")
    assert simulator.bad_simulations == 0
    assert len(met) == 22 and min(met.values()) >= OFTEN, met


def test_the_fakes_quaternions_are_scipys():
    rng = np.random.default_rng(0)
    (one, q), (other, p) = (random(rng) for _ in range(2))
    v, t, u = (torch.tensor(rng.normal(size=(50, 3)), dtype=torch.float32) for _ in range(3))
    assert np.allclose(quaternions.tf_vector(q, v), one.apply(v), atol=1e-5)
    turn, at = quaternions.tf_combine(q, t, p, u)
    assert np.allclose(
        quaternions.quat_apply(turn, v) + at, one.apply(other.apply(v) + u.numpy()) + t.numpy(), atol=1e-5
    )
    back, home = quaternions.tf_inverse(q, t)
    assert np.allclose(
        quaternions.quat_apply(back, torch.tensor(one.apply(v), dtype=torch.float32) + t) + home, v, atol=1e-5
    )
    assert np.allclose(quaternions.quat_mul(q, quaternions.quat_conjugate(q)), [[1, 0, 0, 0]] * 50, atol=1e-6)
    assert np.allclose(
        quaternions.quat_apply(quaternions.about_z(0.7), torch.tensor([[1.0, 0.0, 0.0]])),
        [[np.cos(0.7), np.sin(0.7), 0]],
    )
    limits = torch.tensor([-1.0, 0.0, 0.5]), torch.tensor([1.0, 0.5, 0.5])
    assert torch.equal(quaternions.tensor_clamp(v, *limits), torch.clamp(v, *limits))


def random(rng):
    rotations = Rotation.random(50, rng=rng)
    return rotations, torch.tensor(rotations.as_quat()[:, [3, 0, 1, 2]], dtype=torch.float32)
