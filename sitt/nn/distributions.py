"""Action distributions: log densities, entropies and KL divergences, in nats."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

LOG_TWO_PI = math.log(2 * math.pi)


def gaussian_log_prob(mean: Tensor, log_std: Tensor, value: Tensor) -> Tensor:
    """Log density (…) of value (…, A) under a diagonal Gaussian."""
    z = (value - mean) * (-log_std).exp()
    return -(0.5 * z.square() + log_std + 0.5 * LOG_TWO_PI).sum(-1)


def gaussian_entropy(log_std: Tensor) -> Tensor:
    """Entropy (…) of a diagonal Gaussian with log standard deviations (…, A)."""
    return (log_std + 0.5 * (1.0 + LOG_TWO_PI)).sum(-1)


def gaussian_kl(mean_p: Tensor, log_std_p: Tensor, mean_q: Tensor, log_std_q: Tensor) -> Tensor:
    """KL(p ‖ q) (…) of diagonal Gaussians, closed form."""
    variance_ratio = (2.0 * (log_std_p - log_std_q)).exp()
    distance = ((mean_p - mean_q) * (-log_std_q).exp()).square()
    return (0.5 * (variance_ratio + distance - 1.0) + log_std_q - log_std_p).sum(-1)


def categorical_kl(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """KL(p ‖ q) (…) of categorical distributions with unnormalised logits (…, A)."""
    log_p = functional.log_softmax(logits_p, -1)
    log_q = functional.log_softmax(logits_q, -1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)
