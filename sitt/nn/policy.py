"""The networks of the paper: F_T, F_S, the proxy F̂_S, the shared decoder A, and PPO's critic."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sitt.config.schema import RunConfig
from sitt.nn.encoders import make_encoder
from sitt.nn.mlp import mlp
from sitt.nn.normalizer import Normalizer
from sitt.seeding import derive_seed, generator
from sitt.sim.base import Simulator
from sitt.task.franka_drawer import NUM_ACTIONS, NUM_OBSERVATIONS, NUM_PROPRIOCEPTION


class Decoder(nn.Linear):
    """A: one linear layer from features to action means [P]."""

    def frozen(self, features: Tensor) -> Tensor:
        """Decode with gradients to the features only."""
        return functional.linear(features, self.weight.detach(), self.bias.detach())


class Teacher(nn.Module):
    """F_T, A and the critic over normalised privileged observations; all that PPO updates."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        sizes = config.networks
        self.normalizer = Normalizer(NUM_OBSERVATIONS)
        self.encoder = mlp(NUM_OBSERVATIONS, sizes.teacher)
        self.decoder = Decoder(sizes.teacher[-1], NUM_ACTIONS)
        self.critic = nn.Sequential(mlp(NUM_OBSERVATIONS, sizes.critic), nn.Linear(sizes.critic[-1], 1))
        self.return_normalizer = Normalizer(1)
        self.log_std = nn.Parameter(torch.full((NUM_ACTIONS,), config.ppo.initial_std).log())

    def action_mean(self, observations: Tensor) -> Tensor:
        """Return the deterministic actions (B, 9) of raw observations (B, 23)."""
        return self.decoder(self.encoder(self.normalizer(observations)))

    def value(self, normalized: Tensor) -> Tensor:
        """Return the values (B,) of normalised observations: the critic's output, in units of the returns."""
        return self.return_normalizer.restore(self.critic(normalized)).squeeze(-1)


class Student(nn.Module):
    """F_S: image encoder and MLP over its features and the robot's own state."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        # Every run has the same random features, so that seeds differ in training only.
        self.image = make_encoder(config.encoder, config.task.camera.image_size, generator(0, "random encoder"))
        self.normalizer = Normalizer(self.image.num_features, common_scale=True)
        self.trains_images = any(p.requires_grad for p in self.image.parameters())
        self.body = mlp(self.image.num_features + NUM_PROPRIOCEPTION, config.networks.student)
        self.sees = config.method.sees
        self.image_size = config.task.camera.image_size

    def look(self, simulator: Simulator, env_ids: Tensor) -> Tensor:
        """Return what the student is shown of environments (K,), (K, 3, H, W) uint8; a blind one costs no rendering."""
        if self.sees:
            return simulator.render(env_ids)
        return torch.zeros(len(env_ids), 3, self.image_size, self.image_size, dtype=torch.uint8)

    def forward(self, embedding: Tensor, proprioception: Tensor) -> Tensor:
        """Return features (B, F) of stored embeddings and normalised proprioception (B, 18)."""
        features = self.image(embedding)
        if not self.trains_images:
            features = self.normalizer(features)
        return self.body(torch.cat((features, proprioception), -1))

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

    def action_mean(self, images: Tensor, observations: Tensor) -> Tensor:
        """Return the deterministic actions (B, 9) of images (B, 3, H, W) and raw observations (B, 23).

        Of the observations only the proprioception, the first 18 columns, reaches the student.
        """
        proprioception = self.normalizer(observations)[:, :NUM_PROPRIOCEPTION]
        return self.decoder(self.student(self.student.image.embed(images), proprioception))


class Networks(nn.Module):
    """All networks of one run; what policy.pt holds."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            # Each network from a generator of its own: the teacher of a seed is the same with and without a student.
            torch.manual_seed(derive_seed(config.seed, "teacher networks"))
            self.teacher = Teacher(config)
            torch.manual_seed(derive_seed(config.seed, "student networks"))
            self.student = Student(config)
            self.proxy = mlp(NUM_OBSERVATIONS, config.networks.teacher)
            self.own_decoder = Decoder(config.networks.teacher[-1], NUM_ACTIONS)
        self.shares_decoder = config.method.shares_decoder

    def student_policy(self) -> StudentPolicy:
        """Return the acting student, with the shared decoder or its own."""
        decoder = self.teacher.decoder if self.shares_decoder else self.own_decoder
        return StudentPolicy(self.student, decoder, self.teacher.normalizer)
