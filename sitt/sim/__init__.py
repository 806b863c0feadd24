"""Simulators: each moves bodies and draws images for the same task."""

from __future__ import annotations

from sitt.config.sim import IsaacSimConfig, SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.base import Simulator


def make_simulator(task: DrawerConfig, sim: SimConfig, num_envs: int, threads: int) -> Simulator:
    """Build the simulator that the configuration names.

    Raises:
        UserError: this interpreter does not have it.
    """
    # Imported here: Isaac Sim's interpreter has no MuJoCo, and only that one has Isaac Sim.
    if isinstance(sim, IsaacSimConfig):
        from sitt.sim.isaacsim.simulator import IsaacSimulator

        return IsaacSimulator(task, sim, num_envs, threads)
    from sitt.sim.mujoco.simulator import MujocoSimulator

    return MujocoSimulator(task, sim, num_envs, threads)
