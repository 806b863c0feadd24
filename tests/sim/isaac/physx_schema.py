"""The classes of pxr.PhysxSchema that OIGE touches, with these attributes and no others."""

from __future__ import annotations

from pxr import Sdf


def physx_api(name: str, attributes: str) -> type:
    """Make one of pxr.PhysxSchema's classes with these attributes and no others."""
    token = "physx" + name.removeprefix("Physx").removesuffix("API")

    def of(attribute):
        def attr(self):
            return self.prim.CreateAttribute(f"{token}:{attribute}", Sdf.ValueTypeNames.Double)

        return attr

    members = {
        f"{verb}{attribute}Attr": of(attribute) for attribute in attributes.split() for verb in ("Get", "Create")
    }
    members["__init__"] = lambda self, prim: setattr(self, "prim", prim)
    members["__bool__"] = lambda self: token in self.prim.GetCustomData()

    def apply(cls, prim):
        prim.SetCustomDataByKey(token, True)
        return cls(prim)

    members["Apply"] = classmethod(apply)
    members["Get"] = classmethod(lambda cls, stage, path: cls(stage.GetPrimAtPath(path)))
    return type(name, (), members)


PHYSX_SCHEMA = {
    "PhysxJointAPI": "MaxJointVelocity",
    "PhysxRigidBodyAPI": "DisableGravity SolverPositionIterationCount SolverVelocityIterationCount SleepThreshold "
    "StabilizationThreshold EnableGyroscopicForces MaxDepenetrationVelocity RetainAccelerations",
    "PhysxArticulationAPI": "EnabledSelfCollisions SolverPositionIterationCount SolverVelocityIterationCount "
    "SleepThreshold StabilizationThreshold",
    "PhysxCollisionAPI": "ContactOffset RestOffset",
}
