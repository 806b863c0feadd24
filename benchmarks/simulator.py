"""How much of the bare engine's speed is left with our simulator, the task and the images around it?

Prints control steps per second of MuJoCo's bare `Batch.step`, of the simulator and of the environment with
task (observation, reward, automatic reset), then images per second of the bare ray tracer and of `render`.
Each round measures all of them one after the other, on the same model, states, threads and substeps, so
that other load on the machine meets all alike; the figures are medians over the rounds.

    python benchmarks/simulator.py --threads 1 --num-envs 1024
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any, Callable, Dict, List, Tuple

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from mujoco.batch import Batch
from torch import Tensor

from sitt.config.compose import compose
from sitt.config.schema import RunConfig
from sitt.env import Env
from sitt.sim.mujoco import MujocoSimulator
from sitt.task.drawer_world import DrawerWorld
from sitt.task.franka_drawer import FrankaDrawer

STEP_GOAL, RENDER_GOAL = 0.60, 0.90
"""Required shares of the bare engine's rate."""


def seconds(work: Callable[..., None], *arguments: Any) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def step_bare(bare: Batch, substeps: int, controls: List[np.ndarray]) -> None:
    """MuJoCo alone, with the controls that the environment sent."""
    for control in controls:
        bare.ctrl[:] = control
        bare.step(nstep=substeps)


def step_simulator(simulator: MujocoSimulator, targets: List[Tensor]) -> None:
    """Our simulator, with the targets that the environment sent."""
    for target in targets:
        simulator.step(target)


def step_environment(env: Env, actions: Tensor) -> None:
    """Everything: observation, reward and automatic reset too."""
    for action in actions:
        env.step(action)


def record(env: Env, simulator: MujocoSimulator, actions: Tensor) -> Tuple[List[Tensor], List[np.ndarray]]:
    """Return the targets and controls of each of these actions."""
    targets, controls = [], []
    for action in actions:
        env.step(action)
        targets.append(env.world.targets.clone())
        controls.append(simulator.batch.ctrl.copy())
    return targets, controls


def stepping(config: RunConfig, num_envs: int, rounds: int, steps: int) -> Dict[str, List[float]]:
    """Return each round's control steps per second of the three layers."""
    rng = torch.Generator().manual_seed(0)
    simulator, alone = (MujocoSimulator(config.task, config.sim, num_envs, config.threads) for _ in range(2))
    env = Env(DrawerWorld(FrankaDrawer(config.task), simulator, config.task.success_is), rng)
    bare = Batch(alone.model, num_envs, config.threads, persistent=True)
    rates: Dict[str, List[float]] = {"bare Batch.step": [], "simulator": [], "environment with task": []}
    # A policy moves steadily: white noise alone would average out and never touch the cabinet.
    direction = torch.zeros(num_envs, 9)
    for _ in range(rounds):
        direction = 0.5 * direction + torch.rand(num_envs, 9, generator=rng) - 0.5
        actions = direction + 0.3 * torch.randn(steps, num_envs, 9, generator=rng)
        start = simulator.save()
        targets, controls = record(env, simulator, actions)
        for one in (simulator, alone):
            one.load(start)
        bare.state[:] = start["state"].numpy()
        bare.forward(stage=mujoco.mjtStage.mjSTAGE_VEL)
        durations = {
            "bare Batch.step": seconds(step_bare, bare, config.task.substeps, controls),
            "simulator": seconds(step_simulator, alone, targets),
            "environment with task": seconds(step_environment, env, actions),
        }
        for name, duration in durations.items():
            rates[name].append(num_envs * steps / duration)
    return rates


def rendering(config: RunConfig, rounds: int) -> Dict[str, List[float]]:
    """Return each round's images per second of the ray tracer alone and of the simulator's `render`."""
    count = 4 * config.sim.render_batch
    rng = torch.Generator().manual_seed(0)
    simulator = MujocoSimulator(config.task, config.sim, count, config.threads)
    # Puts all at random start states.
    Env(DrawerWorld(FrankaDrawer(config.task), simulator, config.task.success_is), rng)
    everyone = torch.arange(count)
    simulator.render(everyone)
    renderer = simulator.renderer
    model, data, context = renderer._warp_model, renderer._warp_data, renderer._colors

    def trace() -> None:
        with wp.ScopedDevice("cpu"):
            for _ in range(4):
                mjw.refit_bvh(model, data, context)
                mjw.render(model, data, context)

    rates: Dict[str, List[float]] = {"bare ray tracer": [], "render": []}
    for _ in range(rounds):
        rates["bare ray tracer"].append(count / seconds(trace))
        rates["render"].append(count / seconds(simulator.render, everyone))
    return rates


def show(rates: Dict[str, List[float]], unit: str, goal: float) -> bool:
    """Print medians and the share of the first that the last reaches; return whether it is enough."""
    names = list(rates)
    for name in names:
        values = np.array(rates[name])
        print(f"{name:>24}: {np.median(values):>9,.0f} {unit}  ({values.min():,.0f} to {values.max():,.0f})")
    share = statistics.median(last / first for first, last in zip(rates[names[0]], rates[names[-1]]))
    print(f"{names[-1]} / {names[0]}: {share:.0%} (required: {goal:.0%})\n")
    return share >= goal


def main() -> int:
    """Run both comparisons; exit status 1 if one falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="threads of physics and torch")
    parser.add_argument("--num-envs", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=40, help="control steps per round")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = compose("embedded", "joint", 0, [f"threads={arguments.threads}"])
    print(f"{arguments.num_envs} environments, {arguments.threads} threads, {config.task.substeps} substeps")
    fast = show(stepping(config, arguments.num_envs, arguments.rounds, arguments.steps), "control steps/s", STEP_GOAL)
    size = config.task.camera.image_size
    drawn = show(rendering(config, arguments.rounds), f"images/s of {size} x {size}", RENDER_GOAL)
    return 0 if fast and drawn else 1


if __name__ == "__main__":
    raise SystemExit(main())
