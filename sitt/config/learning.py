"""The networks', the learning's and the evaluation's sections of the configuration.

Sources: [O] OmniIsaacGymEnvs commit f8f91bc, [P] the paper, [ours] a choice of this benchmark.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sitt.config.fields import Count, Fraction, NonNegative, Positive, Strict, Whole, Widths


class NetworkConfig(Strict):
    """Sizes of the four networks [P] and of the critic."""

    teacher: Widths
    """Hidden widths of F_T and of the proxy; the last is the feature size that A decodes. [P: 3 layers]"""
    student: Widths
    """Hidden widths of F_S's MLP; the last must equal the teacher's. [P: 5 layers]"""
    critic: Widths
    """Hidden widths of the critic."""

    @model_validator(mode="after")
    def _features_match(self) -> NetworkConfig:
        if self.teacher[-1] != self.student[-1]:
            raise ValueError(
                f"student[-1] = {self.student[-1]} must equal teacher[-1] = {self.teacher[-1]}: A is shared"
            )
        return self


class PPOConfig(Strict):
    """Proximal policy optimisation of the teacher."""

    horizon: Count
    """Control steps per environment and iteration."""
    epochs: Count
    """Passes over the roll-out per iteration."""
    minibatches: Count
    """Minibatches per pass."""
    gamma: Fraction
    """Discount per control step."""
    gae_lambda: Fraction
    """λ of generalised advantage estimation."""
    clip: Positive
    """Clipping range of the probability ratio and of the value."""
    clip_value: bool
    """Clip the value loss as rl_games and Stable-Baselines3 do."""
    value_coefficient: NonNegative
    """Weight of the value loss."""
    entropy_coefficient: NonNegative
    """Weight of the entropy bonus at the start."""
    final_entropy_coefficient: NonNegative = 0.0
    """Weight of the entropy bonus once the exploration is over; it falls linearly to this."""
    bounds_coefficient: NonNegative
    """Weight of the penalty on action means beyond ±1.1 [O: rl_games' bounds_loss]; 0 for discrete actions."""
    max_grad_norm: Positive
    """Gradient norm limit."""
    learning_rate: Positive
    """Initial learning rate of Adam."""
    desired_kl: NonNegative
    """After each roll-out the learning rate adapts to keep the mean KL(old ‖ new) near this; 0 keeps it constant."""
    initial_std: Positive
    """Standard deviation of the actions at the start; from there it is learned. Discrete actions have none."""
    exploration_fraction: Annotated[float, Field(gt=0, le=1)]
    """Share of the training over which the entropy bonus falls; after it steps, noise and student.learning_rate do."""
    lambda_start: Fraction = 0.0
    """Share of the training before which both λ are zero."""
    lambda_rise: Fraction = 0.5
    """Share of the training over which both λ then rise from zero; 0: they are in full force at once."""
    final_kl: NonNegative
    """The value of desired_kl at the end of the training; it falls linearly to this once the exploration is over."""
    final_std: Positive
    """Largest standard deviation of the actions at the end; from initial_std the limit falls geometrically to this
    once the exploration is over, so that the mean action comes to be what is trained."""

    @model_validator(mode="after")
    def _finals_are_smaller(self) -> PPOConfig:
        if self.final_kl > self.desired_kl:
            raise ValueError(f"final_kl = {self.final_kl} must not exceed desired_kl = {self.desired_kl}")
        if self.final_entropy_coefficient > self.entropy_coefficient:
            raise ValueError(
                f"final_entropy_coefficient = {self.final_entropy_coefficient} must not exceed "
                f"entropy_coefficient = {self.entropy_coefficient}"
            )
        if self.final_std > self.initial_std:
            raise ValueError(f"final_std = {self.final_std} must not exceed initial_std = {self.initial_std}")
        return self


class StudentConfig(Strict):
    """The budget that every method's student has, and its optimiser."""

    images: Count
    """Student observations made for training, in all."""
    gradient_steps: Count
    """Optimiser steps of the student, in all."""
    batch_size: Count
    """Transitions per gradient step."""
    learning_rate: Positive
    """Learning rate of Adam for the student (and the proxy); after ppo.exploration_fraction it falls to zero."""
    max_grad_norm: Positive
    """Gradient norm limit."""
    window: Count
    """Latest roll-outs whose rendered states the alignment phase reuses; 1: only the one just made.

    BC and DAgger reuse all of theirs.
    """
    buffer_mebibytes: Count
    """Largest memory of the images (or features) kept for the student, MiB."""


class TrainingConfig(Strict):
    """How long, and how often progress is measured."""

    num_envs: Count
    """Parallel environments of the training roll-outs."""
    iterations: Count
    """Iterations of roll-out, policy update and alignment."""
    evaluations: Annotated[int, Field(ge=2)]
    """Evaluations of teacher and student in the course of training (the points of Figure 3)."""
    evaluation_episodes: Count
    """Episodes of each of those evaluations."""
    checkpoint_interval_s: NonNegative = 20.0
    """Least time between two checkpoints of a run, s of wall time; 0: one after each iteration. Shapes no result.

    The default is for configurations that were resolved before this key existed: their runs are still good.
    """


class EvaluationConfig(Strict):
    """The final evaluation, the same for every method."""

    episodes: Count
    """Episodes, from fixed start states."""
    seed: Whole
    """Seed of the start states; independent of the run's seed."""
    num_envs: Count
    """Environments stepped side by side; the outcome does not depend on it."""
    visibility_every: Count
    """Control steps from one look at how much of the handle the robot leaves to the camera to the next; 1: all."""
