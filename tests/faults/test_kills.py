"""SIGKILL at random moments of the smoke workflow, then the plain command again: nothing is lost, nothing differs.

Three kills of one training; `pytest --long tests/faults/test_kills.py` kills the whole smoke workflow 24 times.
"""

import contextlib
import os
import random
import re
import signal
import subprocess
import time

import duckdb
import pytest
import torch

from sitt.config.compose import compose
from tests.workflow.conftest import Clone, edit, jobs_of, wait_for

INTERVAL_S = 1.0
"""Between two checkpoints, here."""
KINDS = ("everything", "the workflow", "a training")
"""Who is killed: a machine that fails, a workflow that is stopped, a worker that takes too much memory."""
DIFFERING = {"runs": ("started_at", "wall_s", "attempts"), "training": ("wall_s",)}
"""Columns in which two runs of the same may differ on one machine (docs/metrics.md)."""
TABLES = ("meta", "runs", "training", "episodes", "paper")
ONE_RUN = ("results/smoke/metrics.duckdb", "--config", "experiment=smoke", "methods=[joint]", "seeds=[0]")
ALL_RUNS = ("--config", "experiment=smoke")


def slow_clone(folder, num_envs, gradient_steps):
    """A clone whose trainings last long enough to be killed again and again."""
    clone = Clone(folder)
    edit(clone, "  num_envs: 32", f"  checkpoint_interval_s: {INTERVAL_S}\n  num_envs: {num_envs}")
    edit(clone, "gradient_steps: 20", f"gradient_steps: {gradient_steps}")
    return clone


class Life:
    """The workflow from its start to its kill."""

    def __init__(self, clone, options) -> None:
        self.clone = clone
        for log in logs(clone):
            log.unlink()  # so that what is there was written in this life
        self.process = clone.start("snakemake", "--cores", "2", *options)

    def reach(self, moment):
        """Wait for the moment to kill."""
        found = wait_for(lambda: moment(self) or self.process.poll() is not None, 1800)
        assert found and self.process.poll() is None, "the workflow ended before it could be killed"

    def runs(self, name):
        """Return the processes of `sitt NAME`."""
        return [pid for pid, words in jobs_of(self.process.pid) if words[2:3] == [name] and words[1].endswith("/sitt")]

    def trains(self):
        """Whether some training is under way: it has begun or gone on, and is not finished."""
        return bool(self.runs("train")) and any(not finished(self.clone, run) for run in iterations(self.clone))

    def kill(self, kind):
        """Kill, see all processes go, and return the work that each training had not saved: iterations and seconds."""
        everything = [self.process.pid, *(pid for pid, _ in jobs_of(self.process.pid))]
        unsaved_s = {run: time.time() - saved_at(self.clone, run) for run in iterations(self.clone)}
        strike({"everything": everything, "the workflow": everything[:1], "a training": self.runs("train")[:1]}[kind])
        if kind == "a training":
            # The workflow ends and says so, or goes on with other runs, until it is killed too.
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert self.process.wait(timeout=5) != 0
            strike([self.process.pid, *(pid for pid, _ in jobs_of(self.process.pid))])
        self.process.wait()
        assert wait_for(lambda: not jobs_of(self.process.pid), 120), "a job outlived its workflow"
        last = iterations(self.clone)
        return [
            (last[run] - kept(self.clone, run), seconds)
            for run, seconds in unsaved_s.items()
            if not finished(self.clone, run)
        ]


def strike(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def logs(clone):
    return list((clone.folder / "results/smoke/logs").glob("*/*/train.log"))


def iterations(clone):
    """Return the last iteration that each training's log, and each opening's of 7 iterations, shows."""
    shown = {log: re.findall(r" (\d+)/(?:20|7) ", log.read_text(encoding="utf-8")) for log in logs(clone)}
    return {f"{log.parts[-3]}/{log.parts[-2]}": int(numbers[-1]) for log, numbers in shown.items() if numbers}


def saved_at(clone, run):
    """Return when a training wrote its last checkpoint, or else began: both leave the time on its folder."""
    folder = clone.folder / f"results/smoke/checkpoints/{run}"
    return folder.stat().st_mtime if folder.exists() else time.time()


def finished(clone, run):
    final = f"{run}/opening.pt" if run.startswith("opening/") else f"runs/{run}/policy.pt"
    return (clone.folder / "results/smoke" / final).exists()


def kept(clone, run):
    """Return the iteration from which a training will go on."""
    path = clone.folder / f"results/smoke/checkpoints/{run}/checkpoint.pt"
    return torch.load(path, weights_only=True)["iteration"] if path.exists() else 0


def complete(clone, options):
    done = clone.snakemake(*options)
    assert done.returncode == 0, done.stderr[-6000:]
    assert not list((clone.folder / "results/smoke/checkpoints").glob("*/*"))


def ask(clone, sql):
    with duckdb.connect(str(clone.folder / "results/smoke/metrics.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def differences(clone, other):
    """The tables that differ, but for the columns that may."""
    columns = {table: f"* EXCLUDE ({', '.join(DIFFERING[table])})" if table in DIFFERING else "*" for table in TABLES}
    queries = [f"SELECT {columns[table]} FROM {table} ORDER BY ALL" for table in TABLES]
    return [sql for sql in queries if ask(clone, sql) != ask(other, sql)]


def iteration_seconds(clone):
    """Return the duration of the longest iteration."""
    longest = "SELECT wall_s - lag(wall_s) OVER (PARTITION BY run_id, policy ORDER BY iteration) AS s FROM training"
    return ask(clone, f"SELECT max(s) FROM ({longest})")[0][0]


def test_the_presets_interval_is_at_most_half_a_minute():
    assert compose("embedded", "joint", 0).training.checkpoint_interval_s <= 30


def test_three_kills_of_a_training(tmp_path):
    clone, whole = (slow_clone(tmp_path / name, num_envs=128, gradient_steps=4000) for name in ("killed", "whole"))
    uninterrupted = whole.start("snakemake", "--cores", "1", *ONE_RUN)
    rng, lost = random.Random(), []
    # Two in the opening of 7 iterations, one after it: the last of an opening is too late.
    for kind, first in zip(rng.sample(KINDS, 3), (1, 3, 13), strict=True):
        iteration = first + rng.randrange(3)
        life = Life(clone, ONE_RUN)
        life.reach(lambda life, iteration=iteration: max(iterations(clone).values(), default=0) >= iteration)
        lost += life.kill(kind)
        assert not finished(clone, "joint/seed0")
    complete(clone, ONE_RUN)
    log = clone.folder / "results/smoke/logs/joint/seed0/train.log"
    assert "goes on from its checkpoint" in log.read_text(encoding="utf-8")
    assert uninterrupted.wait(timeout=3600) == 0
    assert differences(clone, whole) == []
    assert len(lost) == 3
    assert max(seconds for _, seconds in lost) <= INTERVAL_S + 3 * iteration_seconds(clone), lost


@pytest.mark.long
def test_twenty_four_kills_of_the_whole_workflow(tmp_path, capsys):
    clone, whole = (slow_clone(tmp_path / name, num_envs=512, gradient_steps=6000) for name in ("killed", "whole"))
    moments = {
        "train": (Life.trains, 4.0),
        "start": (lambda life: True, 8.0),
        **{name: (lambda life, name=name: life.runs(name), 0.3) for name in ("evaluate", "store", "report")},
    }
    rng, kills, lost = random.Random(), [], []
    stages = ["train"] * 18 + ["start"] * 3
    rng.shuffle(stages)
    for stage in [*stages, "evaluate", "store", "report"]:
        moment, delay_s = moments[stage]
        life = Life(clone, ALL_RUNS)
        life.reach(moment)
        time.sleep(rng.uniform(0, delay_s))
        inside = life.trains()
        kind = rng.choice(KINDS if inside else KINDS[:2])
        lost += life.kill(kind)
        kills.append((stage, kind, inside))
    complete(clone, ALL_RUNS)
    complete(whole, ALL_RUNS)
    longest_s, iteration_s = max(seconds for _, seconds in lost), iteration_seconds(clone)
    with capsys.disabled():
        print(f"\n{len(kills)} kills, {sum(inside for *_, inside in kills)} of them inside a training: {kills}")
        print(f"not saved, per kill and training: at most {longest_s:.1f} s; an iteration: at most {iteration_s:.1f} s")
        print(f"(iterations, seconds): {[(iterations, round(seconds, 1)) for iterations, seconds in lost]}")
        print(f"tables that differ: {differences(clone, whole)}")
    assert sum(inside for *_, inside in kills) >= 15
    assert ask(clone, "SELECT count(*) FROM runs WHERE status = 'finished'") == [(10,)]
    assert differences(clone, whole) == []
    assert longest_s <= INTERVAL_S + 3 * iteration_s, lost
