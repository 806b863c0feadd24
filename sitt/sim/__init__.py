"""Simulators: each moves bodies and draws images for the same task."""

from __future__ import annotations

from sitt.config.sim import IsaacSimConfig, MujocoWarpConfig, SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.base import Simulator


def compile_kernels(task: DrawerConfig, sim: SimConfig) -> None:
    """Have Warp compile into its cache all that a simulator may use, so that jobs side by side find it there."""
    simulator = make_simulator(task, sim, 1, 1)
    everyone = simulator.in_view()
    simulator.step(simulator.state.joint_positions)
    simulator.render(everyone)
    simulator.handle_visible(everyone)
    simulator.handle_touched(everyone)


def make_simulator(task: DrawerConfig, sim: SimConfig, num_envs: int, threads: int) -> Simulator:
    """Build the simulator that the configuration names.

    Raises:
        UserError: this interpreter does not have it.
    """
    # Imported here: Isaac Sim's interpreter has no MuJoCo, and only that one has Isaac Sim.
    if isinstance(sim, IsaacSimConfig):
        from sitt.sim.isaacsim.simulator import IsaacSimulator

        return IsaacSimulator(task, sim, num_envs, threads)
    if isinstance(sim, MujocoWarpConfig):
        from sitt.sim.mujoco_warp.simulator import MujocoWarpSimulator

        return MujocoWarpSimulator(task, sim, num_envs)
    from sitt.sim.mujoco.simulator import MujocoSimulator

    return MujocoSimulator(task, sim, num_envs, threads)
