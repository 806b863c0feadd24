"""Multi-layer perceptrons, as one node in the graph of gradients.

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
        return _Layers.apply(x, *self.parameters())


class _Layers(torch.autograd.Function):
    """Each ReLU in place, and one pass backwards, by the fastest products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        weights, biases = parameters[::2], parameters[1::2]
        activations = [x]
        for weight, bias in zip(weights, biases):
            activations.append(linear(activations[-1], weight, bias).relu_())
        ctx.save_for_backward(*activations, *weights)
        return activations[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tuple[Optional[Tensor], ...]:
        saved = ctx.saved_tensors
        layers = len(saved) // 2
        activations, weights = saved[: layers + 1], saved[layers + 1 :]
        gradients: List[Optional[Tensor]] = []
        for layer in reversed(range(layers)):
            # In place, but for the gradient that is the caller's.
            after_relu = torch.empty_like(gradient) if layer == layers - 1 else gradient
            gradient = threshold_backward(gradient, activations[layer + 1], 0.0, grad_input=after_relu)
            gradients = [outer(gradient, activations[layer]), gradient.sum(0), *gradients]
            if layer or ctx.needs_input_grad[0]:
                gradient = linear(gradient, weights[layer].t())
        return (gradient if ctx.needs_input_grad[0] else None, *gradients)
