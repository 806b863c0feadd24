import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))  # the made-up runs are shared with the tests of the store

from synthetic_runs import build, write_experiment, write_run


@pytest.fixture(scope="session")
def complete(tmp_path_factory):
    """A database of four methods and three seeds."""
    root = tmp_path_factory.mktemp("complete")
    return build(root, write_experiment(root))


@pytest.fixture(scope="session")
def ragged(tmp_path_factory):
    """A smoke test with a missing run, a method of a user's own with a hostile label, and a method without any run."""
    root = tmp_path_factory.mktemp("ragged")
    folders = write_experiment(root)
    (folders[-1] / "run.json").unlink()
    folders += [write_run(root, "my_method", seed, label="<b>mine</b> | 50 % & $x_1$") for seed in (0, 1)]
    folders.append(root / "runs" / "lost" / "seed0")
    return build(root, folders, smoke=True, allow_missing=True)
