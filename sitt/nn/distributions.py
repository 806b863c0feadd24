"""Action distributions behind one interface: log densities, entropies and KL divergences, in nats."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, List, NamedTuple, Optional

import torch
from torch import Tensor
from torch.nn import functional

from sitt.nn.products import by_column

if TYPE_CHECKING:
    from typing import Self  # not in Isaac Sim's Python 3.10

LOG_TWO_PI = math.log(2 * math.pi)

# Tensors: of a number, torch makes one in each operation, which takes as long as the operation.
_HALF, _ONE, _TWO = torch.tensor(0.5), torch.tensor(1.0), torch.tensor(2.0)
_HALF_LOG_TWO_PI = torch.tensor(0.5 * LOG_TWO_PI)
_STANDARD_ENTROPY = torch.tensor(0.5 * (1.0 + LOG_TWO_PI))


class Gradient(NamedTuple):
    """Of a scalar, by the parameters of a batch of distributions."""

    outputs: Tensor
    """(B, A) by the means or logits; nobody else's."""
    log_std: Optional[Tensor]
    """(A,); None where there is none."""


class Distribution(ABC):
    """Distributions (…) over actions (…, A); divergences are between two of one kind."""

    @abstractmethod
    def log_prob(self, actions: Tensor) -> Tensor:
        """Log density (…) of actions (…, A)."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Entropy (…); () where it is the same for all."""

    @abstractmethod
    def kl(self, other: Self) -> Tensor:
        """KL(self ‖ other) (…), closed form."""

    @abstractmethod
    def gradient(self, actions: Tensor, weights: Tensor, entropy: float) -> Gradient:
        """Gradient of Σ weights · log_prob(actions) + entropy · mean entropy; weights (B,)."""

    @abstractmethod
    def kl_gradient(self, other: Self, weight: float) -> Tensor:
        """Gradient (B, A) of weight · mean KL(self ‖ other) by this one's means or logits."""

    @abstractmethod
    def sample(self, rng: torch.Generator) -> Tensor:
        """Draw one action (…, A) of each."""

    @abstractmethod
    def mode(self) -> Tensor:
        """Return the likeliest action (…, A) of each."""

    @abstractmethod
    def select(self, rows: Tensor) -> Self:
        """Return the distributions in the rows (K,) of a batch."""

    @abstractmethod
    def split(self, size: int) -> List[Self]:
        """Return views of `size` distributions of a batch each, in order."""

    @abstractmethod
    def detached(self) -> Self:
        """Return the same distributions without gradients; later changes of the policy leave them alone."""


@dataclass(frozen=True)
class Gaussian(Distribution):
    """Diagonal Gaussians with one standard deviation for all of a batch."""

    mean: Tensor
    """(…, A)"""
    log_std: Tensor
    """(A,)"""

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log density (…) of actions (…, A)."""
        z = (actions - self.mean) * self.inverse_std
        normaliser = (self.log_std + _HALF_LOG_TWO_PI).sum(-1)
        return z.square().sum(-1).mul_(_HALF).add_(normaliser).neg_()

    def entropy(self) -> Tensor:
        """Entropy (), the same wherever the mean is."""
        return (self.log_std + _STANDARD_ENTROPY).sum(-1)

    def kl(self, other: Self) -> Tensor:
        """KL(self ‖ other) (…), closed form."""
        distance = ((self.mean - other.mean) * other.inverse_std).square().sum(-1)
        log_ratio = _TWO * (self.log_std - other.log_std)  # of the variances
        of_widths = (log_ratio.exp() - _ONE - log_ratio).sum(-1)
        return distance.add_(of_widths).mul_(_HALF)

    def gradient(self, actions: Tensor, weights: Tensor, entropy: float) -> Gradient:
        """Gradient of Σ weights · log_prob(actions) + entropy · entropy()."""
        weights = weights.unsqueeze(-1)
        z = (actions - self.mean).mul_(self.inverse_std)
        weighted = z * weights
        by_log_std = entropy - weights.sum(0) + z.mul_(weighted).sum(0)
        return Gradient(weighted.mul_(self.inverse_std), by_log_std)

    def kl_gradient(self, other: Self, weight: float) -> Tensor:
        """Gradient (B, A) of weight · mean KL(self ‖ other) by the means; σ is as a constant."""
        share = _share(weight, len(self.mean))
        return (self.mean - other.mean).mul_(other.inverse_std).mul_(share).mul_(other.inverse_std)

    def sample(self, rng: torch.Generator) -> Tensor:
        """Draw one action (…, A) of each."""
        return self.mean + self.log_std.exp() * torch.randn(self.mean.shape, generator=rng)

    def mode(self) -> Tensor:
        """Return the means (…, A)."""
        return self.mean

    def select(self, rows: Tensor) -> Gaussian:
        """Return the distributions in the rows (K,) of a batch."""
        return Gaussian(by_column(self.mean.index_select(0, rows)), self.log_std)

    def split(self, size: int) -> List[Gaussian]:
        """Return views of `size` distributions of a batch each, in order."""
        return [Gaussian(mean, self.log_std) for mean in self.mean.split(size)]

    def detached(self) -> Gaussian:
        """Return the same distributions without gradients; a copy of σ, which changes in place."""
        return Gaussian(self.mean.detach(), self.log_std.detach().clone())

    @functools.cached_property
    def inverse_std(self) -> Tensor:
        """1 / σ (A,)."""
        return (-self.log_std).exp()


@dataclass(frozen=True)
class Categorical(Distribution):
    """One of several actions; an action is its number, (…, 1) int64."""

    logits: Tensor
    """(…, number of actions), unnormalised."""

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log probability (…) of actions (…, 1)."""
        return self.log_probs.gather(-1, actions).squeeze(-1)

    def entropy(self) -> Tensor:
        """Entropy (…)."""
        log_probs = self.log_probs
        return -(log_probs.exp() * log_probs).sum(-1)

    def kl(self, other: Self) -> Tensor:
        """KL(self ‖ other) (…), closed form."""
        log_p, log_q = self.log_probs, other.log_probs
        return (log_p.exp() * (log_p - log_q)).sum(-1)

    def gradient(self, actions: Tensor, weights: Tensor, entropy: float) -> Gradient:
        """Gradient of Σ weights · log_prob(actions) + entropy · mean entropy()."""
        log_p, share = self.log_probs, _share(-entropy, len(actions))
        p = log_p.exp()
        by_log_probs = p * share + (log_p * share).mul_(p)
        by_log_probs.scatter_add_(-1, actions, weights.unsqueeze(-1))
        return Gradient(_by_logits(by_log_probs, log_p), None)

    def kl_gradient(self, other: Self, weight: float) -> Tensor:
        """Gradient (B, A) of weight · mean KL(self ‖ other) by the logits."""
        log_p, share = self.log_probs, _share(weight, len(self.logits))
        p = log_p.exp()
        return _by_logits(p * share + ((log_p - other.log_probs) * share).mul_(p), log_p)

    def sample(self, rng: torch.Generator) -> Tensor:
        """Draw one action (…, 1) of each: the largest of the logits with Gumbel noise."""
        uniform = torch.rand(self.logits.shape, generator=rng).clamp_(min=torch.finfo(torch.float32).tiny)
        return (self.logits - (-uniform.log()).log()).argmax(-1, keepdim=True)

    def mode(self) -> Tensor:
        """Return the likeliest action (…, 1) of each."""
        return self.logits.argmax(-1, keepdim=True)

    def select(self, rows: Tensor) -> Categorical:
        """Return the distributions in the rows (K,) of a batch."""
        return Categorical(self.logits.index_select(0, rows))

    def split(self, size: int) -> List[Categorical]:
        """Return views of `size` distributions of a batch each, in order."""
        return [Categorical(logits) for logits in self.logits.split(size)]

    def detached(self) -> Categorical:
        """Return the same distributions without gradients."""
        return Categorical(self.logits.detach())

    @functools.cached_property
    def log_probs(self) -> Tensor:
        """Normalised logits; log_softmax is slow on so few columns, and all of the above need them."""
        return functional.log_softmax(self.logits, -1)


def _share(weight: float, rows: int) -> Tensor:
    """Return the weight () of one row in a mean, in single precision throughout, as torch's own mean has it."""
    return torch.tensor(weight) / rows


def _by_logits(by_log_probs: Tensor, log_probs: Tensor) -> Tensor:
    """Return the gradient (B, A) by logits, of that by their log_softmax (B, A)."""
    return torch.ops.aten._log_softmax_backward_data(by_log_probs, log_probs, -1, log_probs.dtype)
