"""How fast one PPO update is, beside Stable-Baselines3's `PPO.train()` and rsl_rl's `PPO.update()`.

    python -m benchmarks.ppo_update                     both thread counts, a minute or two
    python -m benchmarks.ppo_update --threads 1 --rounds 5

All have the same networks (actor and critic apart, ReLU, the sizes of `embedded`), weights, roll-out, minibatches,
epochs, Adam, unclipped value loss and torch threads, and take turns; each ratio is the median over the rounds. Only the
update is timed: before each round, weights and roll-out are put back, into each library's own buffer by its own `add`.
Logging is off. What remains different:

* Stable-Baselines3 permutes the transitions once per epoch (the others once per update), standardises advantages per
  minibatch, keeps its buffer in NumPy, flattens it in `train()`, computes the clipped share, an approximate KL and the
  explained variance for its log, and lets torch validate distributions;
* rsl_rl samples an action it does not use in each minibatch, adapts its learning rate to the KL after each minibatch,
  limits the gradient of actor and critic apart, and has standardised the advantages before it is timed; ours does so
  inside;
* ours has a penalty on large means, the KL of the learning rate's schedule, standardised returns, a check for numbers
  that are not finite, a gradient written by hand (both others use autograd), PyTorch's fused Adam (both others use its
  default), and half of its products by oneDNN.

Exit status 1 if it is less than 1.5 times as fast as Stable-Baselines3, or 1.2 times as fast as rsl_rl.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import gymnasium
import numpy as np
import torch
from rsl_rl.algorithms import PPO as RSL_PPO
from rsl_rl.models import MLPModel
from rsl_rl.storage import RolloutStorage
from stable_baselines3 import PPO as SB3_PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv
from tensordict import TensorDict
from torch import Tensor, nn
from torch.distributions import Distribution

from benchmarks.record import Figure, conclude, counted, parser, positive, rates, ratio, show, status_of, take_turns
from sitt.config.compose import compose
from sitt.config.schema import RunConfig
from sitt.nn.distributions import Gaussian
from sitt.nn.policy import Networks, Teacher
from sitt.rl.ppo import PPO
from sitt.rl.rollout import Rollout
from sitt.seeding import generator

OURS, SB3, RSL = "sitt", "Stable-Baselines3", "rsl_rl"
GOALS = {SB3: 1.5, RSL: 1.2}


def random_rollout(config: RunConfig, teacher: Teacher) -> Rollout:
    """Return a roll-out of the teacher in a world of noise."""
    rng = torch.Generator().manual_seed(0)
    size = config.training.num_envs * config.ppo.horizon
    observations = torch.randn(size, config.task.observations, generator=rng)
    with torch.no_grad():
        behaviour = teacher.distribution(teacher.decoder(teacher.encoder(observations))).detached()
        actions, values = behaviour.sample(rng), teacher.value(observations)
        log_probs = behaviour.log_prob(actions)
    advantages = torch.randn(size, generator=rng)
    return Rollout(observations, actions, log_probs, behaviour, values, advantages, advantages + values)


def parameters_of(teacher: Teacher) -> List[nn.Parameter]:
    """Actor, critic, and the log standard deviation last, as in the two below."""
    assert teacher.log_std is not None
    parts = (teacher.encoder, teacher.decoder, teacher.critic)
    return [parameter for part in parts for parameter in part.parameters()] + [teacher.log_std]


class Sb3:
    """Stable-Baselines3's PPO and its roll-out buffer."""

    def __init__(self, config: RunConfig) -> None:
        class Space(gymnasium.Env):
            observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (config.task.observations,))
            action_space = gymnasium.spaces.Box(-1, 1, (config.task.actions,))

        cfg, self.envs = config.ppo, config.training.num_envs
        widths = dict(pi=list(config.networks.teacher), vf=list(config.networks.critic))
        self.ppo = SB3_PPO(
            "MlpPolicy",
            DummyVecEnv([Space] * self.envs),
            n_steps=cfg.horizon,
            batch_size=self.envs * cfg.horizon // cfg.minibatches,
            n_epochs=cfg.epochs,
            learning_rate=cfg.learning_rate,
            clip_range=cfg.clip,
            ent_coef=cfg.entropy_coefficient,
            vf_coef=cfg.value_coefficient,
            max_grad_norm=cfg.max_grad_norm,
            policy_kwargs=dict(net_arch=widths, activation_fn=nn.ReLU),
            device="cpu",
        )
        self.ppo.set_logger(Logger(None, []))
        policy = self.ppo.policy
        nets = (policy.mlp_extractor.policy_net, policy.action_net, policy.mlp_extractor.value_net, policy.value_net)
        self.parameters = [parameter for net in nets for parameter in net.parameters()] + [policy.log_std]

    def fill(self, rollout: Rollout) -> None:
        """Put a roll-out into its buffer; the advantages are given, so their computation is left out."""
        buffer, steps = self.ppo.rollout_buffer, self.ppo.n_steps
        of_step = {
            name: value.view(steps, self.envs, -1) for name, value in vars(rollout).items() if name != "behaviour"
        }
        buffer.reset()
        nothing = np.zeros(self.envs, dtype=np.float32)
        for t in range(steps):
            step = {name: tensor[t] for name, tensor in of_step.items()}
            observations, actions = step["observations"].numpy(), step["actions"].numpy()
            buffer.add(observations, actions, nothing, nothing, step["values"], step["log_probs"].squeeze(-1))
        buffer.advantages[:] = of_step["advantages"].squeeze(-1).numpy()
        buffer.returns[:] = of_step["returns"].squeeze(-1).numpy()

    def update(self) -> None:
        """One update: what is timed."""
        Distribution.set_default_validate_args(True)  # as torch has it; rsl_rl turns it off for the whole process
        self.ppo.train()


class Rsl:
    """rsl_rl's PPO and its storage."""

    def __init__(self, config: RunConfig) -> None:
        cfg, self.envs = config.ppo, config.training.num_envs
        example = self.observed(torch.zeros(self.envs, config.task.observations))
        groups = {"actor": ["policy"], "critic": ["policy"]}
        noise = {"class_name": "GaussianDistribution", "init_std": cfg.initial_std, "std_type": "log"}
        common = dict(activation="relu")
        actor = MLPModel(
            example, groups, "actor", config.task.actions, config.networks.teacher, distribution_cfg=noise, **common
        )
        critic = MLPModel(example, groups, "critic", 1, config.networks.critic, **common)
        self.ppo = RSL_PPO(
            actor,
            critic,
            RolloutStorage("rl", self.envs, cfg.horizon, example, [config.task.actions]),
            num_learning_epochs=cfg.epochs,
            num_mini_batches=cfg.minibatches,
            clip_param=cfg.clip,
            value_loss_coef=cfg.value_coefficient,
            entropy_coef=cfg.entropy_coefficient,
            learning_rate=cfg.learning_rate,
            max_grad_norm=cfg.max_grad_norm,
            use_clipped_value_loss=cfg.clip_value,
            desired_kl=cfg.desired_kl,
        )
        self.parameters = [*actor.mlp.parameters(), *critic.mlp.parameters(), *actor.distribution.parameters()]

    def observed(self, observations: Tensor) -> TensorDict:
        """Return observations (N, O) as it wants them."""
        return TensorDict({"policy": observations}, batch_size=[self.envs])

    def fill(self, rollout: Rollout) -> None:
        """Put a roll-out into its storage; the advantages are given, and standardised as `compute_returns` does."""
        storage, steps = self.ppo.storage, self.ppo.storage.num_transitions_per_env
        as_steps = lambda tensor: tensor.view(steps, self.envs, -1)  # noqa: E731
        assert isinstance(rollout.behaviour, Gaussian)
        means = as_steps(rollout.behaviour.mean)
        deviations = rollout.behaviour.log_std.exp().expand(self.envs, -1)
        for t in range(steps):
            step = RolloutStorage.Transition()
            step.observations = self.observed(as_steps(rollout.observations)[t])
            step.actions = as_steps(rollout.actions)[t]
            step.rewards = step.dones = torch.zeros(self.envs)
            step.values = as_steps(rollout.values)[t]
            step.actions_log_prob = as_steps(rollout.log_probs)[t]
            step.distribution_params = (means[t], deviations)
            storage.add_transition(step)
        advantages = as_steps(rollout.advantages)
        storage.advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        storage.returns[:] = as_steps(rollout.returns)

    def update(self) -> None:
        """One update: what is timed."""
        Distribution.set_default_validate_args(False)
        self.ppo.update()


def measure(config: RunConfig, rounds: int) -> Dict[str, List[float]]:
    """Return the seconds of each library's update in each round."""
    networks = Networks(config)
    teacher, cfg = networks.teacher, config.ppo
    ours = PPO(cfg, teacher, networks.proxy, 0.0, generator(0, "minibatches"))
    rollout, sb3, rsl = random_rollout(config, teacher), Sb3(config), Rsl(config)
    learners: Dict[str, Any] = {OURS: parameters_of(teacher), SB3: sb3.parameters, RSL: rsl.parameters}
    start = [parameter.detach().clone() for parameter in parameters_of(teacher)]

    @torch.no_grad()
    def again() -> None:
        for parameters in learners.values():
            for parameter, value in zip(parameters, start, strict=True):
                parameter.copy_(value)
        sb3.fill(rollout)
        rsl.fill(rollout)

    works: Dict[str, Callable[[], Any]] = {
        OURS: lambda: ours.update(rollout, 0.0),
        SB3: sb3.update,
        RSL: rsl.update,
    }
    durations = take_turns(works, rounds, again)
    for name, parameters in learners.items():
        moved = [not torch.equal(parameter, value) for parameter, value in zip(parameters, start)]
        assert all(moved), f"{name} did not learn"
    return durations


def main() -> int:
    """Measure with each number of threads."""
    arguments = parser(__doc__, "ppo_update")
    arguments.add_argument("--threads", type=positive, nargs="+", default=[1, 2])
    arguments.add_argument("--rounds", type=positive, default=15)
    options = arguments.parse_args()
    config = compose("embedded", "joint", 0)
    size = config.training.num_envs * config.ppo.horizon
    print(f"{size} transitions, {config.ppo.epochs} epochs of {config.ppo.minibatches} minibatches")
    figures, measured = [], {}
    for threads in options.threads:
        torch.set_num_threads(threads)
        speeds = rates(measure(config, options.rounds), size)
        heading = counted(threads, "thread")
        show(heading, speeds, "samples/s")
        measured[heading] = speeds
        for peer, goal in GOALS.items():
            figures.append(Figure(f"PPO update, {heading}: beside {peer}", ratio(speeds, OURS, peer), "×", goal))
    return conclude(figures, measured, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
