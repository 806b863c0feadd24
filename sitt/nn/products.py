"""Matrix products on a CPU, by oneDNN where it is faster than MKL, which torch takes by itself."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional

_HAS_BOTH = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()
if _HAS_BOTH:
    # Private, but the only way that copies nothing. (Its ReLU is of no use: it turns NaN into 0.)
    _onednn_linear = torch.ops.mkldnn._linear_pointwise.default

_LONGEST_SUM, _OUTPUTS = 192, 16
"""Up to sums of this length, and for multiples of these outputs, both add in the same order: no result depends on the
choice."""
_LEAST_WORK = 1_000_000
"""Multiplications from which on oneDNN's speed outweighs the 12 microseconds that a call of it costs."""


def linear(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    """Return x · weightᵀ + bias (B, O) of x (B, I), weight (O, I) and bias (O,), without gradients.

    On AMD's processors MKL uses half the width of AVX-512, and oneDNN is twice as fast.
    """
    rows, inputs = x.shape
    same = inputs <= _LONGEST_SUM and not weight.shape[0] % _OUTPUTS
    if same and _HAS_BOTH and x.device.type == "cpu" and rows * weight.numel() >= _LEAST_WORK:
        return _onednn_linear(x, weight, bias, "none", [], "")
    return functional.linear(x, weight, bias)


def outer(x: Tensor, y: Tensor) -> Tensor:
    """Return xᵀ · y (I, O) of x (B, I) and y (B, O), contiguous, without gradients."""
    # A result of few columns takes twice the time of one of few rows.
    return linear(x.t(), y.t()) if y.shape[1] >= x.shape[1] else linear(y.t(), x.t()).t().contiguous()


def few_outputs(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x · weightᵀ + bias (B, O) as `linear`, stored column by column, without gradients.

    For the nine outputs of a decoder, MKL takes half of the time that they take row by row.
    """
    return torch.addmm(bias.unsqueeze(-1), weight, x.t()).t()


def by_column(x: Tensor) -> Tensor:
    """Return x (B, A) stored column by column.

    Numbers per column and sums over all columns are then vectors as long as the batch, not as short as a row.
    """
    return x.t().contiguous().t()
