"""Generalised advantage estimation, by hand."""

import pytest
import torch

from sitt.nn.distributions import Gaussian
from sitt.rl.rollout import Rollout, generalized_advantages

GAMMA, LAMBDA = 0.5, 0.8


def column(*values):
    return torch.tensor(values).unsqueeze(1)


def test_by_hand_without_an_end():
    advantages = generalized_advantages(
        column(1.0, 2.0), column(3.0, 4.0), torch.tensor([6.0]), column(False, False), GAMMA, LAMBDA
    )
    last = 2.0 + 0.5 * 6.0 - 4.0
    first = (1.0 + 0.5 * 4.0 - 3.0) + 0.5 * 0.8 * last
    assert advantages.squeeze().tolist() == pytest.approx([first, last])


def test_nothing_flows_across_the_end_of_an_episode():
    arguments = (column(1.0, 2.0), column(3.0, 4.0), torch.tensor([6.0]), column(True, False), GAMMA, LAMBDA)
    advantages = generalized_advantages(*arguments)
    assert advantages[0].item() == pytest.approx(1.0 - 3.0)
    # A bootstrapped truncation is a reward with γ·V(final state) added: +0.5 · 10.
    bootstrapped = generalized_advantages(column(1.0 + 0.5 * 10.0, 2.0), *arguments[1:])
    assert bootstrapped[0].item() == pytest.approx(1.0 + 5.0 - 3.0)
    assert bootstrapped[1] == advantages[1]


def test_lambda_one_gives_discounted_returns_minus_values():
    rewards, values = torch.rand(6, 3), torch.rand(6, 3)
    next_value = torch.rand(3)
    advantages = generalized_advantages(rewards, values, next_value, torch.zeros(6, 3, dtype=torch.bool), 0.9, 1.0)
    expected = next_value
    for t in reversed(range(6)):
        expected = rewards[t] + 0.9 * expected
        assert torch.allclose(advantages[t], expected - values[t], atol=1e-5)


def test_minibatches_of_a_shuffled_roll_out_have_each_transition_once_and_whole():
    count = 7
    number = torch.arange(float(count))
    wide = number.unsqueeze(1).expand(count, 3)
    rollout = Rollout(
        wide, wide + 10, number + 20, Gaussian(wide + 30, torch.zeros(3)), *(number + k for k in (40, 50, 60))
    )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    parts = rollout.select(order).split(3)
    assert [len(part.values) for part in parts] == [3, 3, 1]
    for part, rows in zip(parts, order.split(3)):
        assert torch.equal(part.observations, wide[rows]) and torch.equal(part.actions, wide[rows] + 10)
        assert torch.equal(part.behaviour.mode(), wide[rows] + 30)
        columns = (part.log_probs, part.values, part.advantages, part.returns)
        assert all(torch.equal(column, number[rows] + k) for column, k in zip(columns, (20, 40, 50, 60)))
