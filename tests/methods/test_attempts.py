"""Each process that trained a run is listed with its start, its duration and its end, whatever that was."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone

import pytest

from sitt.config.compose import dump
from sitt.errors import UserError
from sitt.methods import train
from sitt.runs import provenance
from sitt.runs.attempts import Attempts
from sitt.runs.provenance import GitState
from tests.conftest import assert_same_results, at_iteration, tiny

EVERY = "training.checkpoint_interval_s=0"
KILLED = """
import os, signal, sys
from pathlib import Path
from sitt.config.compose import load
from sitt.methods import train
from sitt.runs.progress import Progress

update = Progress.update

def watched(progress, iteration, env_steps):
    update(progress, iteration, env_steps)
    if iteration == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Progress.update = watched
train(load(Path(sys.argv[1])), Path(sys.argv[2]), None)
"""
BUSY = """
import signal, sys
from pathlib import Path
from sitt.runs.attempts import Attempts

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell puts in the background ignores it
attempts = Attempts(Path(sys.argv[1]))
with attempts.under_way():
    print("listed", flush=True)
    while len(sys.argv) > 2:
        attempts.note()
    sys.stdin.read()
"""


def listed(path):
    """Return the attempts in run.json or attempts.json."""
    return json.loads(path.read_text(encoding="utf-8"))["attempts"]


def exits(path):
    return [attempt["exit"] for attempt in listed(path)]


def busy(folder, *words):
    """Start a process whose attempt has begun."""
    command = [sys.executable, "-c", BUSY, str(folder), *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"listed\n"
    return process


def fail(*_):
    raise UserError("no room")


def test_every_end_is_listed_with_start_and_duration(trained, tmp_path, monkeypatch):
    config, output = tiny("joint", 0, EVERY), tmp_path / "policy.pt"
    dump(config, tmp_path / "config.yaml")
    begun = datetime.now(timezone.utc).replace(microsecond=0)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "config.yaml"), str(output)], timeout=300)
    assert done.returncode == -signal.SIGKILL
    (killed,) = listed(tmp_path / "checkpoints/attempts.json")
    assert killed["exit"] is None  # nobody could say more
    assert killed["wall_s"] > 0  # until the checkpoint after the first iteration
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job would ignore it
    for iteration, act, stop in (
        (2, lambda: os.kill(os.getpid(), signal.SIGTERM), SystemExit),
        (3, fail, UserError),
        (3, lambda: os.kill(os.getpid(), signal.SIGINT), SystemExit),
    ):
        at_iteration(monkeypatch, iteration, act)
        with pytest.raises(stop):
            train(config, output, None)
    signal.signal(signal.SIGINT, previous)
    train(config, output, None)
    attempts = listed(tmp_path / "run.json")
    assert [attempt["exit"] for attempt in attempts] == ["killed", "SIGTERM", "error", "SIGINT", "finished"]
    assert attempts[0] == {**killed, "exit": "killed"}
    starts = [begun, *(datetime.fromisoformat(attempt["started_at"]) for attempt in attempts)]
    assert starts == sorted(starts)
    assert all(0 < attempt["wall_s"] < 300 for attempt in attempts)
    (tmp_path / "config.yaml").unlink()
    assert_same_results(tmp_path, trained("joint").folder)


def test_a_whole_training_is_one_attempt(trained):
    content = json.loads((trained("joint").folder / "run.json").read_text(encoding="utf-8"))
    (attempt,) = content["attempts"]
    assert attempt["exit"] == "finished"
    assert 0 < attempt["wall_s"] <= content["wall_s"]
    assert content["started_at"] <= attempt["started_at"]


def test_results_that_a_workflow_deletes_leave_their_attempt(trained, tmp_path, monkeypatch):
    run, folder = trained("joint"), tmp_path / "runs/joint/seed0"
    file = tmp_path / "checkpoints/joint/seed0/attempts.json"
    with monkeypatch.context() as patch:
        patch.setattr("sitt.runs.session.save_networks", fail)
        with pytest.raises(UserError):
            train(run.config, folder / "policy.pt", None)
    assert exits(file) == ["error"]
    train(run.config, folder / "policy.pt", None)
    assert exits(file) == exits(folder / "run.json") == ["error", "finished"]
    shutil.rmtree(folder)
    train(run.config, folder / "policy.pt", None)
    assert exits(folder / "run.json") == ["error", "finished", "finished"]
    assert_same_results(folder, run.folder)


def test_what_is_refused_trained_nothing(trained, tmp_path, monkeypatch):
    config, output = tiny("joint", 0), tmp_path / "policy.pt"
    at_iteration(monkeypatch, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        train(config, output, None)
    with pytest.raises(UserError, match="of another training"):
        train(tiny("joint", 0, "ppo.gamma=0.5"), output, None)
    assert exits(tmp_path / "checkpoints/attempts.json") == ["SIGTERM"]


def test_a_kill_before_the_first_checkpoint_has_no_duration(tmp_path):
    process = busy(tmp_path)
    process.kill()
    process.wait()
    process = busy(tmp_path)
    process.send_signal(signal.SIGINT)
    process.wait()
    first, second, third = Attempts(tmp_path).until_now("finished")
    assert (first["wall_s"], first["exit"]) == (None, "killed")
    assert second["exit"] == "SIGINT"
    assert second["wall_s"] > 0
    assert third["exit"] == "finished"


def test_whenever_a_process_is_killed_the_list_is_whole(tmp_path, capsys):
    rng = random.Random()
    for _ in range(8):
        process = busy(tmp_path, "note all the time")
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.wait()
    assert [attempt["exit"] for attempt in Attempts(tmp_path).all] == ["killed"] * 8 + [None]
    assert capsys.readouterr().err == ""


def test_a_flipped_bit_starts_a_new_list_and_says_so(tmp_path, capsys):
    with pytest.raises(UserError), Attempts(tmp_path).under_way():
        fail()
    file = tmp_path / "attempts.json"
    whole, noticed = file.read_bytes(), 0
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        if len(Attempts(tmp_path).all) == 1:
            assert capsys.readouterr().err == (
                f"{file} is damaged; the training goes on, but its list of attempts starts anew\n"
            )
            noticed += 1
        else:  # a bit that means nothing, such as one of the space between two keys
            assert Attempts(tmp_path).all[0] == json.loads(whole)["attempts"][0]
    assert noticed > len(whole) / 7 * 0.8


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"[]", b"{}", b'{"attempts": 1, "sha256": 2}'])
def test_no_content_of_the_file_stops_a_process(tmp_path, capsys, content):
    (tmp_path / "attempts.json").write_bytes(content)
    assert [attempt["exit"] for attempt in Attempts(tmp_path).until_now("finished")] == ["finished"]
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("damage", ["cut", "unwritable"])
def test_a_training_goes_on_without_the_list_of_its_attempts(trained, tmp_path, monkeypatch, capsys, damage):
    run, file = trained("joint"), tmp_path / "checkpoints/attempts.json"
    at_iteration(monkeypatch, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        train(run.config, tmp_path / "policy.pt", None)
    if damage == "cut":
        os.truncate(file, 50)
    else:
        file.unlink()
        file.mkdir()  # which can be neither read nor replaced
    resumed = []
    monkeypatch.setattr("sitt.runs.progress.Progress.resumed", lambda progress, *counts: resumed.append(counts[0]))
    train(run.config, tmp_path / "policy.pt", None)
    assert resumed == [2]
    assert exits(tmp_path / "run.json") == ["finished"]
    assert f"{file} is damaged; the training goes on" in capsys.readouterr().err
    assert_same_results(tmp_path, run.folder)


def test_the_code_is_what_it_was_when_the_process_began(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "git_state", lambda: GitState("before", True, "diff"))
    at_iteration(monkeypatch, 2, lambda: monkeypatch.setattr(provenance, "git_state", lambda: GitState("after")))
    train(tiny("joint", 0), tmp_path / "policy.pt", None)
    content = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert (content["git_commit"], content["git_dirty"], content["git_diff"]) == ("before", True, "diff")
