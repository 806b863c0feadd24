"""One step of an optimiser with a limit on the gradient's norm, and its learning rate."""

from __future__ import annotations

from typing import List

import torch
from torch import Tensor, nn

from sitt.guard import require_finite


def descend(
    learner: str, loss: Tensor, optimizer: torch.optim.Optimizer, parameters: List[nn.Parameter], max_norm: float
) -> None:
    """Move the `parameters` of `learner` down the gradient of `loss`; gradients on anything else are of no effect.

    Raises:
        NotFiniteError: loss or gradient is not finite; the parameters are as they were.
    """
    require_finite(f"{learner}'s loss", loss.detach())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    require_finite(f"norm of the {learner}'s gradient", nn.utils.clip_grad_norm_(parameters, max_norm))
    optimizer.step()


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Use `learning_rate` from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
