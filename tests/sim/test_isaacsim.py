"""The adapter to Isaac Sim under the fakes: its start, its cameras, its displaced cabinets, and what it refuses."""

from __future__ import annotations

import signal
import sys

import pytest
import torch
from isaac.kit import CABINET_JOINTS
from isaac.setup import ABOVE, OIGE, OIGE_ROOT, drawer, isaac, isaac_sim
from pxr import UsdGeom

from sitt.config.compose import compose
from sitt.sim import make_simulator
from sitt.sim.isaacsim.cabinet import displaced
from sitt.task.rotations import about_z
from tests.conftest import sentence

TASK = drawer({"camera": ABOVE})
DEFAULT = torch.tensor(TASK.robot.default_joint_positions)
PROPS = drawer({"camera": ABOVE, "cabinet": {"props": True}})


@pytest.fixture
def kit():
    with isaac(TASK) as kit:
        yield kit


def make(count, task=TASK, **changes):
    return make_simulator(task, isaac_sim(**{"cameras": 2, **changes}), count, 1)


def drawn(kit):
    return [product.drawn for product in kit.products]


def test_without_isaac_sim_one_sentence_says_what_is_needed():
    assert "omni" not in sys.modules
    message = sentence(make, 2)
    assert "sim.name = isaacsim needs Isaac Sim 4.0.0" in message and "choose sim: mujoco" in message


def test_without_oige_one_sentence_says_what_is_needed(tmp_path):
    with isaac(TASK, tmp_path):
        assert "OmniIsaacGymEnvs f8f91bc; clone it" in sentence(make, 2)


def test_oige_must_be_installed_from_its_clone(tmp_path):
    (tmp_path / "omniisaacgymenvs" / "envs").mkdir(parents=True)
    for name in ("__init__.py", "envs/__init__.py"):
        (tmp_path / "omniisaacgymenvs" / name).touch()
    (tmp_path / "omniisaacgymenvs" / "envs" / "vec_env_rlgames.py").write_text("VecEnvRLGames = None")
    with isaac(TASK, tmp_path):
        message = sentence(make, 2)
    assert "omni.isaac.sim.python.gym.camera.kit does not exist" in message and "pip install -e" in message


def test_kit_gets_one_gpu_and_neither_our_command_line_nor_ctrl_c(kit, monkeypatch):
    arguments = ["sitt", "train", "--config", "config.yaml"]
    monkeypatch.setattr(sys, "argv", arguments)
    before = signal.getsignal(signal.SIGINT)
    make(2)
    one_gpu = ["--/renderer/multiGpu/enabled=false", "--/renderer/multiGpu/autoEnable=false", "--/renderer/activeGpu=2"]
    assert kit.arguments == one_gpu and sys.argv is arguments
    assert signal.getsignal(signal.SIGINT) is before
    assert kit.experience.endswith("apps/omni.isaac.sim.python.gym.camera.kit")


def test_assets_come_from_the_folder_that_is_named(kit, monkeypatch):
    root = "/persistent/isaac/asset_root/default"
    make(2)
    assert kit.settings.get(root) != "/data/Assets/Isaac/4.0"
    with isaac(TASK) as other:
        monkeypatch.setenv("SITT_ASSETS", "/data/Assets/Isaac/4.0")
        make(2)
        assert other.settings[root] == "/data/Assets/Isaac/4.0", "after OIGE has set its own"


def test_oige_is_configured_with_our_numbers(kit):
    simulator = make(3)
    oige, params = simulator._stage.task, kit.world.sim_params
    assert params["dt"] == TASK.physics_dt and params["sim_device"] == "cpu"
    assert params["enable_cameras"] and params["add_distant_light"] and params["enable_viewport"]
    assert oige.control_frequency_inv == TASK.substeps and oige._num_envs == 3 and oige.num_props == 0
    assert oige.clip_actions == float("inf"), "or joint targets beyond ±1 would be cut"
    spacing = (oige._env_pos[1] - oige._env_pos[0]).norm()
    assert spacing == isaac_sim().env_spacing
    if OIGE_ROOT:
        assert oige._max_episode_length - 1 == TASK.episode_length
        assert kit.settings["/physics/updateToUsd"] is False, "with cameras, OIGE uses Fabric"
        assert "omni.replicator.isaac" in kit.extensions
        assert oige.franka_dof_speed_scales.tolist() == pytest.approx(TASK.robot.speed_scales)
        assert kit.stage.GetPrimAtPath("/World/defaultDistantLight")


def test_a_cabinet_with_other_joints_is_refused(kit):
    kit.cabinet_joints = [CABINET_JOINTS[3], *CABINET_JOINTS[:3]]
    assert "reads joint 3 of the cabinet as drawer_top_joint" in sentence(make, 2)


def test_a_robot_with_other_limits_is_refused(kit):
    lower = [*TASK.robot.joint_lower[:3], -2.9, *TASK.robot.joint_lower[4:]]
    task = drawer({"camera": ABOVE, "robot": {"joint_lower": lower}})
    message = sentence(make, 2, task)
    assert message.startswith("task.robot.joint_lower must be [-2.8973, -1.7628, -2.8973, -3.0718")


def test_nothing_is_drawn_unless_an_image_is_asked_for(kit):
    simulator = make(3, warmup_frames=5, frames_per_image=2)
    assert len(kit.products) == 2, "render products for the first two environments only"
    assert not any(product.enabled for product in kit.products)
    before, frames = drawn(kit), kit.world.rendered
    for _ in range(4):
        simulator.step(DEFAULT.expand(3, 9))
    assert drawn(kit) == before and kit.world.rendered == frames
    simulator.render(torch.tensor([1]))
    assert drawn(kit) == [before[0], before[1] + 2], "one camera, two frames"
    assert not any(product.enabled for product in kit.products)


def test_warm_up_draws_all_cameras_and_keeps_no_image(kit):
    simulator = make(2, warmup_frames=7)
    before = drawn(kit)
    simulator._stage.cameras.warm_up(4)
    assert drawn(kit) == [count + 4 for count in before]


def test_every_environment_has_a_camera_and_the_first_few_are_looked_through(kit):
    simulator = make(4)
    for env in range(4):
        camera = UsdGeom.Camera(kit.stage.GetPrimAtPath(f"/World/envs/env_{env}/student_camera"))
        assert camera and camera.GetClippingRangeAttr().Get()[1] == isaac_sim().env_spacing - 1
    assert [product.env for product in kit.products] == [0, 1]
    assert simulator.in_view().tolist() == [0, 1]
    with pytest.raises(ValueError, match="not all in view"):
        simulator.render(torch.tensor([1, 2]))


def test_a_picture_that_lags_behind_is_not_shown(kit):
    simulator = make(3, cameras=3)
    simulator.reset(torch.tensor([1]), DEFAULT[None], torch.tensor([[0.0, 0.15, 0.0, 0.0]]))
    assert simulator.in_view().tolist() == [0, 2], "environment 1's picture is still that of before the reset"
    stale = simulator._stage.cameras.images(torch.tensor([1]))
    with pytest.raises(ValueError, match="not all in view"):
        simulator.render(torch.tensor([1]))
    simulator.step(DEFAULT.expand(3, 9))
    assert simulator.in_view().tolist() == [0, 1, 2]
    assert not torch.equal(simulator.render(torch.tensor([1])), stale)


def test_a_camera_without_an_image_is_an_error_with_a_remedy(kit):
    simulator = make(2)
    kit.blind = True
    message = sentence(simulator.render, torch.tensor([1]))
    assert "camera of environment 1 gave nothing" in message and "raise sim.frames_per_image" in message


def test_one_frame_after_a_pause_shows_the_past(kit):
    """The habit that frames_per_image is for: with one frame only, the start-up check finds out."""
    message = sentence(lambda: make(2, frames_per_image=1, warmup_frames=0))
    assert "gave nothing" in message or "did not follow the cabinet" in message


def test_a_cabinet_that_stays_where_it_is_is_found_at_the_start(kit):
    kit.rooted = True
    message = sentence(make, 2)
    assert "set_world_poses did not displace the cabinet" in message and "replicate_physics=False" in message


def test_pictures_that_stay_as_they_are_are_found_at_the_start(kit):
    kit.frozen = True
    assert "picture did not follow the cabinet" in sentence(make, 2)


def test_oige_never_resets_an_environment_of_its_own_accord(kit, monkeypatch):
    """Its flags say that episodes are over; in OIGE the next step would start them anew at random."""
    simulator = make(3)
    oige = simulator._stage.task
    monkeypatch.setattr(oige, "reset_idx", lambda env_ids: pytest.fail("OIGE's reset"))
    moved = DEFAULT + 0.05
    for _ in range(4):
        oige.reset_buf[:] = 1
        simulator.step(moved.expand(3, 9))
    assert (simulator.state.joint_positions[:, :7] - DEFAULT[:7]).mean() > 0.005


@pytest.mark.parametrize("offset", [[0.1, -0.2, 0.05, 0.3], [-0.05, 0.1, 0.0, -0.5]])
def test_cubes_move_along_with_their_cabinet_and_come_to_rest(offset):
    with isaac(PROPS):
        simulator = make(3, PROPS)
        cubes = simulator._stage.task._props
        origin = simulator._stage.task._env_pos.repeat_interleave(4, 0)
        home = cubes.get_world_poses()[0] - origin
        cubes.set_velocities(torch.ones(12, 6))
        simulator.reset(torch.tensor([1]), DEFAULT[None], torch.tensor([offset]))
        now = cubes.get_world_poses()[0] - origin
        assert torch.equal(now[[0, 1, 2, 3, 8, 9, 10, 11]], home[[0, 1, 2, 3, 8, 9, 10, 11]])
        pivot = torch.tensor(PROPS.cabinet.position).expand(4, 3)
        moved, _ = displaced(home[:4], about_z(0.0).expand(4, 4), pivot, torch.tensor([offset]).expand(4, 4))
        assert torch.allclose(now[4:8], moved, atol=1e-5)
        assert cubes.get_velocities()[4:8].abs().max() == 0 and cubes.get_velocities()[:4].abs().max() == 1
        inside = now[4:8] - simulator.state.drawer_position[1]
        assert inside.abs().max() < 0.11


def test_a_saved_state_has_the_cubes_in_it():
    with isaac(PROPS):
        simulator = make(2, PROPS)
        saved = simulator.save()
        assert saved["props"].shape == (2, 4, 7) and saved["prop_velocities"].shape == (2, 4, 6)
        simulator.reset(torch.tensor([0]), DEFAULT[None], torch.tensor([[0.1, 0.1, 0.0, 0.2]]))
        simulator.load(saved)
        assert torch.allclose(simulator.save()["props"], saved["props"], atol=1e-6)


def test_an_evaluation_borrows_the_stage_and_gives_it_back(kit):
    """A second simulator in the process moves the same robots; the first goes on as if nothing had happened."""
    training = make(4)
    targets = DEFAULT + 0.3 * (torch.rand(30, 4, 9, generator=torch.Generator().manual_seed(0)) - 0.5)
    for step in range(10):
        training.step(targets[step])
    saved = training.save()
    evaluation = make(2)
    assert evaluation._stage is training._stage
    evaluation.reset(torch.arange(2), DEFAULT.expand(2, 9), torch.full((2, 4), 0.05))
    for step in range(10):
        evaluation.step(targets[step, :2])
    at_rest = evaluation.state.drawer_position.clone()
    for step in range(10, 20):
        training.step(targets[step])
    alone = training.state.select(torch.arange(4))
    training.load(saved)
    for step in range(10, 20):
        training.step(targets[step])
    assert (training.state.joint_positions - alone.joint_positions).abs().max() < 1e-4
    assert torch.equal(evaluation.state.drawer_position, at_rest)
    evaluation.step(targets[0, :2])
    assert torch.allclose(evaluation.state.drawer_position, at_rest, atol=1e-4)


def test_the_stage_can_neither_grow_nor_change(kit):
    make(2)
    assert "here with 2 environments, but 3 are asked for" in sentence(make, 3)
    assert "shows another task" in sentence(make, 2, drawer(OIGE))


def isaac_run(*overrides):
    return compose(
        "embedded",
        "joint",
        0,
        ("sim=isaacsim", "evaluation.num_envs=32", "training.evaluation_episodes=32", *overrides),
    )


def test_a_run_in_isaac_sim_is_configured_by_one_word_and_its_own_keys():
    config = isaac_run()
    assert config.sim.name == "isaacsim" and config.sim.cameras == 64
    message = sentence(lambda: compose("embedded", "joint", 0, ("sim.cameras=4",)))
    assert "unknown key sim.cameras" in message


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("sim.render_batch=65",), "sim.render_batch = 65 must not exceed sim.cameras = 64"),
        (("evaluation.num_envs=100",), "evaluation.num_envs = 100 must not exceed sim.cameras = 64"),
        (("sim.cameras=20000", "training.evaluation_episodes=9999"), "Isaac Sim has one stage per process"),
        (("task.robot.stiffness=[1,1,1,1,1,1,1,1,1]",), "task.robot.stiffness must be [400.0"),
        (("sim.env_spacing=1.0",), "sim.env_spacing = 1.0 is refused"),
        (("sim.pipeline=tpu",), "sim.pipeline = 'tpu' is refused"),
        (("sim.name=mujoco",), "unknown key sim.cameras"),
    ],
)
def test_what_does_not_fit_isaac_sim_is_refused(overrides, words):
    assert words in sentence(isaac_run, *overrides)


def test_who_imitates_needs_a_camera_in_every_environment():
    few = ("evaluation.num_envs=4", "training.evaluation_episodes=4", "sim.render_batch=8", "sim.cameras=8")
    message = sentence(lambda: compose("embedded", "dagger", 0, ("sim=isaacsim", *few)))
    assert "method.num_envs = " in message and "must not exceed sim.cameras = 8" in message


def test_the_maze_cannot_be_played_in_isaac_sim():
    message = sentence(lambda: compose("maze", "joint", 0, ("sim=isaacsim",)))
    assert "sim.name = isaacsim cannot play task maze" in message
