"""Multi-layer perceptrons.

ReLU where OIGE's FrankaCabinetPPO.yaml has ELU: on a CPU, ELU alone takes almost half of the update.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn


class MLP(nn.Sequential):
    """Linear layers (…, inputs) → (…, widths[-1]) with a ReLU after each; one node of the graph of gradients.

    The numbers are those of the layers one by one, to the bit. Rectified in place, they are in the cache when
    they are read again, where tensors for each layer's output would push one another out.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        for layer, width in enumerate(widths):
            self.add_module(str(2 * layer), nn.Linear(inputs, width))
            inputs = width

    def forward(self, x: Tensor) -> Tensor:
        """Return the last layer's activations (…, widths[-1])."""
        flat = _Layers.apply(x.reshape(-1, x.shape[-1]), *self.parameters())
        return flat.view(*x.shape[:-1], flat.shape[-1])


class _Layers(torch.autograd.Function):
    """relu(… relu(x W₁ᵀ + b₁) …) of rows (B, inputs) and parameters W₁, b₁, W₂, b₂, …"""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        activations = [x]
        for weight, bias in zip(parameters[::2], parameters[1::2]):
            activations.append(torch.addmm(bias, activations[-1], weight.t()).relu_())
        ctx.save_for_backward(*activations, *parameters[::2])
        return activations[-1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tuple[Optional[Tensor], ...]:
        layers = len(ctx.saved_tensors) // 2
        activations, weights = ctx.saved_tensors[: layers + 1], ctx.saved_tensors[layers + 1 :]
        gradients: List[Optional[Tensor]] = []
        for layer in reversed(range(layers)):
            gradient = torch.ops.aten.threshold_backward(gradient, activations[layer + 1], 0)
            gradients[:0] = [gradient.t() @ activations[layer], gradient.sum(0)]
            if layer or ctx.needs_input_grad[0]:
                gradient = gradient @ weights[layer]
        return (gradient if ctx.needs_input_grad[0] else None, *gradients)


def mlp(inputs: int, widths: Sequence[int]) -> MLP:
    """Return an MLP (…, inputs) → (…, widths[-1]) with a ReLU after every layer."""
    return MLP(inputs, widths)
