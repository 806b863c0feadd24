"""Typed, bounded configuration: every key a run reads, and nothing else.

Unknown keys, wrong types and out-of-range values are refused. The docstring under each field
is its documentation.
"""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, Literal, Tuple

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from sitt.config.fields import Algorithm, Count, ExperimentName, Name, Strict
from sitt.config.learning import (
    EncoderConfig,
    EvaluationConfig,
    NetworkConfig,
    PPOConfig,
    StudentConfig,
    TrainingConfig,
)
from sitt.config.task import TaskConfig


class ExperimentConfig(Strict):
    """Which methods and seeds make up one experiment."""

    name: ExperimentName
    """Name of the experiment; also the folder under results/ and reports/."""
    title: str
    """One line for the head of every artefact."""
    smoke_test: bool
    """Label every artefact as a smoke test (its numbers mean nothing)."""
    methods: Annotated[Tuple[Name, ...], Field(min_length=1)] | Literal["all"]
    """Methods to train; 'all' means every rule file in workflow/rules/methods, but for those of `without`."""
    without: Tuple[Name, ...] = ()
    """Methods that 'all' leaves out: those that other experiments are for."""
    seeds: Annotated[Tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """Seeds to train; each is one run per method."""

    @model_validator(mode="after")
    def _no_duplicates(self) -> ExperimentConfig:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds has duplicates: {list(self.seeds)}; list each seed once")
        if self.methods != "all" and len(set(self.methods)) != len(self.methods):
            raise ValueError(f"methods has duplicates: {list(self.methods)}; list each method once")
        if self.methods != "all" and self.without:
            raise ValueError(f"without = {list(self.without)} needs methods: all; take those out of methods instead")
        return self


class SimConfig(Strict):
    """The simulator that moves the bodies and draws the images."""

    name: Literal["mujoco"]
    """'mujoco': MuJoCo's Batch on the CPU and MuJoCo Warp's ray tracer on the CPU."""
    render_batch: Count
    """Images drawn per call of the ray tracer."""


class MethodConfig(Strict):
    """Keys every method has; an algorithm's own Config adds the rest."""

    shares_decoder: ClassVar[bool] = False
    """Whether the student acts through the teacher's decoder A; a fact of the algorithm."""
    sees: ClassVar[bool] = True
    """Whether the student is shown the camera's image, or else a black one; a fact of the algorithm."""

    name: Name
    """Name of the method, as in the path and the database."""
    label: str
    """Name in tables and figures."""
    algorithm: Algorithm
    """Module of sitt.methods that trains it."""

    def check(self, run: RunConfig) -> None:
        """Compare the algorithm's keys with the rest of the run; ValueError says what does not fit."""


class RunConfig(Strict):
    """One run, fully resolved: (experiment, method, seed) and all that shapes its result."""

    experiment: ExperimentConfig
    seed: Annotated[int, Field(ge=0)]
    """Seed from which every generator of the run is derived."""
    threads: Count
    """Threads of torch and of the physics; never the core count."""
    task: TaskConfig
    sim: SimConfig
    encoder: EncoderConfig
    networks: NetworkConfig
    ppo: PPOConfig
    student: StudentConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    method: SerializeAsAny[MethodConfig]
    """Validated against the Config of its algorithm; see sitt.methods."""

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
        self.method.check(self)
        return self
