"""What checkpoints cost: the share of a training's time that goes into writing them.

    python benchmarks/checkpoints.py        the first 60 of 400 iterations of joint_aligned in embedded
    python benchmarks/checkpoints.py --method joint --iterations 200

Trains as the workflow would, with the configured interval. Exit status 1 if more than 2 % of the time is spent on
checkpoints, or if none was written.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import List

from sitt.config.compose import compose
from sitt.methods import train
from sitt.runs.checkpoint import Checkpoint
from sitt.runs.session import only_first

GOAL = 0.02


def main() -> int:
    """Train and report; exit status 1 if checkpoints cost too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", default="embedded")
    parser.add_argument("--method", default="joint_aligned", help="one that trains its own teacher")
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_args()
    config = compose(options.experiment, options.method, 0, options.overrides)
    durations: List[float] = []
    write = Checkpoint.write

    def timed(checkpoint: Checkpoint, iteration: int) -> None:
        started = time.perf_counter()
        write(checkpoint, iteration)
        durations.append(time.perf_counter() - started)

    Checkpoint.write = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder, only_first(options.iterations) as rows:
        train(config, Path(folder) / "policy.pt", None)
    return report(durations, rows[-1].wall_s)


def report(durations: List[float], wall_s: float) -> int:
    """Print the share of the time up to the last measurement."""
    share = sum(durations) / wall_s
    print(
        f"{len(durations)} checkpoints in {wall_s:.1f} s: {sum(durations):.2f} s in all, "
        f"{max(durations, default=0):.2f} s at most, {share:.2%} of the time (required: at most {GOAL:.0%})"
    )
    return 0 if durations and share <= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
