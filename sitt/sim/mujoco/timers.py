"""MuJoCo's own timers, which nobody here asks for: they read the clock dozens of times per step, 8 % of its time."""

from __future__ import annotations

import ctypes

from mujoco import _callbacks


def stop_timers() -> None:
    """Take MuJoCo's clock away, so that `MjData.timer` stays zero in this process.

    `mujoco.set_mjcb_time(None)` does not: it brings back the clock of Python's bindings.
    """
    ctypes.c_void_p.in_dll(ctypes.CDLL(_callbacks.__file__), "mjcb_time").value = None
