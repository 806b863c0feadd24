"""How much of the bare engine's speed is left with our simulator and the task around it, and what do images cost?

    python -m benchmarks.simulator                      1 and 2 threads, a minute or two
    python -m benchmarks.simulator --threads 1 --rounds 3

Control steps per second of MuJoCo's bare `Batch.step`, as it comes and without timers and sensors (which our
simulator switches off), of the simulator and of the environment with its task (observation, reward, automatic reset),
then images per second of `render` and of MuJoCo Warp's ray tracer, which draws the same ones. All have the same model,
start states, controls, threads and substeps, and take turns; each share is the median over the rounds. Exit status 1
if less than 80 % of the steps as they come are left, or images are not twice as fast.

What the bare steps leave is derived from the state before the last substep, and of no use to a task. MuJoCo's own way
to the new state's poses, `stage=mjSTAGE_POS`, is timed too, without timers; a persistent batch takes longer for it.
"""

from __future__ import annotations

import copy
from typing import Dict, List

import mujoco
import torch
from mujoco.batch import Batch

from benchmarks.drawer import drawer_of, world_of
from benchmarks.record import Figure, conclude, counted, parser, positive, rates, ratio, show, status_of, take_turns
from benchmarks.warp_renderer import ReferenceRenderer
from sitt.config.compose import compose
from sitt.config.schema import RunConfig
from sitt.env import Env
from sitt.sim.mujoco import MujocoSimulator
from sitt.sim.mujoco.model import build_model
from sitt.sim.mujoco.timers import stop_timers
from sitt.task.drawer_world import DrawerWorld
from sitt.task.franka_drawer import FrankaDrawer

STEP_GOAL, RENDER_GOAL = 80.0, 2.0
"""Required share of the bare engine's rate, %, and multiple of MuJoCo Warp's."""
BARE, STRIPPED = "bare Batch.step", "bare Batch.step without timers and sensors"
POSED = "Batch.step that poses the new state"
SIMULATOR, ENVIRONMENT = "simulator", "simulator + task"
TRACER, RENDER = "MuJoCo Warp's ray tracer", "render"


def make_env(config: RunConfig, num_envs: int) -> Env:
    """Return a training environment on the CPU's MuJoCo."""
    task = drawer_of(config)
    simulator = MujocoSimulator(task, config.sim, num_envs, config.threads)
    world = DrawerWorld(FrankaDrawer(task), simulator, task.success_is)
    return Env(world, torch.Generator().manual_seed(0))


class Actions:
    """Moves steadily, as a policy does: white noise alone would average out and never touch the cabinet."""

    def __init__(self, num_envs: int) -> None:
        self.rng = torch.Generator().manual_seed(1)
        self.direction = torch.zeros(num_envs, 9)

    def next(self, steps: int) -> torch.Tensor:
        """Return the actions (steps, N, 9) of a round."""
        self.direction = 0.5 * self.direction + torch.rand(self.direction.shape, generator=self.rng) - 0.5
        return self.direction + 0.3 * torch.randn(steps, *self.direction.shape, generator=self.rng)


def stepping(config: RunConfig, num_envs: int, rounds: int, steps: int) -> Dict[str, List[float]]:
    """Return each round's seconds of the three layers, with the controls that the environment sends."""
    env, draw, task = make_env(config, num_envs), Actions(num_envs), drawer_of(config)
    world, simulator = world_of(env.world, MujocoSimulator)
    alone = MujocoSimulator(task, config.sim, num_envs, config.threads)
    model = build_model(task)
    without_sensors = copy.copy(model)
    without_sensors.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_SENSOR
    bare, stripped, posed = (Batch(each, num_envs, config.threads) for each in (model, without_sensors, model))
    actions = torch.empty(0)
    targets: List[torch.Tensor] = []
    controls: List[object] = []

    def record() -> None:
        nonlocal actions
        actions, start = draw.next(steps), copy.deepcopy(env.state_dict())
        targets.clear()
        controls.clear()
        for action in actions:
            env.step(action)
            targets.append(world.targets.clone())
            controls.append(simulator.physics.ctrl.copy())
        env.load_state_dict(start)
        alone.load(simulator.save())
        for batch in (bare, stripped, posed):
            batch.state[:] = simulator.physics.state

    def step_bare(batch: Batch, stage: mujoco.mjtStage = mujoco.mjtStage.mjSTAGE_NONE) -> None:
        for control in controls:
            batch.ctrl[:] = control
            batch.step(nstep=task.substeps, stage=stage)

    def step_bare_as_it_comes() -> None:
        mujoco.set_mjcb_time(None)  # which brings its clock back
        step_bare(bare)
        stop_timers()

    def step_simulator() -> None:
        for target in targets:
            alone.step(target)

    def step_environment() -> None:
        for action in actions:
            env.step(action)

    works = {
        BARE: step_bare_as_it_comes,
        STRIPPED: lambda: step_bare(stripped),
        POSED: lambda: step_bare(posed, mujoco.mjtStage.mjSTAGE_POS),
        SIMULATOR: step_simulator,
        ENVIRONMENT: step_environment,
    }
    durations = take_turns(works, rounds, record)
    assert torch.equal(world.targets, targets[-1]), "the environment did not do again what was recorded"
    return durations


def rendering(config: RunConfig, count: int, rounds: int) -> Dict[str, List[float]]:
    """Return each round's seconds of MuJoCo Warp's ray tracer and of the simulator's `render`, for `count` images."""
    (_, simulator), everyone = world_of(make_env(config, count).world, MujocoSimulator), torch.arange(count)
    reference, states = ReferenceRenderer(drawer_of(config), config.sim), simulator.physics.state.copy()
    assert torch.equal(simulator.render(everyone), reference.images(states)), "not the same images"
    works = {TRACER: lambda: reference.images(states), RENDER: lambda: simulator.render(everyone)}
    return take_turns(works, rounds)


def main() -> int:
    """Run both comparisons."""
    arguments = parser(__doc__, "simulator")
    arguments.add_argument("--threads", type=positive, nargs="+", default=[1, 2], help="of the physics; torch has one")
    arguments.add_argument("--num-envs", type=positive, default=1024)
    arguments.add_argument("--rounds", type=positive, default=15)
    arguments.add_argument("--steps", type=positive, default=40, help="control steps per round")
    options = arguments.parse_args()
    figures, measured = [], {}
    torch.set_num_threads(1)
    for threads in options.threads:
        config = compose("embedded", "joint", 0, [f"threads={threads}"])
        heading = f"{options.num_envs} environments, {counted(threads, 'thread')}"
        durations = stepping(config, options.num_envs, options.rounds, options.steps)
        measured[heading] = speeds = rates(durations, options.num_envs * options.steps)
        show(heading, speeds, "control steps/s")
        for peer, goal in ((BARE, STEP_GOAL), (STRIPPED, None), (POSED, None)):
            share = 100 * ratio(speeds, ENVIRONMENT, peer)
            figures.append(Figure(f"{ENVIRONMENT}, {heading}: of {peer}", share, "%", goal))
    config = compose("embedded", "joint", 0)
    size, count = drawer_of(config).camera.image_size, 4 * config.sim.render_batch
    heading = f"images of {size} x {size}, 1 thread"
    measured[heading] = speeds = rates(rendering(config, count, options.rounds), count)
    show(heading, speeds, "images/s")
    figures.append(Figure(f"{RENDER}, {heading}: beside {TRACER}", ratio(speeds, RENDER, TRACER), "×", RENDER_GOAL))
    return conclude(figures, measured, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
