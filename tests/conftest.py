"""Shared: one tiny trained run per method, made once per test session; and a copy of the configuration to break."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sitt.config import compose as composition
from sitt.config.compose import compose
from sitt.errors import UserError
from sitt.methods import train
from sitt.runs import plan

torch.set_num_threads(1)

TINY = (
    "training.iterations=4",
    "training.evaluations=3",
    "student.images=64",
    "student.gradient_steps=8",
    "training.num_envs=8",
    "task.episode_length=12",
)


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
