"""The benchmarks run: at sizes that say nothing about speed. (ppo_update needs rsl_rl, which the tests are without.)"""

import json
import re
import subprocess
import sys

import pytest


def run(*command):
    return subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("command", "figures"),
    [
        ("simulator --threads 1 --num-envs 8 --rounds 1 --steps 2", 4),
        ("vector_env --envs 2 --num-envs 8 --rounds 1 --steps 2", 2),
        ("store --runs 20", 3),
        ("time_to_success --seeds 0 --learners sitt lift --limit-s 1", 2),
    ],
)
def test_every_figure_is_measured_and_kept(tmp_path, command, figures):
    name, *options = command.split()
    done = run(f"benchmarks.{name}", *options, "--output", tmp_path / "kept.json")
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert len(kept["figures"]) == figures
    assert all(figure["value"] > 0 for figure in kept["figures"])
    met = all(figure["met"] for figure in kept["figures"]) and name != "time_to_success"  # a second is not enough
    assert done.returncode == (0 if met else 1), done.stderr
    rows = [row for row in done.stdout.splitlines() if row.startswith("|")]
    assert [row.split(" | ")[0] for row in rows[2:]] == [f"| {figure['name']}" for figure in kept["figures"]]


def test_the_parts_of_a_training_add_up():
    done = run("benchmarks.breakdown", "--iterations", 1)
    rows = {name: float(seconds) for name, seconds in re.findall(r"^\| ([^|]+) \| ([\d.]+) \|", done.stdout, re.M)}
    whole = rows.pop("all")
    assert {"physics: Batch.step", "PPO update", "reward", "physics: which robots are clear"} <= set(rows), done.stderr
    assert sum(rows.values()) == pytest.approx(whole, abs=0.1 * len(rows))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("simulator --threads 0", "argument --threads: 0 is less than 1"),
        ("time_to_success --set foo=1", "Error: the command line: unknown key foo"),
        ("breakdown --method bc", "Error: --teacher is missing"),
    ],
)
def test_a_mistake_is_a_sentence(command, sentence):
    name, *options = command.split()
    done = run(f"benchmarks.{name}", *options)
    assert done.returncode in (1, 2)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
