"""How many 64 x 64 images per second our ray tracer draws, beside `mujoco.Renderer` on Mesa, which needs OpenGL.

    python -m benchmarks.rendering                      less than a minute
    MUJOCO_GL=osmesa python -m benchmarks.rendering     by another library than EGL

Both draw the same states of the same model through the student's camera, from states to arrays of bytes, on one core:
Mesa's rasteriser is given no threads of its own (`--mesa-threads`). They take turns; the ratio is the median over the
rounds, and the images must be alike. Exit status 1 if ours is less than 1.1 times as fast, and also where there is no
OpenGL and nothing was measured.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Dict, List, Tuple

import numpy as np
import torch

from benchmarks.drawer import drawer_of, world_of
from benchmarks.record import Figure, conclude, parser, positive, rates, ratio, show, status_of, take_turns
from sitt.config.compose import compose
from sitt.sim.mujoco import MujocoSimulator

GOAL = 1.1
OURS, PEER = "sitt", "mujoco.Renderer"
LARGEST_DIFFERENCE = 5.0
"""Mean absolute difference of the bodies' pixels, of 255: the two light surfaces a little differently."""


def measure(options: argparse.Namespace) -> Tuple[List[Figure], Dict[str, Any]]:
    """Return the figure and all rates."""
    config = compose("embedded", "joint", 0)
    task = drawer_of(config)
    size = task.camera.image_size
    name = f"images of {size} x {size}, 1 thread: beside {PEER} on {os.environ['MUJOCO_GL']}"
    try:
        # MuJoCo loads the OpenGL library when it is imported.
        from benchmarks.gl_renderer import GlRenderer

        peer = GlRenderer(task)
    except Exception as error:  # a library that is missing shows in many ways
        print(f"{PEER}: not run, there is no OpenGL here ({str(error).partition(chr(10))[0]})")
        return [Figure(name, None, "×", GOAL, note="no OpenGL")], {}
    from benchmarks.simulator import Actions, make_env

    env = make_env(config, options.images)
    for action in Actions(options.images).next(40):
        env.step(action)
    (_, simulator), everyone = world_of(env.world, MujocoSimulator), torch.arange(options.images)
    states = simulator.physics.state.copy()
    mine, theirs = simulator.render(everyone).permute(0, 2, 3, 1).numpy(), peer.images(states)
    bodies = theirs.any(-1)  # its background is black
    difference = float(np.abs(mine[bodies].astype(int) - theirs[bodies]).mean())
    assert difference < LARGEST_DIFFERENCE, f"not the same images: they differ by {difference:.1f} of 255"
    works = {OURS: lambda: simulator.render(everyone), PEER: lambda: peer.images(states)}
    speeds = rates(take_turns(works, options.rounds), options.images)
    show(f"{peer.driver}; mean difference of the images {difference:.2f} of 255", speeds, "images/s")
    measured = {"images per second": speeds, "difference": difference, "driver": peer.driver}
    return [Figure(name, ratio(speeds, OURS, PEER), "×", GOAL, note=peer.driver)], measured


def main() -> int:
    """Measure where there is OpenGL."""
    arguments = parser(__doc__, "rendering")
    arguments.add_argument("--images", type=positive, default=256)
    arguments.add_argument("--rounds", type=positive, default=15)
    arguments.add_argument("--mesa-threads", type=int, default=0)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ["LP_NUM_THREADS"] = str(options.mesa_threads)
    os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"  # Mesa, also where there is a GPU
    return conclude(*measure(options), options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
