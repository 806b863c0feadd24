"""One step of an optimiser with a limit on the gradient's norm."""

from __future__ import annotations

from typing import Any, Dict, List

import torch
from torch import Tensor, nn

from sitt.guard import require_finite

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Adam [Kingma and Ba 2015] by torch's fused kernel: `torch.optim.Adam(fused=True)` to the bit.

    That one imports torch's compiler when it is made, which takes longer than all of MuJoCo.
    """

    def __init__(self, parameters: List[nn.Parameter], learning_rate: float) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate
        """Of the next step."""
        self._means = [torch.zeros_like(parameter) for parameter in parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in parameters]
        self._one = torch.ones_like(self._steps[0])

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters that have a gradient; the others stay, and this step is none of theirs."""
        every = zip(self.parameters, self._means, self._squares, self._steps)
        moved = [(p, p.grad, mean, square, step) for p, mean, square, step in every if p.grad is not None]
        parameters, gradients, means, squares, steps = (list(column) for column in zip(*moved))
        # A list: of a number, torch would make a tensor for each parameter.
        torch._foreach_add_(steps, [self._one] * len(steps))
        torch._fused_adam_(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            lr=self.learning_rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next steps depend on, but for the parameters."""
        return {
            "learning_rate": self.learning_rate,
            "means": self._means,
            "squares": self._squares,
            "steps": self._steps,
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.learning_rate = state["learning_rate"]
        for name in ("means", "squares", "steps"):
            for mine, saved in zip(getattr(self, f"_{name}"), state[name], strict=True):
                mine.copy_(saved)


@torch.no_grad()
def limit_norm(parameters: List[nn.Parameter], max_norm: float) -> Tensor:
    """Scale the gradients so that their common norm is at most `max_norm`; return the norm () before.

    `torch.nn.utils.clip_grad_norm_` to the bit, for gradients of one device and dtype, which that one sorts first.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    scale = max_norm / (norm + 1e-6)
    if scale < 1.0:
        torch._foreach_mul_(gradients, scale)
    return norm


def descend(learner: str, loss: Tensor, optimizer: Adam, parameters: List[nn.Parameter], max_norm: float) -> None:
    """Move the `parameters` of `learner` down the gradient of `loss`; gradients on anything else are of no effect.

    Raises:
        NotFiniteError: loss or gradient is not finite; the parameters are as they were.
    """
    require_finite(f"{learner}'s loss", loss.detach())
    optimizer.zero_grad()
    loss.backward()
    follow(learner, optimizer, parameters, max_norm)


def follow(learner: str, optimizer: Adam, parameters: List[nn.Parameter], max_norm: float) -> None:
    """Move the `parameters` of `learner` down the gradients that they hold, once these are limited.

    Raises:
        NotFiniteError: a gradient is not finite; the parameters are as they were.
    """
    require_finite(f"norm of the {learner}'s gradient", limit_norm(parameters, max_norm))
    optimizer.step()
