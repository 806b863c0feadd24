"""The Gymnasium environment that ours is compared with in speed plays the same task."""

import numpy as np
import pytest
import torch

from benchmarks.gym_drawer import FrankaDrawerEnv
from sitt.config.compose import compose
from sitt.env import make_world

ENVS, STEPS = 3, 60


@pytest.mark.parametrize("finger_reward", ["fixed", "upstream"])
def test_the_peer_of_the_benchmark_plays_the_same_task(finger_reward):
    config = compose("embedded", "joint", 0, [f"task.reward.finger_reward={finger_reward}"])
    world, rng = make_world(config, ENVS), torch.Generator().manual_seed(0)
    starts = joints, displacement = world.sample_start(ENVS, rng)
    joints[0, 7:] = 0.0
    world.reset(torch.arange(ENVS), starts)
    peers = [FrankaDrawerEnv(config.task) for _ in range(ENVS)]
    for i, peer in enumerate(peers):
        observation, _ = peer.reset(
            options={"joints": joints[i].double().numpy(), "displacement": displacement[i].double().numpy()}
        )
        np.testing.assert_allclose(observation, world.observe()[i].numpy(), atol=1e-5)
    direction = torch.rand(ENVS, 9, generator=rng) - 0.5
    rewards = []
    for _ in range(STEPS):
        actions = direction + torch.randn(ENVS, 9, generator=rng)
        outcome, observations = world.step(actions), world.observe()
        for i, peer in enumerate(peers):
            observation, reward, *_ = peer.step(actions[i].numpy())
            np.testing.assert_allclose(observation, observations[i].numpy(), atol=1e-3)
            assert reward == pytest.approx(outcome.reward[i].item(), abs=1e-3)
            rewards.append(reward)
    assert np.std(rewards) > 0.1
