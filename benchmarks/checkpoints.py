"""What checkpoints cost: the share of a training's time that goes into writing them.

    python -m benchmarks.checkpoints        the first 60 of 400 iterations of joint_aligned in embedded
    python -m benchmarks.checkpoints --method joint --iterations 200

Trains as the workflow would, with the configured interval. Exit status 1 if more than 2 % of the time is spent on
checkpoints, or if none was written.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import List

from benchmarks.record import Figure, conclude, parser, positive, status_of
from sitt.config.compose import compose
from sitt.methods import train
from sitt.runs.checkpoint import Checkpoint
from sitt.runs.session import only_first

GOAL = 2.0


def main() -> int:
    """Train and report."""
    arguments = parser(__doc__, "checkpoints")
    arguments.add_argument("--experiment", default="embedded")
    arguments.add_argument("--method", default="joint_aligned", help="one that trains its own teacher")
    arguments.add_argument("--iterations", type=positive, default=60)
    arguments.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    options = arguments.parse_args()
    config = compose(options.experiment, options.method, 0, options.overrides)
    durations: List[float] = []
    write = Checkpoint.write

    def timed(checkpoint: Checkpoint, iteration: int) -> None:
        started = time.perf_counter()
        write(checkpoint, iteration)
        durations.append(time.perf_counter() - started)

    Checkpoint.write = timed  # type: ignore[assignment, method-assign]
    with tempfile.TemporaryDirectory() as folder, only_first(options.iterations) as rows:
        record = Path(folder) / "recording.pt" if config.method.recordable else None  # as the workflow does
        train(config, Path(folder) / "policy.pt", None, record)
    wall_s = rows[-1].wall_s
    share = 100 * sum(durations) / wall_s if durations else None
    note = f"{len(durations)} in {wall_s:.0f} s, {max(durations, default=0):.2f} s at most"
    figure = Figure(f"checkpoints of {options.method}: of a training's time", share, "%", GOAL, at_most=True, note=note)
    return conclude([figure], {"seconds": durations, "wall_s": wall_s}, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
