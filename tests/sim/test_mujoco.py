"""Facts about the embedded simulator: geometry, rest, contact, determinism."""

from __future__ import annotations

import json
import math
from pathlib import Path

import ik
import mujoco
import numpy as np
import pytest
import torch
import yaml

from sitt.config.schema import SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco import MujocoSimulator
from sitt.sim.mujoco.model import build_model

CONFIG = Path(__file__).parents[2] / "configs" / "task" / "franka_drawer.yaml"
SIM = SimConfig(name="mujoco", render_batch=4)
FINGER_OPEN, FINGER_CLOSED = 0.04, 0.0
HANDLE_HEIGHT = 0.4 + 0.3172 + 0.0092  # the bar's centre, m


def make_task(props: bool = False) -> DrawerConfig:
    values = yaml.safe_load(CONFIG.read_text())
    values["cabinet"]["props"] = props
    return DrawerConfig.model_validate_json(json.dumps(values))


TASK = make_task()
CABINET_X = TASK.cabinet.position[0]
DEFAULT = torch.tensor(TASK.robot.default_joint_positions)


def make(num_envs: int = 1, threads: int = 1, task: DrawerConfig = TASK) -> MujocoSimulator:
    return MujocoSimulator(task, SIM, num_envs, threads)


def random_start(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    joints = DEFAULT + 0.1 * (torch.rand(count, 9, generator=rng) - 0.5)
    joints[:, 7:] = DEFAULT[7:]
    return joints, (torch.rand(count, 4, generator=rng) - 0.5) * torch.tensor([0.3, 0.5, 0.16, 0.6])


def random_targets(steps: int, count: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return DEFAULT + 1.5 * (torch.rand(steps, count, 9, generator=rng) - 0.5)


def yaw_matrix(yaw: float) -> np.ndarray:
    return np.array([[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]])


def rotation(quat: torch.Tensor) -> np.ndarray:
    w, x, y, z = quat.double().tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def panda(joints: np.ndarray) -> np.ndarray:
    """Pose (4, 4) of link 7 in the base frame from Franka's published Denavit-Hartenberg table (Craig's convention)."""
    half = math.pi / 2
    table = [(0, 0.333, 0), (0, 0, -half), (0, 0.316, half), (0.0825, 0, half), (-0.0825, 0.384, -half)]
    table += [(0, 0, half), (0.088, 0, half)]
    pose = np.eye(4)
    for (a, d, alpha), theta in zip(table, joints):
        ct, st, ca, sa = math.cos(theta), math.sin(theta), math.cos(alpha), math.sin(alpha)
        pose = pose @ np.array(
            [[ct, -st, 0, a], [st * ca, ct * ca, -sa, -d * sa], [st * sa, ct * sa, ca, d * ca], [0, 0, 0, 1]]
        )
    return pose


def grasp_and_pull(simulator: MujocoSimulator) -> None:
    """Close the gripper on the handle of an undisplaced cabinet and move it back, as a script."""
    arm, targets = DEFAULT[:7].double().numpy(), DEFAULT.clone()
    rate = 0.5 * torch.tensor(TASK.robot.velocity_limits) * TASK.control_dt
    waypoints = [(0.6, FINGER_OPEN, 90), (0.458, FINGER_OPEN, 60), (0.458, FINGER_CLOSED, 40)]
    waypoints += [(x, FINGER_CLOSED, 12) for x in np.linspace(0.475, 0.895, 22)]
    for x, fingers, steps in waypoints:
        arm = ik.solve(simulator.model, arm, np.array([CABINET_X + x, 0.0, HANDLE_HEIGHT]), ik.LEVEL)
        goal = torch.tensor([*arm, fingers, fingers], dtype=torch.float32)
        for _ in range(steps):
            targets = targets + (goal - targets).clamp(-rate, rate)
            simulator.step(targets.expand(simulator.num_envs, 9))


def test_forward_kinematics_agree_with_the_dh_table() -> None:
    joints, offset = random_start(8)
    simulator = make(8)
    simulator.reset(torch.arange(8), joints, offset)
    turn = yaw_matrix(TASK.robot.base_yaw)
    for env in range(8):
        expected = panda(joints[env].double().numpy())
        position = turn @ expected[:3, 3] + TASK.robot.base_position
        assert simulator.state.hand_position[env].numpy() == pytest.approx(position, abs=1e-6)
        assert rotation(simulator.state.hand_rotation[env]) == pytest.approx(turn @ expected[:3, :3], abs=1e-6)


def test_fingers_are_where_the_urdf_puts_them() -> None:
    state = make().state
    hand = rotation(state.hand_rotation[0])
    middle = (state.left_finger_position[0] + state.right_finger_position[0]).numpy() / 2
    assert middle == pytest.approx(state.hand_position[0].numpy() + hand @ TASK.robot.finger_midpoint, abs=1e-6)
    apart = (state.left_finger_position[0] - state.right_finger_position[0]).numpy()
    along = hand @ yaw_matrix(TASK.robot.finger_yaw) @ [0, 1, 0]
    assert apart == pytest.approx(0.07 * along, abs=1e-6)


def test_cabinet_displacement_moves_the_drawer_rigidly() -> None:
    simulator = make(2)
    offset = torch.tensor([[0.1, -0.2, 0.05, 0.3]])
    simulator.reset(torch.tensor([1]), DEFAULT[None], offset)
    untouched, moved = simulator.state.drawer_position.numpy()
    assert untouched == pytest.approx([CABINET_X + 0.0515, 0.0, 0.7172], abs=1e-6)
    turn = yaw_matrix(0.3)
    assert moved == pytest.approx(turn @ [0.0515, 0.0, 0.3172] + [CABINET_X + 0.1, -0.2, 0.45], abs=1e-6)
    assert rotation(simulator.state.drawer_rotation[1]) == pytest.approx(turn, abs=1e-6)


def test_robot_rests_at_its_target_without_gravity() -> None:
    simulator = make(4)
    joints, offset = random_start(4)
    simulator.reset(torch.arange(4), joints, offset)
    hand = simulator.state.hand_position.clone()
    for _ in range(120):
        simulator.step(joints)
    assert (simulator.state.hand_position - hand).abs().max() < 1e-5
    assert simulator.state.drawer_opening.abs().max() < 1e-5


def test_joints_keep_their_velocity_limits() -> None:
    simulator = make(4)
    target = DEFAULT.clone()
    target[0] += 1.5  # away from the cabinet
    fastest = torch.zeros(9)
    for _ in range(120):
        simulator.step(target.expand(4, 9))
        fastest = torch.maximum(fastest, simulator.state.joint_velocities.abs().amax(0))
    assert 0.5 * TASK.robot.velocity_limits[0] < fastest[0] <= TASK.robot.velocity_limits[0] * 1.01
    assert simulator.state.joint_positions[0, 0] == pytest.approx(float(target[0]), abs=0.01)


def test_gripper_grasps_the_handle_and_opens_the_drawer() -> None:
    simulator = make(2)
    assert simulator.handle_touched(torch.arange(2)).tolist() == [False, False]
    grasp_and_pull(simulator)
    simulator.reset(torch.tensor([0]), DEFAULT[None], torch.zeros(1, 4))
    assert simulator.handle_touched(torch.tensor([1, 0])).tolist() == [True, False]
    assert TASK.success_opening < simulator.state.drawer_opening[1] < TASK.cabinet.drawer_travel + 0.005
    assert simulator.state.joint_positions[1, 7:].sum() > 0.02  # the bar, 24.4 mm high, is between the fingers
    assert simulator.bad_simulations == 0


def test_a_hand_that_pushes_cannot_pass_the_drawer_front() -> None:
    simulator = make()
    arm = DEFAULT[:7].double().numpy()
    for x in (0.6, 0.5, 0.4):
        arm = ik.solve(simulator.model, arm, np.array([CABINET_X + x, 0.2, HANDLE_HEIGHT]), ik.LEVEL)
        target = torch.tensor([[*arm, FINGER_CLOSED, FINGER_CLOSED]], dtype=torch.float32)
        for _ in range(60):
            simulator.step(target)
    front = CABINET_X + 0.0515 + 0.273
    tip = simulator.state.left_finger_position[0, 0] - 0.0538
    assert tip == pytest.approx(front, abs=0.004)
    assert len(simulator.physics.contacts(0)) > 0
    assert not simulator.handle_touched(torch.arange(1)).any()  # the front is not the handle


def test_the_state_is_what_mujoco_derives_from_it_by_itself() -> None:
    """A plain MjData makes the same steps, and `mj_forward` computes what the task reads of them, to the bit."""
    joints, offset = random_start(1)
    simulator, model = make(1), build_model(TASK)
    simulator.reset(torch.tensor([0]), joints, offset)
    data = mujoco.MjData(model)
    mujoco.mj_setState(model, data, simulator.physics.state[0], mujoco.mjtState.mjSTATE_INTEGRATION)
    touched = False
    arm = ik.solve(model, DEFAULT[:7].double().numpy(), np.array([CABINET_X + 0.4, 0.2, HANDLE_HEIGHT]), ik.LEVEL)
    into_the_front = torch.tensor([[*arm, FINGER_CLOSED, FINGER_CLOSED]], dtype=torch.float32)
    for step in range(100):
        simulator.step(into_the_front * min(1.0, step / 50) + DEFAULT * max(0.0, 1.0 - step / 50))
        data.ctrl[:] = simulator.physics.ctrl[0]
        for _ in range(TASK.substeps):
            mujoco.mj_step(model, data)
        again = mujoco.MjData(model)
        again.qpos[:], again.qvel[:] = data.qpos, data.qvel
        again.mocap_pos[:], again.mocap_quat[:] = data.mocap_pos, data.mocap_quat
        mujoco.mj_forward(model, again)
        touched |= again.ncon > 0
        assert torch.equal(simulator.state.block[0], torch.tensor(again.sensordata, dtype=torch.float32))
    assert touched, "a step with contacts is among them"


def test_outcome_depends_neither_on_other_environments_nor_on_threads() -> None:
    joints, offset = random_start(6)
    targets = random_targets(60, 6)
    alone, together = make(1), make(6, threads=2)
    together.reset(torch.arange(6), joints, offset)
    alone.reset(torch.tensor([0]), joints[4:5], offset[4:5])
    for step in range(60):
        together.step(targets[step])
        alone.step(targets[step, 4:5])
    for name in ("joint_positions", "joint_velocities", "drawer_opening", "hand_rotation"):
        assert torch.equal(getattr(alone.state, name)[0], getattr(together.state, name)[4])


def test_saved_state_continues_bit_for_bit_in_another_simulator() -> None:
    joints, offset = random_start(3)
    targets = random_targets(80, 3)
    first, second = make(3), make(3, threads=2)
    first.reset(torch.arange(3), joints, offset)
    for step in range(40):
        first.step(targets[step])
    second.load(first.save())
    assert torch.equal(first.state.joint_positions, second.state.joint_positions)
    for step in range(40, 80):
        first.step(targets[step])
        second.step(targets[step])
    assert torch.equal(first.save()["state"], second.save()["state"])
    assert torch.equal(first.state.drawer_position, second.state.drawer_position)


def test_reset_forgets_the_past_and_leaves_the_others_alone() -> None:
    joints, offset = random_start(3)
    used, fresh = make(3), make(3)
    for targets in random_targets(30, 3):
        used.step(targets)
    before = used.state.joint_positions.clone()
    order = torch.tensor([2, 0])
    used.reset(order, joints[order], offset[order])
    fresh.reset(torch.arange(3), joints, offset)
    assert torch.equal(used.state.joint_positions[1], before[1])
    for targets in random_targets(30, 3):
        used.step(targets)
        fresh.step(targets)
    assert torch.equal(used.state.joint_positions[order], fresh.state.joint_positions[order])


def test_diverged_simulation_is_reset_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings into MUJOCO_LOG.TXT
    simulator, reference = make(2), make(2)
    simulator.physics.qvel[1, 0] = float("nan")
    for _ in range(3):
        simulator.step(DEFAULT.expand(2, 9))
        reference.step(DEFAULT.expand(2, 9))
    assert simulator.bad_simulations == 1
    assert torch.equal(simulator.state.joint_positions[0], reference.state.joint_positions[0])
    assert torch.isfinite(simulator.state.joint_positions).all()


def test_props_stay_in_the_drawer_and_move_with_the_cabinet() -> None:
    simulator = make(2, task=make_task(props=True))
    simulator.reset(torch.tensor([1]), DEFAULT[None], torch.tensor([[0.1, 0.1, 0.05, 0.3]]))
    hand = simulator.state.hand_position.clone()
    for _ in range(60):
        simulator.step(DEFAULT.expand(2, 9))
    assert (simulator.state.hand_position - hand).abs().max() < 1e-3  # no gravity on the robot
    for env in range(2):
        data = simulator.physics.batch.get_data(env)
        mujoco.mj_kinematics(simulator.model, data)
        for prop in range(4):
            relative = data.body(f"prop{prop}").xpos - data.body("drawer").xpos
            assert np.abs(relative[:2]).max() < 0.13
            assert relative[2] == pytest.approx(-0.052 + 0.04, abs=0.002)  # on the tray's bottom


def test_no_step_reads_the_clock():
    simulator = make()
    data = simulator.physics.batch.get_data(0)
    mujoco.mj_step(simulator.model, data)
    timer = data.timer[mujoco.mjtTimer.mjTIMER_STEP]
    assert timer.number > 0 and timer.duration == 0.0
