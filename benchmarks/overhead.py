"""How much of an experiment's time is neither simulation nor learning, from what a finished workflow left behind.

    python -m benchmarks.overhead results/embedded

Everything is counted in core-seconds: cores times the wall time of the one call of Snakemake that made all runs, from
its log. Simulation and learning are what run.json says that each training's process took, and the openings and the
evaluations, from which as much is taken off as the trainings' jobs took beyond that: start-up, imports, files. All
else is overhead: that start-up, the jobs of all other rules, and cores that stood idle, be it for Snakemake or for want
of jobs.
Exit status 1 if it is more than 5 %.
"""

from __future__ import annotations

import csv
import json
import re
import statistics
from datetime import timedelta
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from benchmarks.record import Figure, conclude, parser, status_of
from sitt.errors import UserError

GOAL = 5.0
USEFUL = ("training", "openings", "evaluation")


class Call(NamedTuple):
    """One call of Snakemake."""

    cores: int
    wall_s: float


class Run(NamedTuple):
    """What one run cost, s."""

    threads: int
    training: float
    """As its run.json says of the last process, the opening that came before not counted."""
    train: float
    evaluate: float
    """The two jobs."""


def job_seconds(file: Path) -> float:
    """Return the wall time of a job from Snakemake's record of it."""
    if not file.exists():
        raise UserError(f"{file} is missing: the experiment is not finished; let snakemake finish it")
    with file.open(encoding="utf-8") as lines:
        return float(list(csv.DictReader(lines, delimiter="\t"))[-1]["s"])


def find_call(results: Path, runs: int) -> Call:
    """Return the latest call of Snakemake that trained all runs."""
    logs = sorted((results.parents[1] / ".snakemake" / "log").glob("*.log"), reverse=True)
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace")
        trained = sum(map(int, re.findall(r"^train_\S+ +(\d+)$", text, re.MULTILINE)))
        elapsed = re.search(r"^Elapsed time: (?:(\d+) days?, )?(\d+):(\d+):([\d.]+)$", text, re.MULTILINE)
        cores = re.search(r"^Provided cores: (\d+)", text, re.MULTILINE)
        if f"{results.parent.name}/{results.name}/" in text and trained == runs and elapsed and cores:
            days, hours, minutes, seconds = elapsed.groups(default="0")
            spent = timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(seconds))
            return Call(int(cores.group(1)), spent.total_seconds())
    raise UserError(f"no one call of snakemake made all {runs} runs of {results}; make them in an empty clone")


def read_runs(results: Path) -> List[Run]:
    """Return what each finished run cost."""
    runs = []
    for file in sorted(results.glob("runs/*/seed*/run.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        jobs = results / "benchmarks" / file.parent.relative_to(results / "runs")
        train, evaluate = (job_seconds(jobs / f"{rule}.tsv") for rule in ("train", "evaluate"))
        runs.append(Run(told["config"]["threads"], told["attempts"][-1]["wall_s"], train, evaluate))
    if not runs:
        raise UserError(f"{results} holds no finished run; name the results folder of an experiment")
    return runs


def account(results: Path, call: Call, runs: List[Run]) -> Dict[str, float]:
    """Return the core-seconds of each part."""
    start_up = statistics.median(run.train - run.training for run in runs)
    threads = runs[0].threads  # one number for all runs of an experiment
    openings = [job_seconds(file) for file in sorted(results.glob("benchmarks/opening/seed*/train.tsv"))]
    parts = {
        "training": sum(run.training * run.threads for run in runs),
        "openings": sum(max(spent - start_up, 0.0) * threads for spent in openings),
        "evaluation": sum(max(run.evaluate - start_up, 0.0) * run.threads for run in runs),
        "start-up of trainings": sum((run.train - run.training) * run.threads for run in runs),
        "start-up of openings": sum(min(spent, start_up) * threads for spent in openings),
        "start-up of evaluations": sum(min(run.evaluate, start_up) * run.threads for run in runs),
    }
    for file in sorted(results.glob("benchmarks/**/*.tsv")):
        if file.stem not in ("train", "evaluate"):
            parts[file.stem] = parts.get(file.stem, 0.0) + job_seconds(file)
    parts["Snakemake, and cores without a job"] = call.cores * call.wall_s - sum(parts.values())
    return parts


def breakdown(parts: Dict[str, float], call: Call) -> Tuple[str, float]:
    """Return a Markdown table of the parts, and the overhead's share in %."""
    total = call.cores * call.wall_s
    rows = [f"| {name} | {spent:.0f} | {spent / total:.1%} |" for name, spent in parts.items()]
    head = f"| of {call.cores} cores x {call.wall_s:.0f} s | core-seconds | share |\n|:--|--:|--:|"
    return "\n".join([head, *rows]), 100 * (1 - sum(parts[name] for name in USEFUL) / total)


def main() -> int:
    """Read one experiment's results."""
    arguments = parser(__doc__, "overhead")
    arguments.add_argument("results", type=Path, nargs="?", default=Path("results/embedded"))
    options = arguments.parse_args()
    results = options.results.resolve()
    try:
        runs = read_runs(results)
        call = find_call(results, len(runs))
    except UserError as error:
        print(f"not run: {error}")
        return conclude([Figure("overhead", None, "%", GOAL, at_most=True, note=str(error))], {}, options.output)
    parts = account(results, call, runs)
    rows, share = breakdown(parts, call)
    print(rows)
    name = f"overhead of {results.name}, {len(runs)} runs"
    measured = {"core_seconds": parts, "cores": call.cores, "wall_s": call.wall_s}
    return conclude([Figure(name, share, "%", GOAL, at_most=True)], measured, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
