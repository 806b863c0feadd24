"""The simulator for a GPU: MuJoCo Warp's physics and its ray tracer, both there."""

from sitt.sim.mujoco_warp.simulator import MujocoWarpSimulator

__all__ = ["MujocoWarpSimulator"]
