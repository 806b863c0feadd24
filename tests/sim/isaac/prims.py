"""What is put on the stage: robots, cubes, and clones of environments."""

from __future__ import annotations

import math

from isaac.kit import current
from pxr import Gf, Sdf, UsdGeom, UsdPhysics


class Robot:
    """omni.isaac.core.robots.robot.Robot."""

    def __init__(self, prim_path, name, translation, orientation, articulation_controller) -> None:
        self.prim_path = prim_path
        place(current().stage.GetPrimAtPath(prim_path), translation, orientation)


class DynamicCuboid:
    """omni.isaac.core.objects.DynamicCuboid."""

    def __init__(self, prim_path, name, color, size, density) -> None:
        self.prim_path = prim_path
        cube = UsdGeom.Cube.Define(current().stage, prim_path)
        cube.CreateSizeAttr(size)
        UsdPhysics.RigidBodyAPI.Apply(cube.GetPrim())


class Cloner:
    """omni.isaac.cloner.Cloner: clones inherit from their source (cloner.py, clone)."""

    def clone(self, source_prim_path, prim_paths, positions=None, replicate_physics=False, copy_from_source=False):
        stage = current().stage
        assert stage.GetPrimAtPath(source_prim_path) and not copy_from_source
        for path, position in zip(prim_paths, positions):
            prim = stage.GetPrimAtPath(source_prim_path)
            if path != source_prim_path:
                prim = stage.DefinePrim(path)
                prim.GetInherits().AddInherit(Sdf.Path(source_prim_path))
            place(prim, position, (1.0, 0.0, 0.0, 0.0))
        return positions


class GridCloner(Cloner):
    """omni.isaac.cloner.GridCloner: rows of environments about the world's origin."""

    def __init__(self, spacing) -> None:
        self._spacing = spacing

    def define_base_env(self, base_env_path) -> None:
        UsdGeom.Scope.Define(current().stage, base_env_path)

    def generate_paths(self, root_path, num_paths):
        return [f"{root_path}_{i}" for i in range(num_paths)]

    def clone(self, source_prim_path, prim_paths, replicate_physics=False, copy_from_source=False):
        side = math.ceil(math.sqrt(len(prim_paths)))
        grid = [divmod(i, side) for i in range(len(prim_paths))]
        positions = [[self._spacing * (x - side / 2), self._spacing * (y - side / 2), 0.0] for x, y in grid]
        return super().clone(source_prim_path, prim_paths, positions, replicate_physics, copy_from_source)


def place(prim, position, rotation) -> None:
    """Set translation and rotation (w, x, y, z) as the only transform of a prim."""
    xform = UsdGeom.Xformable(prim)
    xform.ClearXformOpOrder()
    xform.AddTranslateOp().Set(Gf.Vec3d(*(float(x) for x in position)))
    xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Quatd(*(float(x) for x in rotation)))
