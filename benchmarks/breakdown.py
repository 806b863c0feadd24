"""Where the time of one run goes: training, the measurements in the course of it, and the final evaluation.

    python -m benchmarks.breakdown                          the whole of joint, seed 100 (minutes)
    python -m benchmarks.breakdown --method bc --teacher POLICY
    python -m benchmarks.breakdown --iterations 40          the first 40 of 400 iterations

CPU seconds of this process, each part without the parts within it. What a part is called stands in PARTS.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from mujoco.batch import Batch

from benchmarks.record import positive, status_of
from sitt import evaluation
from sitt.config.compose import compose
from sitt.env import Env
from sitt.methods import train
from sitt.nn import encoders, policy
from sitt.rl import alignment, collector, imitation, ppo
from sitt.runs import session
from sitt.sim.mujoco import clearance, physics, renderer, simulator
from sitt.task import drawer_world, franka_drawer, visibility

PARTS: List[Tuple[Any, str, str]] = [
    (Batch, "step", "physics: Batch.step"),
    (physics.BatchPhysics, "pose", "physics: poses of the new state"),
    (clearance.Clearance, "clear", "physics: which robots are clear"),
    (simulator.MujocoSimulator, "step", "physics: limits, failures, copy of the state"),
    (simulator.MujocoSimulator, "reset", "physics: resets"),
    (franka_drawer.FrankaDrawer, "points", "grasp and handle points"),
    (franka_drawer.FrankaDrawer, "reward", "reward"),
    (franka_drawer.FrankaDrawer, "observe", "observation"),
    (franka_drawer.FrankaDrawer, "joint_targets", "actions to targets"),
    (drawer_world.DrawerWorld, "step", "episodes"),
    (Env, "step", "episodes"),
    (renderer.Renderer, "_draw", "images: rays"),
    (renderer.Renderer, "images", "images: the rest"),
    (renderer.Renderer, "handle_pixels", "handle's pixels: the rest"),
    (visibility.HandleVisibility, "__call__", "handle's pixels: the rest"),
    (encoders.RandomEncoder, "embed", "image encoder"),
    (policy.Student, "forward", "student's MLP, forward"),
    (policy.Teacher, "decoded", "teacher acts"),
    (collector.Collector, "collect", "roll-out: the rest"),
    (imitation.Demonstrator, "collect", "roll-out: the rest"),
    (ppo.PPO, "update", "PPO update"),
    (alignment.Alignment, "update", "alignment"),
    (imitation.Cloning, "update", "cloning"),
    (session, "play", "playing episodes: the rest"),
    (evaluation, "play", "playing episodes: the rest"),
]
"""Class or module, function, and the part of the table that its time counts for."""


class Stopwatch:
    """CPU time by phase and part."""

    def __init__(self) -> None:
        self.seconds: Dict[Tuple[str, str], float] = defaultdict(float)
        self.phase = "training"
        self._within = [0.0]

    def part(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return the function with its time counted."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            self._within.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                duration = time.process_time() - start
                self.seconds[self.phase, name] += duration - self._within.pop()
                self._within[-1] += duration

        return timed

    def during(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        """Return the function as a phase of its own."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            before, self.phase = self.phase, phase
            try:
                return function(*arguments, **named)
            finally:
                self.phase = before

        return timed


def main() -> None:
    """Train, evaluate, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--method", default="joint")
    options.add_argument("--seed", type=int, default=100)
    options.add_argument("--teacher", type=Path, help="policy.pt, for bc and dagger")
    options.add_argument(
        "--iterations", type=positive, help="of the training; all by default, and then also the evaluation"
    )
    chosen = options.parse_args()
    config = compose("embedded", chosen.method, chosen.seed)
    watch = Stopwatch()
    for owner, name, part in PARTS:
        setattr(owner, name, watch.part(getattr(owner, name), part))
    session.play = watch.during(session.play, "measuring")
    imported = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "policy.pt"
        whole = watch.part(train, "start and the rest")
        if chosen.iterations:
            with session.only_first(chosen.iterations):
                whole(config, output, chosen.teacher)
        else:
            whole(config, output, chosen.teacher)
            watch.phase = "final evaluation"
            watch.part(evaluation.final_episodes, "start and the rest")(config, output)
    print_table(watch.seconds, chosen.method)
    print(f"imports: {imported:.1f} s, in each process")


def print_table(seconds: Dict[Tuple[str, str], float], method: str) -> None:
    """Print seconds by part and phase, the largest part first, as Markdown."""
    phases = [phase for phase in ("training", "measuring", "final evaluation") if any(p == phase for p, _ in seconds)]
    totals = {phase: sum(value for (p, _), value in seconds.items() if p == phase) for phase in phases}
    total = sum(totals.values())
    parts = sorted({part for _, part in seconds}, key=lambda part: -sum(seconds[phase, part] for phase in phases))
    print(f"| {method}: CPU seconds | {' | '.join(phases)} | share |\n|:--|{'--:|' * (len(phases) + 1)}")
    for part in parts:
        row = [seconds[phase, part] for phase in phases]
        print(f"| {part} | {' | '.join(f'{value:.1f}' if value else '' for value in row)} | {sum(row) / total:.1%} |")
    print(f"| all | {' | '.join(f'{totals[phase]:.1f}' for phase in phases)} | {total:.0f} s |")


if __name__ == "__main__":
    raise SystemExit(status_of(main))
