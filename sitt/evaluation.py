"""Evaluation: fixed start states, mean actions, full-length episodes, the same for every method."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List, NamedTuple, Tuple

import torch
from torch import Tensor

from sitt.config.schema import RunConfig
from sitt.nn.distributions import gaussian_kl
from sitt.nn.policy import Networks
from sitt.runs.shards import EpisodeRow, run_id, write_episodes
from sitt.runs.weights import load_networks
from sitt.seeding import derive_seed, generator
from sitt.sim import make_simulator
from sitt.sim.base import Simulator
from sitt.task.franka_drawer import FrankaDrawer
from sitt.task.visibility import HandleVisibility

BLOCK = 32
"""Rows per network call. Matrix libraries round differently for different batch sizes, so all calls have one size."""

Actor = Callable[[Tensor, Simulator], Tensor]
"""Maps raw observations (N, 23) and the simulator (for images) to actions (N, 9)."""

Observer = Callable[[int, Simulator], None]
"""Is shown the simulator before the first control step and after each, with the number of steps taken."""


class Episodes(NamedTuple):
    """Outcomes of E full-length episodes."""

    returns: Tensor
    """(E,) undiscounted task reward, without any KL term."""
    max_opening: Tensor
    """(E,) m."""
    success: Tensor
    """(E,) bool: opened beyond the threshold at any time."""
    action_kl: Tensor
    """(E,) mean over the episode of KL(π_T ‖ π_S) in the visited states, nats; NaN for the teacher."""
    length: int
    """Control steps of each episode."""


def start_seeds(seed: int, count: int) -> List[int]:
    """Return one seed per start state; the first k are the same for every count ≥ k."""
    return [derive_seed(seed, f"start state {episode}") for episode in range(count)]


def start_states(task: FrankaDrawer, seeds: List[int]) -> Tuple[Tensor, Tensor]:
    """Return joint positions (E, 9) and cabinet displacements (E, 4), one start per seed."""
    starts = [task.sample_start(1, generator(seed, "start")) for seed in seeds]
    return torch.cat([joints for joints, _ in starts]), torch.cat([displacement for _, displacement in starts])


def teacher_actor(networks: Networks) -> Actor:
    """Return the teacher with deterministic actions."""
    return lambda observations, simulator: _in_blocks(networks.teacher.action_mean, observations)


def student_actor(networks: Networks) -> Actor:
    """Return the student, which sees the camera image (unless it is blind) and the robot's own state."""
    policy = networks.student_policy()

    def act(observations: Tensor, simulator: Simulator) -> Tensor:
        images = policy.student.look(simulator, torch.arange(simulator.num_envs))
        return _in_blocks(policy.action_mean, images, observations)

    return act


@torch.no_grad()
def play(
    task: FrankaDrawer,
    simulator: Simulator,
    starts: Tuple[Tensor, Tensor],
    actor: Actor,
    networks: Networks | None = None,
    observer: Observer | None = None,
) -> Episodes:
    """Play one episode from each start; with `networks`, also measure KL(π_T ‖ actor)."""
    joints, displacements = starts
    parts = []
    for chunk in torch.arange(len(joints)).split(simulator.num_envs):
        # The last chunk is filled with repeats, which are dropped again.
        filled = torch.cat((chunk, chunk[-1:].expand(simulator.num_envs - len(chunk))))
        outcome = _play_chunk(task, simulator, joints[filled], displacements[filled], actor, networks, observer)
        parts.append([tensor[: len(chunk)] for tensor in outcome])
    returns, max_opening, action_kl = (torch.cat(tensors) for tensors in zip(*parts))
    return Episodes(returns, max_opening, max_opening > task.cfg.success_opening, action_kl, task.cfg.episode_length)


def _play_chunk(
    task: FrankaDrawer,
    simulator: Simulator,
    joints: Tensor,
    displacements: Tensor,
    actor: Actor,
    networks: Networks | None,
    observer: Observer | None,
) -> Tuple[Tensor, Tensor, Tensor]:
    count = simulator.num_envs
    simulator.reset(torch.arange(count), joints, displacements)
    targets = joints.clone()
    returns, max_opening = torch.zeros(count, dtype=torch.float64), torch.zeros(count)
    action_kl = torch.zeros(count) if networks else torch.full((count,), float("nan"))
    if observer:
        observer(0, simulator)
    for step in range(task.cfg.episode_length):
        observations = task.observe(simulator.state)
        means = actor(observations, simulator)
        if networks:
            teacher = networks.teacher
            labels = _in_blocks(teacher.action_mean, observations)
            action_kl += gaussian_kl(labels, teacher.log_std, means, teacher.log_std) / task.cfg.episode_length
        actions = means.clamp(-1.0, 1.0)
        targets = task.joint_targets(targets, actions, simulator.state)
        simulator.step(targets)
        returns += task.reward(simulator.state, actions)
        max_opening = torch.maximum(max_opening, simulator.state.drawer_opening)
        if observer:
            observer(step + 1, simulator)
    return returns, max_opening, action_kl


def _in_blocks(network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Apply a network to rows in blocks of one size, so that a row's result does not depend on the others."""
    rows = inputs[0].shape[0]
    outputs = []
    for start in range(0, rows, BLOCK):
        block = [tensor[start : start + BLOCK] for tensor in inputs]
        missing = BLOCK - block[0].shape[0]
        if missing:
            block = [torch.cat((tensor, tensor[-1:].expand(missing, *tensor.shape[1:]))) for tensor in block]
        outputs.append(network(*block))
    return torch.cat(outputs)[:rows]


def evaluate_run(config: RunConfig, policy: Path, output: Path) -> None:
    """Play the final evaluation of teacher and student and write one row per episode.

    Args:
        config: the run's resolved configuration.
        policy: the run's policy.pt.
        output: episodes.parquet to write.
    """
    networks = load_networks(config, policy)
    task = FrankaDrawer(config.task)
    simulator = make_simulator(config.task, config.sim, config.evaluation.num_envs, config.threads)
    seeds = start_seeds(config.evaluation.seed, config.evaluation.episodes)
    starts = start_states(task, seeds)
    rows = []
    for name, actor in (("teacher", teacher_actor(networks)), ("student", student_actor(networks))):
        visibility = HandleVisibility(config.evaluation.visibility_every, config.task.episode_length)
        outcome = play(task, simulator, starts, actor, observer=visibility)
        visible, at_contact = visibility.means(len(seeds)), visibility.at_contact(len(seeds))
        for episode, seed in enumerate(seeds):
            rows.append(
                EpisodeRow(
                    run_id=run_id(config),
                    policy=name,
                    episode=episode,
                    seed=seed,
                    return_=float(outcome.returns[episode]),
                    success=bool(outcome.success[episode]),
                    length=outcome.length,
                    max_opening_m=float(outcome.max_opening[episode]),
                    handle_visible=_number(visible[episode]),
                    handle_visible_at_contact=_number(at_contact[episode]),
                )
            )
    write_episodes(output, rows)


def _number(value: Tensor) -> float | None:
    """Return a tensor of one number as a float, NaN as None."""
    return None if value.isnan() else float(value)
