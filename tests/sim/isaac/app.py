"""The application, its world and the bases of tasks and environments."""

from __future__ import annotations

import signal
import sys

import gymnasium
from isaac.kit import current
from isaac.physics import Physics


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
        self.physics = Physics(current())
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
