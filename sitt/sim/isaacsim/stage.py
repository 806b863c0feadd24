"""The one stage of this process: Isaac Sim's world with OIGE's task, and the cameras."""

from __future__ import annotations

from typing import Any, ClassVar, Optional

import torch
from torch import Tensor

from sitt.config.sim import IsaacSimConfig
from sitt.config.task import DrawerConfig
from sitt.errors import UserError
from sitt.sim.isaacsim.app import oige_config, start, use_local_assets
from sitt.sim.isaacsim.checks import check_stage


class Stage:
    """N environments, stepped together; whoever is `holder` may move them."""

    current: ClassVar[Optional[Stage]] = None

    @classmethod
    def shared(cls, task: DrawerConfig, sim: IsaacSimConfig, num_envs: int, threads: int) -> Stage:
        """Return this process's stage with at least `num_envs` environments, and build it if there is none.

        Raises:
            UserError: there is one that is smaller, or of another task.
        """
        if cls.current is None:
            stage = cls(task, sim, num_envs, threads)
            stage.add_cameras()
            check_stage(stage)
            cls.current = stage
        stage = cls.current
        if (task, sim) != (stage.drawer, stage.sim):
            raise UserError("Isaac Sim has one stage per process, and this one shows another task; start a new process")
        if num_envs > stage.num_envs:
            raise UserError(
                f"Isaac Sim has one stage per process, here with {stage.num_envs} environments, but {num_envs} are "
                "asked for; make training.num_envs the largest number of environments"
            )
        return stage

    def __init__(self, task: DrawerConfig, sim: IsaacSimConfig, num_envs: int, threads: int) -> None:
        self.drawer, self.sim, self.num_envs = task, sim, num_envs
        self.holder: Any = None
        """The simulator whose environments are on the stage."""
        self.env = start()
        # The rest needs the application.
        from omniisaacgymenvs.utils.config_utils.sim_config import SimConfig as OigeSimConfig

        from sitt.sim.isaacsim.task import DrawerTask

        config = OigeSimConfig(oige_config(task, sim, num_envs, threads))
        use_local_assets()
        self.task = DrawerTask(config, self.env, task, far=sim.env_spacing - 1.0)
        # utils/task_util.py, lines 103 to 111; OIGE's SimConfig has set device and rendering step its own way.
        params = config.get_physics_params()
        self.env.set_task(
            self.task, backend="torch", sim_params=params, init_sim=True, rendering_dt=params["rendering_dt"]
        )
        # VecEnvRLGames would draw in every step (envs/vec_env_rlgames.py, line 54), for pictures that nobody asked for.
        self.env._render = False
        self.targets = torch.tensor(task.robot.default_joint_positions).repeat(num_envs, 1)

    def add_cameras(self) -> None:
        """Look through the first cameras; a stage without is moved, but not drawn."""
        from sitt.sim.isaacsim.cameras import Cameras

        sim, count = self.sim, min(self.sim.cameras, self.num_envs)
        self.cameras = Cameras(count, self.drawer.camera.image_size, sim.frames_per_image, self.env.world.render)
        self.cameras.warm_up(sim.warmup_frames)

    def write(self, env_ids: Tensor, snapshot: Any) -> None:
        """Put environments (K,) into a state; their links and pictures follow with the next step."""
        self.task.write(env_ids, snapshot)
        self.targets[env_ids] = snapshot.targets

    def settle(self, env_ids: Tensor, snapshot: Any) -> None:
        """Put environments (K,) into a state, and their links and pictures too, which may be one physics step ahead.

        The others move on by that step.
        """
        self.write(env_ids, snapshot)
        self.env.world.step(render=False)
        self.write(env_ids, snapshot)

    def step(self, targets: Tensor) -> Tensor:
        """Move the first n environments towards (n, 9) by one control step; return what all have come to, (N, 40)."""
        if not self.env.world.is_playing():
            raise UserError("Isaac Sim's clock has stopped; look for the first error in its log and start again")
        self.targets[: len(targets)] = targets
        self.env.step(self.targets)
        return self.task.read()
