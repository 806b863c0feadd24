"""A recorded joint training, replayed for a blind student, gives what training it jointly in the dark gives."""

import os
import signal

import pytest
import torch

from sitt.errors import UserError
from sitt.methods import train
from sitt.sim.mujoco import MujocoSimulator
from tests.conftest import assert_same_results, at_iteration, sentence, tiny


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The folder of a joint training, and its recording in another."""
    folder, recording = tmp_path_factory.mktemp("joint"), tmp_path_factory.mktemp("recorded") / "recording.pt"
    train(tiny("joint", 0), folder / "policy.pt", None, recording)
    return folder, recording


def test_recording_changes_nothing(trained, recorded):
    assert_same_results(recorded[0], trained("joint").folder)


def test_a_replayed_training_is_the_joint_one_in_the_dark_to_the_bit(trained, recorded, tmp_path):
    train(tiny("blind", 0), tmp_path / "policy.pt", recorded[1])
    assert_same_results(tmp_path, trained("blind").folder)


def test_iterations_need_not_show_equally_many_states(tmp_path, monkeypatch):
    # In Isaac Sim, environments that were just reset cannot be drawn.
    counts = iter([3, 8, 2, 5, 8, 1, 4, 6])
    monkeypatch.setattr(MujocoSimulator, "in_view", lambda simulator: torch.arange(next(counts)))
    train(tiny("joint", 0), tmp_path / "joint/policy.pt", None, tmp_path / "recording.pt")
    counts = iter([3, 8, 2, 5, 8, 1, 4, 6])
    train(tiny("blind", 0), tmp_path / "blind/policy.pt", None)
    train(tiny("blind", 0), tmp_path / "replayed/policy.pt", tmp_path / "recording.pt")
    assert_same_results(tmp_path / "replayed", tmp_path / "blind")


@pytest.mark.parametrize("method", ["joint", "blind"])
def test_interrupted_it_goes_on_to_the_bit(trained, recorded, tmp_path, monkeypatch, method):
    run = tmp_path / method
    teacher, record = {"joint": (None, tmp_path / "recording.pt"), "blind": (recorded[1], None)}[method]
    at_iteration(monkeypatch, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        train(tiny(method, 0), run / "policy.pt", teacher, record)
    train(tiny(method, 0), run / "policy.pt", teacher, record)
    assert_same_results(run, trained(method).folder)
    if record:
        replayed = tmp_path / "replayed"
        train(tiny("blind", 0), replayed / "policy.pt", record)
        assert_same_results(replayed, trained("blind").folder)


def test_a_recording_of_another_training_is_refused(recorded, tmp_path):
    output, recording = tmp_path / "policy.pt", recorded[1]
    for config in (tiny("blind", 1), tiny("blind", 0, "ppo.gamma=0.5")):
        message = sentence(train, config, output, recording)
        assert message.startswith(f"{recording} records another training: ")
    (tmp_path / "half.pt").write_bytes(recording.read_bytes()[:2000])
    assert "is damaged or no recording" in sentence(train, tiny("blind", 0), output, tmp_path / "half.pt")
    torch.save({"of": 1}, tmp_path / "foreign.pt")
    assert "is damaged or no recording" in sentence(train, tiny("blind", 0), output, tmp_path / "foreign.pt")
    assert "does not exist" in sentence(train, tiny("blind", 0), output, tmp_path / "none.pt")
    assert not output.exists()


@pytest.mark.parametrize("method", ["bc", "joint_aligned"])
def test_only_a_teacher_without_pressure_is_recorded(recorded, tmp_path, method):
    teacher = recorded[0] / "policy.pt" if method == "bc" else None
    with pytest.raises(UserError, match=f"--record .*: {method} trains no teacher that its student"):
        train(tiny(method, 0), tmp_path / "policy.pt", teacher, tmp_path / "recording.pt")
    assert list(tmp_path.iterdir()) == []
