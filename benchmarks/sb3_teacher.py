"""A teacher trained by Stable-Baselines3's PPO in our training environment, with settings that others published."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from torch import Tensor, nn

from sitt.config.schema import RunConfig
from sitt.env import Env, make_env
from sitt.nn.distributions import Distribution, Gaussian
from sitt.seeding import generator
from sitt.task.world import World


class Settings(NamedTuple):
    """Of Stable-Baselines3's PPO."""

    minibatch: Optional[int]
    """Transitions; None: `minibatches` of them per roll-out."""
    minibatches: Optional[int]
    clip_observations: Optional[float]
    """Observations are standardised (VecNormalize) and clipped to ± this; None: neither."""
    widths: Tuple[int, ...]
    ppo: Dict[str, Any]


PUBLISHED = {
    # Isaac Lab's own for a Franka that lifts a cube (it has none for its cabinet): IsaacLab 122f211,
    # isaaclab_tasks/manager_based/manipulation/lift/config/franka/agents/sb3_ppo_cfg.yaml.
    "lift": Settings(
        minibatch=192,
        minibatches=None,
        clip_observations=None,
        widths=(256, 128, 64),
        ppo=dict(n_steps=64, gae_lambda=0.95, gamma=0.99, n_epochs=8, ent_coef=0.0, vf_coef=0.0001)
        | dict(learning_rate=3e-4, clip_range=0.2, target_kl=0.01, max_grad_norm=1.0),
    ),
    # Isaac Lab's for thousands of environments, adapted from rsl_rl's: IsaacLab 0efea6f,
    # isaaclab_tasks/manager_based/locomotion/velocity/config/a1/agents/sb3_ppo_cfg.yaml.
    "parallel": Settings(
        minibatch=None,
        minibatches=4,
        clip_observations=10.0,
        widths=(512, 256, 128),
        ppo=dict(n_steps=24, gae_lambda=0.95, gamma=0.99, n_epochs=5, ent_coef=0.005, vf_coef=1.0)
        | dict(learning_rate=1e-3, clip_range=0.2, max_grad_norm=1.0),
    ),
    # rl_games' for this very task, in Stable-Baselines3's words: OmniIsaacGymEnvs f8f91bc,
    # cfg/train/FrankaCabinetPPO.yaml. Its learning rate follows the KL, for which a roll-out's KL is limited here, and
    # it has 4096 environments: the number of minibatches is kept.
    "cabinet": Settings(
        minibatch=None,
        minibatches=8,
        clip_observations=5.0,
        widths=(256, 128, 64),
        ppo=dict(n_steps=16, gae_lambda=0.95, gamma=0.99, n_epochs=8, ent_coef=0.0, vf_coef=2.0)
        | dict(learning_rate=5e-4, clip_range=0.2, target_kl=0.008, max_grad_norm=1.0),
    ),
}


class DrawerVecEnv(VecEnv):
    """Our training environment as Stable-Baselines3 wants it; the reward is scaled as our PPO sees it."""

    def __init__(self, env: Env, config: RunConfig) -> None:
        self.env, self.scale = env, config.task.reward_scale
        observations = gymnasium.spaces.Box(-np.inf, np.inf, (config.task.observations,), np.float32)
        super().__init__(
            env.num_envs, observations, gymnasium.spaces.Box(-1.0, 1.0, (config.task.actions,), np.float32)
        )

    def reset(self) -> np.ndarray:
        """Return the observations: the episodes have begun."""
        return self.env.observation.numpy().copy()

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self.actions = torch.from_numpy(actions)

    def step_wait(self) -> Tuple[np.ndarray, np.ndarray, np.ndarray, List[Dict[str, Any]]]:
        """Make one control step."""
        step = self.env.step(self.actions)
        done = (step.terminated | step.truncated).numpy()
        infos: List[Dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in np.flatnonzero(done):
            final = step.final_observation[index].numpy().copy()
            infos[index] = {"terminal_observation": final, "TimeLimit.truncated": bool(step.truncated[index])}
        return step.observation.numpy().copy(), (step.reward * self.scale).numpy(), done, infos

    def close(self) -> None:
        """Nothing is open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> List[Any]:
        """Return what Stable-Baselines3 asks for: the render mode, of which there is none."""
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Not needed."""
        raise NotImplementedError

    def env_method(self, method_name: str, *arguments: Any, indices: Any = None, **named: Any) -> List[Any]:
        """Not needed."""
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> List[bool]:
        """Return that none is."""
        return [False] * self.num_envs


class Watch(BaseCallback):
    """Shows the acting policy after each update, until told to stop."""

    def __init__(self, goes_on: Callable[[int], bool]) -> None:
        super().__init__()
        self.goes_on, self.wanted = goes_on, True

    def _on_rollout_start(self) -> None:
        self.wanted = self.goes_on(self.num_timesteps)

    def _on_step(self) -> bool:
        return self.wanted


def train(
    name: str, config: RunConfig, seed: int, goes_on: Callable[[int, Callable[[Tensor, World], Distribution]], bool]
) -> None:
    """Train until `goes_on`, which is shown the environment steps and the acting teacher, says that it is enough."""
    settings = PUBLISHED[name]
    env: VecEnv = DrawerVecEnv(make_env(config, config.training.num_envs, generator(seed, "environment")), config)
    normalize = None
    if settings.clip_observations is not None:
        env = normalize = VecNormalize(env, norm_reward=False, clip_obs=settings.clip_observations)
    size = settings.ppo["n_steps"] * env.num_envs
    ppo = PPO(
        "MlpPolicy",
        env,
        batch_size=settings.minibatch or size // (settings.minibatches or 1),
        policy_kwargs=dict(net_arch=dict(pi=settings.widths, vf=settings.widths), activation_fn=nn.ELU),
        device="cpu",
        seed=seed,
        **settings.ppo,
    )

    def act(observations: Tensor, world: World) -> Distribution:
        if normalize:
            observations = torch.from_numpy(normalize.normalize_obs(observations.numpy()))
        mean = ppo.policy.get_distribution(observations).mode()
        return Gaussian(mean, torch.zeros_like(mean[0]))

    ppo.learn(10**12, Watch(lambda steps: goes_on(steps, act)), log_interval=10**12)
