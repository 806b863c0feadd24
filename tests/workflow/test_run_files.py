import io
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import duckdb
import pyarrow
import pytest

from sitt.config.compose import compose, config_hash
from sitt.runs.progress import Progress, duration
from sitt.runs.provenance import origin
from sitt.runs.shards import ARROW, EpisodeRow, TrainingRow, arrow_array, write_episodes, write_run_json, write_training


def training_row(policy, iteration=5, **changes):
    values = dict(
        run_id="smoke/joint/seed0", iteration=iteration, env_steps=5000, wall_s=1.5, policy=policy, return_mean=12.34,
        success_rate=0.25, action_kl=None, episodes=4, images_rendered=2**33, gradient_steps=7, policy_loss=None,
        value_loss=0.5, alignment_loss=None, learning_rate=1e-4, action_std=0.9,
    )  # fmt: skip
    return TrainingRow(**{**values, **changes})


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_training_rows_come_back_with_their_types(tmp_path):
    path = tmp_path / "run" / "training.parquet"
    write_training(path, [training_row("teacher"), training_row("student", action_kl=0.125)])
    columns = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM '{path}')").fetchall())
    assert columns["images_rendered"] == "BIGINT"
    assert columns["return_mean"] == "DOUBLE"
    rows = duckdb.sql(f"SELECT policy, action_kl, images_rendered FROM '{path}'").fetchall()
    assert rows == [("teacher", None, 2**33), ("student", 0.125, 2**33)]
    assert [file.name for file in path.parent.iterdir()] == ["training.parquet"]


def test_episodes_keep_the_contracts_column_names(tmp_path):
    path = tmp_path / "it's here" / "episodes.parquet"
    write_episodes(path, [EpisodeRow("smoke/bc/seed1", "student", 3, 2**40, -1.5, True, 24, 0.39, None, 0.5)])
    with duckdb.connect() as connection:
        relation = connection.execute("FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in relation.description]
        assert dict(zip(names, relation.fetchone(), strict=True)) == {
            "run_id": "smoke/bc/seed1", "policy": "student", "episode": 3, "seed": 2**40, "return": -1.5,
            "success": True, "length": 24, "max_opening_m": 0.39, "handle_visible": None,
            "handle_visible_at_contact": 0.5, "ending": None, "route": None,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("VARCHAR", ("a", "é🙂", None, "")),
        ("INTEGER", (1, None, -(2**31))),
        ("BIGINT", (2**62, 5)),
        ("DOUBLE", (1.5, None, 1e-300, float("inf"))),
        ("DOUBLE", (None, None)),
        ("BOOLEAN", (True, False, None, True) * 5),
        *((kind, ()) for kind in ARROW),
    ],
)
def test_columns_are_pyarrows(kind, values):
    (field,) = pyarrow.schema([("x", ARROW[kind])])
    made = arrow_array(values, field.type)
    made.validate(full=True)
    assert made.equals(pyarrow.array(values, field.type))


def test_a_number_too_large_for_its_column_is_no_other_number():
    with pytest.raises(OverflowError):
        arrow_array((2**31,), pyarrow.int32())


def test_rows_are_written_without_pandas(tmp_path):
    code = (
        "import sys, sitt.runs.shards as shards; shards.write_training(sys.argv[1], []); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x.parquet"], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_run_json_says_what_was_run_and_on_what(tmp_path):
    config = compose("smoke", "joint_aligned", 1)
    east = timezone(timedelta(hours=2))
    attempts = [{"started_at": "2026-01-02T01:04:05+00:00", "wall_s": 6.5, "exit": "finished"}]
    write_run_json(
        tmp_path / "run.json",
        config,
        started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=east),
        wall_s=6.5,
        env_steps=1,
        images_rendered=2,
        gradient_steps=3,
        bad_simulations=4,
        attempts=attempts,
        origin=origin(config),
    )
    content = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert content["run_id"] == "smoke/joint_aligned/seed1"
    assert content["label"] == config.method.label
    assert content["started_at"] == "2026-01-02T01:04:05+00:00"
    assert content["attempts"] == attempts
    assert content["config_hash"] == config_hash(config)
    assert content["config"] == config.model_dump(mode="json")
    assert {"cpu", "cores", "memory_gib", "renderer", "threads"} == content["hardware"].keys()
    assert {"python", "torch", "results", "lock"} <= content["versions"].keys()


def test_progress_is_sparse_where_nobody_watches():
    stream = io.StringIO()
    progress = Progress(100, "smoke/joint/seed0", stream)
    for iteration in range(100):
        progress.update(iteration, iteration * 10)
    assert stream.getvalue() == ""  # less than half a minute has passed
    progress.evaluated(training_row("teacher"), training_row("student", success_rate=0.5))
    progress.close()
    (line,) = stream.getvalue().splitlines()
    assert "\r" not in line
    for words in ("smoke/joint/seed0", "5/100", "teacher 12.3", "teacher 25%, student 50%"):
        assert words in line


def test_progress_refreshes_in_place_on_a_terminal(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr("sitt.runs.progress.time.monotonic", lambda: float(next(clock)))
    stream = Terminal()
    progress = Progress(10, "run", stream)
    progress.update(0, 0)
    progress.update(1, 500)
    progress.update(2, 1000)
    text = stream.getvalue()
    assert "\n" not in text
    # One second per iteration by the patched clock: 500 steps in each, 8 iterations to go.
    assert text.rpartition("\r\033[K")[2] == "run  2/10  500 env steps/s  8 s left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (723, "12 min 03 s"), (7500, "2 h 05 min")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text
