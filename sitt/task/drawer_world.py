"""FrankaDrawer on a simulator, as the algorithms know it, and what the final evaluation says of its episodes."""

from __future__ import annotations

from typing import Any, Dict, List

import torch
from torch import Tensor

from sitt.guard import require_finite
from sitt.sim.base import SimState, Simulator
from sitt.task.franka_drawer import FrankaDrawer, Points
from sitt.task.visibility import HandleVisibility
from sitt.task.world import Episodes, Outcome, Starts


class DrawerWorld:
    """N episodes; success does to them what `success_is` says."""

    def __init__(self, task: FrankaDrawer, simulator: Simulator, success_is: str) -> None:
        self.task = task
        self.simulator = simulator
        self.success_is = success_is
        self.num_envs = simulator.num_envs
        self.episode_length = task.cfg.episode_length
        self.targets = torch.empty(self.num_envs, len(task.default_joints))
        self.since_success = torch.zeros(self.num_envs, dtype=torch.int64)

    @property
    def bad_simulations(self) -> int:
        """How often a simulation diverged and was put back to the default state."""
        return self.simulator.bad_simulations

    def sample_start(self, count: int, rng: torch.Generator) -> Starts:
        """Draw start states: joint positions (count, 9) and cabinet displacements (count, 4)."""
        return self.task.sample_start(count, rng)

    def reset(self, env_ids: Tensor, starts: Starts) -> None:
        """Put environments (K,) at rest with the drawer closed."""
        joints, displacement = starts
        self.targets[env_ids] = joints
        self.since_success[env_ids] = 0
        self.simulator.reset(env_ids, joints, displacement)

    def step(self, actions: Tensor) -> Outcome:
        """Move the joint targets by actions (N, 9), clipped to ±1, and the bodies by one control step."""
        actions = actions.clamp(-1.0, 1.0)
        self.targets = self.task.joint_targets(self.targets, actions, self.simulator.state)
        self.simulator.step(self.targets)
        state = self.simulator.state
        points = self.task.points(state)
        reward = self.task.reward(state, points, actions)
        require_finite("reward", reward)
        success = self.task.success(state)
        nothing = torch.zeros_like(success)
        self.since_success += success | (self.since_success > 0)
        enough = self.since_success > self.task.cfg.steps_after_success
        return Outcome(
            observation=self._observe(state, points),
            reward=reward,
            success=success,
            terminated=enough if self.success_is == "termination" else nothing,
            truncated=enough if self.success_is == "truncation" else nothing,
        )

    def observe(self, env_ids: Tensor | None = None) -> Tensor:
        """Return the teacher's observations (N or K, 23)."""
        state = self.simulator.state if env_ids is None else self.simulator.state.select(env_ids)
        return self._observe(state, self.task.points(state), env_ids)

    def in_view(self) -> Tensor:
        """Return the environments that can be looked at now, (M,) int64, ascending."""
        return self.simulator.in_view()

    def look(self, env_ids: Tensor) -> Tensor:
        """Return the camera's images (K, 3, H, W) uint8."""
        return self.simulator.render(env_ids)

    def watcher(self, every: int) -> DrawerWatcher:
        """Return who looks at the handle every `every` control steps, and at the drawer in each."""
        return DrawerWatcher(every, self.episode_length)

    def save(self) -> Dict[str, Any]:
        """Return the full state, enough to continue bit for bit."""
        return {
            "simulator": self.simulator.save(),
            "targets": self.targets,
            "since_success": self.since_success,
        }

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self.simulator.load(saved["simulator"])
        device = self.targets.device
        self.targets, self.since_success = saved["targets"].to(device), saved["since_success"].to(device)

    def _observe(self, state: SimState, points: Points, env_ids: Tensor | None = None) -> Tensor:
        observations = self.task.observe(state, points)
        require_finite("observation", observations, env_ids)
        return observations


class DrawerWatcher:
    """Keeps how far the drawer was opened, and how much of the handle the student's camera saw."""

    def __init__(self, every: int, length: int) -> None:
        self.visibility = HandleVisibility(every, length)
        self._max_openings: List[Tensor] = []

    def __call__(self, step: int, world: DrawerWorld) -> None:
        """Look at the world after `step` control steps."""
        if step == 0:
            self._max_openings.append(torch.zeros(world.num_envs))
        else:
            self._max_openings[-1] = torch.maximum(self._max_openings[-1], world.simulator.state.drawer_opening)
        self.visibility(step, world.simulator)

    def max_opening(self, episodes: int) -> Tensor:
        """Return each episode's largest opening (E,), m."""
        return torch.cat(self._max_openings)[:episodes]

    def columns(self, episodes: Episodes) -> Dict[str, List[Any]]:
        """Return columns of the table `episodes`; what was never in sight is None."""
        count = len(episodes.lengths)
        return {
            "max_opening_m": self.max_opening(count).tolist(),
            "handle_visible": _numbers(self.visibility.means(count)),
            "handle_visible_at_contact": _numbers(self.visibility.at_contact(count)),
        }


def _numbers(values: Tensor) -> List[float | None]:
    """Return numbers (E,), NaN as None."""
    return [None if value != value else value for value in values.tolist()]
