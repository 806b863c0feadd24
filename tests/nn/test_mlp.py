"""The MLP is nn.Sequential's, in values and gradients."""

import pytest
import torch

from sitt.nn.mlp import MLP


def results(network, x, weights):
    network.zero_grad()
    x = x.clone().requires_grad_()
    y = network(x)
    (y * weights).sum().backward()
    return [y, x.grad, *(parameter.grad for parameter in network.parameters())]


@pytest.mark.parametrize(("inputs", "widths", "rows"), [(23, (64, 64, 64), 2048), (40, (32, 16), 96), (5, (8,), 7)])
def test_values_and_gradients_are_those_of_separate_layers(inputs, widths, rows):
    torch.manual_seed(0)
    network = MLP(inputs, widths)
    layers = torch.nn.Sequential(*network)
    x, weights = torch.randn(rows, inputs), torch.randn(rows, widths[-1])
    for mine, theirs in zip(results(network, x, weights), results(layers, x, weights), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_inputs_without_a_gradient_get_none():
    network, x = MLP(3, (4, 2)), torch.randn(5, 3)
    network(x).sum().backward()
    assert x.grad is None and all(parameter.grad is not None for parameter in network.parameters())


def test_no_layer_changes_its_input():
    network, x = MLP(3, (4, 2)), torch.randn(5, 3)
    before = x.clone()
    network(x)
    assert torch.equal(x, before)


def test_a_frozen_layer_between_is_passed_through():
    network = MLP(3, (4, 2))
    network[2].requires_grad_(False)
    network(torch.randn(5, 3)).sum().backward()
    assert network[2].weight.grad is None and network[0].weight.grad is not None


def test_backward_sets_the_gradients_that_autograd_finds():
    torch.manual_seed(0)
    network, x, weights = MLP(23, (64, 16)), torch.randn(300, 23), torch.randn(300, 16)
    expected = results(network, x, weights)[2:]
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    network.backward(network.activations(x), weights.clone())
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        assert torch.equal(parameter.grad, gradient) and parameter.grad.is_contiguous()


def test_the_callers_gradient_is_left_alone():
    network, weights = MLP(3, (4, 2)), torch.randn(5, 2)
    before = weights.clone()
    network(torch.randn(5, 3)).backward(weights)
    assert torch.equal(weights, before)
