"""The roll-out phase: the teacher acts, and a few of its states are rendered for the student."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

import torch
from torch import Tensor

from sitt.config.learning import PPOConfig
from sitt.env import Env
from sitt.nn.distributions import Distribution
from sitt.nn.policy import Networks
from sitt.rl.memory import PairedObservations
from sitt.rl.rollout import Rollout, generalized_advantages
from sitt.rl.schedule import pressed
from sitt.threads import one_thread


class Collected(NamedTuple):
    """What one roll-out phase leaves to the next two phases."""

    rollout: Rollout
    pairs: PairedObservations
    raw_observations: Tensor
    """(B, O) for the normaliser."""


class Collector:
    """Runs the teacher's stochastic policy for `horizon` steps in all environments."""

    def __init__(
        self,
        env: Env,
        networks: Networks,
        cfg: PPOConfig,
        reward_scale: float,
        images: int,
        images_per_call: int,
        lambda_penalty: float,
        rng: torch.Generator,
        subset_rng: torch.Generator,
    ) -> None:
        """`images` transitions of each roll-out are shown to the student, `images_per_call` at a time at most.

        A negative `lambda_penalty` rewards the divergence.

        The subset has a generator of its own, so that what is rendered leaves the teacher as it is.
        """
        self.env = env
        self.networks = networks
        self.cfg = cfg
        self.reward_scale = reward_scale
        self.lambda_penalty = lambda_penalty
        self.rng = rng
        self.subset_rng = subset_rng
        calls = min(cfg.horizon, -(-images // min(images_per_call, env.num_envs)))
        self.images_at = {(k * cfg.horizon) // calls: images // calls + (k < images % calls) for k in range(calls)}

    @torch.no_grad()
    def collect(self, progress: float) -> Collected:
        """Return the transitions, with rewards r − λ_penalty · KL(π_T ‖ π̂_S), and the rendered pairs.

        Args:
            progress: share of the training that is done, in [0, 1); λ_penalty rises with it.
        """
        env, teacher, student, cfg = self.env, self.networks.teacher, self.networks.student, self.cfg
        steps, envs = cfg.horizon, env.num_envs
        raw = torch.empty(steps, envs, env.observation.shape[-1])
        rewards = torch.empty(steps, envs)
        dones = torch.empty(steps, envs, dtype=torch.bool)
        decoded, actions = [], []
        cuts, cut_observations, pair_observations, embeddings = [], [], [], []
        for t in range(steps):
            raw[t] = env.observation
            if t in self.images_at:
                seen = env.world.in_view()
                chosen = seen[torch.randperm(len(seen), generator=self.subset_rng)[: self.images_at[t]]]
                pair_observations.append(env.observation[chosen])
                embeddings.append(student.image.embed(student.look(env.world, chosen)))
            with one_thread():
                decoded.append(teacher.decoded(env.observation))
                actions.append(teacher.distribution(decoded[t]).sample(self.rng))
                step = env.step(actions[t])
            rewards[t] = step.reward
            dones[t] = step.terminated | step.truncated
            if step.truncated.any():
                cut = step.truncated.nonzero().squeeze(-1)
                cuts.append(t * envs + cut)
                cut_observations.append(step.final_observation[cut])

        observations = teacher.normalizer(raw.flatten(0, 1))
        behaviour = teacher.distribution(torch.cat(decoded)).detached()
        rewards = rewards * self.reward_scale
        if self.lambda_penalty:
            weight = pressed(cfg, progress) * self.lambda_penalty
            rewards -= weight * self._misalignment(observations, behaviour).view(steps, envs)
        if cuts:
            final = teacher.normalizer(torch.cat(cut_observations))
            rewards.view(-1)[torch.cat(cuts)] += cfg.gamma * teacher.value(final)
        values = teacher.value(observations).view(steps, envs)
        next_value = teacher.value(teacher.normalizer(env.observation))
        advantages = generalized_advantages(rewards, values, next_value, dones, cfg.gamma, cfg.gae_lambda)
        rollout = Rollout(
            observations=observations,
            actions=torch.cat(actions),
            log_probs=behaviour.log_prob(torch.cat(actions)),
            behaviour=behaviour,
            values=values.flatten(),
            advantages=advantages.flatten(),
            returns=(advantages + values).flatten(),
        )
        pairs = PairedObservations(torch.cat(pair_observations), torch.cat(embeddings))
        return Collected(rollout, pairs, raw.flatten(0, 1))

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next roll-outs depend on, but for the networks."""
        return {
            "env": self.env.state_dict(),
            "rng": self.rng.get_state(),
            "subset_rng": self.subset_rng.get_state(),
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.env.load_state_dict(state["env"])
        self.rng.set_state(state["rng"])
        self.subset_rng.set_state(state["subset_rng"])

    def _misalignment(self, observations: Tensor, behaviour: Distribution) -> Tensor:
        """KL(π_T ‖ π̂_S) (B,) of normalised observations, both decoded by A."""
        teacher = self.networks.teacher
        return behaviour.kl(teacher.distribution(teacher.decoder(self.networks.proxy(observations))))
