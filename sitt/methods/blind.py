"""The control: joint training whose student sees a black image, and so shows what feeling alone can do."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Dict, Optional

from sitt.config.schema import RunConfig
from sitt.methods import joint


class Config(joint.Config):
    """As in joint training."""

    sees: ClassVar[bool] = False
    replays: ClassVar[bool] = True
    continues: ClassVar[bool] = False

    @property
    def recordable(self) -> bool:
        """It is replayed from a recording; nobody replays it."""
        return False


def train(config: RunConfig, output: Path, teacher: Optional[Path]) -> None:
    """Train jointly in the dark; with the recording `teacher` of `joint` by replaying it, which is the same to the bit.

    (Neither student influences its teacher, so that both have the same one, and act on the same states.)
    """
    if teacher is None:
        joint.train(config, output, None)
    else:
        _replay(config, output, teacher)


def _replay(config: RunConfig, output: Path, recorded: Path) -> None:
    # Imported here: the workflow reads every Config, and torch takes a second.
    from sitt.nn.policy import Networks
    from sitt.rl.alignment import make_alignment
    from sitt.rl.memory import PairedObservations
    from sitt.rl.recording import read_recording
    from sitt.rl.schedule import student_learning_rate
    from sitt.runs.session import Session
    from sitt.threads import use_threads

    assert isinstance(config.method, Config)
    use_threads(config)
    recording = read_recording(recorded, config)
    networks = Networks(config)
    recording.restore_policy(networks.teacher, 0)
    recording.restore_normalizer(networks.teacher, 0)
    memory, alignment = make_alignment(config, networks, config.method.activation_loss)
    iterations = config.training.iterations
    gradient_steps = config.student.gradient_steps // iterations
    session = Session(config, networks, teacher_changes=True)

    def iterate(iteration: int) -> Dict[str, float]:
        observations = recording.observations(iteration)
        embeddings = networks.student.image.embed(networks.student.darkness(len(observations)))
        networks.student.observe(embeddings)
        memory.add(PairedObservations(observations, embeddings))
        recording.restore_policy(networks.teacher, iteration)
        losses = recording.losses(iteration)
        losses["alignment"] = alignment.update(
            gradient_steps, student_learning_rate(config, (iteration - 1) / iterations)
        )
        recording.restore_normalizer(networks.teacher, iteration)
        session.counters.env_steps += config.training.num_envs * config.ppo.horizon
        session.counters.gradient_steps += gradient_steps
        session.counters.bad_simulations = recording.bad_simulations(iteration)
        return losses

    session.run(output, {"alignment": alignment}, memory, iterate)
