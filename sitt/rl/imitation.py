"""Imitation of a finished teacher: it labels states that are acted out for it (BC and DAgger)."""

from __future__ import annotations

from typing import Any, Dict, List

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from sitt.config.learning import StudentConfig
from sitt.env import Env
from sitt.nn.policy import Networks
from sitt.rl.memory import Memory, PairedObservations
from sitt.rl.optimization import Adam, descend
from sitt.threads import one_thread


class Demonstrator:
    """Plays a mixture of teacher and student and keeps every state it visits."""

    def __init__(self, env: Env, networks: Networks, memory: Memory, rng: torch.Generator) -> None:
        self.env = env
        self.networks = networks
        self.memory = memory
        self.rng = rng

    @torch.no_grad()
    def collect(self, steps: int, beta: float) -> int:
        """Add `steps` control steps of all environments in view; return the number of states added.

        In each state the teacher acts with probability β and the student otherwise
        [Ross et al. 2011, algorithm 3.1]. The teacher acts as in its own roll-outs, with its
        exploration noise; the student acts without noise. What is out of view is left to the teacher.
        """
        env, teacher = self.env, self.networks.teacher
        student = self.networks.student_policy()
        before = self.memory.added
        for _ in range(steps):
            observations = teacher.normalizer(env.observation)
            seen = env.world.in_view()
            embeddings = student.student.image.embed(student.student.look(env.world, seen))
            student.student.observe(embeddings)
            self.memory.add(PairedObservations(env.observation[seen], embeddings))
            with one_thread():
                actions = teacher.distribution(teacher.decoder(teacher.encoder(observations))).sample(self.rng)
                if beta < 1.0:
                    teacher_acts = torch.rand(env.num_envs, 1, generator=self.rng) < beta
                    decoded = student.decoder(student.student(embeddings, observations[seen]))
                    actions[seen] = torch.where(teacher_acts[seen], actions[seen], teacher.distribution(decoded).mode())
                env.step(actions)
        return self.memory.added - before

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next states depend on, but for the networks."""
        return {"env": self.env.state_dict(), "rng": self.rng.get_state()}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.env.load_state_dict(state["env"])
        self.rng.set_state(state["rng"])


class Cloning:
    """Regression of the student's actions on the teacher's; the teacher stays as it is."""

    def __init__(self, cfg: StudentConfig, networks: Networks, memory: Memory, rng: torch.Generator) -> None:
        self.cfg = cfg
        self.networks = networks
        self.memory = memory
        self.rng = rng
        learners = (networks.student, networks.own_decoder)
        self.parameters: List[nn.Parameter] = [p for m in learners for p in m.parameters() if p.requires_grad]
        self.optimizer = Adam(self.parameters, cfg.learning_rate)

    def update(self, gradient_steps: int, learning_rate: float) -> float:
        """Take gradient steps on random minibatches of all states so far; return the mean loss."""
        self.optimizer.learning_rate = learning_rate
        total = 0.0
        for _ in range(gradient_steps):
            loss = self.loss(self.memory.sample(self.cfg.batch_size, self.rng))
            descend("student", loss, self.optimizer, self.parameters, self.cfg.max_grad_norm)
            total += float(loss.detach())
        return total / gradient_steps

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next updates depend on, but for the networks and the memory."""
        return {"optimizer": self.optimizer.state_dict(), "rng": self.rng.get_state()}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])

    def loss(self, batch: PairedObservations) -> Tensor:
        """L1 between the student's and the teacher's mean actions (logits), as in the alignment phase."""
        teacher = self.networks.teacher
        with torch.no_grad():
            observations = teacher.normalizer(batch.observations)
            labels = teacher.decoder(teacher.encoder(observations))
        features = self.networks.student(batch.embeddings, observations)
        return l1_loss(self.networks.own_decoder(features), labels)
