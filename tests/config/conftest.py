import shutil

import pytest

from sitt.config import compose as module
from sitt.runs import plan


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A copy of what composition reads, free to be broken."""
    shutil.copytree(module.CONFIGS, tmp_path / "configs")
    shutil.copytree(module.METHOD_RULES, tmp_path / "workflow" / "rules" / "methods")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "CONFIGS", tmp_path / "configs")
    monkeypatch.setattr(module, "METHOD_RULES", tmp_path / "workflow" / "rules" / "methods")
    monkeypatch.chdir(tmp_path)
    caches = (module._composed_once, plan._config)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path
    for cache in caches:
        cache.cache_clear()
