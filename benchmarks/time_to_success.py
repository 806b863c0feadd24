"""How long until the teacher opens 98 % of the drawers, beside Stable-Baselines3's PPO in the same environment.

    python -m benchmarks.time_to_success --seeds 0 1 2                      hours, if a learner never gets there
    python -m benchmarks.time_to_success --learners sitt parallel --limit-s 600

Ours is the preset's teacher alone (no student, no images). The peer is trained with settings that others published for
such tasks (benchmarks/sb3_teacher.py says which, and where). All have the same number of environments and one thread
of torch and of physics. Every `--every` environment steps the clock is stopped, and the likeliest actions play the same
100 start states, whole episodes. A learner that is not there after `--limit-s`, or at the end of our preset's training,
counts with that limit: its ratio is then at least what is shown. Prints each time, and the median over the seeds of
each peer's time / ours; asks for no ratio, but exits with status 1 if ours misses the goal on a seed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional

import torch

from benchmarks.plain_teacher import PlainTeacher
from benchmarks.record import Figure, conclude, parser, positive, status_of
from benchmarks.sb3_teacher import PUBLISHED, train
from sitt.config.compose import compose
from sitt.config.schema import RunConfig
from sitt.env import make_world
from sitt.evaluation import Actor, play, start_seeds, start_states, teacher_actor

OURS, GOAL, EPISODES = "sitt", 0.98, 100


@dataclass
class Race:
    """One learner on one seed: its clock, which stands while it is evaluated, and what the evaluations said."""

    config: RunConfig
    every: int
    limit_s: float
    curve: List[Dict[str, float]] = field(default_factory=list)
    reached_s: Optional[float] = None

    def __post_init__(self) -> None:
        self.world = make_world(self.config, EPISODES)
        self.starts = start_states(self.world, start_seeds(self.config.evaluation.seed + 1, EPISODES))
        self.started, self.next = time.perf_counter(), self.every

    def goes_on(self, env_steps: int, actor: Actor) -> bool:
        """Evaluate if that is due; return whether the learner has neither arrived nor used up its time."""
        spent = time.perf_counter() - self.started
        if env_steps >= self.next:
            self.next += self.every * ((env_steps - self.next) // self.every + 1)
            success = float(play(self.world, self.starts, actor).success.double().mean())
            self.curve.append({"env_steps": env_steps, "wall_s": spent, "success": success})
            print(f"    {env_steps:>10,} steps {spent:>7.0f} s  success {success:.2f}", flush=True)
            self.started = time.perf_counter() - spent
            if success >= GOAL:
                self.reached_s = spent
        return self.reached_s is None and spent < self.limit_s

    def seconds(self) -> float:
        """Return the time it took, or the limit."""
        return self.limit_s if self.reached_s is None else self.reached_s


def train_ours(config: RunConfig, goes_on: Callable[[int, Actor], bool]) -> None:
    """Train the preset's teacher; the collector needs a student, which is shown one dark image per roll-out."""
    learner = PlainTeacher(config)
    for iteration in range(config.training.iterations):
        _, raw = learner.improve(iteration)
        learner.normalizer.update(raw)
        if not goes_on((iteration + 1) * len(raw), teacher_actor(learner.networks)):
            return


def run(learner: str, seed: int, options: argparse.Namespace) -> Race:
    """Train one learner until it arrives or its time is up."""
    config = compose("embedded", "blind", seed, options.overrides)
    race = Race(config, options.every, options.limit_s)
    print(f"  {learner}, seed {seed}", flush=True)
    if learner == OURS:
        train_ours(config, race.goes_on)
    else:
        train(learner, config, seed, race.goes_on)
    return race


def main() -> int:
    """Train all learners on all seeds."""
    arguments = parser(__doc__, "time_to_success")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument("--learners", nargs="+", choices=[OURS, *PUBLISHED], default=[OURS, *PUBLISHED])
    arguments.add_argument("--limit-s", type=positive, default=1800, help="of each learner and seed")
    arguments.add_argument("--every", type=positive, default=2**17, help="environment steps between evaluations")
    arguments.add_argument("--set", dest="overrides", nargs="*", default=[], metavar="KEY=VALUE", help="of the preset")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    races = {learner: [run(learner, seed, options) for seed in options.seeds] for learner in options.learners}
    figures = [figure for learner, each in races.items() for figure in compared(learner, each, races.get(OURS))]
    measured = {
        learner: [{"seed": seed, "reached_s": r.reached_s, "curve": r.curve} for seed, r in zip(options.seeds, each)]
        for learner, each in races.items()
    }
    status = conclude(figures, {"learners": measured, "limit_s": options.limit_s}, options.output)
    return status or int(any(race.reached_s is None for race in races.get(OURS, [])))


def compared(learner: str, races: List[Race], ours: Optional[List[Race]]) -> List[Figure]:
    """Return a learner's median time, and what it is as a multiple of ours on the seeds on which ours arrived."""
    name = f"time to {GOAL} teacher success: {learner if learner == OURS else f'Stable-Baselines3 ({learner})'}"
    late = sum(race.reached_s is None for race in races)
    note = f"at least: {late} of {len(races)} not within {races[0].limit_s:.0f} s" if late else ""
    figures = [Figure(name, statistics.median(race.seconds() for race in races), "s", note=note)]
    pairs = [] if learner == OURS or ours is None else [pair for pair in zip(races, ours) if pair[1].reached_s]
    if pairs:
        ratio = statistics.median(theirs.seconds() / mine.seconds() for theirs, mine in pairs)
        figures.append(Figure(f"{name}, beside {OURS}", ratio, "×", note=note))
    return figures


if __name__ == "__main__":
    raise SystemExit(status_of(main))
