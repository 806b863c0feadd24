"""Imitation of a finished teacher: labelled states in memory, and regression on them (BC and DAgger)."""

from __future__ import annotations

from typing import List

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from sitt.config.schema import StudentConfig
from sitt.env import DrawerEnv
from sitt.errors import UserError
from sitt.nn.policy import Networks
from sitt.rl.optimization import descend
from sitt.task.franka_drawer import NUM_ACTIONS, NUM_OBSERVATIONS, NUM_PROPRIOCEPTION


class Dataset:
    """States with the teacher's mean actions as labels, in memory of a fixed size."""

    def __init__(self, cfg: StudentConfig, networks: Networks) -> None:
        """Refuse a budget of images that does not fit the memory allowed, before anything is rendered."""
        probe = networks.student.image.embed(
            torch.zeros(1, 3, networks.image_size, networks.image_size, dtype=torch.uint8)
        )
        needed = cfg.images * probe[0].numel() * probe.element_size() / 2**20
        if needed > cfg.buffer_mebibytes:
            raise UserError(
                f"student.images = {cfg.images} need {needed:.0f} MiB, more than student.buffer_mebibytes = "
                f"{cfg.buffer_mebibytes}; raise it or render fewer images"
            )
        self.size = 0
        self.observations = torch.empty(cfg.images, NUM_OBSERVATIONS)
        self.labels = torch.empty(cfg.images, NUM_ACTIONS)
        self.embeddings = torch.empty(cfg.images, *probe.shape[1:], dtype=probe.dtype)

    def add(self, observations: Tensor, labels: Tensor, embeddings: Tensor) -> None:
        """Append K states; IndexError beyond the budget."""
        end = self.size + len(observations)
        if end > len(self.observations):
            raise IndexError(f"{end} states exceed the budget of {len(self.observations)}")
        self.observations[self.size : end] = observations
        self.labels[self.size : end] = labels
        self.embeddings[self.size : end] = embeddings
        self.size = end


class Demonstrator:
    """Plays a mixture of teacher and student and labels every state it visits."""

    def __init__(self, env: DrawerEnv, networks: Networks, dataset: Dataset, rng: torch.Generator) -> None:
        self.env = env
        self.networks = networks
        self.dataset = dataset
        self.rng = rng

    @torch.no_grad()
    def collect(self, steps: int, beta: float) -> None:
        """Add `steps` control steps of all environments.

        In each state the teacher acts with probability β and the student otherwise
        [Ross et al. 2011, algorithm 3.1]. The teacher acts as in its own roll-outs, with its
        exploration noise; the student acts, and all labels are, without noise.
        """
        env, teacher = self.env, self.networks.teacher
        student = self.networks.student_policy()
        everyone = torch.arange(env.num_envs)
        std = teacher.log_std.exp()
        for _ in range(steps):
            observations = teacher.normalizer(env.observation)
            embeddings = self.networks.student.image.embed(env.simulator.render(everyone))
            labels = teacher.decoder(teacher.encoder(observations))
            self.networks.student.observe(embeddings)
            self.dataset.add(observations, labels, embeddings)
            actions = labels + std * torch.randn(labels.shape, generator=self.rng)
            if beta < 1.0:
                teacher_acts = torch.rand(env.num_envs, 1, generator=self.rng) < beta
                features = student.student(embeddings, observations[:, :NUM_PROPRIOCEPTION])
                actions = torch.where(teacher_acts, actions, student.decoder(features))
            env.step(actions)


class Cloning:
    """Regression of the student's actions on the labels; the teacher stays as it is."""

    def __init__(self, cfg: StudentConfig, networks: Networks, dataset: Dataset, rng: torch.Generator) -> None:
        self.cfg = cfg
        self.networks = networks
        self.dataset = dataset
        self.rng = rng
        learners = (networks.student, networks.own_decoder)
        self.parameters: List[nn.Parameter] = [p for m in learners for p in m.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=cfg.learning_rate, fused=True)

    def update(self, gradient_steps: int) -> float:
        """Take gradient steps on random minibatches of all states so far; return the mean loss."""
        total = 0.0
        for _ in range(gradient_steps):
            chosen = torch.randint(self.dataset.size, (self.cfg.batch_size,), generator=self.rng)
            loss = self.loss(chosen)
            descend(loss, self.optimizer, self.parameters, self.cfg.max_grad_norm)
            total += float(loss.detach())
        return total / gradient_steps

    def loss(self, chosen: Tensor) -> Tensor:
        """L1 between the student's mean actions and the labels, the norm that the alignment phase uses too."""
        proprioception = self.dataset.observations[chosen, :NUM_PROPRIOCEPTION]
        features = self.networks.student(self.dataset.embeddings[chosen], proprioception)
        return l1_loss(self.networks.own_decoder(features), self.dataset.labels[chosen])
