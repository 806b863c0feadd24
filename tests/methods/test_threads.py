"""While a simulator steps, torch has one thread: others would wait in busy loops, on the physics' cores."""

import pytest
import torch

from sitt import threads
from sitt.evaluation import final_episodes
from sitt.methods import train
from sitt.task.drawer_world import DrawerWorld
from tests.conftest import tiny


@pytest.fixture(autouse=True)
def one_thread_afterwards():
    yield
    torch.set_num_threads(1)


@pytest.fixture
def while_stepping(monkeypatch):
    """Return the numbers of torch's threads in steps of the world so far."""
    seen, step = set(), DrawerWorld.step
    monkeypatch.setattr(DrawerWorld, "step", lambda *given: seen.add(torch.get_num_threads()) or step(*given))
    return seen


@pytest.mark.parametrize("method", ["joint", "dagger"])
def test_the_physics_has_the_cores_for_itself(trained, tmp_path, while_stepping, method):
    teacher = trained("joint").folder / "policy.pt" if method == "dagger" else None
    config, policy = tiny(method, 0, "threads=2"), tmp_path / "policy.pt"
    train(config, policy, teacher)
    assert while_stepping == {1} and torch.get_num_threads() == 2  # for the learning
    while_stepping.clear()
    final_episodes(config, policy)
    assert while_stepping == {1} and torch.get_num_threads() == 2


def fail_on_one_thread():
    with threads.one_thread():
        assert torch.get_num_threads() == 1
        raise ZeroDivisionError


def test_an_error_leaves_the_threads_as_they_were():
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError):
        fail_on_one_thread()
    assert torch.get_num_threads() == 2
