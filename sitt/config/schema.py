"""Typed, bounded configuration: every key a run reads, and nothing else.

Unknown keys, wrong types and out-of-range values are refused. The docstring under each field
is its documentation.
"""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, Dict, Literal, Mapping, Tuple, Type

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator, model_validator

from sitt.config.encoder import DinoConfig, EncoderConfig, PlainEncoderConfig
from sitt.config.fields import Algorithm, Count, ExperimentName, Line, Name, Seed, Strict
from sitt.config.learning import (
    EvaluationConfig,
    NetworkConfig,
    PPOConfig,
    StudentConfig,
    TrainingConfig,
)
from sitt.config.maze import MazeConfig
from sitt.config.sim import IsaacSimConfig, MujocoWarpConfig, SimConfig
from sitt.config.task import DrawerConfig, TaskConfig

TASKS: Dict[str, Type[TaskConfig]] = {"franka_drawer": DrawerConfig, "maze": MazeConfig}
"""The tasks by `task.name`."""
SIMULATORS: Dict[str, Type[SimConfig]] = {
    "mujoco": SimConfig,
    "mujoco_warp": MujocoWarpConfig,
    "grid": SimConfig,
    "isaacsim": IsaacSimConfig,
}
"""The simulators by `sim.name`."""
ENCODERS: Dict[str, Type[EncoderConfig]] = {"dinov2": DinoConfig}
"""The encoders by `encoder.name` that have keys of their own."""
BY_NAME: Dict[str, Tuple[Mapping[str, Type[Strict]], Type[Strict]]] = {
    "sim": (SIMULATORS, SimConfig),
    "encoder": (ENCODERS, PlainEncoderConfig),
}
"""Sections whose `name` chooses their configuration, and the one for every other name."""


class ExperimentConfig(Strict):
    """Which methods and seeds make up one experiment."""

    name: ExperimentName
    """Name of the experiment; also the folder under results/ and reports/."""
    title: Line
    """One line for the head of every artefact."""
    smoke_test: bool
    """Label every artefact as a smoke test (its numbers mean nothing)."""
    methods: Annotated[Tuple[Name, ...], Field(min_length=1)] | Literal["all"]
    """Methods to train; 'all' means every rule file in workflow/rules/methods, but not in its subfolders."""
    seeds: Annotated[Tuple[Seed, ...], Field(min_length=1)]
    """Seeds to train; each is one run per method."""

    @model_validator(mode="after")
    def _no_duplicates(self) -> ExperimentConfig:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds has duplicates: {list(self.seeds)}; list each seed once")
        if self.methods != "all" and len(set(self.methods)) != len(self.methods):
            raise ValueError(f"methods has duplicates: {list(self.methods)}; list each method once")
        return self


class MethodConfig(Strict):
    """Keys every method has; an algorithm's own Config adds the rest."""

    shares_decoder: ClassVar[bool] = False
    """Whether the student acts through the teacher's decoder A; a fact of the algorithm."""
    imitates: ClassVar[bool] = False
    """Whether a finished teacher is imitated; a fact of the algorithm."""
    replays: ClassVar[bool] = False
    """Whether a recorded joint training may be replayed instead; a fact of the algorithm."""
    continues: ClassVar[bool] = False
    """Whether the training may begin with an opening that several methods share; a fact of the algorithm."""
    sees: ClassVar[bool] = True
    """Whether the student is shown the task's view, or else a black one; a fact of the algorithm."""

    name: Name
    """Name of the method, as in the path and the database."""
    label: Line
    """Name in tables and figures."""
    algorithm: Algorithm
    """Module of sitt.methods that trains it."""

    @property
    def recordable(self) -> bool:
        """Whether the training can be recorded, because its teacher does not depend on its student."""
        return False

    def check(self, run: RunConfig) -> None:
        """Compare the algorithm's keys with the rest of the run; ValueError says what does not fit."""


class RunConfig(Strict):
    """One run, fully resolved: (experiment, method, seed) and all that shapes its result."""

    experiment: ExperimentConfig
    seed: Seed
    """Seed from which every generator of the run is derived."""
    threads: Annotated[Count, Field(le=1024)]
    """Threads of torch and of the physics; never the core count."""
    task: SerializeAsAny[TaskConfig]
    """Validated against the configuration that `task.name` names."""
    sim: SerializeAsAny[SimConfig]
    """Validated against the configuration that `sim.name` names."""
    encoder: SerializeAsAny[EncoderConfig]
    """Validated against the configuration that `encoder.name` names."""
    networks: NetworkConfig
    ppo: PPOConfig
    student: StudentConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    method: SerializeAsAny[MethodConfig]
    """Validated against the Config of its algorithm; see sitt.methods."""

    @field_validator("task", mode="before")
    @classmethod
    def _use_the_tasks_config(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        name = value.get("name", "franka_drawer")
        if name not in TASKS:
            raise ValueError(f"task.name = {name!r} is unknown; choose one of {', '.join(TASKS)}")
        return TASKS[name].model_validate_json(json.dumps(value))

    @field_validator("sim", "encoder", mode="before")
    @classmethod
    def _use_the_config_of_its_name(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, dict):
            return value
        # A name that is unknown is refused by the section's own type.
        configs, other = BY_NAME[str(info.field_name)]
        return configs.get(str(value.get("name")), other).model_validate_json(json.dumps(value))

    @field_validator("method", mode="before")
    @classmethod
    def _use_the_algorithms_config(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        from sitt.methods import config_class

        known = {key: value[key] for key in MethodConfig.model_fields if key in value}
        algorithm = MethodConfig.model_validate_json(json.dumps(known)).algorithm
        return config_class(algorithm).model_validate_json(json.dumps(value))

    @model_validator(mode="after")
    def _sizes_fit(self) -> RunConfig:
        batch = self.training.num_envs * self.ppo.horizon
        if batch % self.ppo.minibatches:
            raise ValueError(
                f"ppo.minibatches = {self.ppo.minibatches} must divide training.num_envs x ppo.horizon = {batch}"
            )
        for key in ("images", "gradient_steps"):
            value = getattr(self.student, key)
            if value % self.training.iterations:
                raise ValueError(
                    f"student.{key} = {value} must be a multiple of training.iterations = {self.training.iterations}"
                )
        images = self.student.images // self.training.iterations
        if images > batch:
            raise ValueError(
                f"student.images / training.iterations = {images} must not exceed the {batch} transitions of a roll-out"
            )
        limit = self.training.iterations + 1
        if self.training.evaluations > limit:
            raise ValueError(
                f"training.evaluations = {self.training.evaluations} must not exceed training.iterations + 1 = {limit}"
            )
        self._check_task()
        self.method.check(self)
        self.sim.check(self)
        self.encoder.check(self)
        return self

    def _check_task(self) -> None:
        """Compare the task with what plays it, with what reads its view and with what its actions are."""
        task = self.task
        if self.sim.name not in task.simulators:
            able = " or ".join(task.simulators)
            raise ValueError(f"sim.name = {self.sim.name} cannot play task {task.name}; choose sim: {able}")
        if (self.encoder.name == "identity") != (len(task.view) == 1):
            mend = "identity" if len(task.view) == 1 else "random"
            raise ValueError(f"encoder.name = {self.encoder.name} does not fit task {task.name}; use encoder: {mend}")
        if task.discrete and self.ppo.bounds_coefficient:
            raise ValueError(f"ppo.bounds_coefficient = {self.ppo.bounds_coefficient} must be 0 for discrete actions")
