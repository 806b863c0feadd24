"""How much of the handle is seen: which states count, and what the measurement leaves alone."""

import pytest
import torch

from sitt.env import make_world
from sitt.evaluation import play, start_seeds, start_states, teacher_actor
from sitt.nn.distributions import Gaussian
from sitt.nn.policy import Networks
from sitt.sim import make_simulator
from sitt.task.franka_drawer import FrankaDrawer
from sitt.task.visibility import HandleVisibility
from tests.conftest import tiny

LENGTH = 12
# A camera that looks over the arm, so that from the start poses some of the handle is seen.
CONFIG = tiny("joint", 0, "task.camera.eye=[1.25,0.0,1.1]", "task.camera.fovy=55.0")
TASK = FrankaDrawer(CONFIG.task)


def watched(num_envs, every, networks):
    world = make_world(CONFIG, num_envs)
    watcher = world.watcher(every)
    outcome = play(world, start_states(TASK, start_seeds(5, 7)), teacher_actor(networks), observer=watcher)
    return outcome, watcher


def test_watching_changes_no_outcome_and_depends_on_no_batch():
    networks = Networks(CONFIG).eval()
    plain = play(make_world(CONFIG, 7), start_states(TASK, start_seeds(5, 7)), teacher_actor(networks))
    means, openings = [], []
    for num_envs in (1, 3, 7, 20):
        outcome, watcher = watched(num_envs, 4, networks)
        assert torch.equal(outcome.returns, plain.returns)
        means.append(watcher.visibility.means(7))
        openings.append(watcher.max_opening(7))
        assert watcher.visibility.at_contact(7).isnan().all()  # in a fifth of a second nobody gets there
        assert watcher.columns(outcome)["handle_visible_at_contact"] == [None] * 7
    assert all(torch.equal(one, openings[0]) for one in openings)
    assert all(torch.equal(one, means[0]) for one in means)
    assert 0 < means[0].min() < means[0].max() <= 1


@pytest.mark.parametrize("every", [1, 5, 50])
def test_the_mean_is_over_every_kth_state_in_which_an_action_is_chosen(every):
    seen = []

    def look(step, world):
        seen.append(world.simulator.handle_visible(torch.arange(3)).double())
        visibility(step, world.simulator)

    def swing(observations, world):
        return Gaussian(torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0, 0]).expand(3, 9), torch.zeros(9))

    visibility = HandleVisibility(every, LENGTH)
    joints, displacements = start_states(TASK, start_seeds(5, 3))
    joints[:, :4] = torch.tensor([0.1, -0.5, 0.0, -1.8])  # before the handle, from where the arm swings aside
    play(make_world(CONFIG, 3), (joints, displacements), swing, observer=look)
    assert len(seen) == LENGTH + 1
    assert not torch.equal(seen[0], seen[-1])
    assert torch.allclose(visibility.means(3), torch.stack(seen[:-1:every]).mean(0), rtol=1e-12)


def test_states_with_the_handle_outside_the_image_do_not_count():
    simulator = make_simulator(CONFIG.task, CONFIG.sim, 2, 1)
    joints, near = torch.tensor(CONFIG.task.robot.default_joint_positions).expand(2, 9), torch.zeros(2, 4)
    far = near + torch.tensor([0.0, 5.0, 0.0, 0.0])
    visibility = HandleVisibility(1, LENGTH)
    for step, offset in enumerate([near, far]):
        simulator.reset(torch.arange(2), joints, torch.stack((offset[0], far[1])))
        visibility(step, simulator)
        if step == 0:
            seen = simulator.handle_visible(torch.arange(1))
    means = visibility.means(2)
    assert means[0] == seen[0] > 0
    assert means[1].isnan()


def test_the_first_contact_counts():
    """The hand is put on the handle, and later away from it: what was seen in between stays."""
    simulator = make_simulator(CONFIG.task, CONFIG.sim, 1, 1)
    joints = torch.tensor([CONFIG.task.robot.default_joint_positions])
    points, visibility = TASK.points(simulator.state), HandleVisibility(50, LENGTH)
    simulator.reset(torch.arange(1), joints, torch.zeros(1, 4))
    visibility(0, simulator)
    assert visibility.at_contact(1).isnan()
    onto_the_hand = (points.grasp - points.handle)[0].tolist()
    simulator.reset(torch.arange(1), joints, torch.tensor([[*onto_the_hand, 0.0]]))
    touching = simulator.handle_visible(torch.arange(1))
    visibility(1, simulator)
    simulator.reset(torch.arange(1), joints, torch.zeros(1, 4))
    visibility(2, simulator)
    assert torch.equal(visibility.at_contact(1), touching)
    assert not torch.equal(touching, simulator.handle_visible(torch.arange(1)))
