"""The files of one run: typed rows to Parquet, provenance to JSON, each written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from sitt.config.compose import config_hash
from sitt.config.schema import RunConfig
from sitt.files import atomic_path, content_digest
from sitt.runs.paths import run_id
from sitt.seal import BLANK, NAME, seal

__all__ = ["EpisodeRow", "TrainingRow", "arrow_array", "run_id", "write_episodes", "write_run_json", "write_training"]


@dataclasses.dataclass(frozen=True)
class TrainingRow:
    """One policy's measurement in the course of training."""

    run_id: str
    iteration: int
    env_steps: int
    """Control steps simulated for training so far."""
    wall_s: float
    policy: str
    """'teacher' or 'student'."""
    return_mean: float
    """Undiscounted task reward per full-length episode."""
    success_rate: float
    action_kl: Optional[float]
    """Mean KL(teacher ‖ student) on the student's states, nats; None where undefined."""
    episodes: int
    images_rendered: int
    gradient_steps: int
    policy_loss: Optional[float]
    value_loss: Optional[float]
    alignment_loss: Optional[float]
    learning_rate: Optional[float]
    action_std: Optional[float]


@dataclasses.dataclass(frozen=True)
class EpisodeRow:
    """One episode of the final evaluation."""

    run_id: str
    policy: str
    """'teacher' or 'student'."""
    episode: int
    seed: int
    """Seed of the start state."""
    return_: float
    success: bool
    length: int
    """Control steps."""
    max_opening_m: Optional[float] = None
    """FrankaDrawer's, as the next two."""
    handle_visible: Optional[float] = None
    """Part of the handle that the robot leaves to the camera, mean over the steps looked at; None: never in sight."""
    handle_visible_at_contact: Optional[float] = None
    """The same at the first control step at which the robot touches the handle; None: it never does."""
    ending: Optional[str] = None
    """The maze's: 'target', 'lava' or 'time-out'."""
    route: Optional[str] = None
    """The maze's: one letter of RDLU per move, a dot for one against the border."""


TRAINING_TYPES = {
    "run_id": "VARCHAR",
    "iteration": "INTEGER",
    "env_steps": "BIGINT",
    "wall_s": "DOUBLE",
    "policy": "VARCHAR",
    "return_mean": "DOUBLE",
    "success_rate": "DOUBLE",
    "action_kl": "DOUBLE",
    "episodes": "INTEGER",
    "images_rendered": "BIGINT",
    "gradient_steps": "BIGINT",
    "policy_loss": "DOUBLE",
    "value_loss": "DOUBLE",
    "alignment_loss": "DOUBLE",
    "learning_rate": "DOUBLE",
    "action_std": "DOUBLE",
}

EPISODE_TYPES = {
    "run_id": "VARCHAR",
    "policy": "VARCHAR",
    "episode": "INTEGER",
    "seed": "BIGINT",
    "return": "DOUBLE",
    "success": "BOOLEAN",
    "length": "INTEGER",
    "max_opening_m": "DOUBLE",
    "handle_visible": "DOUBLE",
    "handle_visible_at_contact": "DOUBLE",
    "ending": "VARCHAR",
    "route": "VARCHAR",
}

ARROW = {"VARCHAR": "string", "INTEGER": "int32", "BIGINT": "int64", "DOUBLE": "float64", "BOOLEAN": "bool"}
"""The types of the database, by Arrow's names."""


def write_training(path: Path, rows: Sequence[TrainingRow]) -> None:
    """Write training.parquet."""
    _write_parquet(path, [dataclasses.astuple(row) for row in rows], TRAINING_TYPES)


def write_episodes(path: Path, rows: Sequence[EpisodeRow]) -> None:
    """Write episodes.parquet."""
    _write_parquet(path, [dataclasses.astuple(row) for row in rows], EPISODE_TYPES)


def write_run_json(
    path: Path,
    config: RunConfig,
    *,
    started_at: datetime,
    wall_s: float,
    env_steps: int,
    images_rendered: int,
    gradient_steps: int,
    bad_simulations: int,
    attempts: List[Dict[str, Any]],
    origin: Mapping[str, Any],
) -> None:
    """Write run.json: what was run, what it cost, and on what.

    Args:
        path: the file to write.
        config: the run's resolved configuration.
        started_at: start of the training, with its time zone.
        wall_s: duration of the training, s.
        env_steps: control steps simulated for training.
        images_rendered: images rendered for training.
        gradient_steps: optimiser steps of the student.
        bad_simulations: simulations that diverged in training and were put back to the default state.
        attempts: the processes that trained it (`sitt.runs.attempts`).
        origin: code and machine (`sitt.runs.provenance`).
    """
    content: Dict[str, Any] = {
        "run_id": run_id(config),
        "experiment": config.experiment.name,
        "method": config.method.name,
        "label": config.method.label,
        "seed": config.seed,
        "simulator": config.sim.name,
        "encoder": config.encoder.name,
        "status": "finished",
        "started_at": started_at.astimezone(timezone.utc).isoformat(timespec="seconds"),
        "wall_s": wall_s,
        "env_steps": env_steps,
        "images_rendered": images_rendered,
        "gradient_steps": gradient_steps,
        "bad_simulations": bad_simulations,
        "attempts": attempts,
        "config_hash": config_hash(config),
        "config": config.model_dump(mode="json"),
        **origin,
    }
    content["sha256"] = content_digest(content)
    with atomic_path(Path(path)) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def arrow_array(values: Sequence[Any], kind: Any) -> Any:
    """Return `pyarrow.array(values, kind)`, which would import pandas, for a quarter of a second of each job."""
    import numpy as np
    import pyarrow

    if kind == pyarrow.string():
        builder = pyarrow.lib.StringBuilder()
        builder.append_values(list(values))
        return builder.finish()
    known = np.array([value is not None for value in values], dtype=bool)
    numbers = np.array([0 if value is None else value for value in values], dtype=kind.to_pandas_dtype())
    if kind == pyarrow.bool_():
        numbers = np.packbits(numbers, bitorder="little")
    validity = None if known.all() else pyarrow.py_buffer(np.packbits(known, bitorder="little"))
    return pyarrow.Array.from_buffers(kind, len(known), [validity, pyarrow.py_buffer(numbers)])


def _write_parquet(path: Path, rows: List[tuple], types: Dict[str, str]) -> None:
    import pyarrow  # here, because the workflow needs the names above each time it is read
    from pyarrow import parquet

    columns = zip(*rows) if rows else [()] * len(types)
    schema = pyarrow.schema([(name, ARROW[kind]) for name, kind in types.items()])
    table = pyarrow.table([arrow_array(column, kind) for column, kind in zip(columns, schema.types)], schema=schema)
    with atomic_path(Path(path)) as temporary:
        # Without Arrow's own schema, which would stand behind the digest.
        with parquet.ParquetWriter(temporary, schema, store_schema=False) as file:
            file.write_table(table)
            file.add_key_value_metadata({NAME: BLANK})
        seal(temporary)
