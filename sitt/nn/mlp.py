"""Multi-layer perceptrons, with gradients by one pass of our own.

ReLU where OIGE's FrankaCabinetPPO.yaml has ELU: on a CPU, ELU alone takes almost half of the update.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sitt.nn.products import linear, outer

# torch.ops.aten.threshold_backward would look for this overload in each call, for four microseconds.
threshold_backward = torch.ops.aten.threshold_backward.grad_input


class MLP(nn.Sequential):
    """An MLP (B, inputs) → (B, widths[-1]) with a ReLU after every layer; results and gradients are nn.Sequential's."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        layers: List[nn.Module] = []
        for width in widths:
            layers += [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last layer's activations."""
        return _Layers.apply(x, *self._weights_and_biases())

    @torch.no_grad()
    def activations(self, x: Tensor) -> List[Tensor]:
        """Return x and what each layer makes of it, for `backward`."""
        return _activations(x, self._weights_and_biases())

    @torch.no_grad()
    def backward(self, activations: Sequence[Tensor], gradient: Tensor) -> None:
        """Set the parameters' `grad` by the gradient of the last activations (B, widths[-1]), which is overwritten."""
        parameters = self._weights_and_biases()
        for parameter, its in zip(parameters, _gradients(activations, parameters[::2], gradient)[1]):
            parameter.grad = its

    def _weights_and_biases(self) -> List[Tensor]:
        # parameters() would take as long as a layer.
        return [parameter for layer in self if isinstance(layer, nn.Linear) for parameter in (layer.weight, layer.bias)]


class _Layers(torch.autograd.Function):
    """All layers as one node in the graph of gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        activations = _activations(x, parameters)
        ctx.save_for_backward(*activations, *parameters[::2])
        return activations[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tuple[Optional[Tensor], ...]:
        saved = ctx.saved_tensors
        layers = len(saved) // 2
        activations, weights = saved[: layers + 1], saved[layers + 1 :]
        # A copy: the caller's is not ours to overwrite.
        at_first, gradients = _gradients(activations, weights, gradient.clone())
        return (linear(at_first, weights[0].t()) if ctx.needs_input_grad[0] else None, *gradients)


def _activations(x: Tensor, parameters: Sequence[Tensor]) -> List[Tensor]:
    activations = [x]
    for weight, bias in zip(parameters[::2], parameters[1::2]):
        activations.append(linear(activations[-1], weight, bias).relu_())
    return activations


def _gradients(
    activations: Sequence[Tensor], weights: Sequence[Tensor], gradient: Tensor
) -> Tuple[Tensor, List[Tensor]]:
    """Return the gradient of what the first layer's ReLU gets, and those of weights and biases, layer by layer."""
    gradients: List[Tensor] = []
    for layer in reversed(range(len(weights))):
        gradient = threshold_backward(gradient, activations[layer + 1], 0.0, grad_input=gradient)
        gradients = [outer(gradient, activations[layer]), gradient.sum(0), *gradients]
        if layer:
            gradient = linear(gradient, weights[layer].t())
    return gradient, gradients
