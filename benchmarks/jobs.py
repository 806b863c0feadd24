"""Is a core better given to a job of its own, or to a second thread of the job that there is?

    python -m benchmarks.jobs                           ten minutes or so, on two cores

Two trainings of `embedded`'s joint, shortened, as the workflow starts them (`sitt train`): side by side with one thread
each, as `--cores 2` does, and one after the other with two threads each. They take turns; the ratio is the median over
the rounds. Exit status 1 if one thread for each job is not the better choice.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict

from benchmarks.record import Figure, conclude, parser, positive, rates, ratio, show, status_of, take_turns
from sitt.config.compose import compose, dump

APART, SHARED = "two jobs side by side, 1 thread each", "one job after the other, 2 threads each"


def start(folder: Path, seed: int, threads: int, iterations: int) -> subprocess.Popen[bytes]:
    """Start a training."""
    preset = compose("embedded", "joint", seed)
    shortened = [
        f"threads={threads}",
        f"training.iterations={iterations}",
        "training.evaluations=2",
        *(
            f"student.{name}={iterations * getattr(preset.student, name) // preset.training.iterations}"
            for name in ("images", "gradient_steps")
        ),
    ]
    run = Path(tempfile.mkdtemp(dir=folder))
    dump(compose("embedded", "joint", seed, shortened), run / "config.yaml")
    files = ["--config", str(run / "config.yaml"), "--output", str(run / "policy.pt")]
    command = [sys.executable, "-m", "sitt.cli", "train", *files]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait(*jobs: subprocess.Popen[bytes]) -> None:
    """Wait until trainings are done."""
    for job in jobs:
        if job.wait():
            raise SystemExit("a training failed; `sitt train` says why")


def main() -> int:
    """Measure both."""
    arguments = parser(__doc__, "jobs")
    arguments.add_argument("--iterations", type=positive, default=60, help="of each training, whose preset has 400")
    arguments.add_argument("--rounds", type=positive, default=3)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)

        def apart() -> None:
            wait(*(start(folder, seed, 1, options.iterations) for seed in (0, 1)))

        def shared() -> None:
            for seed in (0, 1):
                wait(start(folder, seed, 2, options.iterations))

        works: Dict[str, Callable[[], None]] = {APART: apart, SHARED: shared}
        durations = take_turns(works, options.rounds)
    speeds = rates(durations, 2 * 3600)
    show("2 cores", speeds, "trainings/h")
    figures = [Figure(f"{APART}, beside {SHARED}", ratio(speeds, APART, SHARED), "×", 1.0)]
    return conclude(figures, {"2 cores": speeds}, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
