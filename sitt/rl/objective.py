"""PPO's loss on one minibatch [Schulman et al. 2017] with the teacher's KL (paper, eq. 6), and its gradient by hand.

torch's autograd would cost a quarter of the update; the tests hold the gradient against it.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sitt.nn.mlp import MLP
from sitt.nn.policy import Teacher
from sitt.nn.products import few_outputs, outer
from sitt.rl.rollout import Rollout

MEAN_BOUND = 1.1
"""Action means beyond ± this are penalised [O: rl_games' bound_loss]."""


class Weights(NamedTuple):
    """What the parts of the loss count for; the policy's counts 1."""

    value: float
    bounds: float
    entropy: float
    """Of the bonus."""
    alignment: float
    """λ_gradient as far as it is in force."""


class PPOLoss(NamedTuple):
    """The parts of one minibatch's loss."""

    policy: float
    value: float
    bounds: float
    entropy: float
    alignment_kl: float
    """Mean KL(π_T ‖ π̂_S); zero without a proxy."""
    policy_kl: float
    """Mean KL(old ‖ new), for the adaptive learning rate; it has no weight."""

    def total(self, weights: Weights) -> float:
        """Return what is minimised."""
        pressure = weights.alignment * self.alignment_kl
        bonus = weights.entropy * self.entropy
        return self.policy + weights.value * self.value + weights.bounds * self.bounds - bonus + pressure


@torch.no_grad()
def backward(
    teacher: Teacher, proxy: Optional[MLP], batch: Rollout, weights: Weights, clip: float, clip_value: bool
) -> PPOLoss:
    """Return the loss on M standardised transitions, and leave its gradient in the teacher's parameters.

    Args:
        teacher: F_T, A, the critic and σ; each `grad` is replaced.
        proxy: F̂_S for the KL, whose gradient reaches F_T only (A, the proxy and σ are as constants); or None.
        batch: the transitions.
        weights: of the parts of the loss.
        clip: of PPO's ratio, and of the critic's step.
        clip_value: whether the critic's step is clipped.
    """
    loss = _policy_backward(teacher, proxy, batch, weights, clip)
    return loss._replace(value=_value_backward(teacher.critic, batch, weights.value, clip, clip_value))


def _policy_backward(teacher: Teacher, proxy: Optional[MLP], batch: Rollout, weights: Weights, clip: float) -> PPOLoss:
    """Set the `grad` of F_T, A and σ; return the loss but for the critic's part."""
    encoded = teacher.encoder.activations(batch.observations)
    decoded = _decoded(teacher, encoded[-1])
    distribution = teacher.distribution(decoded)
    log_probs = distribution.log_prob(batch.actions)
    policy, to_log_probs = clipped_policy_loss(log_probs, batch.log_probs, batch.advantages, clip)
    # Here, where the means are still in the caches.
    policy_kl = _mean(batch.behaviour.kl(distribution))
    bounds, to_means = bounds_loss(decoded)
    gradient = distribution.gradient(batch.actions, to_log_probs, -weights.entropy)
    if teacher.log_std is not None:
        teacher.log_std.grad = gradient.log_std
    to_decoded = gradient.outputs.add_(to_means, alpha=weights.bounds)
    to_features = _linear_backward(teacher.decoder, encoded[-1], to_decoded)
    alignment_kl = 0.0
    if proxy is not None:
        proxy_distribution = teacher.distribution(_decoded(teacher, proxy(batch.observations)))
        alignment_kl = _mean(distribution.kl(proxy_distribution))
        if weights.alignment:
            to_features += distribution.kl_gradient(proxy_distribution, weights.alignment) @ teacher.decoder.weight
    teacher.encoder.backward(encoded, to_features)
    return PPOLoss(
        policy=policy,
        value=0.0,
        bounds=bounds,
        entropy=_mean(distribution.entropy()),
        alignment_kl=alignment_kl,
        policy_kl=policy_kl,
    )


def _decoded(teacher: Teacher, features: Tensor) -> Tensor:
    return few_outputs(features, teacher.decoder.weight, teacher.decoder.bias)


def _value_backward(critic: nn.Sequential, batch: Rollout, weight: float, clip: float, clip_value: bool) -> float:
    """Set the critic's `grad`; return its part of the loss."""
    body, head = critic
    assert isinstance(body, MLP) and isinstance(head, nn.Linear)
    activations = body.activations(batch.observations)
    values = few_outputs(activations[-1], head.weight, head.bias).squeeze(-1)
    value, to_values = value_loss(values, batch.values, batch.returns, clip, clip_value)
    to_activations = _linear_backward(head, activations[-1], to_values.mul_(weight).unsqueeze(-1))
    body.backward(activations, to_activations)
    return value


def clipped_policy_loss(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip: float
) -> Tuple[float, Tensor]:
    """Return PPO's clipped surrogate, negated [Schulman et al. 2017, eq. 7], and its gradient (B,) by `log_probs`.

    All inputs are (B,).
    """
    ratio = (log_probs - old_log_probs).exp_()
    surrogate, clipped = advantages * ratio, advantages * ratio.clamp(1.0 - clip, 1.0 + clip)
    # Where the clipped one is smaller, nothing depends on the ratio.
    gradient = surrogate.mul(-1.0 / len(ratio)).mul_(surrogate <= clipped)
    return -_mean(torch.minimum(surrogate, clipped)), gradient


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip: float, clipped: bool) -> Tuple[float, Tensor]:
    """Return the critic's mean squared error, optionally the clipped variant, and its gradient (B,) by `values`.

    All inputs are (B,).
    """
    difference = values - returns
    error = difference.square()
    gradient = difference.mul_(2.0 / len(values))
    if clipped:
        step = values - old_values
        near = old_values + step.clamp(-clip, clip) - returns
        near_error = near.square()
        # The clipped one depends on the values within the clip.
        near_gradient = near * (2.0 / len(values)) * (step.abs() <= clip)
        gradient = torch.where(near_error > error, near_gradient, gradient)
        error = torch.maximum(error, near_error)
    return _mean(error), gradient


def bounds_loss(means: Tensor) -> Tuple[float, Tensor]:
    """Return the mean over B of the squared excesses of action means (B, A), and its gradient (B, A)."""
    excess = functional.softshrink(means, MEAN_BOUND)
    return excess.square().sum().item() / len(means), excess.mul_(2.0 / len(means))


def _mean(values: Tensor) -> float:
    # torch's own takes ten microseconds longer.
    return values.sum().item() / values.numel()


def _linear_backward(layer: nn.Linear, x: Tensor, gradient: Tensor) -> Tensor:
    """Set the `grad` of a linear layer on x (B, I) by that of its outputs (B, O); return that of x."""
    layer.weight.grad, layer.bias.grad = outer(gradient, x), gradient.sum(0)
    # The products of one output are no sums, which a matrix product takes twice the time for.
    return gradient * layer.weight if layer.out_features == 1 else gradient @ layer.weight
