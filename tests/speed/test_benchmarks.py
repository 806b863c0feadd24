"""The benchmarks run: at sizes that say nothing about speed. (ppo_update needs rsl_rl, which the tests are without.)"""

import json
import re
import subprocess
import sys

import pytest

from benchmarks import warp
from benchmarks.workflow import METHODS, NAME, SEEDS, make_clone


def run(*command):
    return subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True)


def kept_figures(file, names):
    """Return the figures of a benchmark's JSON, in whose names these words stand."""
    figures = json.loads(file.read_text(encoding="utf-8"))["figures"]
    assert [name in figure["name"] for name, figure in zip(names, figures, strict=True)] == [True] * len(names)
    return figures


@pytest.mark.parametrize(
    ("command", "figures"),
    [
        (
            "simulator --threads 1 --num-envs 8 --rounds 1 --steps 2",
            ["of bare Batch.step", "without timers and sensors", "poses the new state", "MuJoCo Warp's ray tracer"],
        ),
        ("vector_env --envs 2 --num-envs 8 --rounds 1 --steps 2", ["AsyncVectorEnv, 2", "SyncVectorEnv, 2"]),
        ("store --runs 20", ["store", "memory", "table1"]),
        ("time_to_success --seeds 0 --learners sitt lift --limit-s 1", ["success: sitt", "Stable-Baselines3 (lift)"]),
    ],
)
def test_every_figure_is_measured_and_kept(tmp_path, command, figures):
    name, *options = command.split()
    done = run(f"benchmarks.{name}", *options, "--output", tmp_path / "kept.json")
    kept = kept_figures(tmp_path / "kept.json", figures)
    assert all(figure["value"] > 0 for figure in kept)
    met = all(figure["met"] for figure in kept) and name != "time_to_success"  # a second is not enough
    assert done.returncode == (0 if met else 1), done.stderr
    rows = [row for row in done.stdout.splitlines() if row.startswith("|")]
    assert [row.split(" | ")[0] for row in rows[2:]] == [f"| {figure['name']}" for figure in kept]


def test_images_are_measured_where_there_is_opengl(tmp_path):
    done = run("benchmarks.rendering", "--images", 2, "--rounds", 1, "--output", tmp_path / "kept.json")
    (figure,) = kept_figures(tmp_path / "kept.json", ["mujoco.Renderer on"])
    assert (figure["value"] is None) == (figure["note"] == "no OpenGL") == ("there is no OpenGL here" in done.stdout)
    assert figure["value"] is None or figure["value"] > 0
    assert done.returncode == (0 if figure["met"] else 1), done.stderr


def test_a_teacher_that_finds_nothing_is_said_so():
    tiny = ["training.num_envs=8", "training.iterations=4", "training.evaluations=2"]
    done = run("benchmarks.finding", *tiny, "student.images=4", "student.gradient_steps=4", "--seeds", 1, 2)
    assert done.stdout.splitlines() == ["seed 1: not found", "seed 2: not found"], done.stderr


def test_mujoco_warp_is_measured_without_a_gpu_too(tmp_path, monkeypatch, warp_on_cpu):
    options = ["--device", "cpu", "--num-envs", "2", "--steps", "1", "--rounds", "1", "--output"]
    monkeypatch.setattr(sys, "argv", ["warp", *options, str(tmp_path / "kept.json")])
    assert warp.main() == 0
    kept = kept_figures(tmp_path / "kept.json", ["simulator, 2", "task, 2", "images, 2", "of bare ray tracer"])
    assert all(figure["value"] > 0 for figure in kept)


def test_the_workflow_plans_the_brief_experiment(tmp_path):
    make_clone(tmp_path, 40)
    dry_run = [sys.executable, "-m", "snakemake", "--cores", "1", "--config", f"experiment={NAME}", "-n"]
    done = subprocess.run(dry_run, cwd=tmp_path, capture_output=True, text=True)
    planned = {name: int(count) for name, count in re.findall(r"^train_(\S+) +(\d+)$", done.stdout, re.M)}
    assert planned == dict.fromkeys(METHODS, len(SEEDS)), done.stdout + done.stderr


def test_the_parts_of_a_training_add_up():
    done = run("benchmarks.breakdown", "--iterations", 1)
    rows = {name: float(seconds) for name, seconds in re.findall(r"^\| ([^|]+) \| ([\d.]+) \|", done.stdout, re.M)}
    whole = rows.pop("all")
    assert {"physics: Batch.step", "PPO update", "reward", "physics: which robots are clear"} <= set(rows), done.stderr
    assert sum(rows.values()) == pytest.approx(whole, abs=0.1 * len(rows))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("store --runs 0", "argument --runs: 0 is less than 1"),
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
