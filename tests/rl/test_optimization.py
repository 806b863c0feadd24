"""The optimiser: torch's own Adam, to the bit."""

from __future__ import annotations

import pytest
import torch

from sitt.rl.optimization import Adam, limit_norm

RATES = (1e-2, 1e-2, 3e-3, 3e-3, 5e-2)


def twins():
    """Return the same parameters twice: a matrix, a vector, and a scalar that some steps leave out."""
    rng = torch.Generator().manual_seed(3)
    values = [torch.randn(shape, generator=rng) for shape in ((37, 5), (37,), ())]
    return tuple([torch.nn.Parameter(value.clone()) for value in values] for _ in range(2))


def give_gradients(step, *lists):
    rng = torch.Generator().manual_seed(step)
    for number, parameters in enumerate(zip(*lists)):
        gradient = torch.randn(parameters[0].shape, generator=rng)
        for parameter in parameters:
            parameter.grad = None if number == 2 and step % 2 else gradient.clone()


def test_steps_are_those_of_torchs_adam_to_the_bit():
    mine, theirs = twins()
    ours, reference = Adam(mine, RATES[0]), torch.optim.Adam(theirs, lr=RATES[0], fused=True)
    for step, rate in enumerate(RATES):
        give_gradients(step, mine, theirs)
        ours.learning_rate = reference.param_groups[0]["lr"] = rate
        before = [parameter.detach().clone() for parameter in mine]
        ours.step()
        reference.step()
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs))
        assert [torch.equal(a, b) for a, b in zip(mine, before)] == [False, False, bool(step % 2)]
    ours.zero_grad()
    assert all(parameter.grad is None for parameter in mine)


def test_it_goes_on_from_its_state_to_the_bit():
    mine, theirs = twins()
    first, second = Adam(mine, 1e-2), Adam(theirs, 1e-2)
    for step in range(3):
        give_gradients(step, mine)
        first.step()
    first.learning_rate = 4e-3
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        for a, b in zip(mine, theirs):
            b.copy_(a)
    give_gradients(3, mine, theirs)
    first.step()
    second.step()
    assert second.learning_rate == 4e-3
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs))


def test_the_state_of_other_parameters_is_refused():
    parameters, _ = twins()
    with pytest.raises(ValueError, match="zip"):
        Adam(parameters, 1e-2).load_state_dict(Adam(parameters[:2], 1e-2).state_dict())


@pytest.mark.parametrize("limit", [0.5, 1e3])
def test_the_norm_is_limited_as_torch_does_to_the_bit(limit):
    mine, theirs = twins()
    give_gradients(0, mine, theirs)
    mine[1].grad = theirs[1].grad = None
    norm = limit_norm(mine, limit)
    assert torch.equal(norm, torch.nn.utils.clip_grad_norm_(theirs, limit))
    assert 0.5 < float(norm) < 1e3
    assert all(torch.equal(mine[k].grad, theirs[k].grad) for k in (0, 2))
    assert mine[1].grad is None
