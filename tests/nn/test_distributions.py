"""Log densities, entropies and divergences against hand-computed values and torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from sitt.nn.distributions import categorical_kl, gaussian_entropy, gaussian_kl, gaussian_log_prob


def test_gaussian_kl_by_hand():
    # KL(N(1, 2²) ‖ N(0, 1)) = ½(4 + 1 − 1) − ln 2
    kl = gaussian_kl(torch.tensor([1.0]), torch.tensor([math.log(2)]), torch.zeros(1), torch.zeros(1))
    assert float(kl) == pytest.approx(2.0 - math.log(2))


def test_gaussian_agrees_with_torch_distributions():
    torch.manual_seed(0)
    mean_p, mean_q, value = (torch.randn(50, 9, dtype=torch.float64) for _ in range(3))
    log_std_p, log_std_q = (torch.randn(9, dtype=torch.float64) for _ in range(2))
    p = Independent(Normal(mean_p, log_std_p.exp().expand_as(mean_p)), 1)
    q = Independent(Normal(mean_q, log_std_q.exp().expand_as(mean_q)), 1)
    assert torch.allclose(gaussian_kl(mean_p, log_std_p, mean_q, log_std_q), kl_divergence(p, q))
    assert torch.allclose(gaussian_log_prob(mean_p, log_std_p, value), p.log_prob(value))
    assert torch.allclose(gaussian_entropy(log_std_p), p.entropy()[0])


def test_categorical_kl_by_hand():
    # p = (½, ½), q = (¼, ¾): ½ ln 2 + ½ ln(2/3)
    kl = categorical_kl(torch.zeros(2), torch.tensor([0.0, math.log(3)]))
    assert float(kl) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), abs=1e-6)


def test_categorical_agrees_with_torch_distributions():
    torch.manual_seed(0)
    logits_p, logits_q = torch.randn(50, 5), torch.randn(50, 5)
    expected = kl_divergence(Categorical(logits=logits_p), Categorical(logits=logits_q))
    assert torch.allclose(categorical_kl(logits_p, logits_q), expected, atol=1e-6)


def test_kl_is_zero_only_for_equal_distributions():
    mean, log_std = torch.ones(3), torch.zeros(3)
    assert float(gaussian_kl(mean, log_std, mean, log_std)) == 0.0
    assert float(gaussian_kl(mean, log_std, mean + 0.1, log_std)) > 0.0
