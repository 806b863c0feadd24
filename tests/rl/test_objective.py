"""PPO's loss and its gradient, by hand and against torch's autograd."""

import math

import pytest
import torch

from sitt.config.compose import compose
from sitt.nn.distributions import Categorical, Gaussian
from sitt.nn.policy import Networks
from sitt.rl.objective import Weights, backward, clipped_policy_loss, value_loss
from sitt.rl.rollout import Rollout

CLIP = 0.2


def test_policy_loss_by_hand():
    ratios = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1])
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0])
    # min(ratio·A, clip(ratio)·A) with clip 0.2: 1.2, −1.5, 0.5, −0.8, 2.2
    loss, _ = clipped_policy_loss(ratios.log(), torch.zeros(5), advantages, 0.2)
    assert loss == pytest.approx(-(1.2 - 1.5 + 0.5 - 0.8 + 2.2) / 5)


def test_clipped_ratio_has_no_gradient():
    log_probs = torch.tensor([0.5, 0.1, -0.5])
    _, gradient = clipped_policy_loss(log_probs, torch.zeros(3), torch.tensor([1.0, 1.0, -1.0]), 0.2)
    # −ratio / 3 where it is not clipped.
    assert gradient.tolist() == pytest.approx([0.0, -math.exp(0.1) / 3, 0.0])


def test_value_loss_by_hand():
    values, old, returns = torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([3.0])
    assert [float(x) for x in value_loss(values, old, returns, 0.2, clipped=False)] == pytest.approx([1.0, -2.0])
    assert [float(x) for x in value_loss(values, old, returns, 0.2, clipped=True)] == pytest.approx([1.8**2, 0.0])
    near = torch.tensor([1.1])
    assert [float(x) for x in value_loss(near, old, returns, 0.2, clipped=True)] == pytest.approx([1.9**2, -3.8])


@pytest.mark.parametrize("experiment", ["smoke", "maze"])
@pytest.mark.parametrize("clip_value", [False, True])
@pytest.mark.parametrize("lambda_gradient", [0.0, 0.7])
def test_the_gradient_is_autograds(experiment, clip_value, lambda_gradient):
    config = compose(experiment, "joint", 3)
    networks = Networks(config)
    weights = Weights(value=2.0, bounds=0.3, entropy=0.2, alignment=lambda_gradient)
    batch = any_rollout(config, networks.teacher)
    proxy = networks.proxy if lambda_gradient else None
    loss = backward(networks.teacher, proxy, batch, weights, CLIP, clip_value)
    mine = {name: p.grad for name, p in networks.named_parameters() if p.grad is not None}
    networks.zero_grad()
    total = by_autograd(networks, batch, weights, clip_value)
    total.backward()
    assert loss.total(weights) == pytest.approx(total.item(), rel=1e-5)
    assert {f"teacher.{name}" for name, _ in networks.teacher.named_parameters()} == set(mine)
    for name, parameter in networks.named_parameters():
        if name in mine:
            torch.testing.assert_close(mine[name], parameter.grad, rtol=1e-4, atol=1e-6, msg=name)


def any_rollout(config, teacher, size=200):
    """Means beyond the bounds, ratios and steps of the critic on both sides of their clips, both signs of A."""
    rng = torch.Generator().manual_seed(1)
    draw = lambda *shape: torch.randn(*shape, generator=rng)  # noqa: E731
    observations = draw(size, config.task.observations)
    with torch.no_grad():
        teacher.decoder.weight.mul_(8.0)
        behaviour = teacher.distribution(
            teacher.decoder(teacher.encoder(observations)) + 0.1 * draw(size, config.task.actions)
        )
        actions = behaviour.sample(rng)
        log_probs = behaviour.log_prob(actions) + 0.2 * draw(size)
        values = teacher.critic(observations).squeeze(-1) + 0.4 * draw(size)
    return Rollout(observations, actions, log_probs, behaviour.detached(), values, draw(size), values + draw(size))


def by_autograd(networks, batch, weights, clip_value):
    """The loss as one writes it down."""
    teacher = networks.teacher
    features = teacher.encoder(batch.observations)
    decoded = teacher.decoder(features)
    distribution = teacher.distribution(decoded)
    ratio = (distribution.log_prob(batch.actions) - batch.log_probs).exp()
    clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
    outside = ratio != clipped
    assert 20 < outside.sum() < 180
    policy = -torch.minimum(batch.advantages * ratio, batch.advantages * clipped).mean()
    values = teacher.critic(batch.observations).squeeze(-1)
    error = (values - batch.returns).square()
    if clip_value:
        near = batch.values + (values - batch.values).clamp(-CLIP, CLIP)
        error = torch.maximum(error, (near - batch.returns).square())
    excess = (decoded.abs() - 1.1).clamp(min=0.0)
    assert (excess > 0).sum() > 20
    total = policy + weights.value * error.mean() + weights.bounds * excess.square().sum(-1).mean()
    total = total - weights.entropy * distribution.entropy().mean()
    if not weights.alignment:
        return total
    weight, bias = teacher.decoder.weight.detach(), teacher.decoder.bias.detach()
    proxy = torch.nn.functional.linear(networks.proxy(batch.observations), weight, bias).detach()
    aligned = torch.nn.functional.linear(features, weight, bias)
    if teacher.log_std is None:
        p, q = Categorical(aligned), Categorical(proxy)
    else:
        p, q = (Gaussian(mean, teacher.log_std.detach()) for mean in (aligned, proxy))
    return total + weights.alignment * p.kl(q).mean()
