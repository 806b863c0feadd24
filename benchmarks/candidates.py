"""The trials by which the camera was chosen (docs/protocol.md): students of several cameras on one recorded teacher.

The students of `joint`, `blind` and `joint_top` never influence the teacher. So it is trained once, while 96 states of
every roll-out and its weights after every update are written down; each student is then trained on that, as in joint
training, and evaluated. Prints the teacher's success, then one line per student.

    python -m benchmarks.candidates --seed 100 --output results/candidates     # about 15 minutes on one core
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, List, NamedTuple

import torch
from torch import Tensor

from benchmarks.drawer import world_of
from benchmarks.plain_teacher import PlainTeacher
from sitt.config.compose import compose
from sitt.env import make_world
from sitt.evaluation import Actor, play, start_seeds, start_states, student_actor, teacher_actor
from sitt.nn.policy import Networks
from sitt.rl.alignment import make_alignment
from sitt.rl.memory import PairedObservations
from sitt.rl.schedule import student_learning_rate
from sitt.sim.mujoco import MujocoSimulator

RECORDED = 96
"""States written down per roll-out; a student is shown a random part of them, as many as it has a budget for."""

CAMERAS = {
    "candidate 1": ("[1.25, 0.0, 1.1]", "[0.32, 0.0, 0.72]", 55.0),
    "candidate 2": ("[1.25, 0.0, 1.1]", "[0.32, 0.0, 0.7]", 30.0),
    "candidate 3": ("[1.05, 0.0, 0.95]", "[0.32, 0.0, 0.72]", 38.0),
    "candidate 4": ("[1.25, 0.0, 0.85]", "[0.32, 0.0, 0.72]", 30.0),
}
"""Eye and target (m), vertical field of view (degrees)."""


class Iteration(NamedTuple):
    """What one iteration leaves for the students."""

    states: Tensor
    """(96, state) the simulator's, float64."""
    observations: Tensor
    """(96, O) the teacher's, of the same states."""
    weights: Dict[str, Tensor]
    """The teacher's after its update, but for the critic."""


def record(seed: int) -> List[Iteration]:
    """Train a teacher without alignment. The last entry holds its final weights and no states."""
    config = compose("embedded", "blind", seed)
    learner = PlainTeacher(config, RECORDED)
    networks = learner.networks
    states: List[Tensor] = []

    def look(world, env_ids: Tensor) -> Tensor:
        states.append(torch.from_numpy(world.simulator.physics.state[env_ids.numpy()].copy()))
        return networks.student.darkness(len(env_ids))

    networks.student.look = look  # type: ignore[method-assign]

    def weights() -> Dict[str, Tensor]:
        state = networks.teacher.state_dict()
        return {name: value.clone() for name, value in state.items() if not name.startswith("critic")}

    recording = []
    for iteration in range(config.training.iterations):
        states.clear()
        pairs, raw = learner.improve(iteration)
        recording.append(Iteration(torch.cat(states), pairs.observations.clone(), weights()))
        learner.normalizer.update(raw)
    nothing = torch.zeros(0)
    return [*recording, Iteration(nothing, nothing, weights())]


def train_student(recording: List[Iteration], method: str, seed: int, overrides: List[str]) -> float:
    """Train one student on a recording; return its success."""
    config = compose("embedded", method, seed, overrides)
    networks, world = Networks(config), make_world(config, config.evaluation.episodes)
    _, simulator = world_of(world, MujocoSimulator)
    iterations = config.training.iterations
    images = config.student.images // iterations
    memory, alignment = make_alignment(config, networks, activation_loss=False)
    draw = torch.Generator().manual_seed(seed)
    for number, iteration in enumerate(recording[:-1]):
        networks.teacher.load_state_dict(iteration.weights, strict=False)
        chosen = torch.randperm(RECORDED, generator=draw)[:images]
        if config.method.sees:
            shown = simulator.renderer.images(iteration.states[chosen].numpy())
        else:
            shown = networks.student.darkness(images)
        with torch.no_grad():
            embedding = networks.student.image.embed(shown)
        networks.student.observe(embedding)
        memory.add(PairedObservations(iteration.observations[chosen], embedding))
        alignment.update(
            config.student.gradient_steps // iterations, student_learning_rate(config, number / iterations)
        )
    networks.teacher.load_state_dict(recording[-1].weights, strict=False)
    return success(config, world, student_actor(networks))


def success(config, world, actor: Actor) -> float:
    """Return the share of the final evaluation's episodes in which the drawer is opened."""
    starts = start_states(world, start_seeds(config.evaluation.seed, config.evaluation.episodes))
    return float(play(world, starts, actor).success.double().mean())


def main() -> None:
    """Record a teacher, unless that has been done, and train every student on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, default=Path("results/candidates"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    file = arguments.output / f"seed{arguments.seed}.pt"
    if not file.exists():
        torch.save([tuple(iteration) for iteration in record(arguments.seed)], file)
    recording = [Iteration(*iteration) for iteration in torch.load(file, weights_only=True)]
    config = compose("embedded", "blind", arguments.seed)
    networks = Networks(config)
    networks.teacher.load_state_dict(recording[-1].weights, strict=False)
    world = make_world(config, config.evaluation.episodes)
    print(f"seed {arguments.seed}: teacher {success(config, world, teacher_actor(networks)):.3f}", flush=True)
    students = {
        name: ("joint", [f"task.camera.eye={eye}", f"task.camera.target={target}", f"task.camera.fovy={fovy}"])
        for name, (eye, target, fovy) in CAMERAS.items()
    }
    for name, (method, overrides) in {"blind": ("blind", []), "joint_top": ("joint_top", []), **students}.items():
        share = train_student(recording, method, arguments.seed, list(overrides))
        print(f"seed {arguments.seed}: {name} {share:.3f}", flush=True)


if __name__ == "__main__":
    main()
