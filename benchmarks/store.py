"""How fast the files of many runs become a database, and how fast that answers; made-up numbers, real files.

    python -m benchmarks.store                  10,000 runs of 500 rows: takes some minutes to make
    python -m benchmarks.store --runs 500

Writes RUNS runs of a training of 50 evaluations and 400 final episodes by the functions that write real runs, stores
them, and asks for Table 1. Exit status 1 if 10,000 runs would take more than a minute or
2 GiB, or Table 1 more than 0.3 s.
"""

from __future__ import annotations

import resource
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.record import Figure, conclude, parser, positive, status_of
from sitt.config.compose import compose
from sitt.query import query
from sitt.runs.paths import EPISODES, RUN_JSON, TRAINING
from sitt.runs.provenance import origin
from sitt.runs.shards import EpisodeRow, TrainingRow, run_id, write_episodes, write_run_json, write_training
from sitt.store import store

METHODS = ("bc", "dagger", "joint", "joint_aligned")
EVALUATIONS, EPISODES_PER_POLICY = 50, 200
STORE_GOAL_S, MEMORY_GOAL_GIB, QUERY_GOAL_S = 60.0, 2.0, 0.3


def write_run(folder: Path, config: Any) -> None:
    """Write the files that a training and its evaluation leave, but for the weights."""
    name, rows = run_id(config), []
    for k in range(EVALUATIONS):
        for policy in ("teacher", "student"):
            measured = (k * 16000, 1.5 * k, policy, 100.0 * k, k / EVALUATIONS, 0.1, 10, k * 500, k * 160)
            rows.append(TrainingRow(name, k, *measured, 0.1, 0.2, 0.3, 3e-4, 0.5))
    write_training(folder / TRAINING, rows)
    write_episodes(
        folder / EPISODES,
        [
            EpisodeRow(name, policy, k, 2**40 + k, 5000.5 + k, k % 3 > 0, 200, 0.39, 0.75)
            for policy in ("teacher", "student")
            for k in range(EPISODES_PER_POLICY)
        ],
    )
    now = datetime.now(timezone.utc)
    write_run_json(
        folder / RUN_JSON,
        config,
        started_at=now,
        wall_s=200.0,
        env_steps=4_000_000,
        images_rendered=9600,
        gradient_steps=3200,
        bad_simulations=0,
        attempts=[{"started_at": now.isoformat(), "wall_s": 200.0, "exit": "finished"}],
        origin=origin(config),
    )


def main() -> int:
    """Write, store and ask."""
    arguments = parser(__doc__, "store")
    arguments.add_argument("--runs", type=positive, default=10_000)
    options = arguments.parse_args()
    count = options.runs
    configs = {method: compose("embedded", method, 0) for method in METHODS}
    with tempfile.TemporaryDirectory() as place:
        root, folders = Path(place), []
        for k in range(count):
            method, seed = METHODS[k % len(METHODS)], k // len(METHODS)
            folders.append(root / method / f"seed{seed}")
            write_run(folders[-1], configs[method].model_copy(update={"seed": seed}))
        started, processor_started = time.perf_counter(), time.process_time()
        store(configs["joint"].experiment, folders, root / "metrics.duckdb")
        stored_s, processor_s = time.perf_counter() - started, time.process_time() - processor_started
        memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        started = time.perf_counter()
        query(root / "metrics.duckdb", "FROM table1")
        asked_s = time.perf_counter() - started
        size_mib = (root / "metrics.duckdb").stat().st_size / 2**20
    print(
        f"{2 * count / stored_s:,.0f} Parquet files/s; {processor_s:.1f} s of processor time; a database of "
        f"{size_mib:.0f} MiB"
    )
    figures = [
        Figure(f"{count:,} runs of 500 rows: store", stored_s, "s", STORE_GOAL_S * count / 10_000, at_most=True),
        Figure(f"{count:,} runs of 500 rows: memory", memory_gib, "GiB", MEMORY_GOAL_GIB, at_most=True),
        Figure(f"{count:,} runs of 500 rows: table1", asked_s, "s", QUERY_GOAL_S, at_most=True),
    ]
    return conclude(figures, {"processor_s": processor_s, "database_mib": size_mib}, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
