"""The networks of the paper: F_T, F_S, the proxy F̂_S, the shared decoder A, and PPO's critic."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sitt.config.schema import RunConfig
from sitt.device import default_device
from sitt.nn.distributions import Categorical, Distribution, Gaussian
from sitt.nn.encoders import make_encoder
from sitt.nn.mlp import MLP
from sitt.nn.normalizer import Normalizer
from sitt.seeding import derive_seed, generator
from sitt.task.world import World


class Decoder(nn.Linear):
    """A: one linear layer from features to action means, or to the logits of discrete actions [P]."""

    def frozen(self, features: Tensor) -> Tensor:
        """Decode with gradients to the features only."""
        return functional.linear(features, self.weight.detach(), self.bias.detach())


class Teacher(nn.Module):
    """F_T, A and the critic over normalised privileged observations; all that PPO updates."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        sizes, task = config.networks, config.task
        self.normalizer = Normalizer(task.observations)
        self.encoder = MLP(task.observations, sizes.teacher)
        self.decoder = Decoder(sizes.teacher[-1], task.actions)
        self.critic = nn.Sequential(MLP(task.observations, sizes.critic), nn.Linear(sizes.critic[-1], 1))
        self.return_normalizer = Normalizer(1)
        log_std = torch.full((task.actions,), config.ppo.initial_std).log()
        self.log_std = None if task.discrete else nn.Parameter(log_std)

    def decoded(self, observations: Tensor) -> Tensor:
        """Return A's outputs (B, A) for raw observations (B, O): the action distribution but for σ."""
        return self.decoder(self.encoder(self.normalizer(observations)))

    def distribution(self, decoded: Tensor) -> Distribution:
        """Return the action distributions that A's outputs (…, A) mean."""
        return Categorical(decoded) if self.log_std is None else Gaussian(decoded, self.log_std)

    def value(self, normalized: Tensor) -> Tensor:
        """Return the values (B,) of normalised observations: the critic's output, in units of the returns."""
        return self.return_normalizer.restore(self.critic(normalized)).squeeze(-1)


class Student(nn.Module):
    """F_S: an encoder of what the student is shown, and an MLP over its features and the robot's own state."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        task = config.task
        # Every run has the same random features, so that seeds differ in training only.
        self.image = make_encoder(config.encoder, task.view, generator(0, "random encoder"))
        self.normalizer = Normalizer(self.image.num_features, self.image.common_scale)
        self.trains_images = any(p.requires_grad for p in self.image.parameters())
        self.body = MLP(self.image.num_features + task.proprioception, config.networks.student)
        self.sees = config.method.sees
        self.view = task.view
        self.proprioception = task.proprioception

    def look(self, world: World, env_ids: Tensor) -> Tensor:
        """Return what the student is shown of environments (K,), (K, *view); a blind one costs no rendering."""
        return world.look(env_ids) if self.sees else self.darkness(len(env_ids))

    def darkness(self, count: int) -> Tensor:
        """Return what a blind student is shown (count, *view): zeros, uint8."""
        return torch.zeros(count, *self.view, dtype=torch.uint8)

    def forward(self, embedding: Tensor, observations: Tensor) -> Tensor:
        """Return features (B, F) of stored embeddings and normalised observations (B, O).

        Of the observations only the proprioception, the first columns, reaches the student.
        """
        features = self.image(embedding)
        if not self.trains_images:
            features = self.normalizer(features)
        return self.body(torch.cat((features, observations[:, : self.proprioception]), -1))

    def observe(self, embedding: Tensor) -> None:
        """Take new embeddings (K, …) into the statistics of the frozen features."""
        if not self.trains_images:
            self.normalizer.update(embedding)


class StudentPolicy(nn.Module):
    """A student that acts: F_S, a decoder (shared or its own), and the shared observation normaliser."""

    def __init__(self, student: Student, decoder: Decoder, normalizer: Normalizer) -> None:
        super().__init__()
        self.student = student
        self.decoder = decoder
        self.normalizer = normalizer

    def decoded(self, embeddings: Tensor, observations: Tensor) -> Tensor:
        """Return the decoder's outputs (B, A) for embedded views (B, …) and raw observations (B, O)."""
        return self.decoder(self.student(embeddings, self.normalizer(observations)))


class Networks(nn.Module):
    """All networks of one run; what policy.pt holds."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        device = default_device()
        # On the CPU, so that a seed's first networks are the same on every device.
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):
            # Each network from a generator of its own: the teacher of a seed is the same with and without a student.
            torch.manual_seed(derive_seed(config.seed, "teacher networks"))
            self.teacher = Teacher(config)
            torch.manual_seed(derive_seed(config.seed, "student networks"))
            self.student = Student(config)
            self.proxy = MLP(config.task.observations, config.networks.teacher)
            self.own_decoder = Decoder(config.networks.teacher[-1], config.task.actions)
        self.shares_decoder = config.method.shares_decoder
        self.to(device)

    def student_policy(self) -> StudentPolicy:
        """Return the acting student, with the shared decoder or its own."""
        decoder = self.teacher.decoder if self.shares_decoder else self.own_decoder
        return StudentPolicy(self.student, decoder, self.teacher.normalizer)
