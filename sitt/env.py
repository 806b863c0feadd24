"""Task and simulator together: parallel environments with automatic reset."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

import torch
from torch import Tensor

from sitt.config.schema import RunConfig
from sitt.sim import make_simulator
from sitt.sim.base import Simulator
from sitt.task.franka_drawer import FrankaDrawer


class Step(NamedTuple):
    """Result of one control step of N environments."""

    observation: Tensor
    """(N, 23) to act on next: of the new episode where one began."""
    final_observation: Tensor
    """(N, 23) that the action led to, before any reset."""
    reward: Tensor
    """(N,) task reward, unscaled."""
    terminated: Tensor
    """(N,) bool: the episode ended and its value is zero from here."""
    truncated: Tensor
    """(N,) bool: the episode was cut and its value must be bootstrapped."""
    success: Tensor
    """(N,) bool: the drawer is open."""


class DrawerEnv:
    """N training environments; an episode ends after `episode_length` control steps, or as success is configured to."""

    def __init__(self, task: FrankaDrawer, simulator: Simulator, rng: torch.Generator) -> None:
        """Start all environments at random phases of their episodes, so that resets are spread out."""
        self.task = task
        self.simulator = simulator
        self.rng = rng
        self.num_envs = simulator.num_envs
        self.targets = torch.empty(self.num_envs, 9)
        self.steps = torch.randint(task.cfg.episode_length, (self.num_envs,), generator=rng)
        self.since_success = torch.zeros(self.num_envs, dtype=torch.int64)
        self._start(torch.arange(self.num_envs))
        self.observation = task.observe(simulator.state)

    def step(self, actions: Tensor) -> Step:
        """Apply actions (N, 9), clipped to ±1, and reset the environments whose episode ended."""
        actions = actions.clamp(-1.0, 1.0)
        self.targets = self.task.joint_targets(self.targets, actions, self.simulator.state)
        self.simulator.step(self.targets)
        self.steps += 1
        state = self.simulator.state
        final = self.task.observe(state)
        reward = self.task.reward(state, actions)
        success = self.task.success(state)
        timeout = self.steps >= self.task.cfg.episode_length
        nothing = torch.zeros_like(success)
        self.since_success += success | (self.since_success > 0)
        enough = self.since_success > self.task.cfg.steps_after_success
        terminated = enough if self.task.cfg.success_is == "termination" else nothing
        done = timeout | (nothing if self.task.cfg.success_is == "continuation" else enough)
        self.observation = final
        if done.any():
            ended = done.nonzero().squeeze(-1)
            self.steps[ended] = 0
            self.since_success[ended] = 0
            self._start(ended)
            self.observation = final.clone()
            self.observation[ended] = self.task.observe(state.select(ended))
        return Step(self.observation, final, reward, terminated, done & ~terminated, success)

    def state_dict(self) -> Dict[str, Any]:
        """Return all that the next steps depend on."""
        return {
            "simulator": self.simulator.save(),
            "targets": self.targets,
            "steps": self.steps,
            "since_success": self.since_success,
            "observation": self.observation,
            "rng": self.rng.get_state(),
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.simulator.load(state["simulator"])
        self.targets, self.observation = state["targets"], state["observation"]
        self.steps, self.since_success = state["steps"], state["since_success"]
        self.rng.set_state(state["rng"])

    def _start(self, env_ids: Tensor) -> None:
        joints, displacement = self.task.sample_start(len(env_ids), self.rng)
        self.targets[env_ids] = joints
        self.simulator.reset(env_ids, joints, displacement)


def make_env(config: RunConfig, num_envs: int, rng: torch.Generator) -> DrawerEnv:
    """Build the configured task on the configured simulator."""
    simulator = make_simulator(config.task, config.sim, num_envs, config.threads)
    return DrawerEnv(FrankaDrawer(config.task), simulator, rng)
