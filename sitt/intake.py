"""Reads the files of many runs into the tables of the database: checked, and named if they are not right."""

from __future__ import annotations

import glob
import json
import math
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, TypeVar

import duckdb

from sitt.errors import UserError, first_line
from sitt.files import content_digest
from sitt.seal import is_intact

PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "VARCHAR": str,
    "TIMESTAMP": str,
    "BIGINT": int,
    "DOUBLE": (int, float),
    "BOOLEAN": bool,
    "JSON": (dict, list),
}
"""What JSON must hold for a column of `runs`."""

LATER = {"git_diff", "attempts"}
"""Keys that older files run.json do not have: no run is trained anew for the sake of these."""

UNKNOWN = {"git_commit", "git_dirty", *LATER}
"""Keys that may be null: outside Git, or where there is nothing to say."""

CHANGED = "its content does not match its checksum"

DAMAGE = (duckdb.Error, OSError, RuntimeError, ValueError)
"""What reading a damaged file raises: not only DuckDB's own errors."""

Expected = TypeVar("Expected")


class RunKey(NamedTuple):
    """What the place of a run's folder says about the run."""

    run_id: str
    experiment: str
    method: str
    seed: int
    status: str
    """'finished', or 'missing' where the folder lacks a file."""


def read_sql(name: str) -> str:
    """Return one of the files in sitt/sql."""
    return resources.files("sitt").joinpath("sql", name).read_text(encoding="utf-8")


def load(
    connection: duckdb.DuckDBPyConnection,
    into: Callable[[duckdb.DuckDBPyConnection, Mapping[Path, Expected]], None],
    files: Mapping[Path, Expected],
) -> None:
    """Load files all at once, since a statement takes as long for a thousand of them as for a few.

    Args:
        connection: the database under construction.
        into: loads files into one table.
        files: what to load, with what its place says about it.

    Raises:
        UserError: a file is not right; names it.
    """
    try:
        into(connection, files)
    except DAMAGE:
        # Some file is at fault: each is tried alone, beside the database, to find out which.
        with duckdb.connect() as scratch:
            scratch.execute(read_sql("schema.sql"))
            for path, expected in files.items():
                try:
                    into(scratch, {path: expected})
                except DAMAGE as error:
                    raise _damaged(path, error) from error
        raise


def load_runs(connection: duckdb.DuckDBPyConnection, keys: Mapping[Path, RunKey]) -> None:
    """Fill `runs` from files run.json, in this order; of a missing run, there is only the key."""
    columns = _columns(connection, "runs")
    rows = []
    for path, key in keys.items():
        content = _provenance(path, columns, key) if key.status == "finished" else key._asdict()
        rows.append([_to_sql(content.get(name), kind) for name, kind in columns.items()])
    typed = ", ".join(f"unnest(?::{kind}[])" for kind in columns.values())
    values = [list(column) for column in zip(*rows)] or [[] for _ in columns]
    connection.execute(f"INSERT INTO runs SELECT {typed}", values)


def load_shards(table: str) -> Callable[[duckdb.DuckDBPyConnection, Mapping[Path, str]], None]:
    """Return what fills `training` or `episodes` from Parquet files, each of the run_id that goes with it.

    Seals, columns, types and owners are checked here, the values by the table's constraints.
    """

    def into(connection: duckdb.DuckDBPyConnection, owners: Mapping[Path, str]) -> None:
        for path in owners:
            if not is_intact(path):
                raise _damaged(path, ValueError(CHANGED))
        if owners:
            sources = [_source(path) for path in owners]
            _require_columns(connection, table, sources)
            _require_owners(connection, owners, sources)
            connection.execute(f"INSERT INTO {table} BY NAME FROM read_parquet(?)", [sources])

    return into


def read_shard(path: Path) -> list[dict[str, Any]]:
    """Return the rows of one Parquet file, by column; UserError if it is damaged."""
    try:
        if not is_intact(path):
            raise ValueError(CHANGED)
        with duckdb.connect() as connection:
            rows = connection.execute("FROM read_parquet(?)", [_source(path)])
            names = [column[0] for column in rows.description or ()]
            return [dict(zip(names, row)) for row in rows.fetchall()]
    except DAMAGE as error:
        raise _damaged(path, error) from error


def _provenance(path: Path, columns: Mapping[str, str], key: RunKey) -> dict[str, Any]:
    """Return what run.json says, once it is known to be right."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.pop("sha256", None) != content_digest(content):
        raise ValueError(CHANGED)
    difference = sorted((columns.keys() ^ content.keys()) - LATER)
    if difference:
        raise UserError(
            f"{path} must have the keys of the table runs, but differs in {difference}; train this run again"
        )
    for name, value in key._asdict().items():
        if content[name] != value:
            raise UserError(
                f"{path} has {name} {content[name]!r} where its folder says {value!r}; put the right run there"
            )
    for name, kind in columns.items():
        value = content.get(name)
        if value is None and name in UNKNOWN:
            continue
        right_type = isinstance(value, PYTHON_TYPES[kind]) and (kind == "BOOLEAN" or not isinstance(value, bool))
        if not right_type or (isinstance(value, float) and not math.isfinite(value)):
            raise UserError(f"{path} has {name} {value!r}, which is not a {kind}; train this run again")
    return content


def _to_sql(value: Any, kind: str) -> Any:
    """Turn a value of run.json into one that DuckDB takes for a column of this type."""
    if value is None:
        return None
    if kind == "JSON":
        return json.dumps(value, ensure_ascii=False)
    if kind == "TIMESTAMP":
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return moment.astimezone(timezone.utc).replace(tzinfo=None)
    return value


def _source(path: Path | str) -> str:
    """Return what DuckDB takes for a path: it would read a '[' or '*' in a folder's name as a pattern."""
    return glob.escape(str(path))


def _require_columns(connection: duckdb.DuckDBPyConnection, table: str, sources: list[str]) -> None:
    """Refuse files whose columns or types are not the table's: of each kind of file, one is looked at."""
    kinds = """
        SELECT min(file_name) FROM (
            SELECT file_name, list((name, type, converted_type, logical_type)) AS kind
            FROM parquet_schema(?) GROUP BY file_name
        ) GROUP BY kind ORDER BY ALL
    """
    wanted = _columns(connection, table)
    for (path,) in connection.execute(kinds, [sources]).fetchall():
        described = connection.execute("DESCRIBE FROM read_parquet(?)", [_source(path)]).fetchall()
        found = {row[0]: row[1] for row in described}
        if found != wanted:
            names = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
            detail = ", ".join(f"{n}: {found.get(n, 'absent')} instead of {wanted.get(n, 'absent')}" for n in names)
            raise UserError(f"{path} does not have the columns of the table {table} ({detail}); make this file again")


def _require_owners(connection: duckdb.DuckDBPyConnection, owners: Mapping[Path, str], sources: list[str]) -> None:
    """Refuse files without rows, or with rows of another run than their folder's."""
    sql = "SELECT filename, list(DISTINCT run_id) FROM read_parquet(?, filename = true) GROUP BY filename"
    found = dict(connection.execute(sql, [sources]).fetchall())
    for path, run_id in owners.items():
        if str(path) not in found:
            raise UserError(f"{path} has no rows; make this file again")
        strangers = sorted(str(other) for other in found[str(path)] if other != run_id)
        if strangers:
            raise UserError(
                f"{path} has rows of {', '.join(strangers)} where its folder says {run_id}; put the right file there"
            )


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return a table's columns and types, in order."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ? ORDER BY ordinal_position",
        [table],
    ).fetchall()
    return dict(rows)


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged or holds impossible values ({first_line(error)}); delete it and make it again")
