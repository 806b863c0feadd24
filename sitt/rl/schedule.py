"""The two parts of a training: the teacher explores, then it settles.

While it explores, the entropy bonus falls to zero and the weights of the alignment rise to theirs. While it
settles, its steps, its noise and the student's learning rate shrink. (Before the teacher has found the drawer,
one that hardly moves is the easiest to imitate, and with full weights it stays so.)
"""

from __future__ import annotations

from sitt.config.learning import PPOConfig
from sitt.config.schema import RunConfig


def explored(cfg: PPOConfig, progress: float) -> float:
    """Share of the exploration that is over, when the share `progress` of the training is."""
    return min(1.0, progress / cfg.exploration_fraction)


def pressed(cfg: PPOConfig, progress: float) -> float:
    """Share of both λ that is in force, when the share `progress` of the training is done."""
    if progress < cfg.lambda_start:
        return 0.0
    return min(1.0, (progress - cfg.lambda_start) / cfg.lambda_rise) if cfg.lambda_rise else 1.0


def iterations_before_lambda(config: RunConfig) -> int:
    """Iterations of which each training that differs in λ alone makes the same."""
    iterations = config.training.iterations
    return sum(not pressed(config.ppo, done / iterations) for done in range(iterations))


def settled(cfg: PPOConfig, progress: float) -> float:
    """Share of the time after the exploration that is over, when the share `progress` of the training is."""
    left = 1.0 - cfg.exploration_fraction
    return max(0.0, progress - cfg.exploration_fraction) / left if left else 0.0


def student_learning_rate(config: RunConfig, progress: float) -> float:
    """Learning rate of student and proxy: constant during the exploration, then falling linearly to zero."""
    return config.student.learning_rate * (1.0 - settled(config.ppo, progress))
