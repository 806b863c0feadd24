"""The latest states with their images, in memory of a fixed size."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sitt.errors import UserError
from sitt.nn.policy import Networks
from sitt.task.franka_drawer import NUM_OBSERVATIONS


class PairedObservations(NamedTuple):
    """States for which student observations were rendered."""

    observations: Tensor
    """(K, 23) raw teacher observations."""
    embeddings: Tensor
    """(K, …) stored image embeddings."""


class Memory:
    """A ring of at most `capacity` states; the oldest make room for the newest."""

    def __init__(self, capacity: int, networks: Networks, mebibytes: int) -> None:
        """Refuse what does not fit the memory allowed, before anything is rendered."""
        size = networks.student.image_size
        probe = networks.student.image.embed(torch.zeros(1, 3, size, size, dtype=torch.uint8))
        needed = capacity * probe[0].numel() * probe.element_size() / 2**20
        if needed > mebibytes:
            raise UserError(
                f"{capacity} images kept for the student need {needed:.0f} MiB, more than student.buffer_mebibytes = "
                f"{mebibytes}; raise it, or lower student.images (or, in joint training, student.window)"
            )
        self.size = 0
        self.next = 0
        self.observations = torch.empty(capacity, NUM_OBSERVATIONS)
        self.embeddings = torch.empty(capacity, *probe.shape[1:], dtype=probe.dtype)

    def add(self, pairs: PairedObservations) -> None:
        """Keep K states; ValueError if that is more than the capacity."""
        capacity = len(self.observations)
        if len(pairs.observations) > capacity:
            raise ValueError(f"{len(pairs.observations)} states do not fit a memory of {capacity}")
        places = (self.next + torch.arange(len(pairs.observations))) % capacity
        self.observations[places] = pairs.observations
        self.embeddings[places] = pairs.embeddings
        self.next = (self.next + len(places)) % capacity
        self.size = min(self.size + len(places), capacity)

    def sample(self, count: int, rng: torch.Generator) -> PairedObservations:
        """Draw `count` states with replacement."""
        chosen = torch.randint(self.size, (count,), generator=rng)
        return PairedObservations(self.observations[chosen], self.embeddings[chosen])
