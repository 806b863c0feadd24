"""Evaluation: fixed start states, the likeliest actions, whole episodes, the same for every method."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List

import torch
from torch import Tensor

from sitt.config.schema import RunConfig
from sitt.device import beside
from sitt.env import make_world
from sitt.nn.distributions import Distribution
from sitt.nn.policy import Networks
from sitt.runs.checkpoint import discard_checkpoint
from sitt.runs.shards import EpisodeRow, run_id, write_episodes
from sitt.runs.weights import load_networks
from sitt.seeding import derive_seed, generator
from sitt.task.world import Episodes, Starting, Starts, World
from sitt.threads import one_thread

BLOCK = 32
"""Rows per network call. Matrix libraries round differently for different batch sizes, so all calls have one size."""

Actor = Callable[[Tensor, World], Distribution]
"""Maps raw observations (N, O) and the world (for the student's view) to action distributions (N,)."""

Observer = Callable[[int, World], None]
"""Is shown the world before the first control step and after each, with the number of steps taken."""


def start_seeds(seed: int, count: int) -> List[int]:
    """Return one seed per start state; the first k are the same for every count ≥ k."""
    return [derive_seed(seed, f"start state {episode}") for episode in range(count)]


def start_states(task: Starting, seeds: List[int]) -> Starts:
    """Return start states (E, …), one per seed: drawn on the CPU, so that they are the same on every device."""
    with torch.device("cpu"):
        rngs = [generator(seed, "start") for seed in seeds]
    starts = [task.sample_start(1, rng) for rng in rngs]
    return tuple(torch.cat(tensors) for tensors in zip(*starts))


def teacher_actor(networks: Networks) -> Actor:
    """Return the teacher."""
    teacher = networks.teacher
    return lambda observations, world: teacher.distribution(_in_blocks(teacher.decoded, observations))


def student_actor(networks: Networks) -> Actor:
    """Return the student, which is shown the task's view (unless it is blind) and the robot's own state."""
    policy = networks.student_policy()

    def act(observations: Tensor, world: World) -> Distribution:
        views = policy.student.look(world, torch.arange(world.num_envs))
        # An image is encoded alike whatever is encoded with it (tests/nn/test_encoders.py), so that needs no filling.
        embeddings = torch.cat([policy.student.image.embed(some) for some in views.split(BLOCK)])
        return networks.teacher.distribution(_in_blocks(policy.decoded, embeddings, observations))

    return act


@torch.no_grad()
def play(
    world: World,
    starts: Starts,
    actor: Actor,
    networks: Networks | None = None,
    observer: Observer | None = None,
) -> Episodes:
    """Play one episode from each start; with `networks`, also measure KL(π_T ‖ actor)."""
    parts = []
    for chunk in torch.arange(len(starts[0])).split(world.num_envs):
        # The last chunk is filled with repeats, which are dropped again.
        filled = torch.cat((chunk, chunk[-1:].expand(world.num_envs - len(chunk))))
        outcome = _play_chunk(world, tuple(tensor[filled] for tensor in starts), actor, networks, observer)
        parts.append([tensor[: len(chunk)] for tensor in outcome])
    return Episodes(*(torch.cat(tensors) for tensors in zip(*parts)))


def _play_chunk(
    world: World, starts: Starts, actor: Actor, networks: Networks | None, observer: Observer | None
) -> Episodes:
    count, limit = world.num_envs, world.episode_length
    world.reset(torch.arange(count), starts)
    returns, lengths = torch.zeros(count, dtype=torch.float64), torch.zeros(count, dtype=torch.int64)
    success, over = torch.zeros(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
    action_kl = torch.zeros(count) if networks else torch.full((count,), float("nan"))
    if observer:
        observer(0, world)
    observations = world.observe()
    for step in range(limit):
        distribution = actor(observations, world)
        under_way = ~over
        if networks:
            action_kl += under_way * teacher_actor(networks)(observations, world).kl(distribution) / limit
        with one_thread():
            outcome = world.step(distribution.mode())
        observations = outcome.observation
        returns += torch.where(under_way, outcome.reward, 0.0)
        success |= under_way & outcome.success
        lengths += under_way
        over |= outcome.terminated | outcome.truncated
        if observer:
            observer(step + 1, world)
        if over.all():
            break
    return Episodes(returns, success, lengths, over, action_kl * (limit / lengths))


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

    Whoever asks for it knows the training to be over, so its last checkpoint goes.

    Args:
        config: the run's resolved configuration.
        policy: the run's policy.pt.
        output: episodes.parquet to write.
    """
    discard_checkpoint(config, policy.parent)
    write_episodes(output, final_episodes(config, policy))


def final_episodes(config: RunConfig, policy: Path) -> List[EpisodeRow]:
    """Play the final evaluation of teacher and student, and return one row per episode."""
    with beside(config.sim):
        return _play_final(config, policy)


def _play_final(config: RunConfig, policy: Path) -> List[EpisodeRow]:
    networks = load_networks(config, policy)
    world = make_world(config, config.evaluation.num_envs)
    seeds = start_seeds(config.evaluation.seed, config.evaluation.episodes)
    starts = start_states(world, seeds)
    rows = []
    for name, actor in (("teacher", teacher_actor(networks)), ("student", student_actor(networks))):
        watcher = world.watcher(config.evaluation.visibility_every)
        outcome = play(world, starts, actor, observer=watcher)
        columns = watcher.columns(outcome)
        for episode, seed in enumerate(seeds):
            rows.append(
                EpisodeRow(
                    run_id=run_id(config),
                    policy=name,
                    episode=episode,
                    seed=seed,
                    return_=float(outcome.returns[episode]),
                    success=bool(outcome.success[episode]),
                    length=int(outcome.lengths[episode]),
                    **{column: values[episode] for column, values in columns.items()},
                )
            )
    return rows
