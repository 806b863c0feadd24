"""How much of the handle the student's camera sees in the course of an episode."""

from __future__ import annotations

from typing import List

import torch
from torch import Tensor

from sitt.sim.base import Simulator


class HandleVisibility:
    """Watches episodes as an observer of `sitt.evaluation.play`, which may play them in several chunks."""

    def __init__(self, every: int, length: int) -> None:
        """Look at every `every`-th of the `length` states in which an action is chosen, and at the first contact."""
        self.every = every
        self.length = length
        self._chunks: List[_Chunk] = []

    def __call__(self, step: int, simulator: Simulator) -> None:
        """Look at the simulator after `step` control steps."""
        if step == 0:
            self._chunks.append(_Chunk(simulator.num_envs))
        chunk = self._chunks[-1]
        if step % self.every == 0 and step < self.length:
            chunk.add(simulator.handle_visible(torch.arange(simulator.num_envs)))
        untouched = (~chunk.touched).nonzero().squeeze(-1)
        reached = untouched[simulator.handle_touched(untouched)]
        chunk.touched[reached] = True
        chunk.at_contact[reached] = simulator.handle_visible(reached)

    def means(self, episodes: int) -> Tensor:
        """Return each episode's mean over the states looked at, (E,) float64; NaN: never in the image."""
        return torch.cat([chunk.total / chunk.count for chunk in self._chunks])[:episodes]

    def at_contact(self, episodes: int) -> Tensor:
        """Return what was seen when the robot first touched the handle, (E,) float32; NaN: it never did."""
        return torch.cat([chunk.at_contact for chunk in self._chunks])[:episodes]


class _Chunk:
    """N episodes played side by side."""

    def __init__(self, count: int) -> None:
        self.total = torch.zeros(count, dtype=torch.float64)
        self.count = torch.zeros(count, dtype=torch.int64)
        self.touched = torch.zeros(count, dtype=torch.bool)
        self.at_contact = torch.full((count,), float("nan"))

    def add(self, visible: Tensor) -> None:
        """Take fractions (N,) into the means; NaN does not count."""
        self.total += visible.nan_to_num()
        self.count += ~visible.isnan()
