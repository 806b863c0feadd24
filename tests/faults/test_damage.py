"""One flipped bit, or a file cut short: what was written comes back, or one sentence names the file."""

import random
import shutil

import pytest
import torch
from synthetic_runs import rows

from sitt.cli import main
from sitt.errors import UserError
from sitt.evaluation import evaluate_run
from sitt.methods import train
from sitt.query import query
from sitt.report.contents import read
from sitt.runs.shards import write_episodes
from sitt.runs.weights import load_networks
from tests.conftest import tiny

TABLES = ("runs", "training", "episodes")


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """The folder of a trained and evaluated run, METHOD/seedN."""
    done = trained("joint")
    folder = tmp_path_factory.mktemp("damage") / "joint" / "seed0"
    shutil.copytree(done.folder, folder)
    evaluate_run(done.config, folder / "policy.pt", folder / "episodes.parquet")
    return folder


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the run that may be damaged."""
    return shutil.copytree(run, tmp_path / "joint" / "seed0")


@pytest.fixture(scope="module")
def database(run):
    """The database of that run."""
    path = run.parents[1] / "metrics.duckdb"
    assert store(run, path) == 0
    return path


def store(run, database):
    return main(["store", "--experiment=smoke", f"--output={database}", str(run)])


def flipped(path, count):
    """Flip one random bit at a time, evenly over the file; the file is whole again afterwards."""
    whole, rng = path.read_bytes(), random.Random(0)
    for k in range(count):
        content = bytearray(whole)
        content[len(whole) * k // count + rng.randrange(3)] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        yield
    path.write_bytes(whole)


def one_sentence(message, path):
    assert "\n" not in message
    assert str(path) in message
    return message


def complaint(action, *arguments):
    """Return the sentence of a UserError, or None if all went well."""
    try:
        action(*arguments)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("name", "least"), [("training.parquet", 9), ("episodes.parquet", 9), ("run.json", 5)])
def test_a_flipped_bit_in_a_shard_stops_the_build(copy, database, tmp_path, capsys, name, least):
    expected = [rows(database, f"FROM {table}") for table in TABLES]
    built, refused = tmp_path / "metrics.duckdb", 0
    for _ in flipped(copy / name, count=10):
        if store(copy, built):
            assert "Traceback" not in one_sentence(capsys.readouterr().err.strip(), copy / name)
            assert not built.exists()
            refused += 1
        else:  # a bit that means nothing, such as one of the space between two keys
            assert [rows(built, f"FROM {table}") for table in TABLES] == expected
            built.unlink()
    assert refused >= least


def test_a_number_that_was_changed_by_hand_is_noticed(copy, tmp_path, capsys):
    path = copy / "run.json"
    text = path.read_text(encoding="utf-8")
    assert '"gradient_steps": 8,' in text
    path.write_text(text.replace('"gradient_steps": 8,', '"gradient_steps": 9,', 1), encoding="utf-8")
    assert store(copy, tmp_path / "metrics.duckdb") == 1
    assert "run.json is damaged" in capsys.readouterr().err


def test_a_foreign_shard_is_refused(copy, tmp_path, capsys):
    write_episodes(copy / "episodes.parquet", [])
    assert store(copy, tmp_path / "metrics.duckdb") == 1
    assert "episodes.parquet has no rows" in capsys.readouterr().err


def test_a_flipped_bit_in_the_database_is_named(database, tmp_path):
    def look():
        assert [query(path, f"FROM {table}") for table in TABLES] == expected

    path, expected = tmp_path / database.name, [query(database, f"FROM {table}") for table in TABLES]
    shutil.copy(database, path)
    refused = 0
    for _ in flipped(path, count=16):
        if message := complaint(look):
            assert "cannot be read (" in one_sentence(message, path)
            assert message.endswith("; delete it and run the workflow again")
            one_sentence(complaint(read, path), path)  # and no report is made of it
            refused += 1
    assert refused >= 8


def test_a_database_cut_short_is_named(database, tmp_path):
    path = tmp_path / database.name
    path.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    with pytest.raises(UserError, match="cannot be read"):
        query(path, "FROM training")


def test_a_flipped_bit_in_policy_pt_is_named(trained, copy):
    config, path = trained("joint").config, copy / "policy.pt"
    expected = torch.load(path, weights_only=True)

    def look():
        weights = load_networks(config, path).state_dict()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)

    refused = 0
    for _ in flipped(path, count=16):
        if message := complaint(look):
            assert "is damaged or no policy file; remove it" in one_sentence(message, path)
            refused += 1
    assert refused >= 14


@pytest.mark.parametrize("name", ["checkpoint.pt", "observations.bin", "embeddings.bin"])
def test_a_flipped_bit_in_a_checkpoint_is_named(tmp_path, monkeypatch, name):
    class KilledError(Exception):
        pass

    def kill(*_):
        raise KilledError

    config = tiny("joint", 0, "training.checkpoint_interval_s=0")
    with monkeypatch.context() as patch:
        patch.setattr("sitt.runs.session.Session._finish", kill)
        with pytest.raises(KilledError):
            train(config, tmp_path / "policy.pt", None)
    for _ in flipped(tmp_path / "checkpoints" / name, count=4):
        with pytest.raises(UserError, match="is damaged or no checkpoint of this code") as caught:
            train(config, tmp_path / "policy.pt", None)
        one_sentence(str(caught.value), tmp_path / "checkpoints/checkpoint.pt")
    train(config, tmp_path / "policy.pt", None)
