"""The cameras on a real USD stage see what MuJoCo's camera sees, pixel by pixel."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from isaac.setup import drawer
from pxr import Gf, Usd, UsdGeom

from sitt.sim.isaacsim.cabinet import HANDLE_BOXES
from sitt.sim.isaacsim.cameras import PAINT, add_camera, camera_path, paint_handle
from sitt.sim.mujoco.model import HANDLE_GEOMS, build_model

VIEWS = [
    {"eye": [1.25, 0.0, 1.1], "target": [0.32, 0.0, 0.72], "fovy": 55.0},
    {"eye": [0.9, -0.7, 1.4], "target": [0.1, 0.2, 0.5], "fovy": 30.0},
    {"eye": [-0.4, 1.1, 0.3], "target": [0.5, 0.0, 0.9], "fovy": 90.0},
]
PLACES = [(0.0, 0.0, 0.0), (3.0, -6.0, 0.0)]


@pytest.fixture(params=VIEWS)
def task(request):
    return drawer({"camera": request.param})


def stage_with(camera) -> Usd.Stage:
    """Environment 0 with a camera, and environment 1, which inherits from it and stands elsewhere."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    add_camera(stage, camera_path(0), camera, far=2.0)
    for env, place in enumerate(PLACES):
        prim = stage.DefinePrim(f"/World/envs/env_{env}", "Xform")
        if env:
            prim.GetInherits().AddInherit("/World/envs/env_0")
        UsdGeom.XformCommonAPI(prim).SetTranslate(Gf.Vec3d(*place))
    return stage


def usd_pixels(stage: Usd.Stage, env: int, points: np.ndarray, size: int) -> np.ndarray:
    """Project points (M, 3) of an environment into its camera's image: columns and rows from the upper left, pixels."""
    frustum = UsdGeom.Camera(stage.GetPrimAtPath(camera_path(env))).GetCamera(Usd.TimeCode.Default()).frustum
    onto = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
    at = np.array([onto.Transform(Gf.Vec3d(*(point + PLACES[env]))) for point in points])
    return (at[:, :2] * [1, -1] + 1) / 2 * size


def mujoco_pixels(task, points: np.ndarray) -> np.ndarray:
    """The same by the camera of the embedded simulator."""
    model = build_model(task, drawn=True)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    camera, size = model.camera("student").id, task.camera.image_size
    local = (points - data.cam_xpos[camera]) @ data.cam_xmat[camera].reshape(3, 3)
    focal = size / 2 / np.tan(np.radians(model.cam_fovy[camera]) / 2)
    return np.stack([local[:, 0], -local[:, 1]], 1) / -local[:, 2:] * focal + size / 2


@pytest.mark.parametrize("env", [0, 1])
def test_both_cameras_put_a_point_at_the_same_pixel(task, env):
    camera, rng = task.camera, np.random.default_rng(0)
    forward = np.subtract(camera.target, camera.eye)
    points = np.array(camera.target) + 0.2 * rng.uniform(-1, 1, size=(200, 3))
    points = points[(points - camera.eye) @ forward > 0]
    ours = usd_pixels(stage_with(camera), env, points, camera.image_size)
    assert len(points) > 100 and ours.std() > 2
    assert np.abs(ours - mujoco_pixels(task, points)).max() < 1e-3


def test_the_field_of_view_is_as_wide_as_it_is_high(task):
    stage = stage_with(task.camera)
    usd = UsdGeom.Camera(stage.GetPrimAtPath(camera_path(0))).GetCamera(Usd.TimeCode.Default())
    for direction in (Gf.Camera.FOVVertical, Gf.Camera.FOVHorizontal):
        assert usd.GetFieldOfView(direction) == pytest.approx(task.camera.fovy, abs=1e-4)
    assert usd.clippingRange.max == 2.0


def test_the_next_environment_is_beyond_what_the_camera_sees():
    """The farthest corner of the cabinet is nearer than the far plane, and the next robot's reach is not."""
    task = drawer()
    forward = np.subtract(task.camera.target, task.camera.eye)
    forward /= np.linalg.norm(forward)
    corners = [(x, y, z) for x in (-0.355, 0.255) for y in (-0.381, 0.381) for z in (0.019, 0.781)]
    depths = [(np.array(corner) - task.camera.eye) @ forward for corner in corners]
    assert max(depths) < 3.0 - 1.0
    behind = np.array([-3.0 + 1.0 + 0.3, 0.0, 0.3])  # the base of the robot at x = 1 of the environment 3 m behind
    assert (behind - task.camera.eye) @ forward > 3.0 - 1.0


def test_the_paint_covers_the_handle_of_the_embedded_simulator():
    stage = Usd.Stage.CreateInMemory()
    paint_handle(stage, "/drawer_top")
    model = build_model(drawer(), drawn=True)
    boxes = UsdGeom.BBoxCache(Usd.TimeCode.Default(), [UsdGeom.Tokens.default_])
    assert len(HANDLE_GEOMS) == len(HANDLE_BOXES) == len(stage.GetPrimAtPath("/drawer_top").GetChildren())
    for prim in stage.GetPrimAtPath("/drawer_top").GetChildren():
        extent = boxes.ComputeWorldBound(prim).ComputeAlignedRange()
        middle, size = np.array(extent.GetMidpoint()), np.array(extent.GetSize())
        gaps = [np.abs(model.geom(name).pos - middle).max() for name in HANDLE_GEOMS]
        geom = model.geom(HANDLE_GEOMS[int(np.argmin(gaps))])
        assert min(gaps) < 1e-3 and size == pytest.approx(2 * geom.size[:3] + 2 * PAINT, abs=2e-3)
        assert UsdGeom.Gprim(prim).GetDisplayColorAttr().Get()[0][0] > 0.7
