"""`sitt verify`: a slice of a finished run comes out again bit for bit, and a run that was tampered with does not."""

import json
import shutil

import pytest
import torch

from sitt.cli import main
from sitt.config.compose import dump
from sitt.evaluation import evaluate_run
from sitt.files import content_digest
from sitt.runs.provenance import hardware
from tests.conftest import tiny


@pytest.fixture(scope="module")
def finished(trained, tmp_path_factory):
    """Make the folder of a finished and evaluated run, at most once per method."""
    done = {}

    def run(method):
        if method not in done:
            done[method] = tmp_path_factory.mktemp("verify") / method / "seed0"
            shutil.copytree(trained(method).folder, done[method])
            dump(trained(method).config, done[method] / "config.yaml")
            evaluate_run(trained(method).config, done[method] / "policy.pt", done[method] / "episodes.parquet")
        return done[method]

    return run


@pytest.fixture
def tampered(finished, tmp_path):
    """A copy of a run that may be changed."""
    return shutil.copytree(finished("joint"), tmp_path / "joint" / "seed0")


def verdict(capsys, *folders):
    """Return the exit status and the sentences, one per run."""
    status = main(["verify", *map(str, folders)])
    return status, capsys.readouterr().out.splitlines()


def change_run_json(folder, change):
    path = folder / "run.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["sha256"]
    change(content)
    path.write_text(json.dumps({**content, "sha256": content_digest(content)}), encoding="utf-8")


def change_policy(folder):
    weights = torch.load(folder / "policy.pt", weights_only=True)
    for name, weight in weights.items():
        if name.startswith("student.") and weight.is_floating_point():
            weight += 0.1
    torch.save(weights, folder / "policy.pt")


def test_every_method_comes_out_again_and_leaves_no_trace(finished, capsys):
    folders = [finished(method) for method in ("bc", "dagger", "joint", "joint_aligned", "blind")]
    before = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    status, sentences = verdict(capsys, *folders)
    assert status == 0
    same = "the first 2 of 4 iterations and 8 of 8 final episodes of each policy came out as recorded, bit for bit"
    assert sentences == [f"{folder}: {same}" for folder in folders]
    assert [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders] == before


def test_another_policy_is_noticed_and_does_not_hide_the_runs_that_follow(finished, tampered, capsys):
    change_policy(tampered)
    status, (first, second) = verdict(capsys, tampered, finished("joint"))
    assert status == 1
    assert first.startswith(f"{tampered}: return of the student in episode 0 was ")
    cpu = hardware("mujoco", 1)["cpu"]
    assert f"processor ({cpu}) and versions are the same, so the code has changed (commit " in first
    assert second.endswith("bit for bit")


def test_the_processors_are_named_where_they_differ(tampered, capsys):
    change_policy(tampered)
    change_run_json(tampered, lambda content: content["hardware"].update(cpu="Abacus 2000"))
    status, (sentence,) = verdict(capsys, tampered)
    assert status == 1
    here = hardware("mujoco", 1)["cpu"]
    assert f"it was recorded on Abacus 2000, this is {here}, and numbers repeat bit for bit on one type" in sentence


def test_other_versions_are_named(tampered, capsys):
    change_policy(tampered)
    change_run_json(tampered, lambda content: content["versions"].update(torch="1.0"))
    assert f"the versions are not: torch (1.0, now {torch.__version__})" in verdict(capsys, tampered)[1][0]


def test_a_changed_configuration_is_noticed_in_the_training(tampered, capsys):
    dump(tiny("joint", 0, "ppo.gamma=0.5"), tampered / "config.yaml")
    status, (sentence,) = verdict(capsys, tampered)
    assert status == 1
    assert " of the student in iteration 2 was " in sentence or " of the teacher in iteration 2 was " in sentence
    assert sentence.endswith("; config.yaml is not the configuration that it was trained with")


@pytest.mark.parametrize("name", ["config.yaml", "policy.pt", "training.parquet", "episodes.parquet", "run.json"])
def test_an_unfinished_run_is_refused(tampered, capsys, name):
    (tampered / name).unlink()
    assert main(["verify", str(tampered)]) == 1
    assert capsys.readouterr().err == (
        f"Error: {tampered / name} does not exist; only a finished and evaluated run can be verified\n"
    )
