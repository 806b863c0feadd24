"""Running standardisation of network inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-5
LIMIT = 5.0


class Normalizer(nn.Module):
    """Standardise features with the mean and variance of all data seen so far, clamped to ±5.

    The statistics change only in `update`, so roll-out, update and alignment can share them.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int, common_scale: bool = False) -> None:
        """With `common_scale` all features are divided by one number, so that the vector's total variance is 1.

        Thousands of image features then weigh no more than the joints beside them, and faint ones stay faint.
        """
        super().__init__()
        self.common_scale = common_scale
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, batch: Tensor) -> None:
        """Merge the statistics of a batch (B, size) [Chan et al. 1979, parallel variance]."""
        size = batch.shape[0]
        total = self.count + size
        delta = batch.mean(0) - self.mean
        weight = float(size / total)
        spread = batch.var(0, unbiased=False)
        self.variance += weight * (spread - self.variance) + weight * (1 - weight) * delta**2
        self.mean += weight * delta
        self.count.copy_(total)

    def forward(self, x: Tensor) -> Tensor:
        """Return standardised x (…, size)."""
        return ((x - self.mean) / self._scale()).clamp(-LIMIT, LIMIT)

    def restore(self, x: Tensor) -> Tensor:
        """Return what would be standardised to x (…, size), if the clamp left it alone."""
        return self.mean + self._scale() * x

    def _scale(self) -> Tensor:
        variance = self.variance.sum() if self.common_scale else self.variance
        return torch.sqrt(variance + EPSILON)
