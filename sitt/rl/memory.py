"""The latest states with their images, in memory of a fixed size."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple

import torch
from torch import Tensor

from sitt.errors import UserError
from sitt.nn.policy import Networks


class PairedObservations(NamedTuple):
    """States for which student observations were rendered."""

    observations: Tensor
    """(K, O) raw teacher observations."""
    embeddings: Tensor
    """(K, …) stored embeddings of what the student was shown."""


class Memory:
    """A ring of at most `capacity` states; the oldest make room for the newest."""

    def __init__(self, capacity: int, networks: Networks, mebibytes: int) -> None:
        """Refuse what does not fit the memory allowed, before anything is rendered."""
        probe = networks.student.image.embed(networks.student.darkness(1))
        needed = capacity * probe[0].numel() * probe.element_size() / 2**20
        if needed > mebibytes:
            raise UserError(
                f"{capacity} images kept for the student need {needed:.0f} MiB, more than student.buffer_mebibytes = "
                f"{mebibytes}; raise it, or lower student.images (or, in joint training, student.window)"
            )
        self.capacity = capacity
        self.added = 0
        """States ever added; the last `size` of them are kept."""
        self.observations = torch.empty(capacity, len(networks.teacher.normalizer.mean))
        self.embeddings = torch.empty(capacity, *probe.shape[1:], dtype=probe.dtype)

    def add(self, pairs: PairedObservations) -> None:
        """Keep K states; ValueError if that is more than the capacity."""
        if len(pairs.observations) > self.capacity:
            raise ValueError(f"{len(pairs.observations)} states do not fit a memory of {self.capacity}")
        places = (self.added + torch.arange(len(pairs.observations))) % self.capacity
        self.observations[places] = pairs.observations
        self.embeddings[places] = pairs.embeddings
        self.added += len(places)

    @property
    def size(self) -> int:
        """Number of states that are kept."""
        return min(self.added, self.capacity)

    def latest(self, count: int) -> List[slice]:
        """Return where the `count` states added last stand in the ring, oldest first: at most two slices."""
        first = (self.added - count) % self.capacity
        end = first + count
        return [slice(first, min(end, self.capacity)), slice(0, max(0, end - self.capacity))]

    def state_dict(self) -> Dict[str, Any]:
        """Return all that is kept; a checkpoint has a log of its own for it (`sitt.runs.memory_log`)."""
        kept = {"observations": self.observations[: self.size], "embeddings": self.embeddings[: self.size]}
        return {"added": self.added, **{name: values.cpu().clone() for name, values in kept.items()}}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.added = state["added"]
        self.observations[: self.size] = state["observations"]
        self.embeddings[: self.size] = state["embeddings"]

    def sample(self, count: int, rng: torch.Generator) -> PairedObservations:
        """Draw `count` states with replacement."""
        chosen = torch.randint(self.size, (count,), generator=rng)
        return PairedObservations(self.observations[chosen], self.embeddings[chosen])
