"""Shared: one tiny trained run per method, made once per test session; and a copy of the configuration to break."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import duckdb
import pytest
import torch
import warp

from sitt.config import compose as composition
from sitt.config.compose import compose
from sitt.errors import UserError
from sitt.methods import train
from sitt.runs import plan
from sitt.runs.progress import Progress
from sitt.sim import make_simulator

torch.set_num_threads(1)

TINY = (
    "training.iterations=4",
    "training.evaluations=3",
    "student.images=64",
    "student.gradient_steps=8",
    "training.num_envs=8",
    "task.episode_length=12",
)


def pytest_addoption(parser):
    """`--long`: also the tests that take tens of minutes."""
    parser.addoption("--long", action="store_true", help="also run the tests marked long, which take tens of minutes")


def pytest_collection_modifyitems(config, items):
    """Leave out the long tests unless they are asked for."""
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes tens of minutes; pytest --long runs it"))


def tiny(method: str, seed: int, *overrides: str):
    """Return the configuration of a run of seconds."""
    extra = {"bc": ("method.num_envs=8",), "dagger": ("method.num_envs=8", "method.rounds=2")}
    return compose("smoke", method, seed, (*TINY, *extra.get(method, ()), *overrides))


def sentence(action, *arguments):
    """The message of the UserError that the action raises: one line, short enough to be read."""
    with pytest.raises(UserError) as caught:
        action(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    return message


def at_iteration(monkeypatch, number, act):
    """Act at the end of an iteration, before its checkpoint is due."""
    update = Progress.update

    def watched(progress, iteration, env_steps):
        update(progress, iteration, env_steps)
        if iteration == number:
            monkeypatch.setattr(Progress, "update", update)
            act()

    monkeypatch.setattr(Progress, "update", watched)


def assert_same_results(folder, other):
    """Equal in every column that is not a time, in every weight, and with nothing left over."""
    rows = [
        duckdb.sql(f"SELECT * EXCLUDE (wall_s) FROM '{path}/training.parquet' ORDER BY iteration, policy").fetchall()
        for path in (folder, other)
    ]
    assert rows[0] == rows[1]
    weights, expected = (torch.load(path / "policy.pt", weights_only=True) for path in (folder, other))
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in weights)
    assert {path.name for path in folder.iterdir()} == {"policy.pt", "training.parquet", "run.json"}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Train (method, seed) at most once and return its config and folder."""
    done = {}

    def run(method: str, seed: int = 0, again: bool = False) -> SimpleNamespace:
        key = (method, seed, again)
        if key not in done:
            folder: Path = tmp_path_factory.mktemp(f"{method}{seed}")
            teacher = run("joint", seed).folder / "policy.pt" if method in ("bc", "dagger") else None
            config = tiny(method, seed)
            train(config, folder / "policy.pt", teacher)
            done[key] = SimpleNamespace(config=config, folder=folder)
        return done[key]

    return run


WARP_ON_CPU = ("sim=mujoco_warp", "sim.device=cpu", "sim.render_batch=4")


@pytest.fixture(scope="session")
def warp_on_cpu():
    """The simulator mujoco_warp on the CPU, its physics compiled without optimisation, which takes half as long."""
    config = tiny("joint", 0, *WARP_ON_CPU)
    with mock.patch.object(warp.config, "optimization_level", 0):
        simulator = make_simulator(config.task, config.sim, 1, 1)
        simulator.step(simulator.state.joint_positions)
        simulator.handle_touched(torch.arange(1))
    return config.sim


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A copy of what composition reads, free to be broken."""
    shutil.copytree(composition.CONFIGS, tmp_path / "configs")
    shutil.copytree(composition.METHOD_RULES, tmp_path / "workflow" / "rules" / "methods")
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    monkeypatch.setattr(composition, "CONFIGS", tmp_path / "configs")
    monkeypatch.setattr(composition, "METHOD_RULES", tmp_path / "workflow" / "rules" / "methods")
    monkeypatch.chdir(tmp_path)
    caches = (composition._composed_once, plan._config)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path
    for cache in caches:
        cache.cache_clear()
