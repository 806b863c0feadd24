"""The embedded simulator: MuJoCo's physics and MuJoCo Warp's ray tracer, both on the CPU."""

from sitt.sim.mujoco.simulator import MujocoSimulator

__all__ = ["MujocoSimulator"]
