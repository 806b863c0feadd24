"""The embedded simulator: MuJoCo's physics and images of rays, both on the CPU."""

from sitt.sim.mujoco.simulator import MujocoSimulator

__all__ = ["MujocoSimulator"]
