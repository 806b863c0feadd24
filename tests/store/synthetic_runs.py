"""Run folders with known numbers, written to the contract's schema without the code under test."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from sitt.config.compose import compose
from sitt.config.schema import ExperimentConfig
from sitt.files import content_digest
from sitt.query import connect
from sitt.seal import BLANK, NAME, seal
from sitt.store import store

EXPERIMENT = ExperimentConfig(
    name="tiny", title="A tiny <experiment> & 100 % made up", smoke_test=False, methods="all", seeds=(0, 1, 2)
)
DIFF = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-'é'\n+\"<b>\"\n"
LABELS = {"bc": "BC", "dagger": "DAgger", "joint": "w/o Align", "joint_aligned": "w Align"}
TRAINING = """SELECT run_id::VARCHAR AS run_id, iteration::INTEGER AS iteration, env_steps::BIGINT AS env_steps,
    1.5 * iteration::DOUBLE AS wall_s, policy::VARCHAR AS policy, return_mean::DOUBLE AS return_mean,
    success_rate::DOUBLE AS success_rate,
    NULL::DOUBLE AS action_kl, 16::INTEGER AS episodes, 0::BIGINT AS images_rendered, 0::BIGINT AS gradient_steps,
    0.1::DOUBLE AS policy_loss, 0.2::DOUBLE AS value_loss, 0.3::DOUBLE AS alignment_loss,
    3e-4::DOUBLE AS learning_rate, 0.5::DOUBLE AS action_std"""
EPISODES = """SELECT run_id::VARCHAR AS run_id, policy::VARCHAR AS policy, episode::INTEGER AS episode,
    (1000 + episode)::BIGINT AS seed, "return"::DOUBLE AS "return",
    success::BOOLEAN AS success, 150::INTEGER AS length, 0.2::DOUBLE AS max_opening_m,
    0.75::DOUBLE AS handle_visible, NULL::DOUBLE AS handle_visible_at_contact,
    NULL::VARCHAR AS ending, NULL::VARCHAR AS route"""


def write_run(
    root: Path, method: str, seed: int, *, successes: int = 5, mean_return: float = 100.0, label: str | None = None
) -> Path:
    """Write one run of ten student episodes, `successes` of which succeed, and ten successful teacher episodes.

    All student episodes return `mean_return`; the teacher's return in training rises for joint methods and stays else.
    """
    folder = root / "runs" / method / f"seed{seed}"
    folder.mkdir(parents=True)
    run_id = f"tiny/{method}/seed{seed}"
    write_json(folder / "run.json", run_json(method, seed, label or LABELS.get(method, method)))
    slope = 0 if method in ("bc", "dagger") else 1
    write_parquet(
        folder / "training.parquet",
        f"""{TRAINING} FROM (SELECT '{run_id}' AS run_id, iteration, iteration * 1000000 AS env_steps, policy,
            CASE policy WHEN 'teacher' THEN 200 + {slope} * 20 * iteration + {seed}
            ELSE {mean_return} * iteration / 4.0 END AS return_mean,
            0.25 * iteration AS success_rate
            FROM range(5) AS t(iteration), (VALUES ('teacher'), ('student')) AS p(policy))""",
    )
    write_parquet(
        folder / "episodes.parquet",
        f"""{EPISODES} FROM (SELECT '{run_id}' AS run_id, policy, episode,
            CASE policy WHEN 'teacher' THEN 300 ELSE {mean_return} END AS "return",
            policy = 'teacher' OR episode < {successes} AS success
            FROM range(10) AS t(episode), (VALUES ('teacher'), ('student')) AS p(policy))""",
    )
    return folder


def write_experiment(root: Path) -> list[Path]:
    """Write four methods on three seeds; joint_aligned succeeds at 0.6, 0.7 and 0.8, dagger always at 0.5."""
    successes = {"bc": (1, 2, 3), "dagger": (5, 5, 5), "joint": (4, 6, 6), "joint_aligned": (6, 7, 8)}
    return [
        write_run(root, method, seed, successes=counts[seed], mean_return=100.0 + 10 * seed)
        for method, counts in successes.items()
        for seed in range(3)
    ]


def build(root: Path, folders: list[Path], *, smoke: bool = False, allow_missing: bool = False) -> Path:
    """Store run folders and return the database."""
    database = root / "metrics.duckdb"
    store(EXPERIMENT.model_copy(update={"smoke_test": smoke}), folders, database, allow_missing=allow_missing)
    return database


def write_parquet(path: Path, select: str) -> None:
    """Write the rows of a SELECT (made by a test, never by a user) to a Parquet file."""
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, KV_METADATA {{{NAME}: '{BLANK}'}})")
    seal(path)


def write_json(path: Path, content: dict) -> None:
    """Write the content of a run.json with its checksum."""
    content = {key: value for key, value in content.items() if key != "sha256"}
    path.write_text(json.dumps({**content, "sha256": content_digest(content)}))


def run_json(method: str, seed: int, label: str) -> dict:
    """Return the provenance of a made-up run."""
    return {
        "run_id": f"tiny/{method}/seed{seed}",
        "experiment": "tiny",
        "method": method,
        "label": label,
        "seed": seed,
        "simulator": "mujoco",
        "encoder": "random",
        "status": "finished",
        "started_at": "2025-01-02T03:04:05+00:00",
        "wall_s": 187.5,
        "env_steps": 4_000_000,
        "images_rendered": 5000,
        "gradient_steps": 600,
        "bad_simulations": seed,
        "attempts": [
            {"started_at": "2025-01-02T03:04:05+00:00", "wall_s": None, "exit": "killed"},
            {"started_at": "2025-01-02T03:05:05+00:00", "wall_s": 127.5, "exit": "finished"},
        ],
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "git_dirty": seed == 1,
        "git_diff": DIFF if seed == 1 else None,
        "config_hash": "feedc0ffee" * 4,
        "config": {
            "evaluation": {"seed": 1000},
            "task": {"success_opening": 0.39, "episode_length": 150},
            "method": {"algorithm": "joint" if method.startswith("joint") else method},
        },
        "hardware": {"cpu": "A <fast> CPU", "cores": 2, "memory_gib": 8.0, "renderer": "ray tracer", "threads": 1},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
    }


AROUND = "L" * 8 + "U" * 18 + "R" * 8
"""A way round the lava, 34 steps from the start to the target."""


def write_maze_run(root: Path, method: str, seed: int, endings: tuple[int, int, int]) -> Path:
    """Write a run of the maze; of the student's ten episodes, so many reach the target, fall into lava and time out.

    The teacher reaches the target in all of its ten, by the path in four of them (return 22).
    """
    folder = write_run(root, method, seed)
    path = folder / "run.json"
    content = json.loads(path.read_text())
    content["simulator"] = "grid"
    content["config"]["task"] = compose("maze", "joint", 0).task.model_dump(mode="json")
    write_json(path, content)
    target, lava, _ = endings
    write_parquet(
        folder / "episodes.parquet",
        f"""SELECT * REPLACE (
                (policy = 'teacher' OR ending = 'target') AS success,
                CASE ending WHEN 'target' THEN 34 WHEN 'lava' THEN 2 ELSE 442 END::INTEGER AS length,
                CASE WHEN policy = 'teacher' AND episode < 4 THEN 22.0
                    WHEN ending = 'target' THEN 10.0 ELSE 0.0 END::DOUBLE AS "return",
                NULL::DOUBLE AS max_opening_m, NULL::DOUBLE AS handle_visible,
                CASE ending WHEN 'target' THEN '{AROUND}'
                    WHEN 'lava' THEN 'UU' ELSE 'D' || repeat('.', 441) END AS route)
            FROM (SELECT * REPLACE (CASE WHEN policy = 'teacher' OR episode < {target} THEN 'target'
                WHEN episode < {target + lava} THEN 'lava' ELSE 'time-out' END AS ending)
                FROM read_parquet('{folder}/episodes.parquet'))""",
    )
    return folder


def rows(database, sql):
    """Return what a query finds in a database."""
    with connect(database) as connection:
        return connection.execute(sql).fetchall()
