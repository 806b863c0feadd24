"""The reward, term by term, against values worked out by hand from OIGE's formulas."""

import pytest
import torch

from sitt.config.compose import compose
from sitt.task.rewards import Reward, RewardInputs


@pytest.fixture(scope="module")
def cfg():
    """OIGE's weights, with IsaacGymEnvs' for the two finger terms, and ours for grip and success."""
    weights = {"rotation": 0.5, "open": 7.5, "around": 0.25, "finger_distance": 5.0}
    return compose("embedded", "joint", 0).task.reward.model_copy(update=weights)


def inputs(**changes):
    values = dict(
        distance=1.0,
        forward_dot=1.0,
        up_dot=1.0,
        left_finger_height=0.03,
        right_finger_height=-0.02,
        fingers=[0.01, 0.02],
        opening=0.0,
        success=False,
        actions=[0.0] * 9,
    )
    assert set(changes) <= set(values)
    values.update(changes)
    return RewardInputs(**{name: torch.tensor([value]) for name, value in values.items()})


def terms(cfg, **changes):
    return {name: float(value) for name, value in Reward(cfg).terms(inputs(**changes)).items()}


def test_distance_is_inverse_fourth_power_and_doubles_within_two_centimetres(cfg):
    assert terms(cfg, distance=1.0)["distance"] == pytest.approx(2.0 * 0.25)
    assert terms(cfg, distance=0.03)["distance"] == pytest.approx(2.0 / 1.0009**2, rel=1e-5)
    assert terms(cfg, distance=0.02)["distance"] == pytest.approx(2.0 * 2.0 / 1.0004**2, rel=1e-5)


def test_rotation_keeps_the_sign_of_each_cosine(cfg):
    assert terms(cfg)["rotation"] == pytest.approx(0.5)
    assert terms(cfg, forward_dot=-0.5, up_dot=0.8)["rotation"] == pytest.approx(0.5 * 0.5 * (-0.25 + 0.64))


def test_fixed_reward_reads_both_fingers(cfg):
    between = terms(cfg)
    assert between["around"] == pytest.approx(0.25 * 0.5)
    assert between["finger_distance"] == pytest.approx(5.0 * (0.01 + 0.02), rel=1e-5)
    both_above = terms(cfg, right_finger_height=0.01)
    assert both_above["around"] == both_above["finger_distance"] == 0.0


def test_upstream_reward_never_has_the_handle_between_the_fingers(cfg):
    upstream = cfg.model_copy(update={"finger_reward": "upstream", "around": 10.0, "finger_distance": 100.0})
    result = terms(upstream, opening=0.395)
    assert result["around"] == result["finger_distance"] == 0.0
    assert result["bonus"] == pytest.approx(0.5)
    assert result["open"] == pytest.approx(7.5 * 0.395)


def test_fingers_close_only_near_the_handle(cfg):
    assert terms(cfg, distance=0.03)["finger_close"] == pytest.approx(10.0 * (0.03 + 0.02), rel=1e-5)
    assert terms(cfg, distance=0.031)["finger_close"] == 0.0


def test_grip_pays_for_closed_fingers_around_the_handle_of_an_opening_drawer(cfg):
    assert cfg.grip > 0.0
    assert terms(cfg, distance=0.08, opening=0.011)["grip"] == pytest.approx(cfg.grip * (0.03 + 0.02), rel=1e-5)
    assert terms(cfg, distance=0.081, opening=0.011)["grip"] == 0.0
    assert terms(cfg, distance=0.08, opening=0.01)["grip"] == 0.0
    assert terms(cfg, distance=0.08, opening=0.011, right_finger_height=0.01)["grip"] == 0.0


@pytest.mark.parametrize(("opening", "bonus"), [(0.01, 0.0), (0.011, 0.5), (0.21, 1.0), (0.391, 2.0)])
def test_bonuses_add_up_at_their_openings(cfg, opening, bonus):
    result = terms(cfg, opening=opening)
    assert result["bonus"] == pytest.approx(bonus)
    assert result["open"] == pytest.approx(7.5 * opening * 1.5, rel=1e-5)


def test_success_is_worth_its_weight_and_otherwise_nothing(cfg):
    assert terms(cfg, success=True)["success"] == cfg.success > 0.0
    assert terms(cfg, success=False)["success"] == 0.0


def test_action_penalty_is_the_squared_norm(cfg):
    assert terms(cfg, actions=[1.0, -1.0, 0.5] + [0.0] * 6)["action"] == pytest.approx(-0.01 * 2.25)
