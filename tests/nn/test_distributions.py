"""Log densities, entropies and divergences against hand-computed values and torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Categorical as ReferenceCategorical
from torch.distributions import Independent, Normal, kl_divergence

from sitt.nn.distributions import Categorical, Gaussian


def test_gaussian_kl_by_hand():
    # KL(N(1, 2²) ‖ N(0, 1)) = ½(4 + 1 − 1) − ln 2
    kl = Gaussian(torch.tensor([1.0]), torch.tensor([math.log(2)])).kl(Gaussian(torch.zeros(1), torch.zeros(1)))
    assert float(kl) == pytest.approx(2.0 - math.log(2))


def test_gaussian_agrees_with_torch_distributions():
    torch.manual_seed(0)
    mean_p, mean_q, value = (torch.randn(50, 9, dtype=torch.float64) for _ in range(3))
    log_std_p, log_std_q = (torch.randn(9, dtype=torch.float64) for _ in range(2))
    p = Independent(Normal(mean_p, log_std_p.exp().expand_as(mean_p)), 1)
    q = Independent(Normal(mean_q, log_std_q.exp().expand_as(mean_q)), 1)
    ours = Gaussian(mean_p, log_std_p)
    assert torch.allclose(ours.kl(Gaussian(mean_q, log_std_q)), kl_divergence(p, q))
    assert torch.allclose(ours.log_prob(value), p.log_prob(value))
    assert torch.allclose(ours.entropy(), p.entropy()[0])
    assert torch.equal(ours.mode(), mean_p)


def test_categorical_kl_by_hand():
    # p = (½, ½), q = (¼, ¾): ½ ln 2 + ½ ln(2/3)
    kl = Categorical(torch.zeros(2)).kl(Categorical(torch.tensor([0.0, math.log(3)])))
    assert float(kl) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), abs=1e-6)


def test_categorical_agrees_with_torch_distributions():
    torch.manual_seed(0)
    logits_p, logits_q = torch.randn(50, 5), torch.randn(50, 5)
    p, q = ReferenceCategorical(logits=logits_p), ReferenceCategorical(logits=logits_q)
    ours, actions = Categorical(logits_p), torch.randint(5, (50, 1))
    assert torch.allclose(ours.kl(Categorical(logits_q)), kl_divergence(p, q), atol=1e-6)
    assert torch.allclose(ours.log_prob(actions), p.log_prob(actions.squeeze(-1)))
    assert torch.allclose(ours.entropy(), p.entropy())
    assert torch.equal(ours.mode().squeeze(-1), logits_p.argmax(-1))


def test_samples_are_as_frequent_as_they_are_likely():
    rng, count = torch.Generator().manual_seed(0), 40_000
    logits = torch.tensor([0.0, math.log(2), math.log(5), -50.0])  # 1/8, 2/8, 5/8, never
    drawn = Categorical(logits.expand(count, 4)).sample(rng)
    assert drawn.shape == (count, 1)
    shares = torch.bincount(drawn.squeeze(-1), minlength=4) / count
    assert shares.tolist() == pytest.approx([0.125, 0.25, 0.625, 0.0], abs=0.01)  # four standard errors
    normal = Gaussian(torch.tensor([1.0, -2.0]).expand(count, 2), torch.tensor([0.5, 2.0]).log()).sample(rng)
    assert normal.mean(0).tolist() == pytest.approx([1.0, -2.0], abs=0.05)
    assert normal.std(0).tolist() == pytest.approx([0.5, 2.0], rel=0.02)


@pytest.mark.parametrize("of", [lambda x: Gaussian(x, torch.zeros(3)), Categorical])
def test_kl_is_zero_only_for_equal_distributions_and_rows_keep_theirs(of):
    one, other = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.5, 0.0]]), torch.zeros(2, 3)
    assert of(one).kl(of(one)).tolist() == [0.0, 0.0]
    both = of(one).kl(of(other))
    assert both.min() > 0.0
    assert torch.equal(of(one).select(torch.tensor([1])).kl(of(other[1:])), both[1:])


@pytest.mark.parametrize("of", [lambda x: Gaussian(x, torch.tensor([0.1, 0.2, 0.3])), Categorical])
def test_the_parts_of_a_batch_are_its_rows_in_order(of):
    one, other = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    parts, others = of(one).split(2), of(other).split(2)
    assert [len(part.mode()) for part in parts] == [2, 2, 1]
    assert torch.equal(torch.cat([part.kl(its) for part, its in zip(parts, others)]), of(one).kl(of(other)))


def test_what_is_detached_keeps_the_noise_it_had():
    log_std = torch.nn.Parameter(torch.zeros(3))
    detached = Gaussian(torch.zeros(2, 3, requires_grad=True), log_std).detached()
    log_std.data.fill_(1.0)
    assert detached.log_std.tolist() == [0.0] * 3
    assert not detached.mean.requires_grad and not detached.log_std.requires_grad
