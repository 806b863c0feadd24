"""Files and names from strangers: no code of theirs runs, and one sentence refuses them."""

import os
import pickle
import shutil
from contextlib import suppress

import pytest
import torch

from sitt.cli import main
from sitt.config.compose import compose, dump, experiment_config, load
from sitt.runs.plan import make_plan
from tests.conftest import sentence, tiny

NAME = "x; touch pwned"


class Bomb:
    def __reduce__(self):
        return os.system, ("touch pwned",)


BOMBS = {
    "zip": lambda path: torch.save({"teacher.log_std": Bomb()}, path),
    "old": lambda path: torch.save([Bomb()], path, _use_new_zipfile_serialization=False),
    "pickle": lambda path: path.write_bytes(pickle.dumps(Bomb())),
}


@pytest.fixture(params=BOMBS)
def bomb(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bomb.pt"
    BOMBS[request.param](path)
    return path


def refusal(capsys, *arguments):
    """The one line that a command prints before it fails."""
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ")
    assert len(line) < 300
    assert not os.path.exists("pwned")
    return line


def test_these_bombs_would_go_off(bomb):
    if bomb.read_bytes()[:2] == b"PK":
        torch.load(bomb, weights_only=False)
    else:
        with bomb.open("rb") as file, suppress(EOFError):
            while True:  # torch's old format is several pickles, one after the other
                pickle.load(file)
    assert os.path.exists("pwned")


def test_a_bomb_as_policy_and_as_teacher(bomb, capsys):
    dump(tiny("bc", 0), "config.yaml")
    policy = ("evaluate", "--config=config.yaml", f"--policy={bomb}", "--output=episodes.parquet")
    teacher = ("train", "--config=config.yaml", "--output=policy.pt", f"--teacher={bomb}")
    for command in (policy, teacher):
        assert f"{bomb} is damaged or no policy file" in refusal(capsys, *command)
    assert sorted(os.listdir()) == ["bomb.pt", "config.yaml"]


def test_a_bomb_as_checkpoint(bomb, capsys):
    dump(tiny("joint", 0), "config.yaml")
    os.mkdir("checkpoints")
    shutil.move(bomb, "checkpoints/checkpoint.pt")
    message = refusal(capsys, "train", "--config=config.yaml", "--output=policy.pt")
    assert "checkpoints/checkpoint.pt is damaged or no checkpoint of this code" in message
    assert not os.path.exists("policy.pt")


@pytest.mark.parametrize("content", [[1, 2], {3: "x"}, {"teacher.log_std": "x"}, "x", {}])
def test_tensors_of_another_shape_of_file_are_no_teacher(tmp_path, monkeypatch, capsys, content):
    monkeypatch.chdir(tmp_path)
    dump(tiny("bc", 0), "config.yaml")
    torch.save(content, "odd.pt")
    assert "odd.pt" in refusal(capsys, "train", "--config=config.yaml", "--output=policy.pt", "--teacher=odd.pt")
    assert "odd.pt" in refusal(
        capsys, "evaluate", "--config=config.yaml", "--policy=odd.pt", "--output=episodes.parquet"
    )


def refused(action, *arguments):
    message = sentence(action, *arguments)
    assert not os.path.exists("pwned")
    return message


def test_a_hostile_name_is_refused_wherever_it_stands(repository):
    for group in ("method", "experiment"):
        shutil.copy(repository / f"configs/{group}/{'joint' if group == 'method' else 'smoke'}.yaml",
                    repository / f"configs/{group}/{NAME}.yaml")  # fmt: skip
    assert repr(NAME) in refused(make_plan, {"experiment": NAME})
    assert repr(NAME) in refused(experiment_config, NAME)
    assert repr(NAME) in refused(make_plan, {"experiment": "smoke", "methods": [NAME]})
    assert NAME in refused(make_plan, {"experiment": "smoke", "seeds": [NAME]})
    assert NAME in refused(make_plan, {NAME: "smoke"})
    assert repr(NAME) in refused(compose, "smoke", NAME, 0)
    assert repr(NAME) in refused(compose, NAME, "joint", 0)
    (repository / f"workflow/rules/methods/{NAME}.smk").touch()  # now it is one of `methods: all`
    assert repr(NAME) in refused(make_plan, {"experiment": "smoke"})


@pytest.mark.parametrize(
    "name", ["joint\n", "x\ntouch pwned", "../method/joint", "ｊoint", "jоint", "-x", "*", "", "a\0b"]
)
def test_a_name_that_only_looks_like_one_is_refused(repository, name):
    for action, arguments in (
        (compose, ("smoke", name, 0)),
        (compose, (name, "joint", 0)),
        (make_plan, ({"experiment": name},)),
        (make_plan, ({"experiment": "smoke", "methods": [name]},)),
        (make_plan, ({"experiment": "smoke", "seeds": [name]},)),
    ):
        assert repr(name) in refused(action, *arguments)


@pytest.mark.parametrize("file", ["experiment/smoke.yaml", "method/joint.yaml", "learning/default.yaml"])
def test_yaml_makes_no_objects(repository, file):
    with (repository / "configs" / file).open("a", encoding="utf-8") as text:
        text.write('\nextra: !!python/object/apply:os.system ["touch pwned"]\n')
    assert "python/object/apply" in refused(compose, "smoke", "joint", 0)
    assert "python/object/apply" in refused(make_plan, {"experiment": "smoke", "methods": ["joint"]})


def test_a_resolved_configuration_reads_no_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "secret")
    config = compose("smoke", "joint", 0)
    dump(config.model_copy(update={"method": config.method.model_copy(update={"label": "${oc.env:TOKEN}"})}),
         tmp_path / "config.yaml")  # fmt: skip
    assert load(tmp_path / "config.yaml").method.label == "${oc.env:TOKEN}"


def test_a_resolved_configuration_makes_no_objects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text('seed: !!python/object/apply:os.system ["touch pwned"]\n', encoding="utf-8")
    assert "config.yaml" in refused(load, tmp_path / "config.yaml")
