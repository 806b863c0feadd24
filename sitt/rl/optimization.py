"""One step of an optimiser with a limit on the gradient's norm, and its learning rate over the training."""

from __future__ import annotations

from typing import List

import torch
from torch import Tensor, nn


def descend(loss: Tensor, optimizer: torch.optim.Optimizer, parameters: List[nn.Parameter], max_norm: float) -> None:
    """Move `parameters` down the gradient of `loss`; gradients left on anything else are of no effect."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()


def anneal(optimizer: torch.optim.Optimizer, learning_rate: float, progress: float) -> float:
    """Set and return the learning rate: constant in the first half of the training, then falling to zero."""
    annealed = learning_rate * min(1.0, 2.0 * (1.0 - progress))
    for group in optimizer.param_groups:
        group["lr"] = annealed
    return annealed
