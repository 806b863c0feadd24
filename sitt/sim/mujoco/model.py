"""The MuJoCo model of FrankaDrawer: our scene with the configuration's numbers in it."""

from __future__ import annotations

from importlib import resources

import mujoco
import numpy as np

from sitt.config.task import DrawerConfig
from sitt.sim.camera import camera_axes

ROBOT_JOINTS = (*(f"joint{i}" for i in range(1, 8)), "finger_joint1", "finger_joint2")
ROBOT_BASE = "link0"
"""The body that all bodies of the robot hang on."""
DRAWN_ONLY, COLLIDES_ONLY = 1, 3
"""Geom groups of the scene; group 0 is both."""
HANDLE_GEOMS = ("handle_bar", "handle_post_left", "handle_post_right")
BACKGROUND = (0.87, 0.90, 0.93, 1.0)
PROP_SIZE, PROP_DENSITY = 0.08, 100.0
"""Edge (m) and density (kg/m³) of the cubes in the drawer [OIGE]."""
PROP_POSITIONS = tuple((x, y, -0.011) for x in (-0.06, 0.06) for y in (-0.06, 0.06))
"""Where the cubes start in the drawer's frame, m."""


def build_model(task: DrawerConfig, drawn: bool = False, robot: bool = True) -> mujoco.MjModel:
    """Compile the scene for a task.

    Physics and renderer get models of their own, since every drawn geom costs the physics time:
    with `drawn` the geoms are those to look at, without it those that collide. All have the
    same bodies, joints and state.

    Args:
        task: the configuration; its units are SI and radians, save `camera.fovy` in degrees.
        drawn: for the renderer instead of the physics.
        robot: whether the robot's bodies have geoms, or are not to be seen.
    """
    spec = mujoco.MjSpec.from_string(resources.files(__package__).joinpath("scene.xml").read_text())
    spec.option.timestep = task.physics_dt
    _set_robot(spec, task)
    _set_cabinet(spec, task)
    _set_camera(spec.camera("student"), task.camera.eye, task.camera.target, task.camera.fovy)
    _set_camera(spec.camera("overview"), (1.75, -1.35, 1.45), (0.5, 0.0, 0.5), 42.0)
    for geom in list(spec.geoms):
        if geom.group == (COLLIDES_ONLY if drawn else DRAWN_ONLY):
            spec.delete(geom)
    if not robot:
        for geom in spec.body(ROBOT_BASE).find_all("geom"):
            spec.delete(geom)
    if drawn:
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONSTRAINT  # it is posed, never moved
    return spec.compile()


def rest_state(model: mujoco.MjModel, task: DrawerConfig) -> np.ndarray:
    """Return qpos (nq,) of the default pose with the drawer closed and the cabinet undisplaced."""
    data = mujoco.MjData(model)
    data.qpos[:9] = task.robot.default_joint_positions
    return data.qpos.copy()


def geoms_under(model: mujoco.MjModel, body: str) -> np.ndarray:
    """Return which geoms (G,) belong to a body of the world or to what hangs on it, bool."""
    return model.body_rootid[model.geom_bodyid] == model.body(body).id


def yaw_quaternion(yaw: np.ndarray) -> np.ndarray:
    """Return the rotations (K, 4), w first, about z by angles (K,) in rad."""
    half = np.asarray(yaw, dtype=np.float64) / 2
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, zero, np.sin(half)], axis=-1)


def _set_robot(spec: mujoco.MjSpec, task: DrawerConfig) -> None:
    robot = task.robot
    base = spec.body(ROBOT_BASE)
    base.pos = robot.base_position
    base.quat = yaw_quaternion(np.array(robot.base_yaw))
    for i, name in enumerate(ROBOT_JOINTS):
        joint = spec.joint(name)
        joint.range = (robot.joint_lower[i], robot.joint_upper[i])
        joint.armature = robot.armature[i]
        actuator = spec.actuator(name)
        actuator.gainprm[0] = robot.stiffness[i]
        actuator.biasprm[1:3] = (-robot.stiffness[i], -robot.damping[i])


def _set_cabinet(spec: mujoco.MjSpec, task: DrawerConfig) -> None:
    cabinet = task.cabinet
    spec.body("cabinet").pos = cabinet.position
    joint = spec.joint("drawer_top_joint")
    joint.range = (0.0, cabinet.drawer_travel)
    joint.damping[0] = cabinet.drawer_damping
    joint.frictionloss = cabinet.drawer_friction
    joint.armature = cabinet.drawer_armature
    if cabinet.props:
        _add_props(spec, task)
    else:
        # IsaacGymEnvs switches gravity off on the robot (of OIGE: docs/isaac-sim.md), and the drawer slides level.
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_GRAVITY


def _add_props(spec: mujoco.MjSpec, task: DrawerConfig) -> None:
    """Put the cubes into the drawer; gravity then acts on them alone."""
    for body in spec.bodies:
        body.gravcomp = 1.0
    drawer = np.add(task.cabinet.position, spec.body("drawer").pos)
    colors = ((0.16, 0.45, 0.78, 1), (0.95, 0.75, 0.1, 1), (0.2, 0.6, 0.3, 1), (0.6, 0.3, 0.65, 1))
    for i, (position, color) in enumerate(zip(PROP_POSITIONS, colors)):
        body = spec.worldbody.add_body(name=f"prop{i}", pos=drawer + position)
        body.add_freejoint(name=f"prop{i}")
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=(PROP_SIZE / 2,) * 3,
            density=PROP_DENSITY,
            contype=4,
            conaffinity=5,
            rgba=color,
        )


def _set_camera(camera: mujoco.MjsCamera, eye: tuple, target: tuple, fovy: float) -> None:
    """Point a camera from `eye` at `target` (m), upright."""
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, camera_axes(eye, target).ravel())
    camera.pos, camera.quat, camera.fovy = eye, quat, fovy
