"""How many control steps per second our environment makes, beside Gymnasium's vector environments of the same model.

    python -m benchmarks.vector_env                     a minute or two
    python -m benchmarks.vector_env --envs 4 16 --rounds 3

The peer is benchmarks/gym_drawer.py, one MjModel and MjData per environment, in `AsyncVectorEnv` (a process per
environment), with each number of environments, and with and without a limit of one running environment per core; the
required ratio is to the fastest of them. `SyncVectorEnv`, which uses one core, is measured too, beside ours on one
thread. All take turns; each ratio is the median over the rounds. The peer resets in a step of its own (Gymnasium's
default), which is counted as one. Exit status 1 if ours is less than 10 times as fast as the fastest `AsyncVectorEnv`.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, Callable, Dict, List

import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from benchmarks.drawer import drawer_of
from benchmarks.gym_drawer import FrankaDrawerEnv
from benchmarks.record import Figure, conclude, counted, parser, positive, ratio, show, status_of, take_turns
from benchmarks.simulator import Actions, make_env
from sitt.config.compose import compose
from sitt.config.task import DrawerConfig
from sitt.env import Env
from sitt.runs.provenance import available_cores
from sitt.threads import one_thread

GOAL = 10.0
PEER_STEPS = 4000
"""Environment steps of a peer per round, about."""


def vector_envs(task: DrawerConfig, counts: List[int], cores: int) -> Dict[str, VectorEnv]:
    """Return the peers by name."""
    made: Dict[str, VectorEnv] = {}
    for count in counts:
        made_of = [partial(FrankaDrawerEnv, task)] * count
        made[f"AsyncVectorEnv, {count}"] = AsyncVectorEnv(made_of)
        if count > cores:
            made[f"AsyncVectorEnv, {count}, {cores} at once"] = AsyncVectorEnv(made_of, max_concurrency=cores)
        made[f"SyncVectorEnv, {count}"] = SyncVectorEnv(made_of)
    return made


def main() -> int:
    """Measure ours on one thread and on all cores, and the peers."""
    arguments = parser(__doc__, "vector_env")
    arguments.add_argument("--envs", type=positive, nargs="+", default=[2, 4, 8, 16, 32], help="of the peer")
    arguments.add_argument("--num-envs", type=positive, default=1024, help="of ours")
    arguments.add_argument("--rounds", type=positive, default=9)
    arguments.add_argument("--steps", type=positive, default=40, help="control steps of ours per round")
    options = arguments.parse_args()
    cores = available_cores()
    config = compose("embedded", "joint", 0)
    works: Dict[str, Callable[[], Any]] = {}
    amounts: Dict[str, int] = {}
    with ExitStack() as stack:
        for name, vector_env in vector_envs(drawer_of(config), options.envs, cores).items():
            stack.enter_context(closing(vector_env))
            vector_env.reset(seed=0)
            count = vector_env.num_envs
            steps = max(1, PEER_STEPS // count)
            drawn = Actions(count).next(steps).numpy().clip(-1, 1)
            works[name] = partial(step_all, vector_env, drawn)
            amounts[name] = count * steps
        ours = {}
        for threads in sorted({1, cores}):
            ours[threads] = f"sitt, {options.num_envs}, {counted(threads, 'thread')}"
            env = make_env(config.model_copy(update={"threads": threads}), options.num_envs)
            works[ours[threads]] = partial(play, env, Actions(options.num_envs).next(options.steps))
            amounts[ours[threads]] = options.num_envs * options.steps
        durations = take_turns(works, options.rounds)
    speeds = {name: [amounts[name] / value for value in values] for name, values in durations.items()}
    show("environments", speeds, "control steps/s")
    figures = []
    for kind, threads, goal in (("AsyncVectorEnv", cores, GOAL), ("SyncVectorEnv", 1, None)):
        best = max((name for name in speeds if name.startswith(kind)), key=lambda name: statistics.median(speeds[name]))
        name = f"simulator + task, {counted(threads, 'thread')}: beside Gymnasium's {best}"
        figures.append(Figure(name, ratio(speeds, ours[threads], best), "×", goal))
    return conclude(figures, {"control steps per second": speeds}, options.output)


def step_all(vector_env: VectorEnv, actions: np.ndarray) -> None:
    """Make these steps (T, N, 9) of the peer."""
    for action in actions:
        vector_env.step(action)


@one_thread()
def play(env: Env, actions: torch.Tensor) -> None:
    """Make these steps (T, N, 9) of ours, with torch's threads as in a roll-out."""
    for action in actions:
        env.step(action)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
