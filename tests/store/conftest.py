import pytest
from synthetic_runs import build, write_experiment


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """A database of four methods and three seeds, in a folder with a hostile name."""
    root = tmp_path_factory.mktemp("store") / "results [x]*"  # characters that DuckDB would read as a pattern
    return build(root, write_experiment(root))
