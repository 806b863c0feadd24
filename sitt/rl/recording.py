"""A recorded joint training, for students that do not influence their teacher: its states and its teachers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping

import torch
from torch import Tensor

from sitt.config.schema import RunConfig
from sitt.device import default_device
from sitt.errors import UserError
from sitt.nn.policy import Teacher
from sitt.runs.key import differences, training_key
from sitt.runs.weights import read_tensors, write_tensors

POLICY = ("encoder.", "decoder.", "log_std")
NORMALIZER = ("normalizer.mean", "normalizer.variance")
METHOD = ("method.", "experiment.")
"""Beginnings of the keys in which the training that replays a recording may differ."""
LOSSES = ("policy", "value", "learning_rate")


class Recording:
    """Of each iteration: the states shown to the student, the teacher and its normaliser after it, and the losses."""

    def __init__(self, content: Dict[str, Any]) -> None:
        self.content = content

    @classmethod
    def start(cls, config: RunConfig, teacher: Teacher) -> Recording:
        """Return one that has the teacher before the first iteration."""
        iterations = config.training.iterations
        kept = {name: value for name, value in teacher.state_dict().items() if name.startswith(POLICY + NORMALIZER)}
        with torch.device("cpu"):
            recording = cls(
                {
                    "of": training_key(config),
                    "observations": [],
                    "losses": torch.zeros(iterations, len(LOSSES), dtype=torch.float64),
                    "bad_simulations": torch.zeros(iterations, dtype=torch.int64),
                    "teachers": {name: torch.zeros(iterations + 1, *value.shape) for name, value in kept.items()},
                    "last": {},
                }
            )
        recording._keep(0, teacher)
        return recording

    def add(
        self, iteration: int, observations: Tensor, teacher: Teacher, losses: Mapping[str, float], bad_simulations: int
    ) -> None:
        """Keep iteration 1, 2, …: the raw observations (K, O) shown, the teacher, its losses and failures so far."""
        self.content["observations"].append(observations.cpu())  # not always as many: some may be out of view
        self.content["losses"][iteration - 1] = torch.tensor([losses[name] for name in LOSSES], dtype=torch.float64)
        self.content["bad_simulations"][iteration - 1] = bad_simulations
        self._keep(iteration, teacher)
        self.content["last"] = {name: value.cpu() for name, value in teacher.state_dict().items()}

    def write(self, path: Path) -> None:
        """Write all of it, atomically; UserError if that is impossible."""
        write_tensors(self.content, path)

    def state_dict(self) -> Dict[str, Any]:
        """Return all of it."""
        return self.content

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned, also that of an opening, whose method has another name."""
        self.content = {**state, "of": self.content["of"]}

    def observations(self, iteration: int) -> Tensor:
        """Return the raw observations (K, O) that iteration 1, 2, … showed to the student."""
        return self.content["observations"][iteration - 1].to(default_device())

    def losses(self, iteration: int) -> Dict[str, float]:
        """Return the losses of iteration 1, 2, … by name."""
        return dict(zip(LOSSES, self.content["losses"][iteration - 1].tolist()))

    def bad_simulations(self, iteration: int) -> int:
        """Return how many simulations had failed after iteration 1, 2, …"""
        return int(self.content["bad_simulations"][iteration - 1])

    def restore_policy(self, teacher: Teacher, iteration: int) -> None:
        """Give a teacher the F_T, A and σ after iteration 0, 1, …"""
        self._restore(teacher, iteration, POLICY)

    def restore_normalizer(self, teacher: Teacher, iteration: int) -> None:
        """Give a teacher the normaliser after iteration 0, 1, …: it changes once all else in an iteration is done.

        After the last iteration the critic, too: the teacher is then what it was.
        """
        self._restore(teacher, iteration, NORMALIZER)
        if iteration == len(self.content["observations"]):
            teacher.load_state_dict(self.content["last"])

    def _keep(self, iteration: int, teacher: Teacher) -> None:
        weights = teacher.state_dict()
        for name, history in self.content["teachers"].items():
            history[iteration] = weights[name]

    def _restore(self, teacher: Teacher, iteration: int, names: tuple[str, ...]) -> None:
        weights = teacher.state_dict()
        for name, history in self.content["teachers"].items():
            if name.startswith(names):
                weights[name].copy_(history[iteration])


def read_recording(path: Path, config: RunConfig) -> Recording:
    """Return what `Recording.write` wrote for a training that differs from `config` in its method at most.

    Raises:
        UserError: the file is missing, damaged or of another training.
    """
    mend = "remove it and train that run again"
    try:
        content = read_tensors(path)
        changes = differences(content["of"], training_key(config), METHOD)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; `sitt train --record` writes it") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged or no recording; {mend}") from error
    if changes:
        raise UserError(f"{path} records another training: {changes}; undo that, or {mend}")
    return Recording(content)
