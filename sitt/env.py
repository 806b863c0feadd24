"""Training environments: the episodes of a world, limited in length and started anew."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

import torch
from torch import Tensor

from sitt.config.maze import MazeConfig
from sitt.config.schema import RunConfig
from sitt.config.task import DrawerConfig
from sitt.sim import make_simulator
from sitt.task.drawer_world import DrawerWorld
from sitt.task.franka_drawer import FrankaDrawer
from sitt.task.maze import ColourMaze
from sitt.task.world import World


class Step(NamedTuple):
    """Result of one control step of N environments."""

    observation: Tensor
    """(N, O) to act on next: of the new episode where one began."""
    final_observation: Tensor
    """(N, O) that the action led to, before any reset."""
    reward: Tensor
    """(N,) task reward, unscaled."""
    terminated: Tensor
    """(N,) bool: the episode ended and its value is zero from here."""
    truncated: Tensor
    """(N,) bool: the episode was cut and its value must be bootstrapped."""
    success: Tensor
    """(N,) bool: the goal is reached."""


class Env:
    """N training environments; an episode ends when the world says so, or after `episode_length` control steps."""

    def __init__(self, world: World, rng: torch.Generator) -> None:
        """Start all environments at random phases of their episodes, so that resets are spread out."""
        self.world = world
        self.rng = rng
        self.num_envs = world.num_envs
        self.steps = torch.randint(world.episode_length, (self.num_envs,), generator=rng)
        self._start(torch.arange(self.num_envs))
        self.observation = world.observe()

    def step(self, actions: Tensor) -> Step:
        """Apply actions (N, A) and reset the environments whose episode ended."""
        final, reward, success, terminated, truncated = self.world.step(actions)
        self.steps += 1
        done = (self.steps >= self.world.episode_length) | terminated | truncated
        self.observation = final
        ended = done.nonzero().squeeze(-1)
        if len(ended):
            self.steps[ended] = 0
            self._start(ended)
            self.observation = final.clone()
            self.observation[ended] = self.world.observe(ended)
        return Step(self.observation, final, reward, terminated, done & ~terminated, success)

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next steps depend on."""
        return {
            "world": self.world.save(),
            "steps": self.steps,
            "observation": self.observation,
            "rng": self.rng.get_state(),
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.world.load(state["world"])
        self.steps, self.observation = (state[name].to(self.steps.device) for name in ("steps", "observation"))
        self.rng.set_state(state["rng"])

    def _start(self, env_ids: Tensor) -> None:
        self.world.reset(env_ids, self.world.sample_start(len(env_ids), self.rng))


def make_env(config: RunConfig, num_envs: int, rng: torch.Generator) -> Env:
    """Build the configured task for training."""
    return Env(make_world(config, num_envs, training=True), rng)


def make_world(config: RunConfig, num_envs: int, training: bool = False) -> World:
    """Build the configured task; except in training, an open drawer ends no episode."""
    task = config.task
    if isinstance(task, MazeConfig):
        return ColourMaze(task, num_envs)
    assert isinstance(task, DrawerConfig)
    simulator = make_simulator(task, config.sim, num_envs, config.threads)
    return DrawerWorld(FrankaDrawer(task), simulator, task.success_is if training else "continuation")
