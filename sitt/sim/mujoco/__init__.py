"""The embedded simulator: MuJoCo's physics and images by rays, both on the CPU."""

from sitt.sim.mujoco.simulator import MujocoSimulator

__all__ = ["MujocoSimulator"]
