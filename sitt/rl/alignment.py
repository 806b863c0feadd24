"""The alignment phase: F_S follows F_T, then F̂_S follows F_S (paper, section 3)."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from sitt.config.learning import StudentConfig
from sitt.config.schema import RunConfig
from sitt.nn.policy import Networks
from sitt.rl.memory import Memory, PairedObservations
from sitt.rl.optimization import Adam, descend
from sitt.seeding import generator


class Alignment:
    """Updates F_S and F̂_S; the teacher, A and the critic stay as they are."""

    def __init__(
        self, cfg: StudentConfig, networks: Networks, memory: Memory, activation_loss: bool, rng: torch.Generator
    ) -> None:
        self.cfg = cfg
        self.networks = networks
        self.activation_loss = activation_loss
        self.rng = rng
        self.memory = memory
        self.student_parameters: List[nn.Parameter] = [p for p in networks.student.parameters() if p.requires_grad]
        self.proxy_parameters = list(networks.proxy.parameters())
        self.student_optimizer = Adam(self.student_parameters, cfg.learning_rate)
        self.proxy_optimizer = Adam(self.proxy_parameters, cfg.learning_rate)

    def update(self, gradient_steps: int, learning_rate: float) -> float:
        """Take gradient steps of student and proxy on minibatches of the memory; return the mean student loss."""
        for optimizer in (self.student_optimizer, self.proxy_optimizer):
            optimizer.learning_rate = learning_rate
        total = 0.0
        for _ in range(gradient_steps):
            raw, embeddings = self.memory.sample(self.cfg.batch_size, self.rng)
            # Old states too are normalised, and their targets computed, by the teacher of today.
            batch = PairedObservations(self.networks.teacher.normalizer(raw), embeddings)
            loss = self.student_loss(batch)
            descend("student", loss, self.student_optimizer, self.student_parameters, self.cfg.max_grad_norm)
            proxy_loss = self.proxy_loss(batch)
            descend("proxy", proxy_loss, self.proxy_optimizer, self.proxy_parameters, self.cfg.max_grad_norm)
            total += float(loss.detach())
        return total / gradient_steps

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next updates depend on, but for the networks and the memory."""
        return {
            "student_optimizer": self.student_optimizer.state_dict(),
            "proxy_optimizer": self.proxy_optimizer.state_dict(),
            "rng": self.rng.get_state(),
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.student_optimizer.load_state_dict(state["student_optimizer"])
        self.proxy_optimizer.load_state_dict(state["proxy_optimizer"])
        self.rng.set_state(state["rng"])

    def student_loss(self, batch: PairedObservations) -> Tensor:
        """L1(F_S, F_T) + L1(A∘F_S, A∘F_T) with A frozen and the teacher detached; normalised observations."""
        teacher = self.networks.teacher
        with torch.no_grad():
            target = teacher.encoder(batch.observations)
            target_action = teacher.decoder(target)
        features = self._student_features(batch)
        return l1_loss(features, target) + l1_loss(teacher.decoder.frozen(features), target_action)

    def proxy_loss(self, batch: PairedObservations) -> Tensor:
        """L1(F̂_S, F_S) with the student detached; the maze code's term on A's activations is optional."""
        decoder = self.networks.teacher.decoder
        with torch.no_grad():
            target = self._student_features(batch)
        features = self.networks.proxy(batch.observations)
        loss = l1_loss(features, target)
        if self.activation_loss:
            loss = loss + l1_loss(decoder.frozen(features), decoder.frozen(target))
        return loss

    def _student_features(self, batch: PairedObservations) -> Tensor:
        return self.networks.student(batch.embeddings, batch.observations)


def make_alignment(config: RunConfig, networks: Networks, activation_loss: bool) -> Tuple[Memory, Alignment]:
    """Return the student's memory, and the phase that trains student and proxy on it."""
    iterations = config.training.iterations
    window = min(config.student.window, iterations)
    memory = Memory(window * (config.student.images // iterations), networks, config.student.buffer_mebibytes)
    return memory, Alignment(config.student, networks, memory, activation_loss, generator(config.seed, "alignment"))
