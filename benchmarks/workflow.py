"""What the workflow costs beside the work: an experiment of 12 trainings of a second on average, from start to report.

    python -m benchmarks.workflow                       two minutes or so

A temporary clone gets an experiment of 4 methods and 3 seeds, which is the smoke test but for a few keys, and
`snakemake --cores 2` makes all of it: runs, evaluations, database, table, figures, videos and report. Kernels are
compiled before, into an empty cache, and that is timed apart: it happens once per machine. Prints where the time went
(benchmarks/overhead.py says how that is counted), with how long a bare `import` of what a job needs takes here.
Exit status 1 if the whole takes more than 90 s.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict

from benchmarks.overhead import Call, account, breakdown, read_runs
from benchmarks.record import Figure, conclude, parser, positive, status_of
from sitt.runs.provenance import ROOT

GOAL_S = 90.0
NAME = "brief"
METHODS, SEEDS = ("bc", "dagger", "joint", "joint_aligned"), (0, 1, 2)
IMPORTS = {
    "a training": "import sitt.methods, sitt.sim.mujoco, sitt.runs.shards, pyarrow.parquet",
    "a configuration": "import sitt.config.compose",
    "a report": "import sitt.report.figure3, seaborn",
    "the Snakefile": "import snakemake.cli, sitt.runs.plan",
}


def make_clone(folder: Path, iterations: int) -> None:
    """Copy this repository and give it the experiment."""
    for name in ("configs", "sitt", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    text = (ROOT / "configs/experiment/smoke.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("name: smoke", f"name: {NAME}"),
        ("methods: all", f"methods: [{', '.join(METHODS)}]"),
        ("seeds: [0, 1]", f"seeds: {list(SEEDS)}"),
        ("iterations: 20", f"iterations: {iterations}"),
        ("evaluations: 21", "evaluations: 2"),
        ("images: 1280", f"images: {16 * iterations}"),
        ("gradient_steps: 20", f"gradient_steps: {iterations}"),
    ):
        if old not in text:
            raise SystemExit(f"configs/experiment/smoke.yaml has no {old!r} any more; mend benchmarks/workflow.py")
        text = text.replace(old, new)
    (folder / f"configs/experiment/{NAME}.yaml").write_text(text, encoding="utf-8")


def seconds(folder: Path, *command: str) -> float:
    """Return the wall time of a command in the clone, with a cache of kernels of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SITT_")}
    environment = {**kept, "PATH": path, "PYTHONPATH": str(folder), "WARP_CACHE_PATH": str(folder / "kernels")}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    spent = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return spent


def main() -> int:
    """Make the experiment."""
    arguments = parser(__doc__, "workflow")
    arguments.add_argument("--cores", type=positive, default=2)
    arguments.add_argument(
        "--iterations", type=positive, default=40, help="of each training: a multiple of 20, DAgger's rounds"
    )
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_clone(folder, options.iterations)
        imports: Dict[str, float] = {
            name: min(seconds(folder, sys.executable, "-c", code) for _ in range(3)) for name, code in IMPORTS.items()
        }
        kernels_s = seconds(folder, "sitt", "kernels", "--experiment", NAME)
        planned_s = seconds(folder, "snakemake", "--cores", str(options.cores), "--config", f"experiment={NAME}", "-n")
        wall_s = seconds(folder, "snakemake", "--cores", str(options.cores), "--config", f"experiment={NAME}")
        results, call = folder / "results" / NAME, Call(options.cores, wall_s)
        runs = read_runs(results)
        parts = account(results, call, runs)
    rows, share = breakdown(parts, call)
    training_s = statistics.median(run.training for run in runs)
    print(rows)
    print("imports: " + ", ".join(f"{name} {spent:.2f} s" for name, spent in imports.items()))
    print(f"a dry run (Snakemake's start and the plan): {planned_s:.1f} s; a training: {training_s:.2f} s (median)")
    print(f"kernels, once per machine: {kernels_s:.1f} s; neither simulation nor learning: {share:.0f} %")
    measured = {"core_seconds": parts, "cores": options.cores, "wall_s": wall_s, "imports_s": imports}
    measured |= {"kernels_s": kernels_s, "dry_run_s": planned_s, "training_s": [run.training for run in runs]}
    name = f"{len(runs)} runs of {training_s:.1f} s, from start to report, {options.cores} cores"
    return conclude([Figure(name, wall_s, "s", GOAL_S, at_most=True)], measured, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
