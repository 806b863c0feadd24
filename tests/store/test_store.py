import json
import re
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from synthetic_runs import (
    EXPERIMENT,
    build,
    rows,
    run_json,
    write_experiment,
    write_json,
    write_parquet,
    write_run,
)

from sitt import store as storing
from sitt.errors import UserError
from sitt.query import connect
from sitt.seal import NAME
from sitt.store import SCHEMA_VERSION, store


def test_every_run_row_and_value_arrives(database):
    assert rows(database, "SELECT count(*) FROM runs") == [(12,)]
    assert rows(database, "SELECT count(*) FROM training") == [(12 * 5 * 2,)]
    assert rows(database, "SELECT count(*) FROM episodes") == [(12 * 10 * 2,)]
    assert rows(database, "FROM meta") == [(SCHEMA_VERSION, "tiny", "A tiny <experiment> & 100 % made up", False)]
    row = rows(
        database, "SELECT * EXCLUDE (attempts, config, hardware, versions) FROM runs WHERE run_id = 'tiny/bc/seed1'"
    )[0]
    wanted = run_json("bc", 1, "BC")
    assert row == (
        *(wanted[key] for key in ("run_id", "experiment", "method", "label", "seed", "simulator", "encoder", "status")),
        datetime(2025, 1, 2, 3, 4, 5),
        *(wanted[key] for key in ("wall_s", "env_steps", "images_rendered", "gradient_steps", "bad_simulations")),
        *(wanted[key] for key in ("git_commit", "git_dirty", "git_diff", "config_hash")),
    )
    for key in ("attempts", "config", "hardware", "versions"):
        assert json.loads(rows(database, f"SELECT {key} FROM runs WHERE run_id = 'tiny/bc/seed1'")[0][0]) == wanted[key]
    ends = "SELECT run_id, unnest(attempts->'$[*].exit')->>'$' FROM runs LIMIT 2"
    assert rows(database, ends) == [("tiny/bc/seed0", "killed"), ("tiny/bc/seed0", "finished")]


def test_a_run_from_before_a_key_was_recorded_needs_no_new_training(tmp_path):
    folders = [write_run(tmp_path, "joint", seed) for seed in (0, 1)]
    path = folders[1] / "run.json"
    content = json.loads(path.read_text())
    write_json(path, {key: value for key, value in content.items() if key not in ("git_diff", "attempts")})
    database = build(tmp_path, folders)
    found = rows(database, "SELECT seed, status, git_diff, attempts IS NULL, git_dirty, wall_s FROM runs ORDER BY seed")
    assert found == [(0, "finished", None, False, False, 187.5), (1, "finished", None, True, True, 187.5)]
    write_json(path, {key: value for key, value in content.items() if key != "bad_simulations"})
    with pytest.raises(UserError, match=r"differs in \['bad_simulations'\]; train this run again"):
        build(tmp_path, folders)


def test_runs_keep_the_order_given(database):
    assert [row[0] for row in rows(database, "SELECT run_id FROM runs LIMIT 2")] == ["tiny/bc/seed0", "tiny/bc/seed1"]


def test_every_column_has_a_comment(database):
    found = rows(
        database, "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
    )
    assert found == []


def test_shards_of_the_runs_package_have_the_schemas_types(database):
    shards = pytest.importorskip("sitt.runs.shards")
    for table, types in (("training", shards.TRAINING_TYPES), ("episodes", shards.EPISODE_TYPES)):
        found = rows(database, f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'")
        assert dict(found) == types


def test_a_missing_run_is_refused_unless_allowed_and_then_shown(tmp_path):
    folders = write_experiment(tmp_path)
    (folders[-1] / "run.json").unlink()
    with pytest.raises(UserError, match=r"joint_aligned/seed2/run\.json does not exist; train"):
        build(tmp_path, folders)
    database = build(tmp_path, folders, allow_missing=True)
    assert rows(database, "SELECT run_id, label, wall_s FROM runs WHERE status = 'missing'") == [
        ("tiny/joint_aligned/seed2", None, None)
    ]
    assert rows(database, "SELECT label, n, n_expected, success_mean FROM table1")[-1] == (
        "w Align",
        2,
        3,
        Decimal("0.650"),
    )
    assert rows(database, "SELECT DISTINCT n FROM figure3 WHERE method = 'joint_aligned'") == [(2,)]


def test_a_method_without_any_run_stays_in_the_table(tmp_path):
    folders = [write_run(tmp_path, "joint", 0), tmp_path / "runs" / "bc" / "seed0"]
    database = build(tmp_path, folders, allow_missing=True)
    assert rows(database, "SELECT label, n, n_expected, success_mean FROM table1")[0] == ("bc", 0, 1, None)


def truncate(folder):
    path = folder / "episodes.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    return path


def empty(folder):
    path = folder / "training.parquet"
    path.write_bytes(b"")
    return path


def from_another_run(folder):
    path = folder / "episodes.parquet"
    path.write_bytes((folder.parent / "seed0" / "episodes.parquet").read_bytes())
    return path


def every_row_twice(folder):
    path = folder / "training.parquet"
    write_parquet(path, f"FROM read_parquet('{path}') UNION ALL FROM read_parquet('{path}')")
    return path


def wrong_type(folder):
    path = folder / "training.parquet"
    write_parquet(path, f"SELECT * REPLACE (env_steps::DOUBLE AS env_steps) FROM read_parquet('{path}')")
    return path


def a_column_less(folder):
    path = folder / "episodes.parquet"
    write_parquet(path, f"SELECT * EXCLUDE (success) FROM read_parquet('{path}')")
    return path


def no_rows(folder):
    path = folder / "episodes.parquet"
    write_parquet(path, f"FROM read_parquet('{path}') WHERE false")
    return path


def not_finite(folder):
    path = folder / "training.parquet"
    write_parquet(path, f"SELECT * REPLACE ('nan'::DOUBLE AS return_mean) FROM read_parquet('{path}')")
    return path


def unknown_policy(folder):
    path = folder / "episodes.parquet"
    write_parquet(path, f"SELECT * REPLACE ('expert' AS policy) FROM read_parquet('{path}')")
    return path


def json_edit(**changes):
    def edit(folder):
        path = folder / "run.json"
        write_json(path, {**json.loads(path.read_text()), **changes})
        return path

    edit.__name__ = "run_json_" + "_".join(changes)
    return edit


def json_without_checksum(folder):
    path = folder / "run.json"
    path.write_text(json.dumps(run_json("joint", 1, "w/o Align")))
    return path


def without_seal(folder):
    path = folder / "episodes.parquet"
    path.write_bytes(path.read_bytes().replace(NAME.encode(), b"x" * len(NAME)))
    return path


def json_cut(folder):
    path = folder / "run.json"
    path.write_text(path.read_text()[:50])
    return path


DAMAGES = {
    truncate: "damaged",
    empty: "damaged",
    from_another_run: "rows of tiny/joint/seed0 where its folder says tiny/joint/seed1",
    every_row_twice: "uplicate key",
    wrong_type: "env_steps: DOUBLE instead of BIGINT",
    a_column_less: "success: absent instead of BOOLEAN",
    no_rows: "no rows",
    not_finite: "impossible values",
    unknown_policy: "impossible values",
    without_seal: "does not match its checksum",
    json_without_checksum: "does not match its checksum",
    json_cut: "damaged",
    json_edit(seed=7): "seed 7 where its folder says 1",
    json_edit(status="failed"): "status 'failed'",
    json_edit(extra=1): "extra",
    json_edit(wall_s="long"): "wall_s 'long', which is not a DOUBLE",
    json_edit(wall_s=float("nan")): "wall_s nan",
    json_edit(env_steps=True): "env_steps True",
    json_edit(env_steps=-1): "impossible values",
    json_edit(started_at="yesterday"): "yesterday",
    json_edit(config=None): "config None",
    json_edit(config=[]): "impossible values",
    json_edit(attempts={}): "impossible values",
    json_edit(attempts="once"): "attempts 'once', which is not a JSON",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_bad_file_is_named_and_the_old_database_stays(tmp_path, damage):
    folders = [write_run(tmp_path, "joint", seed) for seed in (0, 1)]
    database = build(tmp_path, folders)
    before = database.read_bytes()
    path = damage(folders[1])
    for allow_missing in (False, True):  # damage is never taken for absence
        with pytest.raises(UserError, match=re.escape(DAMAGES[damage])) as failure:
            build(tmp_path, folders, allow_missing=allow_missing)
        message = str(failure.value)
        assert str(path) in message
        assert "\n" not in message
    assert database.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.duckdb", "runs"]


def test_a_database_that_was_not_written_as_meant_replaces_none(tmp_path, monkeypatch):
    folders = [write_run(tmp_path, "joint", seed) for seed in (0, 1)]
    database = build(tmp_path, folders)
    before = database.read_bytes()

    def damaged(path):
        content = bytearray(path.read_bytes())
        for place in range(len(content) // 8, len(content), 5000):
            content[place] ^= 1
        path.write_bytes(content)
        read_again(path)

    read_again = storing._read_again
    monkeypatch.setattr(storing, "_read_again", damaged)
    with pytest.raises(UserError, match=r"cannot write .*metrics\.duckdb \(.*[Cc]orrupt"):
        build(tmp_path, folders)
    assert database.read_bytes() == before


def test_a_run_given_twice_is_refused(tmp_path):
    folder = write_run(tmp_path, "joint", 0)
    with pytest.raises(UserError, match="given twice"):
        build(tmp_path, [folder, folder])
    assert not (tmp_path / "metrics.duckdb").exists()


def test_a_folder_that_is_no_runs_is_refused(tmp_path):
    with pytest.raises(UserError, match="not the folder of a run"):
        build(tmp_path, [tmp_path / "runs" / "joint" / "seedling"])


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "results").write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot write .*metrics\.duckdb"):
        store(EXPERIMENT, [write_run(tmp_path, "joint", 0)], tmp_path / "results" / "metrics.duckdb")


def test_a_reader_keeps_the_database_it_opened(tmp_path):
    folders = [write_run(tmp_path, "joint", seed) for seed in (0, 1)]
    database = build(tmp_path, folders[:1])
    with connect(database) as reader:
        build(tmp_path, folders)
        assert reader.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    assert rows(database, "SELECT count(*) FROM runs") == [(2,)]


def test_names_with_quotes_are_values_not_sql(tmp_path):
    label = "x'); DROP TABLE runs; --"
    database = build(tmp_path, [write_run(tmp_path, "joint", 0, label=label)])
    assert rows(database, "SELECT label FROM runs") == [(label,)]


def test_two_builds_hold_the_same(tmp_path):
    folders = write_experiment(tmp_path)
    tables = (
        "runs",
        "training",
        "episodes",
        "paper",
        "meta",
        "table1",
        "figure3",
        "paper_comparison",
        "visibility",
        "comparisons",
        "teachers",
        "sweep",
    )
    contents = []
    for _ in range(2):
        database = build(tmp_path, folders)
        contents.append([rows(database, f"FROM {table}") for table in tables])
    assert contents[0] == contents[1]


def test_a_full_disk_leaves_the_old_database(tmp_path):
    folders = write_experiment(tmp_path)
    database = build(tmp_path, folders)
    before = database.read_bytes()
    # A limit on the size of files fails the same write calls as a full disk, without needing one.
    script = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from synthetic_runs import build
from sitt.errors import UserError
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 2}, {len(before) // 2}))
try:
    build(Path({str(tmp_path)!r}), [Path(folder) for folder in {[str(folder) for folder in folders]!r}])
except UserError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith(f"cannot write {database} (")
    assert done.returncode == 0
    assert database.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.duckdb", "runs"]
