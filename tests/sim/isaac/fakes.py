"""Strict fakes of the names of `omni`, `carb` and `pxr.PhysxSchema` that the path to Isaac Sim touches.

Modules hold these names and no others, so that a misspelt one fails. USD is the real one (usd-core). Physics and
pictures are MuJoCo's, with PhysX's habits where the adapter depends on them: link poses and pictures are those of the
last physics step, positions set the targets too, a camera that was paused shows the present with its second frame,
environments stand on a grid, and Kit reads sys.argv and takes SIGINT.

Sources of the names and habits: OIGE f8f91bc, and the Python extensions that Isaac Sim 4.1.0 comes with.
"""

from __future__ import annotations

import math
import re
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Iterator

import gymnasium
import numpy as np
import torch
from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics

from sitt.config.sim import SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.simulator import MujocoSimulator

STANDIN = Path(__file__).parent / "standin"
"""What stands in for OIGE where there is no checkout of it."""
CABINET_JOINTS = ["door_left_joint", "door_right_joint", "drawer_bottom_joint", "drawer_top_joint"]
FRANKA_JOINTS = [*(f"panda_joint{i}" for i in range(1, 8)), "panda_finger_joint1", "panda_finger_joint2"]
ENV = re.compile(r"/World/envs/env_(\d+)/")


class Kit:
    """One Isaac Sim: what its modules share."""

    def __init__(self, task: DrawerConfig) -> None:
        self.drawer = task
        self.stage = Usd.Stage.CreateInMemory()
        self.world: World | None = None
        self.settings: dict[str, object] = {}
        self.extensions: list[str] = []
        self.arguments: list[str] | None = None
        """What Kit read from sys.argv."""
        self.experience = ""
        self.products: list[RenderProduct] = []
        self.cabinet_joints = list(CABINET_JOINTS)
        self.rooted = False
        """The cabinet's root does not follow set_world_poses."""
        self.blind = False
        """Cameras have no data."""
        self.frozen = False
        """Pictures show the first state for ever."""
        one = task.model_copy(update={"substeps": 1})
        self._model = MujocoSimulator(one, SimConfig(name="mujoco", render_batch=1), 1, 1)

    def start_physics(self) -> Physics:
        return Physics(self)

    def link(self, name: str) -> Gf.Matrix4d:
        """Pose of a link in its robot's frame, as the asset has it: at MuJoCo's default joints."""
        state = self._model.state
        hand, turn = state.hand_position[0], state.hand_rotation[0]
        finger = wxyz_multiply(turn[None], about_z(self.drawer.robot.finger_yaw))[0]
        position, rotation = {
            "panda_link7": (hand, turn),
            "panda_leftfinger": (state.left_finger_position[0], finger),
            "panda_rightfinger": (state.right_finger_position[0], finger),
        }[name]
        base = matrix(torch.tensor(self.drawer.robot.base_position), about_z(self.drawer.robot.base_yaw)[0])
        return matrix(position, rotation) * base.GetInverse()


class Physics:
    """N environments of MuJoCo behind PhysX's views; world frame."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        envs = [prim for prim in kit.stage.GetPrimAtPath("/World/envs").GetChildren()]
        self.count = len(envs)
        at = [UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0).ExtractTranslation() for prim in envs]
        self.origin = torch.tensor([list(p) for p in at], dtype=torch.float32)
        one = kit.drawer.model_copy(update={"substeps": 1})
        self.mujoco = MujocoSimulator(one, SimConfig(name="mujoco", render_batch=4), self.count, 1)
        self.targets = self.mujoco.state.joint_positions.clone()
        self.velocity_targets = torch.zeros(self.count, 9)
        self.other_joints = torch.zeros(self.count, 4)
        self.props = (self.mujoco.model.nq - 10) // 7
        self.place_cabinets(torch.arange(self.count), self.origin + torch.tensor([0.0, 0.0, 0.4]), about_z(0.0))
        # OIGE's cabinet and cubes are not where our configuration has them.
        away = np.subtract((0.0, 0.0, 0.4), kit.drawer.cabinet.position)
        for cube in range(self.props):
            self.mujoco.batch.qpos[:, 10 + 7 * cube : 13 + 7 * cube] += away
        self.steps = 0
        self.refresh()

    def place_cabinets(self, ids: torch.Tensor, positions: torch.Tensor, rotations: torch.Tensor) -> None:
        batch = self.mujoco.batch
        batch.mocap_pos[ids.numpy(), 0] = (positions - self.origin[ids]).numpy()
        batch.mocap_quat[ids.numpy(), 0] = rotations.numpy()

    def step(self) -> None:
        assert not self.velocity_targets.any(), "a drive would pull towards a velocity"
        self.mujoco.step(self.targets)
        self.steps += 1
        self.refresh()

    def refresh(self) -> None:
        """Take over what only a step makes known."""
        state = self.mujoco.state
        yaw = about_z(self.kit.drawer.robot.finger_yaw).expand(self.count, 4)
        finger = wxyz_multiply(state.hand_rotation, yaw)
        self.links = {
            "panda_link7": (state.hand_position + self.origin, state.hand_rotation.clone()),
            "panda_leftfinger": (state.left_finger_position + self.origin, finger),
            "panda_rightfinger": (state.right_finger_position + self.origin, finger),
            "drawer_top": (state.drawer_position + self.origin, state.drawer_rotation.clone()),
        }
        if not self.kit.frozen or self.steps < 2:
            self.pictured = self.mujoco.batch.state.copy()


class SimulationApp:
    """omni.isaac.kit.SimulationApp: takes the command line and SIGINT (simulation_app.py, lines 210 and 327)."""

    def __init__(self, launch_config: dict, experience: str = "") -> None:
        kit = current()
        kit.arguments, kit.experience = sys.argv[1:], experience
        assert set(launch_config) <= {"headless", "physics_gpu", "hide_ui"}
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))


class VecEnvBase(gymnasium.Env):
    """omni.isaac.gym.vec_env.VecEnvBase."""

    def __init__(
        self,
        headless: bool,
        sim_device: int = 0,
        enable_livestream: bool = False,
        enable_viewport: bool = False,
        launch_simulation_app: bool = True,
        experience: str | None = None,
    ) -> None:
        assert launch_simulation_app and not enable_livestream
        self._simulation_app = SimulationApp({"headless": headless, "physics_gpu": sim_device}, experience)
        signal.signal(signal.SIGINT, lambda *_: None)
        self._render = not headless or enable_viewport
        self._record = False
        self.sim_frame_count = 0
        self._world = None

    def set_task(self, task, backend="numpy", sim_params=None, init_sim=True, rendering_dt=1 / 60) -> None:
        self._world = World(
            stage_units_in_meters=1.0,
            rendering_dt=rendering_dt,
            backend=backend,
            sim_params=sim_params,
            device=sim_params["sim_device"],
        )
        self._world.add_task(task)
        self._task = task
        self._num_envs = task.num_envs
        self.observation_space, self.action_space = task.observation_space, task.action_space
        self._render = sim_params["enable_viewport"]
        if init_sim:
            self._world.reset()

    @property
    def num_envs(self):
        return self._num_envs

    @property
    def world(self):
        return self._world

    @property
    def render_enabled(self):
        return self._render


class World:
    """omni.isaac.core.world.World."""

    def __init__(self, stage_units_in_meters, rendering_dt, backend, sim_params, device) -> None:
        assert backend == "torch" and device == "cpu" and stage_units_in_meters == 1.0
        assert rendering_dt == sim_params["dt"], "VecEnvRLGames counts the substeps itself"
        self.sim_params = sim_params
        self.scene = Scene()
        self.physics: Physics | None = None
        self._tasks: list = []
        self.rendered = 0
        current().world = self

    def add_task(self, task) -> None:
        self._tasks.append(task)

    def reset(self) -> None:
        for task in self._tasks:
            task.set_up_scene(self.scene)
        for task in self._tasks:
            task.cleanup()
        self.physics = current().start_physics()
        for view in self.scene.objects:
            view.initialize(self.physics)
        for task in self._tasks:
            task.post_reset()

    def step(self, render: bool = True, step_sim: bool = True) -> None:
        self.physics.step()
        if render:
            self.render()

    def render(self) -> None:
        self.rendered += 1
        for product in current().products:
            product.draw()

    def is_playing(self) -> bool:
        return True


class Scene:
    """omni.isaac.core.scenes.Scene."""

    def __init__(self) -> None:
        self.objects: list = []

    def add(self, view) -> None:
        assert view.name not in [other.name for other in self.objects]
        self.objects.append(view)

    def add_default_ground_plane(self, prim_path: str) -> None:
        current().stage.DefinePrim(prim_path, "Xform")


class BaseTask:
    """omni.isaac.core.tasks.BaseTask."""

    def __init__(self, name, offset=None) -> None:
        self._name, self._scene, self._device = name, None, None

    @property
    def device(self):
        return self._device

    @property
    def name(self):
        return self._name

    def set_up_scene(self, scene) -> None:
        self._scene = scene


class RLTaskInterface(BaseTask):
    """omni.isaac.gym.tasks.rl_task.RLTaskInterface."""

    @property
    def num_envs(self):
        return self._num_envs

    @property
    def num_actions(self):
        return self._num_actions

    @property
    def num_observations(self):
        return self._num_observations

    @property
    def num_states(self):
        return self._num_states

    def get_states(self):
        return self.states_buf

    def get_extras(self):
        return self.extras


class _View:
    def __init__(self, prim_paths_expr: str, name: str, reset_xform_properties: bool = True) -> None:
        assert not reset_xform_properties
        self.name = name
        self._expr = prim_paths_expr
        self._of = prim_paths_expr.rpartition("/")[2]

    def initialize(self, physics_sim_view: Physics) -> None:
        self._physics = physics_sim_view
        path = self._expr.replace(".*", "env_0", 1).replace(".*", "prop_0")
        assert current().stage.GetPrimAtPath(path), path

    def _ids(self, indices) -> torch.Tensor:
        if indices is None:
            return torch.arange(self.count)
        assert indices.dtype == torch.int32, "as OIGE hands them over"
        return indices.long()


class ArticulationView(_View):
    """omni.isaac.core.articulations.ArticulationView of all Frankas or all cabinets."""

    @property
    def count(self):
        return self._physics.count

    @property
    def dof_names(self):
        return list(FRANKA_JOINTS if self._of == "franka" else current().cabinet_joints)

    @property
    def num_dof(self):
        return len(self.dof_names)

    def get_dof_index(self, dof_name):
        return self.dof_names.index(dof_name)

    def get_dof_limits(self):
        robot = current().drawer.robot
        if self._of == "franka":
            limits = torch.tensor([robot.joint_lower, robot.joint_upper]).T
        else:
            limits = torch.tensor([[-1.57, 0.0], [0.0, 1.57], [0.0, 0.4], [0.0, 0.4]])
        return limits.expand(self.count, -1, -1).clone()

    def get_joint_positions(self, indices=None, clone=True):
        return self._joints("qpos")[self._ids(indices)]

    def get_joint_velocities(self, indices=None, clone=True):
        return self._joints("qvel")[self._ids(indices)]

    def set_joint_positions(self, positions, indices=None):
        self._set("qpos", positions, self._ids(indices))
        if self._of == "franka":
            self._physics.targets[self._ids(indices)] = positions

    def set_joint_velocities(self, velocities, indices=None):
        self._set("qvel", velocities, self._ids(indices))
        if self._of == "franka":
            self._physics.velocity_targets[self._ids(indices)] = velocities

    def set_joint_position_targets(self, positions, indices=None):
        assert self._of == "franka"
        self._physics.targets[self._ids(indices)] = positions

    def set_joint_velocity_targets(self, velocities, indices=None):
        if self._of == "franka":
            self._physics.velocity_targets[self._ids(indices)] = velocities

    def get_world_poses(self, indices=None, clone=True):
        assert self._of == "cabinet"
        ids, batch = self._ids(indices), self._physics.mujoco.batch
        positions = torch.from_numpy(batch.mocap_pos[:, 0]).float() + self._physics.origin
        return positions[ids], torch.from_numpy(batch.mocap_quat[:, 0]).float()[ids]

    def set_world_poses(self, positions=None, orientations=None, indices=None):
        assert self._of == "cabinet"
        assert ((orientations.norm(dim=-1) - 1).abs() < 1e-5).all()
        if not current().rooted:
            self._physics.place_cabinets(self._ids(indices), positions, orientations)

    def _joints(self, name) -> torch.Tensor:
        values = torch.from_numpy(getattr(self._physics.mujoco.batch, name)).float()
        if self._of == "franka":
            return values[:, :9]
        joints = self._physics.other_joints.clone()
        joints[:, 3] = values[:, 9]
        return joints

    def _set(self, name, values, ids) -> None:
        batch = getattr(self._physics.mujoco.batch, name)
        if self._of == "franka":
            batch[ids.numpy(), :9] = values.double().numpy()
        else:
            assert values.shape == (len(ids), 4)
            batch[ids.numpy(), 9] = values[:, 3].double().numpy()


class RigidPrimView(_View):
    """omni.isaac.core.prims.RigidPrimView of a link, or of the cubes, environment by environment."""

    @property
    def count(self):
        return self._physics.count * (self._physics.props if self._of == ".*" else 1)

    def get_world_poses(self, indices=None, clone=True):
        if self._of != ".*":
            position, rotation = self._physics.links[self._of]
            return position[self._ids(indices)], rotation[self._ids(indices)]
        poses = self._cubes("qpos", 10, 7)
        return (poses[:, :3] + self._origins())[self._ids(indices)], poses[self._ids(indices), 3:]

    def set_world_poses(self, positions, orientations, indices=None):
        ids = self._ids(indices)
        self._cubes_set("qpos", 10, 7, ids, torch.cat([positions - self._origins()[ids], orientations], -1))

    def get_velocities(self, indices=None, clone=True):
        return self._cubes("qvel", 10, 6)[self._ids(indices)]

    def set_velocities(self, velocities, indices=None):
        self._cubes_set("qvel", 10, 6, self._ids(indices), velocities)

    def _origins(self):
        return self._physics.origin.repeat_interleave(self._physics.props, 0)

    def _cubes(self, name, start, width):
        values = torch.from_numpy(getattr(self._physics.mujoco.batch, name)).float()
        return values[:, start:].reshape(-1, width)

    def _cubes_set(self, name, start, width, ids, values):
        batch = getattr(self._physics.mujoco.batch, name)
        rows = batch[:, start:].reshape(-1, width).copy()
        rows[ids.numpy()] = values.double().numpy()
        batch[:, start:] = rows.reshape(batch.shape[0], -1)


class Robot:
    """omni.isaac.core.robots.robot.Robot."""

    def __init__(self, prim_path, name, translation, orientation, articulation_controller) -> None:
        self.prim_path = prim_path
        place(current().stage.GetPrimAtPath(prim_path), translation, orientation)


class DynamicCuboid:
    """omni.isaac.core.objects.DynamicCuboid."""

    def __init__(self, prim_path, name, color, size, density) -> None:
        self.prim_path = prim_path
        cube = UsdGeom.Cube.Define(current().stage, prim_path)
        cube.CreateSizeAttr(size)
        UsdPhysics.RigidBodyAPI.Apply(cube.GetPrim())


class Cloner:
    """omni.isaac.cloner.Cloner: clones inherit from their source (cloner.py, clone)."""

    def clone(self, source_prim_path, prim_paths, positions=None, replicate_physics=False, copy_from_source=False):
        stage = current().stage
        assert stage.GetPrimAtPath(source_prim_path) and not copy_from_source
        for path, position in zip(prim_paths, positions):
            prim = stage.GetPrimAtPath(source_prim_path)
            if path != source_prim_path:
                prim = stage.DefinePrim(path)
                prim.GetInherits().AddInherit(Sdf.Path(source_prim_path))
            place(prim, position, (1.0, 0.0, 0.0, 0.0))
        return positions


class GridCloner(Cloner):
    """omni.isaac.cloner.GridCloner: rows of environments about the world's origin."""

    def __init__(self, spacing) -> None:
        self._spacing = spacing

    def define_base_env(self, base_env_path) -> None:
        UsdGeom.Scope.Define(current().stage, base_env_path)

    def generate_paths(self, root_path, num_paths):
        return [f"{root_path}_{i}" for i in range(num_paths)]

    def clone(self, source_prim_path, prim_paths, replicate_physics=False, copy_from_source=False):
        side = math.ceil(math.sqrt(len(prim_paths)))
        grid = [divmod(i, side) for i in range(len(prim_paths))]
        positions = [[self._spacing * (x - side / 2), self._spacing * (y - side / 2), 0.0] for x, y in grid]
        return super().clone(source_prim_path, prim_paths, positions, replicate_physics, copy_from_source)


class RenderProduct:
    """What omni.replicator.core.create.render_product returns."""

    def __init__(self, camera, resolution) -> None:
        kit = current()
        assert UsdGeom.Camera(kit.stage.GetPrimAtPath(camera)), f"no camera at {camera}"
        assert resolution == (kit.drawer.camera.image_size,) * 2
        self.env = int(ENV.match(camera).group(1))
        self.enabled = True
        self.drawn = 0
        self._next = self._shown = None
        self.hydra_texture = SimpleNamespace(set_updates_enabled=self._enable)
        kit.products.append(self)

    def _enable(self, on) -> None:
        self.enabled = bool(on)

    def draw(self) -> None:
        if self.enabled:
            physics = current().world.physics
            self._shown, self._next = self._next, physics.pictured[self.env].copy()
            self.drawn += 1

    def data(self):
        if self._shown is None or current().blind:
            return None
        image = current().world.physics.mujoco.renderer.images(self._shown[None])[0].permute(1, 2, 0).numpy()
        return np.concatenate([image, np.full_like(image[..., :1], 255)], -1)


class Annotator:
    """What omni.replicator.core.AnnotatorRegistry.get_annotator returns."""

    def attach(self, products) -> None:
        (self._product,) = products

    def get_data(self):
        return self._product.data()


def get_annotator(name, device):
    assert (name, device) == ("rgb", "cpu")
    return Annotator()


def add_reference_to_stage(usd_path, prim_path) -> None:
    """Write what we need of the assets: links with rigid bodies, joints, articulation roots."""
    stage = current().stage
    UsdPhysics.ArticulationRootAPI.Apply(UsdGeom.Xform.Define(stage, prim_path).GetPrim())
    if usd_path.endswith("/Isaac/Robots/Franka/franka_instanceable.usd"):
        links = [*(f"panda_link{i}" for i in range(8)), "panda_hand", "panda_leftfinger", "panda_rightfinger"]
        parents = [*(f"panda_link{i}" for i in range(7)), "panda_hand", "panda_hand"]
        joints = [f"{parent}/{joint}" for parent, joint in zip(parents, FRANKA_JOINTS)]
    else:
        assert usd_path.endswith("/Isaac/Props/Sektion_Cabinet/sektion_cabinet_instanceable.usd")
        links, joints = ["sektion", "door_left", "door_right", "drawer_bottom", "drawer_top"], []
    for name in links:
        link = UsdGeom.Xform.Define(stage, f"{prim_path}/{name}")
        UsdPhysics.RigidBodyAPI.Apply(link.GetPrim())
        if name in ("panda_link7", "panda_leftfinger", "panda_rightfinger"):
            link.AddTransformOp().Set(current().link(name))
    for joint in joints:
        kind = UsdPhysics.PrismaticJoint if "finger" in joint else UsdPhysics.RevoluteJoint
        kind.Define(stage, f"{prim_path}/{joint}")


def place(prim, position, rotation) -> None:
    """Set translation and rotation (w, x, y, z) as the only transform of a prim."""
    xform = UsdGeom.Xformable(prim)
    xform.ClearXformOpOrder()
    xform.AddTranslateOp().Set(Gf.Vec3d(*(float(x) for x in position)))
    xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Quatd(*(float(x) for x in rotation)))


def matrix(position: torch.Tensor, rotation: torch.Tensor) -> Gf.Matrix4d:
    turn = Gf.Rotation(Gf.Quatd(*rotation.double().tolist()))
    return Gf.Matrix4d(turn, Gf.Vec3d(*position.double().tolist()))


# omni.isaac.core.utils.torch: quaternions (..., 4) are (w, x, y, z)


def about_z(angle: float) -> torch.Tensor:
    return torch.tensor([[math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)]])


def quat_conjugate(a):
    return a * torch.tensor([1.0, -1.0, -1.0, -1.0])


def wxyz_multiply(a, b):
    (w, u), (x, v) = ((q[..., :1], q[..., 1:]) for q in (a, b))
    return torch.cat([w * x - (u * v).sum(-1, keepdim=True), w * v + x * u + torch.linalg.cross(u, v)], -1)


def quat_apply(a, b):
    pure = torch.cat([torch.zeros_like(b[..., :1]), b], -1)
    return wxyz_multiply(wxyz_multiply(a, pure), quat_conjugate(a))[..., 1:]


def quat_mul(a, b):
    assert a.shape == b.shape
    return wxyz_multiply(a, b)


def tf_inverse(q, t):
    return quat_conjugate(q), -quat_apply(quat_conjugate(q), t)


def tf_combine(q1, t1, q2, t2):
    return quat_mul(q1, q2), quat_apply(q1, t2) + t1


def tf_vector(q, v):
    return quat_apply(q, v)


def tensor_clamp(t, min_t, max_t):
    return torch.max(torch.min(t, max_t), min_t)


def physx_api(name: str, attributes: str) -> type:
    """Make one of pxr.PhysxSchema's classes with these attributes and no others."""
    token = "physx" + name.removeprefix("Physx").removesuffix("API")

    def of(attribute):
        def attr(self):
            return self.prim.CreateAttribute(f"{token}:{attribute}", Sdf.ValueTypeNames.Double)

        return attr

    members = {
        f"{verb}{attribute}Attr": of(attribute) for attribute in attributes.split() for verb in ("Get", "Create")
    }
    members["__init__"] = lambda self, prim: setattr(self, "prim", prim)
    members["__bool__"] = lambda self: token in self.prim.GetCustomData()

    def apply(cls, prim):
        prim.SetCustomDataByKey(token, True)
        return cls(prim)

    members["Apply"] = classmethod(apply)
    members["Get"] = classmethod(lambda cls, stage, path: cls(stage.GetPrimAtPath(path)))
    return type(name, (), members)


PHYSX_SCHEMA = {
    "PhysxJointAPI": "MaxJointVelocity",
    "PhysxRigidBodyAPI": "DisableGravity SolverPositionIterationCount SolverVelocityIterationCount SleepThreshold "
    "StabilizationThreshold EnableGyroscopicForces MaxDepenetrationVelocity RetainAccelerations",
    "PhysxArticulationAPI": "EnabledSelfCollisions SolverPositionIterationCount SolverVelocityIterationCount "
    "SleepThreshold StabilizationThreshold",
    "PhysxCollisionAPI": "ContactOffset RestOffset",
}

_kit: Kit | None = None


def current() -> Kit:
    assert _kit is not None, "Isaac Sim has not been installed"
    return _kit


def modules() -> dict[str, dict[str, object]]:
    """All that there is, by module."""
    kit = current()
    settings = SimpleNamespace(
        set=kit.settings.__setitem__, set_bool=kit.settings.__setitem__, set_string=kit.settings.__setitem__
    )
    context = SimpleNamespace(get_stage=lambda: kit.stage)
    viewport = SimpleNamespace(set_active_camera=lambda path: None)
    camera_state = SimpleNamespace(
        set_position_world=lambda position, rotate: None, set_target_world=lambda target, rotate: None
    )
    window = SimpleNamespace(get_window=lambda name: None)
    torch_maths = {"tensor_clamp": tensor_clamp}
    torch_rotations = {**torch_maths, "quat_mul": quat_mul, "quat_conjugate": quat_conjugate, "quat_apply": quat_apply}
    return {
        "gym": {"spaces": gymnasium.spaces, "Env": gymnasium.Env},
        "carb": {},
        "carb.settings": {"get_settings": lambda: settings},
        "omni": {},
        "omni.usd": {"get_context": lambda: context},
        "omni.ui": {"Workspace": window, "DockPosition": SimpleNamespace(BOTTOM=0)},
        "omni.kit": {},
        "omni.kit.viewport": {},
        "omni.kit.viewport.utility": {"get_viewport_from_window_name": lambda name: viewport},
        "omni.kit.viewport.utility.camera_state": {"ViewportCameraState": lambda path, api: camera_state},
        "omni.isaac": {},
        "omni.isaac.kit": {"SimulationApp": SimulationApp},
        "omni.isaac.nucleus": {"get_assets_root_path": lambda: "http://assets/Isaac/4.0"},
        "omni.isaac.cloner": {"Cloner": Cloner, "GridCloner": GridCloner},
        "omni.isaac.gym": {},
        "omni.isaac.gym.vec_env": {"VecEnvBase": VecEnvBase},
        "omni.isaac.gym.tasks": {},
        "omni.isaac.gym.tasks.rl_task": {"RLTaskInterface": RLTaskInterface},
        "omni.isaac.core": {},
        "omni.isaac.core.world": {"World": World},
        "omni.isaac.core.tasks": {"BaseTask": BaseTask},
        "omni.isaac.core.objects": {"DynamicCuboid": DynamicCuboid},
        "omni.isaac.core.prims": {"RigidPrim": type("RigidPrim", (), {}), "RigidPrimView": RigidPrimView},
        "omni.isaac.core.articulations": {"ArticulationView": ArticulationView},
        "omni.isaac.core.robots": {},
        "omni.isaac.core.robots.robot": {"Robot": Robot},
        "omni.isaac.core.utils": {},
        "omni.isaac.core.utils.extensions": {"enable_extension": kit.extensions.append},
        "omni.isaac.core.utils.prims": {
            "get_prim_at_path": lambda path: kit.stage.GetPrimAtPath(path),
            "define_prim": lambda path, kind: kit.stage.DefinePrim(path, kind),
        },
        "omni.isaac.core.utils.stage": {
            "get_current_stage": lambda: kit.stage,
            "add_reference_to_stage": add_reference_to_stage,
        },
        "omni.isaac.core.utils.types": {"ArticulationAction": type("ArticulationAction", (), {})},
        "omni.isaac.core.utils.torch": {},
        "omni.isaac.core.utils.torch.maths": torch_maths,
        "omni.isaac.core.utils.torch.rotations": torch_rotations,
        "omni.isaac.core.utils.torch.transformations": {
            "tf_inverse": tf_inverse,
            "tf_combine": tf_combine,
            "tf_vector": tf_vector,
        },
        "omni.isaac.core.utils.warp": {},
        "omni.isaac.core.utils.warp.tensor": {},
        "omni.replicator": {},
        "omni.replicator.core": {
            "create": SimpleNamespace(render_product=RenderProduct),
            "AnnotatorRegistry": SimpleNamespace(get_annotator=get_annotator),
        },
        "omni.replicator.isaac": {},
        "omni.replicator.isaac.scripts": {},
        "omni.replicator.isaac.scripts.writers": {},
        "omni.replicator.isaac.scripts.writers.pytorch_writer": {"PytorchWriter": type("PytorchWriter", (), {})},
        "omni.replicator.isaac.scripts.writers.pytorch_listener": {"PytorchListener": type("PytorchListener", (), {})},
        "pxr.PhysxSchema": {name: physx_api(name, attributes) for name, attributes in PHYSX_SCHEMA.items()},
    }


@contextmanager
def installed(task: DrawerConfig, oige: Path = STANDIN) -> Iterator[Kit]:
    """Let `import omni`, `import carb` and `import omniisaacgymenvs` find the fakes and OIGE in a folder."""
    global _kit
    _kit = Kit(task)
    here = ("omni", "carb", "gym", "omniisaacgymenvs", "sitt.sim.isaacsim", "pxr.PhysxSchema")

    def forget() -> None:
        for name in [name for name in sys.modules if any(name == top or name.startswith(f"{top}.") for top in here)]:
            module = sys.modules.pop(name)
            parent, _, child = name.rpartition(".")
            if parent in sys.modules and getattr(sys.modules[parent], child, None) is module:
                delattr(sys.modules[parent], child)

    forget()
    handler = signal.getsignal(signal.SIGINT)
    shims = [(np, "Inf", np.inf), (torch._C, "_jit_set_nvfuser_enabled", lambda on: None)]
    shims = [(owner, name, value) for owner, name, value in shims if not hasattr(owner, name)]
    for owner, name, value in shims:  # gone since the versions inside Isaac Sim
        setattr(owner, name, value)
    for name, members in modules().items():
        module = ModuleType(name)
        module.__path__ = []  # a package, so that submodules are looked for, and not found
        vars(module).update(members)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    sys.path.insert(0, str(oige))
    try:
        yield _kit
    finally:
        sys.path.remove(str(oige))
        for owner, name, _ in shims:
            delattr(owner, name)
        signal.signal(signal.SIGINT, handler)
        forget()
        _kit = None
