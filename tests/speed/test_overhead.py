"""Where an experiment's core-seconds went, from files written by hand."""

import json

import pytest

from benchmarks.overhead import USEFUL, Call, account, breakdown, find_call, read_runs
from sitt.errors import UserError

LOG = """\
Provided cores: 2
Job stats:
train_bc              1
train_joint           {joint}
total                 9
    output: results/embedded/runs/joint/seed0/policy.pt
{elapsed}
"""
OPENING = {"wall_s": 30.0}
"""The process that trained what a run began with."""


def job(results, name, seconds):
    file = results / "benchmarks" / f"{name}.tsv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n", encoding="utf-8")


def log(root, name, joint=1, elapsed="Elapsed time: 0:01:40.500000"):
    file = root / ".snakemake" / "log" / f"{name}.snakemake.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(LOG.format(joint=joint, elapsed=elapsed), encoding="utf-8")


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results" / "embedded"
    for method, training, train, evaluate in (("bc", 50.0, 54.0, 14.0), ("joint", 70.0, 76.0, 25.0)):
        run = folder / "runs" / method / "seed0"
        run.mkdir(parents=True)
        run.joinpath("run.json").write_text(
            json.dumps({"attempts": [OPENING, {"wall_s": training}], "config": {"threads": 1}})
        )
        job(folder, f"{method}/seed0/configure", 2.0)
        job(folder, f"{method}/seed0/train", train)
        job(folder, f"{method}/seed0/evaluate", evaluate)
    job(folder, "opening/seed0/train", 11.0)
    job(folder, "table1", 3.0)
    return folder


def test_core_seconds_add_up(results):
    runs, call = read_runs(results), Call(2, 100.0)
    parts = account(results, call, runs)
    assert parts == {
        "training": 120.0,
        "openings": 6.0,  # 11, less a start-up of 5, the median of 4 and 6
        "evaluation": 29.0,  # 14 + 25, less a start-up each
        "start-up of trainings": 10.0,
        "start-up of openings": 5.0,
        "start-up of evaluations": 10.0,
        "configure": 4.0,
        "table1": 3.0,
        "Snakemake, and cores without a job": 13.0,
    }
    assert sum(parts.values()) == 2 * 100.0
    assert set(USEFUL) <= parts.keys()
    assert breakdown(parts, call)[1] == pytest.approx(100 * (1 - 155 / 200))


def test_the_latest_call_that_made_all_runs_counts(results):
    root = results.parents[1]
    log(root, "1", elapsed="Elapsed time: 1 day, 1:00:00.000000")
    log(root, "2")
    log(root, "3", joint=0)  # went on from a kill, or made a report only
    log(root, "4", elapsed="")  # was killed
    assert find_call(results, 2) == Call(2, 100.5)
    (root / ".snakemake/log/2.snakemake.log").unlink()
    assert find_call(results, 2) == Call(2, 25 * 3600.0)


def test_what_cannot_be_counted_is_one_sentence(results, tmp_path):
    with pytest.raises(UserError, match="no one call of snakemake made all 2 runs"):
        find_call(results, 2)
    with pytest.raises(UserError, match="holds no finished run"):
        read_runs(tmp_path / "results" / "smoke")
    (results / "benchmarks/bc/seed0/evaluate.tsv").unlink()
    with pytest.raises(UserError, match=r"evaluate\.tsv is missing"):
        read_runs(results)
