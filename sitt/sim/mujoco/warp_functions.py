"""The few functions of MuJoCo Warp that `cast` is made of, without all else that its package imports.

That is the whole of its physics, 600 kernels that Python parses in 0.6 s, in each job that draws an image.
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager
from typing import Iterator

PACKAGE = "mujoco_warp"


@contextmanager
def package_left_out() -> Iterator[None]:
    """Let imports within this block find a package's modules without running its `__init__`; later ones run it."""
    if PACKAGE in sys.modules:
        yield
        return
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[PACKAGE]


with package_left_out():
    from mujoco_warp._src.bvh import (
        _compute_box_bounds,
        _compute_capsule_bounds,
        _compute_cylinder_bounds,
        _compute_plane_bounds,
    )
    from mujoco_warp._src.ray import RAY_TOL_ABS, RAY_TOL_REL, ray_box, ray_capsule, ray_cylinder, ray_plane
    from mujoco_warp._src.render_util import compute_ray
    from mujoco_warp._src.types import GeomType, ProjectionType

__all__ = [
    "RAY_TOL_ABS",
    "RAY_TOL_REL",
    "GeomType",
    "ProjectionType",
    "_compute_box_bounds",
    "_compute_capsule_bounds",
    "_compute_cylinder_bounds",
    "_compute_plane_bounds",
    "compute_ray",
    "ray_box",
    "ray_capsule",
    "ray_cylinder",
    "ray_plane",
]
