"""What a task promises the algorithms: episodes played side by side, observed, shown to a student, and rewarded."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Protocol, Tuple

import torch
from torch import Tensor

Starts = Tuple[Tensor, ...]
"""Start states of K episodes: tensors (K, …), whatever the task makes of them."""


class Outcome(NamedTuple):
    """What one control step of N episodes led to."""

    observation: Tensor
    """(N, O) what the teacher observes now."""
    reward: Tensor
    """(N,) task reward, unscaled."""
    success: Tensor
    """(N,) bool: the goal is reached now."""
    terminated: Tensor
    """(N,) bool: the episode is over, and its value is zero from here."""
    truncated: Tensor
    """(N,) bool: the episode is over, and its value must be bootstrapped."""


class Starting(Protocol):
    """Draws start states."""

    def sample_start(self, count: int, rng: torch.Generator) -> Starts:
        """Draw start states of `count` episodes."""


class World(Starting, Protocol):
    """N episodes of a task; it neither limits their length nor starts new ones."""

    num_envs: int
    episode_length: int
    """Control steps after which whoever plays it has to end an episode."""

    @property
    def bad_simulations(self) -> int:
        """How often a simulation diverged and was put back to the default state."""

    def reset(self, env_ids: Tensor, starts: Starts) -> None:
        """Put episodes (K,) at their start."""

    def step(self, actions: Tensor) -> Outcome:
        """Apply the actions (N, A) that the policy's distribution gave."""

    def observe(self, env_ids: Tensor | None = None) -> Tensor:
        """Return the teacher's observations of all episodes, or of some, (N or K, O)."""

    def in_view(self) -> Tensor:
        """Return the episodes that can be looked at now, (M,) int64, ascending; all, right after a reset of all."""

    def look(self, env_ids: Tensor) -> Tensor:
        """Return what a student is shown of episodes (K,), all in view: (K, *view) as the task's configuration says."""

    def watcher(self, every: int) -> Watcher:
        """Return who keeps what the final evaluation says of this task's episodes.

        `every`: control steps from one costly look to the next.
        """

    def save(self) -> Dict[str, Any]:
        """Return the full state, enough to continue bit for bit: tensors and numbers."""

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""


class Episodes(NamedTuple):
    """Outcomes of E episodes."""

    returns: Tensor
    """(E,) undiscounted task reward, without any KL term."""
    success: Tensor
    """(E,) bool: the goal was reached at any time."""
    lengths: Tensor
    """(E,) int64: control steps of the episode."""
    over: Tensor
    """(E,) bool: it ended before its time was up."""
    action_kl: Tensor
    """(E,) mean over the episode of KL(π_T ‖ π_S) in the visited states, nats; NaN for the teacher."""


class Watcher(Protocol):
    """Watches `sitt.evaluation.play`, which may play the episodes in several chunks."""

    def __call__(self, step: int, world: Any) -> None:
        """Look at the world before the first control step of a chunk (`step` 0) and after each."""

    def columns(self, episodes: Episodes) -> Dict[str, List[Any]]:
        """Return columns of the table `episodes`, one value per episode."""
