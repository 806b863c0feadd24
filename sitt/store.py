"""Builds metrics.duckdb from the files of the runs: all of it, or nothing."""

from __future__ import annotations

import glob
import json
import math
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from sitt.config.schema import ExperimentConfig
from sitt.errors import UserError
from sitt.files import atomic_path, content_digest
from sitt.runs.paths import EPISODES, RUN_JSON, TRAINING

SCHEMA_VERSION = 4
"""Raise it when a table or view is new or changes its meaning: the workflow then builds every database anew."""

PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "VARCHAR": str,
    "TIMESTAMP": str,
    "BIGINT": int,
    "DOUBLE": (int, float),
    "BOOLEAN": bool,
    "JSON": dict,
}
"""What JSON must hold for a column of `runs`."""

UNKNOWN = {"git_commit", "git_dirty", "bad_simulations"}
"""Keys of run.json that may be null or absent: outside Git, and in runs from before they were recorded."""


def store(experiment: ExperimentConfig, run_dirs: list[Path], output: Path, *, allow_missing: bool = False) -> None:
    """Read every expected run, check it, and put all of them into one DuckDB file.

    Args:
        experiment: the experiment that the runs belong to.
        run_dirs: folders of the expected runs, .../<method>/seed<seed>, in the order of the table `runs`.
        output: the database; replaced only when the new one is complete.
        allow_missing: record a run that lacks one of its files as missing, instead of refusing.

    Raises:
        UserError: a file is missing, damaged, of another run, or holds what it may not; names the file.
    """
    with atomic_path(output) as temporary:
        try:
            with duckdb.connect(temporary) as connection:
                connection.begin()  # one write to the disk instead of one per statement
                connection.execute(read_sql("schema.sql"))
                connection.execute(read_sql("views.sql"))
                connection.execute(
                    "INSERT INTO meta VALUES (?, ?, ?, ?)",
                    [SCHEMA_VERSION, experiment.name, experiment.title, experiment.smoke_test],
                )
                seen: set[str] = set()
                for run_dir in run_dirs:
                    _store_run(connection, experiment.name, Path(run_dir), seen, allow_missing)
                connection.commit()
                connection.execute("CHECKPOINT")  # closing would do it too, but keep quiet about a full disk
        except duckdb.Error as error:
            raise UserError(
                f"cannot write {output} ({first_line(error)}); free disk space or choose another place"
            ) from error


def read_sql(name: str) -> str:
    """Return one of the files in sitt/sql."""
    return resources.files("sitt").joinpath("sql", name).read_text(encoding="utf-8")


def first_line(error: Exception) -> str:
    """Return the first line of a message, for use inside a sentence."""
    return str(error).strip().splitlines()[0].rstrip(".")


def _store_run(
    connection: duckdb.DuckDBPyConnection, experiment: str, run_dir: Path, seen: set[str], allow_missing: bool
) -> None:
    method, seed = _method_and_seed(run_dir)
    run_id = f"{experiment}/{method}/seed{seed}"
    if run_id in seen:
        raise UserError(f"{run_dir} is given twice; name each run's folder once")
    seen.add(run_id)
    absent = [run_dir / name for name in (RUN_JSON, TRAINING, EPISODES) if not (run_dir / name).is_file()]
    if absent and not allow_missing:
        raise UserError(f"{absent[0]} does not exist; train and evaluate {run_id} first, or allow missing runs")
    if absent:
        connection.execute(
            "INSERT INTO runs (run_id, experiment, method, seed, status) VALUES (?, ?, ?, ?, 'missing')",
            [run_id, experiment, method, seed],
        )
        return
    expected = {"run_id": run_id, "experiment": experiment, "method": method, "seed": seed, "status": "finished"}
    _store_provenance(connection, run_dir / RUN_JSON, expected)
    _store_shard(connection, run_dir / TRAINING, "training", run_id)
    _store_shard(connection, run_dir / EPISODES, "episodes", run_id)


def _method_and_seed(run_dir: Path) -> tuple[str, int]:
    """Return what the last two folders of a run's path say."""
    method, seed = run_dir.absolute().parts[-2:]
    number = seed.removeprefix("seed")
    if number == seed or not number.isascii() or not number.isdigit():
        raise UserError(f"{run_dir} is not the folder of a run; its path must end in <method>/seed<number>")
    return method, int(number)


def _store_provenance(connection: duckdb.DuckDBPyConnection, path: Path, expected: dict[str, Any]) -> None:
    """Put run.json into `runs`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise _damaged(path, error) from error
    columns = _columns(connection, "runs")
    if isinstance(content, dict):
        _require_digest(path, content.pop("sha256", None), content)
        content = {**dict.fromkeys(UNKNOWN), **content}
    if not isinstance(content, dict) or content.keys() != columns.keys():
        difference = sorted(columns.keys() ^ (content.keys() if isinstance(content, dict) else ()))
        raise UserError(
            f"{path} must have the keys of the table runs, but differs in {difference}; train this run again"
        )
    for key, value in expected.items():
        if content[key] != value:
            raise UserError(
                f"{path} has {key} {content[key]!r} where its folder says {value!r}; put the right run there"
            )
    for key, kind in columns.items():
        value = content[key]
        if value is None and key in UNKNOWN:
            continue
        right_type = isinstance(value, PYTHON_TYPES[kind]) and (kind == "BOOLEAN" or not isinstance(value, bool))
        if not right_type or (isinstance(value, float) and not math.isfinite(value)):
            raise UserError(f"{path} has {key} {value!r}, which is not a {kind}; train this run again")
    try:
        connection.execute(
            f"INSERT INTO runs VALUES ({', '.join('?' for _ in columns)})",
            [_to_sql(content[key], kind) for key, kind in columns.items()],
        )
    except (duckdb.Error, ValueError) as error:
        raise _damaged(path, error) from error


def _to_sql(value: Any, kind: str) -> Any:
    """Turn a value of run.json into one that DuckDB takes for a column of this type."""
    if kind == "JSON":
        return json.dumps(value, ensure_ascii=False)
    if kind == "TIMESTAMP":
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return moment.astimezone(timezone.utc).replace(tzinfo=None)
    return value


def _store_shard(connection: duckdb.DuckDBPyConnection, path: Path, table: str, run_id: str) -> None:
    """Put a Parquet file into its table, if columns, types and run are right; its constraints check the rest."""
    source = glob.escape(str(path))  # DuckDB would read a '[' or '*' in a folder's name as a pattern
    wanted = _columns(connection, table)
    try:
        found = {row[0]: row[1] for row in connection.execute("DESCRIBE FROM read_parquet(?)", [source]).fetchall()}
        if found != wanted:
            names = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
            detail = ", ".join(f"{n}: {found.get(n, 'absent')} instead of {wanted.get(n, 'absent')}" for n in names)
            raise UserError(f"{path} does not have the columns of the table {table} ({detail}); make this file again")
        owners = [
            row[0] for row in connection.execute("SELECT DISTINCT run_id FROM read_parquet(?)", [source]).fetchall()
        ]
        if not owners:
            raise UserError(f"{path} has no rows; make this file again")
        if owners != [run_id]:
            strangers = sorted(str(owner) for owner in owners if owner != run_id)
            raise UserError(
                f"{path} has rows of {', '.join(strangers)} where its folder says {run_id}; put the right file there"
            )
        stated = connection.execute(
            "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = 'sha256'", [source]
        ).fetchone()
        rows = connection.execute("FROM read_parquet(?)", [source]).fetchall()
        _require_digest(path, stated and stated[0], rows)
        # `table` is one of this module's own two names.
        connection.execute(f"INSERT INTO {table} BY NAME FROM read_parquet(?)", [source])
    except (duckdb.Error, RuntimeError, ValueError) as error:  # damage finds its way past DuckDB's own errors
        raise _damaged(path, error) from error


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return a table's columns and types, in order."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ? ORDER BY ordinal_position",
        [table],
    ).fetchall()
    return dict(rows)


def _require_digest(path: Path, stated: Any, content: Any) -> None:
    """Refuse content that is not what was written; files from before there were checksums state none."""
    if stated is not None and stated != content_digest(content):
        raise _damaged(path, ValueError("its content does not match its sha256"))


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged or holds impossible values ({first_line(error)}); delete it and make it again")
