import numpy as np
import torch
from omni.isaac.cloner import Cloner, GridCloner
from omni.isaac.core.articulations import ArticulationView
from omni.isaac.core.objects import DynamicCuboid
from omni.isaac.core.prims import RigidPrimView
from omni.isaac.core.robots.robot import Robot
from omni.isaac.core.utils.stage import add_reference_to_stage, get_current_stage
from omni.isaac.gym.tasks.rl_task import RLTaskInterface
from omni.isaac.nucleus import get_assets_root_path
from pxr import UsdGeom


class FrankaCabinetTask(RLTaskInterface):
    default_zero_env_path = "/World/envs/env_0"

    def __init__(self, name, sim_config, env, offset=None):
        super().__init__(name, offset)
        self._sim_config, self._env = sim_config, env
        self._device = sim_config.config["sim_device"]
        settings = sim_config.task_config["env"]
        self._num_envs, self._env_spacing = settings["numEnvs"], settings["envSpacing"]
        self.num_props = settings["numProps"]
        self.control_frequency_inv, self.clip_actions = settings["controlFrequencyInv"], settings["clipActions"]
        self._num_actions, self._num_observations, self._num_states = 9, 23, 0
        self.observation_space = self.action_space = None

    def cleanup(self):
        self.reset_buf = torch.ones(self._num_envs, dtype=torch.long)
        self.progress_buf = torch.zeros(self._num_envs, dtype=torch.long)

    def set_up_scene(self, scene):
        super().set_up_scene(scene)
        assets, zero = get_assets_root_path(), self.default_zero_env_path
        add_reference_to_stage(f"{assets}/Isaac/Robots/Franka/franka_instanceable.usd", f"{zero}/franka")
        Robot(f"{zero}/franka", "franka", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), articulation_controller=None)
        self.get_cabinet()
        if self.num_props:
            self._add_props()
        cloner = GridCloner(spacing=self._env_spacing)
        cloner.define_base_env("/World/envs")
        UsdGeom.Xform.Define(get_current_stage(), zero)
        paths = cloner.generate_paths("/World/envs/env", self._num_envs)
        positions = cloner.clone(source_prim_path=zero, prim_paths=paths, replicate_physics=True)
        self._env_pos = torch.tensor(positions, dtype=torch.float32)
        self._frankas, self._cabinets = self._view("franka"), self._view("cabinet")
        self._frankas._hands = self._view("franka/panda_link7")
        self._frankas._lfingers = self._view("franka/panda_leftfinger")
        self._frankas._rfingers = self._view("franka/panda_rightfinger")
        self._cabinets._drawers = self._view("cabinet/drawer_top")
        if self.num_props:
            self._props = self._view("prop/.*")

    def get_cabinet(self):
        path = f"{self.default_zero_env_path}/cabinet"
        usd = f"{get_assets_root_path()}/Isaac/Props/Sektion_Cabinet/sektion_cabinet_instanceable.usd"
        add_reference_to_stage(usd, path)
        Robot(path, "cabinet", (0.0, 0.0, 0.4), (1.0, 0.0, 0.0, 0.0), articulation_controller=None)

    def post_reset(self):
        self.franka_dof_targets = torch.zeros(self._num_envs, self._frankas.num_dof)
        if self.num_props:
            self.default_prop_pos, self.default_prop_rot = self._props.get_world_poses()
            self.prop_indices = torch.arange(self._num_envs * self.num_props).view(self._num_envs, self.num_props)
        self.reset_idx(torch.arange(self._num_envs))

    def post_physics_step(self):
        self.progress_buf += 1
        self.reset_buf[:] = 1  # as after a success: in OIGE these environments would be reset in the next step

    def _view(self, of):
        kind = ArticulationView if "/" not in of else RigidPrimView
        view = kind(prim_paths_expr=f"/World/envs/.*/{of}", name=of, reset_xform_properties=False)
        self.scene.add(view)
        return view

    @property
    def scene(self):
        return self._scene

    def _add_props(self):
        source = f"{self.default_zero_env_path}/prop/prop_0"
        DynamicCuboid(source, "prop", torch.tensor([0.2, 0.4, 0.6]), size=0.08, density=100.0)
        grid = np.array([(x, y, 0.0) for y in (-0.045, 0.045) for x in (-0.045, 0.045)])
        paths = [f"{self.default_zero_env_path}/prop/prop_{i}" for i in range(self.num_props)]
        Cloner().clone(source, paths, positions=np.add(grid, (0.0515, 0.0, 0.7172)), replicate_physics=False)
