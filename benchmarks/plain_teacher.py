"""The teacher of `joint` without its student, which never influences it: one training, iteration by iteration."""

from __future__ import annotations

from typing import Tuple

from torch import Tensor

from sitt.config.schema import RunConfig
from sitt.env import make_env
from sitt.nn.policy import Networks
from sitt.rl.collector import Collector
from sitt.rl.memory import PairedObservations
from sitt.rl.ppo import PPO
from sitt.seeding import generator


class PlainTeacher:
    """A teacher in training, of a method whose λ are zero; `images` states of each roll-out are shown."""

    def __init__(self, config: RunConfig, images: int = 1) -> None:
        seed, self.config, self.networks = config.seed, config, Networks(config)
        self.normalizer = self.networks.teacher.normalizer
        env = make_env(config, config.training.num_envs, generator(seed, "environment"))
        self.normalizer.update(env.observation)
        draws = generator(seed, "exploration"), generator(seed, "rendered subset")
        self._collector = Collector(
            env, self.networks, config.ppo, config.task.reward_scale, images, config.sim.render_batch, 0.0, *draws
        )
        rng = generator(seed, "minibatches")
        self._ppo = PPO(config.ppo, self.networks.teacher, self.networks.proxy, 0.0, rng)

    def improve(self, iteration: int) -> Tuple[PairedObservations, Tensor]:
        """Make one roll-out and update; return the states shown, and all raw observations (B, O).

        The latter are for `normalizer`, once the caller is done with this iteration's teacher.
        """
        progress = iteration / self.config.training.iterations
        rollout, pairs, raw = self._collector.collect(progress)
        self.networks.teacher.return_normalizer.update(rollout.returns.unsqueeze(-1))
        self._ppo.update(rollout, progress)
        return pairs, raw
