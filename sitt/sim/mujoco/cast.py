"""Kernels that cast rays at the few geoms they may hit: the images of MuJoCo Warp's ray tracer, in a third of its time.

MuJoCo Warp finds these geoms in a tree, ray by ray, which takes two thirds of its time on a CPU. Here every geom gets
the frame of pixels that its box covers, and is tried in these alone, the nearest first. What a ray hits, and where, is
computed by MuJoCo Warp's own functions; and where two geoms are about as near, the ray is cast once more by its rules,
in the order of its tree. So all bytes of its images come out again (tests/sim/test_cast.py). This holds for scenes like
ours: planes, boxes, capsules and cylinders, none transparent; directional lights without ambient light; a camera at
rest, without textures, shadows or highlights.
"""

# mypy: ignore-errors
# Warp compiles what follows, and its types are not Python's.
from __future__ import annotations

from typing import Tuple

import warp as wp

from sitt.sim.mujoco.warp_functions import (
    RAY_TOL_ABS,
    RAY_TOL_REL,
    GeomType,
    ProjectionType,
    _compute_box_bounds,
    _compute_capsule_bounds,
    _compute_cylinder_bounds,
    _compute_plane_bounds,
    compute_ray,
    ray_box,
    ray_capsule,
    ray_cylinder,
    ray_plane,
)

wp.set_module_options({"enable_backward": False})

PLANE, CAPSULE, CYLINDER = (wp.constant(int(kind)) for kind in (GeomType.PLANE, GeomType.CAPSULE, GeomType.CYLINDER))
FAR = wp.constant(1.0e10)
"""Further than anything, in m and in pixels."""
BESIDE = wp.constant(0.25)
"""Pixels around a geom's frame: far more than what rounding moves."""
BEFORE = wp.constant(1.0e-4)
"""m by which a geom may be nearer than computed: likewise."""
ABOUT = wp.constant(4.0e-6)
"""Which distances are about the same: in m, and of a distance beyond 1 m. MuJoCo Warp's own is RAY_TOL_REL."""
AT_EYE = wp.constant(0.01)
"""m before the eye: what reaches nearer, or behind it, may be seen anywhere."""


@wp.struct
class Scene:
    """What is the same in all images."""

    kinds: wp.array[int]
    sizes: wp.array[wp.vec3]
    colors: wp.array[wp.vec3]
    is_handle: wp.array[int]
    to_lights: wp.array[wp.vec3]
    """Unit vectors; the last light is the camera's own."""
    lights: wp.array[wp.vec3]
    ambient: wp.vec3
    background: wp.vec3
    """Of 255."""
    eye: wp.vec3
    axes: wp.mat33
    tree: wp.array[int]
    """The geoms in the order in which MuJoCo Warp tries them."""
    fovy: float
    znear: float
    rays: wp.array2d[wp.vec3]
    """(H, W) unit vectors from the eye."""
    inverse_rays: wp.array2d[wp.vec3]


@wp.struct
class Views:
    """Of each geom in each world, (K, G)."""

    positions: wp.array2d[wp.vec3]
    rotations: wp.array2d[wp.mat33]
    lowers: wp.array2d[wp.vec3]
    """With `uppers`: bounds along the world's axes."""
    uppers: wp.array2d[wp.vec3]
    frames: wp.array2d[wp.vec4i]
    """Columns and rows where it may be seen: left, top, right, bottom, all within the frame."""
    nearest: wp.array2d[float]
    """m from the eye: no point of it is nearer."""


@wp.struct
class Screen:
    """Room for one world's image, (H, W): what each ray has hit so far."""

    distances: wp.array2d[float]
    normals: wp.array2d[wp.vec3]
    geoms: wp.array2d[int]
    unsure: wp.array2d[bool]
    """Whether it met two geoms at about the same distance."""


@wp.kernel
def aim(scene: Scene) -> None:
    """Fill in the rays of a pixel."""
    row, column = wp.tid()
    height, width = scene.rays.shape[0], scene.rays.shape[1]
    none = wp.vec2(0.0, 0.0)
    local, _offset = compute_ray(
        int(ProjectionType.PERSPECTIVE), scene.fovy, none, wp.vec4(), width, height, column, row, scene.znear
    )
    ray = scene.axes @ local
    scene.rays[row, column] = ray
    scene.inverse_rays[row, column] = wp.cw_div(wp.vec3(1.0), ray)


@wp.func
def half_extents(kind: int, size: wp.vec3) -> wp.vec3:
    """Return the half edges of a geom's box, in its own frame."""
    if kind == CAPSULE:
        return wp.vec3(size[0], size[0], size[1] + size[0])
    if kind == CYLINDER:
        return wp.vec3(size[0], size[0], size[1])
    if kind == PLANE:
        return wp.vec3(size[0], size[1], 0.0)
    return size


@wp.func
def bounds(kind: int, position: wp.vec3, rotation: wp.mat33, size: wp.vec3) -> Tuple[wp.vec3, wp.vec3]:
    """Return the bounds along the world's axes that MuJoCo Warp puts into its tree."""
    if kind == PLANE:
        lower, upper = _compute_plane_bounds(position, rotation, size)
    elif kind == CAPSULE:
        lower, upper = _compute_capsule_bounds(position, rotation, size)
    elif kind == CYLINDER:
        lower, upper = _compute_cylinder_bounds(position, rotation, size)
    else:
        lower, upper = _compute_box_bounds(position, rotation, size)
    return lower, upper


@wp.kernel
def locate(scene: Scene, views: Views) -> None:
    """Find where a geom may be seen."""
    world, geom = wp.tid()
    kind, size = scene.kinds[geom], scene.sizes[geom]
    position, rotation = views.positions[world, geom], views.rotations[world, geom]
    lower, upper = bounds(kind, position, rotation, size)
    views.lowers[world, geom] = lower
    views.uppers[world, geom] = upper
    extents = half_extents(kind, size)
    eye = wp.transpose(rotation) @ (scene.eye - position)
    views.nearest[world, geom] = wp.length(wp.max(wp.max(eye, -eye) - extents, wp.vec3(0.0))) - BEFORE
    last = float(scene.rays.shape[0] - 1)
    focal = 0.5 * (last + 1.0) / wp.tan(0.5 * wp.radians(scene.fovy))  # pixels
    low, high = wp.vec2(FAR), wp.vec2(-FAR)
    for corner in range(8):
        sides = wp.vec3(float(corner & 1), float((corner >> 1) & 1), float(corner >> 2)) * 2.0 - wp.vec3(1.0)
        point = wp.transpose(scene.axes) @ (position + rotation @ wp.cw_mul(sides, extents) - scene.eye)
        pixel = wp.vec2(point[0], -point[1]) * (focal / -point[2]) + wp.vec2(0.5 * last)
        low, high = wp.min(low, pixel), wp.max(high, pixel)
        if kind == PLANE or -point[2] < AT_EYE:
            low, high = wp.vec2(-FAR), wp.vec2(FAR)
    low = wp.max(low - wp.vec2(BESIDE), wp.vec2(0.0))
    high = wp.min(high + wp.vec2(BESIDE), wp.vec2(last))
    views.frames[world, geom] = wp.vec4i(
        int(wp.ceil(low[0])), int(wp.ceil(low[1])), int(wp.floor(high[0])), int(wp.floor(high[1]))
    )


@wp.kernel
def list_tree(tree: wp.uint64, scene: Scene) -> None:
    """Fill in the order of a tree; in a thread of its own."""
    everything = wp.bvh_query_aabb(tree, wp.vec3(-FAR), wp.vec3(FAR))
    geom, place = wp.int32(0), wp.int32(0)
    while wp.bvh_query_next(everything, geom):
        scene.tree[place] = geom
        place += 1


@wp.func
def intersect(
    kind: int, position: wp.vec3, rotation: wp.mat33, size: wp.vec3, eye: wp.vec3, ray: wp.vec3
) -> Tuple[float, wp.vec3]:
    """Return the distance, negative without a hit, and the normal."""
    if kind == PLANE:
        distance, normal = ray_plane(position, rotation, size, eye, ray)
    elif kind == CAPSULE:
        distance, normal = ray_capsule(position, rotation, size, eye, ray)
    elif kind == CYLINDER:
        distance, normal = ray_cylinder(position, rotation, size, eye, ray)
    else:
        distance, _sides, normal = ray_box(position, rotation, size, eye, ray)
    return distance, normal


@wp.func
def enters(eye: wp.vec3, inverse_ray: wp.vec3, lower: wp.vec3, upper: wp.vec3, limit: float) -> bool:
    """Whether a ray meets bounds before a limit, rounded as in Warp's tree: what grazes a geom may miss its bounds."""
    one, other = wp.cw_mul(lower - eye, inverse_ray), wp.cw_mul(upper - eye, inverse_ray)
    low, high = wp.min(one, other), wp.max(one, other)
    enter = wp.max(low[2], wp.max(low[1], low[0]))
    leave = wp.min(high[2], wp.min(high[1], high[0]))
    return leave >= 0.0 and leave >= enter and enter < limit


@wp.func
def cast_again(scene: Scene, views: Views, screen: Screen, world: int, row: int, column: int) -> None:
    """Cast one ray at all geoms by MuJoCo Warp's rules: at about the same distance, the order makes a difference."""
    ray, inverse_ray = scene.rays[row, column], scene.inverse_rays[row, column]
    known, seen = wp.float32(FAR), wp.int32(-1)
    for place in range(scene.tree.shape[0]):
        geom = scene.tree[place]
        limit = known * (1.0 + RAY_TOL_REL) + RAY_TOL_ABS
        if enters(scene.eye, inverse_ray, views.lowers[world, geom], views.uppers[world, geom], limit):
            position, rotation = views.positions[world, geom], views.rotations[world, geom]
            distance, normal = intersect(scene.kinds[geom], position, rotation, scene.sizes[geom], scene.eye, ray)
            same = RAY_TOL_REL * wp.max(known, 1.0)
            closer = distance < known - same or (wp.abs(distance - known) <= same and geom > seen)
            if distance >= 0.0 and wp.dot(ray, normal) <= 0.0 and closer:
                known, seen = distance, geom
                screen.normals[row, column] = normal
    screen.geoms[row, column] = seen


@wp.func
def shade(scene: Scene, geom: int, normal: wp.vec3) -> wp.vec3:
    """Return the colour, of 255, that the lights give a geom."""
    base = scene.colors[geom]
    color = wp.cw_mul(base, scene.ambient)
    for light in range(scene.lights.shape[0]):
        facing = wp.max(0.0, wp.dot(normal, scene.to_lights[light]))
        color += wp.cw_mul(base, scene.lights[light] * facing)
    return wp.max(wp.min(color, wp.vec3(1.0)), wp.vec3(0.0)) * 255.0


@wp.kernel
def draw(
    scene: Scene,
    views: Views,
    order: wp.array2d[wp.int64],
    screen: Screen,
    images: wp.array4d[wp.uint8],
    handle_pixels: wp.array2d[int],
) -> None:
    """Draw one row of all K images, and count the handle's pixels in it; without images (0, 3, H, W) only that.

    Args:
        scene: with its rays.
        views: where the geoms are, and may be seen.
        order: (K, G), geoms as they are tried.
        screen: overwritten.
        images: (K, 3, H, W).
        handle_pixels: (K, H).
    """
    row = wp.tid()
    eye = scene.eye
    for world in range(order.shape[0]):
        for column in range(scene.rays.shape[1]):
            screen.distances[row, column] = FAR
            screen.geoms[row, column] = -1
            screen.unsure[row, column] = False
        for place in range(order.shape[1]):
            geom = int(order[world, place])
            frame = views.frames[world, geom]
            if frame[1] <= row and row <= frame[3]:
                kind, size, nearest = scene.kinds[geom], scene.sizes[geom], views.nearest[world, geom]
                position, rotation = views.positions[world, geom], views.rotations[world, geom]
                lower, upper = views.lowers[world, geom], views.uppers[world, geom]
                for column in range(frame[0], frame[2] + 1):
                    known = screen.distances[row, column]
                    if nearest <= known:
                        ray = scene.rays[row, column]
                        distance, normal = intersect(kind, position, rotation, size, eye, ray)
                        about = ABOUT * wp.max(known, 1.0)
                        if distance >= 0.0 and distance < known + about and wp.dot(ray, normal) <= 0.0:
                            if distance > known - about:
                                screen.unsure[row, column] = True
                            elif enters(eye, scene.inverse_rays[row, column], lower, upper, known):
                                screen.distances[row, column] = distance
                                screen.normals[row, column] = normal
                                screen.geoms[row, column] = geom
        handle_pixels[world, row] = 0
        for column in range(scene.rays.shape[1]):
            if screen.unsure[row, column]:
                cast_again(scene, views, screen, world, row, column)
            geom = screen.geoms[row, column]
            if geom >= 0:
                handle_pixels[world, row] += scene.is_handle[geom]
            if images.shape[0] > 0:
                color = scene.background
                if geom >= 0:
                    color = shade(scene, geom, screen.normals[row, column])
                for channel in range(3):
                    images[world, channel, row, column] = wp.uint8(int(color[channel]))
