import torch
from omni.isaac.gym.vec_env import VecEnvBase


class VecEnvRLGames(VecEnvBase):
    def step(self, actions):
        task = self._task
        task.pre_physics_step(torch.clamp(actions, -task.clip_actions, task.clip_actions).to(task.device))
        for substep in range(task.control_frequency_inv):
            self._world.step(render=self._render and substep == task.control_frequency_inv - 1)
            self.sim_frame_count += 1
        return task.post_physics_step()
