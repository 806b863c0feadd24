"""Builds metrics.duckdb from the files of the runs: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb

from sitt.config.schema import ExperimentConfig
from sitt.errors import UserError
from sitt.files import atomic_path, cannot_write
from sitt.intake import RunKey, load, load_runs, load_shards, read_sql
from sitt.runs.paths import EPISODES, RUN_JSON, TRAINING

SCHEMA_VERSION = 6
"""Raise it when a table or view is new or changes its meaning: the workflow then builds every database anew."""


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
    keys = _keys(experiment.name, run_dirs, allow_missing)
    finished = {folder: key.run_id for folder, key in keys.items() if key.status == "finished"}
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
                load(connection, load_runs, {folder / RUN_JSON: key for folder, key in keys.items()})
                for table, name in (("training", TRAINING), ("episodes", EPISODES)):
                    load(connection, load_shards(table), {folder / name: run for folder, run in finished.items()})
                connection.commit()
                connection.execute("CHECKPOINT")  # closing would do it too, but keep quiet about a full disk
            _read_again(temporary)
        except duckdb.Error as error:
            raise cannot_write(output, error) from error


def _read_again(database: Path) -> None:
    """Read every value of a database that was just written, so that DuckDB compares its checksums."""
    with duckdb.connect(database, read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall():
            connection.execute(f"SELECT bit_xor(hash({table})) FROM {table}").fetchall()


def _keys(experiment: str, run_dirs: list[Path], allow_missing: bool) -> dict[Path, RunKey]:
    """Return what the runs' folders say, in order."""
    keys: dict[Path, RunKey] = {}
    run_ids: set[str] = set()
    for folder in map(Path, run_dirs):
        method, seed = _method_and_seed(folder)
        run_id = f"{experiment}/{method}/seed{seed}"
        if run_id in run_ids:
            raise UserError(f"{folder} is given twice; name each run's folder once")
        run_ids.add(run_id)
        absent = [folder / name for name in (RUN_JSON, TRAINING, EPISODES) if not (folder / name).is_file()]
        if absent and not allow_missing:
            raise UserError(f"{absent[0]} does not exist; train and evaluate {run_id} first, or allow missing runs")
        keys[folder] = RunKey(run_id, experiment, method, seed, "missing" if absent else "finished")
    return keys


def _method_and_seed(run_dir: Path) -> tuple[str, int]:
    """Return what the last two folders of a run's path say."""
    method, seed = run_dir.absolute().parts[-2:]
    number = seed.removeprefix("seed")
    if number == seed or not number.isascii() or not number.isdigit():
        raise UserError(f"{run_dir} is not the folder of a run; its path must end in <method>/seed<number>")
    return method, int(number)
