"""What rises and what falls in the course of a training, by hand."""

import pytest

from sitt.config.compose import compose
from sitt.rl.schedule import explored, pressed, settled, student_learning_rate


def config_of(fraction):
    return compose("smoke", "joint", 0, (f"ppo.exploration_fraction={fraction}", "student.learning_rate=0.002"))


@pytest.mark.parametrize(
    ("progress", "share_explored", "share_settled"),
    [(0.0, 0.0, 0.0), (0.1, 0.5, 0.0), (0.2, 1.0, 0.0), (0.6, 1.0, 0.5), (0.9, 1.0, 0.875)],
)
def test_first_exploration_then_settling(progress, share_explored, share_settled):
    config = config_of(0.2)
    assert explored(config.ppo, progress) == pytest.approx(share_explored)
    assert settled(config.ppo, progress) == pytest.approx(share_settled)
    assert student_learning_rate(config, progress) == pytest.approx(0.002 * (1.0 - share_settled))


def test_a_training_may_explore_to_its_end():
    config = config_of(1.0)
    assert explored(config.ppo, 0.9) == pytest.approx(0.9)
    assert settled(config.ppo, 0.9) == 0.0


@pytest.mark.parametrize(
    ("start", "rise", "progress", "share"),
    [
        *((0.0, 0.5, 0.0, 0.0), (0.0, 0.5, 0.25, 0.5), (0.0, 0.5, 0.9, 1.0)),
        *((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.9, 1.0)),
        *((0.2, 0.5, 0.1, 0.0), (0.2, 0.5, 0.2, 0.0), (0.2, 0.5, 0.45, 0.5), (0.2, 0.5, 0.8, 1.0)),
        *((0.2, 0.0, 0.1, 0.0), (0.2, 0.0, 0.2, 1.0)),
    ],
)
def test_the_weights_rise_or_are_in_full_force_once_they_start(start, rise, progress, share):
    overrides = (f"ppo.lambda_start={start}", f"ppo.lambda_rise={rise}", "ppo.exploration_fraction=0.2")
    assert pressed(compose("smoke", "joint", 0, overrides).ppo, progress) == pytest.approx(share)
