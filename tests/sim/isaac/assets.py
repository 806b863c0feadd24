"""Isaac Sim's assets of robot and cabinet, as far as they are looked at."""

from __future__ import annotations

import torch
from isaac.kit import current
from isaac.quaternions import about_z, wxyz_multiply
from isaac.views import FRANKA_JOINTS
from pxr import Gf, UsdGeom, UsdPhysics


def add_reference_to_stage(usd_path, prim_path) -> None:
    """Write what we need of the assets: links with rigid bodies, joints, articulation roots."""
    stage = current().stage
    UsdPhysics.ArticulationRootAPI.Apply(UsdGeom.Xform.Define(stage, prim_path).GetPrim())
    if usd_path.endswith("/Isaac/Robots/Franka/franka_instanceable.usd"):
        links = [*(f"panda_link{i}" for i in range(8)), "panda_hand", "panda_leftfinger", "panda_rightfinger"]
        parents = [*(f"panda_link{i}" for i in range(7)), "panda_hand", "panda_hand"]
        joints = [f"{parent}/{joint}" for parent, joint in zip(parents, FRANKA_JOINTS)]
    else:
        assert usd_path.endswith("/Isaac/Props/Sektion_Cabinet/sektion_cabinet_instanceable.usd")
        links, joints = ["sektion", "door_left", "door_right", "drawer_bottom", "drawer_top"], []
    for name in links:
        link = UsdGeom.Xform.Define(stage, f"{prim_path}/{name}")
        UsdPhysics.RigidBodyAPI.Apply(link.GetPrim())
        if name in ("panda_link7", "panda_leftfinger", "panda_rightfinger"):
            link.AddTransformOp().Set(link_pose(name))
    for joint in joints:
        kind = UsdPhysics.PrismaticJoint if "finger" in joint else UsdPhysics.RevoluteJoint
        kind.Define(stage, f"{prim_path}/{joint}")


def link_pose(name: str) -> Gf.Matrix4d:
    """Pose of a link in its robot's frame, as the asset has it."""
    kit = current()
    robot, state = kit.drawer.robot, kit.asset.state
    hand, turn = state.hand_position[0], state.hand_rotation[0]
    finger = wxyz_multiply(turn[None], about_z(robot.finger_yaw))[0]
    position, rotation = {
        "panda_link7": (hand, turn),
        "panda_leftfinger": (state.left_finger_position[0], finger),
        "panda_rightfinger": (state.right_finger_position[0], finger),
    }[name]
    base = matrix(torch.tensor(robot.base_position), about_z(robot.base_yaw)[0])
    return matrix(position, rotation) * base.GetInverse()


def matrix(position: torch.Tensor, rotation: torch.Tensor) -> Gf.Matrix4d:
    turn = Gf.Rotation(Gf.Quatd(*rotation.double().tolist()))
    return Gf.Matrix4d(turn, Gf.Vec3d(*position.double().tolist()))
