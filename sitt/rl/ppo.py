"""Proximal policy optimisation [Schulman et al. 2017] with the teacher's KL gradient (paper, eq. 6)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Dict

import torch

from sitt.config.learning import PPOConfig
from sitt.guard import require_finite
from sitt.nn.mlp import MLP
from sitt.nn.policy import Teacher
from sitt.rl.objective import PPOLoss, Weights, backward
from sitt.rl.optimization import Adam, follow
from sitt.rl.rollout import Rollout
from sitt.rl.schedule import explored, pressed, settled

MIN_LEARNING_RATE, MAX_LEARNING_RATE = 1e-6, 1e-2
"""Bounds of the adaptive learning rate [O: rl_games' AdaptiveScheduler]."""


class PPO:
    """Updates F_T, A, the critic and the log standard deviation; nothing else."""

    def __init__(
        self, cfg: PPOConfig, teacher: Teacher, proxy: MLP, lambda_gradient: float, rng: torch.Generator
    ) -> None:
        self.cfg = cfg
        self.teacher = teacher
        self.proxy = proxy
        self.lambda_gradient = lambda_gradient
        self.rng = rng
        self.parameters = list(teacher.parameters())
        self.learning_rate = cfg.learning_rate
        self.optimizer = Adam(self.parameters, cfg.learning_rate)

    def update(self, rollout: Rollout, progress: float) -> Dict[str, float]:
        """Improve the teacher on one roll-out; return mean losses by name.

        Args:
            rollout: the transitions and their advantages.
            progress: share of the training that is done, in [0, 1).
        """
        batch = rollout.observations.shape[0]
        size = batch // self.cfg.minibatches
        rollout, weights = self.standardised(rollout), self.weights(progress)
        sums: dict[str, float] = {}
        # The same minibatches in each epoch, as in rsl_rl; to gather new ones would take 3 % of the update.
        minibatches = rollout.select(torch.randperm(batch, generator=self.rng)).split(size)
        for _ in range(self.cfg.epochs):
            for minibatch in minibatches:
                loss = self.backward(minibatch, weights)
                require_finite("teacher's loss", torch.tensor(loss.total(weights)))
                follow("teacher", self.optimizer, self.parameters, self.cfg.max_grad_norm)
                for name, value in loss._asdict().items():
                    sums[name] = sums.get(name, 0.0) + value
        means = {name: value / (self.cfg.epochs * self.cfg.minibatches) for name, value in sums.items()}
        self._adapt_learning_rate(means["policy_kl"], self._desired_kl(progress))
        log_std = self.teacher.log_std
        if log_std is not None and settled(self.cfg, progress):
            with torch.no_grad():
                log_std.clamp_(max=self._largest_log_std(progress))
        return means

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next updates depend on, but for the networks."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "learning_rate": self.learning_rate,
            "rng": self.rng.get_state(),
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.learning_rate = state["learning_rate"]
        self.rng.set_state(state["rng"])

    def standardised(self, rollout: Rollout) -> Rollout:
        """Return a roll-out whose advantages, values and returns are standardised.

        Values and returns on the critic's scale: at their own, its gradient would leave the policy no part of the norm.
        """
        advantages = rollout.advantages
        values, returns = (
            self.teacher.return_normalizer(x.unsqueeze(-1)).squeeze(-1) for x in (rollout.values, rollout.returns)
        )
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        return replace(rollout, advantages=advantages, values=values, returns=returns)

    def backward(self, batch: Rollout, weights: Weights) -> PPOLoss:
        """Return the loss on M standardised transitions, and leave its gradient in the parameters."""
        proxy = self.proxy if self.lambda_gradient else None
        return backward(self.teacher, proxy, batch, weights, self.cfg.clip, self.cfg.clip_value)

    def weights(self, progress: float) -> Weights:
        """Return the weights of the parts of the loss when the share `progress` of the training is done."""
        cfg = self.cfg
        return Weights(
            value=cfg.value_coefficient,
            bounds=cfg.bounds_coefficient,
            entropy=self._entropy_coefficient(progress),
            alignment=pressed(cfg, progress) * self.lambda_gradient,
        )

    def _entropy_coefficient(self, progress: float) -> float:
        """Falls linearly while the teacher explores."""
        cfg = self.cfg
        left = 1.0 - explored(cfg, progress)
        return cfg.final_entropy_coefficient + left * (cfg.entropy_coefficient - cfg.final_entropy_coefficient)

    def _desired_kl(self, progress: float) -> float:
        """Constant while the teacher explores, then falling linearly, so that the training ends in small steps."""
        cfg = self.cfg
        return cfg.desired_kl + settled(cfg, progress) * (cfg.final_kl - cfg.desired_kl)

    def _largest_log_std(self, progress: float) -> float:
        """Noise opens drawers that the mean action leaves almost open; it fades, so that the mean action learns to."""
        start, end = math.log(self.cfg.initial_std), math.log(self.cfg.final_std)
        return start + settled(self.cfg, progress) * (end - start)

    def _adapt_learning_rate(self, kl: float, desired_kl: float) -> None:
        if not desired_kl:
            return
        if kl > 2.0 * desired_kl:
            self.learning_rate = max(self.learning_rate / 1.5, MIN_LEARNING_RATE)
        elif kl < 0.5 * desired_kl:
            self.learning_rate = min(self.learning_rate * 1.5, MAX_LEARNING_RATE)
        self.optimizer.learning_rate = self.learning_rate
