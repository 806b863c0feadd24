"""How many control steps and images per second the simulator mujoco_warp makes, beside bare `mujoco_warp.step`.

    python -m benchmarks.warp                                                one GPU, 4096 environments
    python -m benchmarks.warp --device cpu --num-envs 16 --steps 4 --rounds 1   whether it runs at all

Control steps per second of bare `mujoco_warp.step` (the same model, room for contacts, substeps, controls and start
states; on a GPU one CUDA graph), of the simulator, of the environment with its task, and of that with an image of every
environment in every control step; then images per second of the bare ray tracer and of `render`. They take turns; each
share is the median over the rounds. No share is required.
"""

from __future__ import annotations

import argparse
from typing import Any, Callable, Dict, List, Tuple

import mujoco
import mujoco_warp as mjw
import torch
import warp as wp

from benchmarks.drawer import drawer_of, world_of
from benchmarks.record import Figure, conclude, parser, positive, rates, ratio, show, status_of, take_turns
from sitt.config.compose import compose
from sitt.config.schema import RunConfig
from sitt.device import beside
from sitt.env import Env, make_world
from sitt.seeding import generator
from sitt.sim.mujoco_warp import MujocoWarpSimulator
from sitt.sim.mujoco_warp.physics import WarpPhysics

BARE, SIMULATOR, TASK, IMAGES = "bare mujoco_warp.step", "simulator", "simulator + task", "simulator + task + images"
TRACER, RENDER = "bare ray tracer", "render"
Work = Callable[[], object]


class Bare(WarpPhysics):
    """The same worlds, stepped and nothing else."""

    def _step(self) -> None:
        for _ in range(self._substeps):
            mjw.step(self.model, self.data)


def synchronised(work: Work) -> Work:
    """Return `work`, ended when the GPU has done it."""

    def done() -> None:
        work()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()

    return done


def stepping(config: RunConfig, num_envs: int, rounds: int, steps: int) -> Dict[str, List[float]]:
    """Return each round's seconds of all layers, with the controls that the environment sends."""
    env, seeing, alone = (make_env(config, num_envs) for _ in range(3))
    world, simulator = world_of(env.world, MujocoWarpSimulator)
    of_seeing, of_alone = (world_of(one.world, MujocoWarpSimulator)[1] for one in (seeing, alone))
    physics = simulator.physics
    rest = mujoco.MjData(simulator.model)
    mujoco.mj_forward(simulator.model, rest)
    bare = Bare(rest, physics.sim, num_envs, drawer_of(config).substeps)
    rng = generator(0, "actions")
    # Moves steadily, as a policy does: white noise alone would average out and never touch the cabinet.
    direction, actions = torch.zeros(num_envs, 9), torch.empty(0)
    targets: List[torch.Tensor] = []
    controls: List[torch.Tensor] = []

    def record() -> None:
        nonlocal direction, actions
        direction = 0.5 * direction + torch.rand(num_envs, 9, generator=rng) - 0.5
        actions = direction + 0.3 * torch.randn(steps, num_envs, 9, generator=rng)
        start = env.state_dict()["world"]["simulator"]
        targets.clear()
        controls.clear()
        for action in actions:
            env.step(action)
            targets.append(world.targets.clone())
            controls.append(physics.ctrl.clone())
        for one in (simulator, of_seeing, of_alone):
            one.load(start)
        for name, tensor in bare.state().items():
            tensor.copy_(start[name])

    def step_bare() -> None:
        for control in controls:
            bare.ctrl.copy_(control)
            bare.step()

    def step_simulator() -> None:
        for target in targets:
            of_alone.step(target)

    def step_task(one: Env, draw: bool) -> Work:
        def work() -> None:
            for action in actions:
                one.step(action)
                if draw:
                    one.world.look(one.world.in_view())

        return work

    works: Dict[str, Work] = {BARE: step_bare, SIMULATOR: step_simulator}
    works.update({TASK: step_task(env, False), IMAGES: step_task(seeing, True)})
    return take_turns({name: synchronised(work) for name, work in works.items()}, rounds, record)


def rendering(config: RunConfig, count: int, rounds: int) -> Dict[str, List[float]]:
    """Return each round's seconds of the ray tracer alone and of the simulator's `render`, for `count` images."""
    _, simulator = world_of(make_env(config, count).world, MujocoWarpSimulator)
    everyone, renderer = simulator.in_view(), simulator.renderer
    simulator.render(everyone)
    model, data, context = renderer._warp_model, renderer._warp_data, renderer._colors

    def trace() -> None:
        with wp.ScopedDevice(config.sim.learner_device):
            for _ in range(count // config.sim.render_batch):
                mjw.refit_bvh(model, data, context)
                mjw.render(model, data, context)

    works = {TRACER: trace, RENDER: lambda: simulator.render(everyone)}
    return take_turns({name: synchronised(work) for name, work in works.items()}, rounds)


def make_env(config: RunConfig, num_envs: int) -> Env:
    """Return a training environment."""
    return Env(make_world(config, num_envs, training=True), generator(0, "environment"))


def measure(config: RunConfig, options: argparse.Namespace) -> Tuple[List[Figure], Dict[str, Any]]:
    """Return the shares and all rates."""
    device = torch.cuda.get_device_name() if torch.cuda.is_initialized() else "Warp's CPU device"
    steps = f"{options.num_envs} environments, {device}"
    durations = stepping(config, options.num_envs, options.rounds, options.steps)
    speeds = {steps: rates(durations, options.num_envs * options.steps)}
    show(steps, speeds[steps], "control steps/s")
    size, count = drawer_of(config).camera.image_size, 4 * config.sim.render_batch
    images = f"images of {size} x {size}, {device}"
    speeds[images] = rates(rendering(config, count, options.rounds), count)
    show(images, speeds[images], "images/s")
    pairs = [(steps, name, BARE) for name in (SIMULATOR, TASK, IMAGES)] + [(images, RENDER, TRACER)]
    figures = [
        Figure(f"{ours}, {heading}: of {peer}", 100 * ratio(speeds[heading], ours, peer), "%")
        for heading, ours, peer in pairs
    ]
    return figures, {**speeds, "device": device}


def main() -> int:
    """Measure on the device that is named."""
    arguments = parser(__doc__, "warp")
    arguments.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    arguments.add_argument("--num-envs", type=positive, default=4096)
    arguments.add_argument("--rounds", type=positive, default=15)
    arguments.add_argument("--steps", type=positive, default=40, help="control steps per round")
    options = arguments.parse_args()
    batch = min(256, options.num_envs)
    config = compose("embedded-gpu", "joint", 0, [f"sim.device={options.device}", f"sim.render_batch={batch}"])
    torch.set_num_threads(config.threads)
    with beside(config.sim):
        figures, measured = measure(config, options)
    return conclude(figures, measured, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
