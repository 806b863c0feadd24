"""Typed, bounded configuration: every key a run reads, and nothing else.

Unknown keys, wrong types and out-of-range values are refused. The docstring under each field
is its documentation. Sources: [O] OmniIsaacGymEnvs commit f8f91bc, [U] the robot's and cabinet's
URDFs, [P] the paper, [ours] a choice of this benchmark.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, ClassVar, Literal, Tuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    StringConstraints,
    field_validator,
    model_validator,
)

Vec3 = Tuple[float, float, float]
Quat = Tuple[float, float, float, float]
Joints = Annotated[Tuple[float, ...], Field(min_length=9, max_length=9)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Widths = Annotated[Tuple[Count, ...], Field(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
ExperimentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=48)]
Algorithm = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]


class Strict(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent type coercion."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class ExperimentConfig(Strict):
    """Which methods and seeds make up one experiment."""

    name: ExperimentName
    """Name of the experiment; also the folder under results/ and reports/."""
    title: str
    """One line for the head of every artefact."""
    smoke_test: bool
    """Label every artefact as a smoke test (its numbers mean nothing)."""
    methods: Annotated[Tuple[Name, ...], Field(min_length=1)] | Literal["all"]
    """Methods to train; 'all' means every rule file in workflow/rules/methods."""
    seeds: Annotated[Tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """Seeds to train; each is one run per method."""

    @model_validator(mode="after")
    def _no_duplicates(self) -> ExperimentConfig:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds has duplicates: {list(self.seeds)}; list each seed once")
        if self.methods != "all" and len(set(self.methods)) != len(self.methods):
            raise ValueError(f"methods has duplicates: {list(self.methods)}; list each method once")
        return self


class RobotConfig(Strict):
    """The Franka Panda: seven arm joints (rad) and two finger joints (m)."""

    base_position: Vec3
    """Position of panda_link0 in the world, m [O]."""
    base_yaw: float
    """Rotation of the base about z, rad [O]."""
    default_joint_positions: Joints
    """Joint positions at reset before noise, rad and m [O]."""
    reset_noise: NonNegative
    """Half-width of the uniform noise added at reset, rad and m [O]."""
    joint_lower: Joints
    """Lower joint limits, rad and m [U]."""
    joint_upper: Joints
    """Upper joint limits, rad and m [U]."""
    velocity_limits: Joints
    """Largest rate of the joint targets, rad/s and m/s [O]; MuJoCo has no velocity limit of its own."""
    stiffness: Joints
    """Position gains, N·m/rad and N/m [O]."""
    damping: Joints
    """Velocity gains, N·m·s/rad and N·s/m [O]."""
    force_limits: Joints
    """Actuator force limits, N·m and N [O]."""
    armature: Joints
    """Reflected rotor inertia, kg·m² and kg [ours; MuJoCo Menagerie uses 0.1]."""
    action_scale: Positive
    """Joint-target speed for a unit action, rad/s [O]."""
    speed_scales: Joints
    """Per-joint factor on the action, 1 for the arm, 0.1 for the fingers [O]."""
    finger_midpoint: Vec3
    """Midpoint of the two finger-link origins in panda_link7's frame, m [U]."""
    grasp_shift: Vec3
    """Shift of the grasp point from that midpoint in panda_link7's frame, m [O]."""
    finger_yaw: float
    """Rotation of the finger frame about z in panda_link7's frame, rad [U]."""

    @model_validator(mode="after")
    def _limits_in_order(self) -> RobotConfig:
        for joint, (lower, upper) in enumerate(zip(self.joint_lower, self.joint_upper)):
            if lower >= upper:
                raise ValueError(f"joint_lower[{joint}] = {lower} must be below joint_upper[{joint}] = {upper}")
        return self


class CabinetOffset(Strict):
    """Half-widths of the uniform displacement of the cabinet at each reset [P, sizes ours]."""

    x: NonNegative
    """m; towards the robot."""
    y: NonNegative
    """m; sideways."""
    z: NonNegative
    """m; up."""
    yaw: Annotated[float, Field(ge=0, le=math.pi)]
    """rad; about the vertical axis through the cabinet's origin."""


class CabinetConfig(Strict):
    """The sektion cabinet and its top drawer."""

    position: Vec3
    """Position of the cabinet before displacement, m [O]."""
    offset: CabinetOffset
    drawer_travel: Positive
    """Range of drawer_top_joint, m [U]."""
    drawer_damping: NonNegative
    """N·s/m [IsaacGymEnvs]."""
    drawer_friction: NonNegative
    """Dry friction of the joint, N [IsaacGymEnvs]."""
    drawer_armature: NonNegative
    """kg [IsaacGymEnvs]."""
    handle_offset: Vec3
    """Handle point in the drawer's frame, m [O]."""
    props: bool
    """Put four 0.08 m cubes of density 100 into the drawer [P, O]; slower."""


class RewardConfig(Strict):
    """OIGE's reward, term by term (franka_cabinet.py, compute_franka_reward)."""

    distance: NonNegative
    """Weight of the handle-to-grasp distance term."""
    rotation: NonNegative
    """Weight of the gripper orientation term."""
    open: NonNegative
    """Weight of the drawer opening, per m."""
    finger_close: NonNegative
    """Weight of closing the fingers near the handle, per m."""
    action: NonNegative
    """Weight of the squared action penalty."""
    finger_reward: Literal["upstream", "fixed"]
    """'upstream' keeps OIGE issue 151 (the left finger read twice); 'fixed' reads both fingers."""
    around: NonNegative
    """Weight of having the handle between the fingers."""
    finger_distance: NonNegative
    """Weight of the fingers' height distance to the handle, per m."""
    success: NonNegative
    """Weight of the drawer being open [ours]: where success does not end the episode, it needs a worth of its own."""
    scale: Positive
    """Factor on the reward that PPO sees [O]."""


class CameraConfig(Strict):
    """The student's camera [P: close to the arm; pose ours]."""

    eye: Vec3
    """Camera position in the world, m."""
    target: Vec3
    """Point the camera looks at, m."""
    fovy: Annotated[float, Field(gt=0, lt=180)]
    """Vertical field of view, degrees."""
    image_size: Annotated[int, Field(ge=16, le=512)]
    """Height and width of the image, pixels."""


class TaskConfig(Strict):
    """FrankaDrawer: one MDP, independent of the simulator."""

    physics_dt: Positive
    """Physics step, s [O]."""
    substeps: Count
    """Physics steps per control step [O]."""
    episode_length: Count
    """Control steps per episode."""
    velocity_scale: Positive
    """Factor on joint velocities in the observation [O]."""
    observation_clip: Positive
    """Observations are clamped to ± this [O]."""
    success_opening: Positive
    """Success: the drawer is opened beyond this at any time of the episode, m [O]."""
    success_is: Literal["continuation", "truncation", "termination"]
    """What success does to a training episode: nothing, end it with its value bootstrapped, or end it (as in OIGE)."""
    robot: RobotConfig
    cabinet: CabinetConfig
    reward: RewardConfig
    camera: CameraConfig

    @model_validator(mode="after")
    def _success_is_reachable(self) -> TaskConfig:
        if self.success_opening >= self.cabinet.drawer_travel:
            travel = self.cabinet.drawer_travel
            raise ValueError(f"success_opening = {self.success_opening} must be below cabinet.drawer_travel = {travel}")
        return self

    @property
    def control_dt(self) -> float:
        """Seconds per control step."""
        return self.physics_dt * self.substeps


class SimConfig(Strict):
    """The simulator that moves the bodies and draws the images."""

    name: Literal["mujoco"]
    """'mujoco': MuJoCo's Batch on the CPU and MuJoCo Warp's ray tracer on the CPU."""
    render_batch: Count
    """Images drawn per call of the ray tracer."""


class EncoderConfig(Strict):
    """The student's image encoder."""

    name: Literal["random", "cnn", "dinov2"]
    """'random': frozen seeded convolution; 'cnn': trained convolution; 'dinov2': frozen DINOv2 [P]."""
    channels: Widths
    """Output channels of each stride-2 convolution ('random' and 'cnn')."""
    pretrained: str
    """Folder or hub name of the weights ('dinov2'); empty otherwise."""
    revision: str
    """Commit of the weights on the hub ('dinov2'); empty otherwise."""

    @model_validator(mode="after")
    def _weights_are_named(self) -> EncoderConfig:
        if self.name == "dinov2" and not self.pretrained:
            raise ValueError("pretrained is empty; name a local folder or a hub model, such as facebook/dinov2-small")
        return self


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
    bounds_coefficient: NonNegative
    """Weight of the penalty on action means beyond ±1.1 [O: rl_games' bounds_loss]."""
    max_grad_norm: Positive
    """Gradient norm limit."""
    learning_rate: Positive
    """Initial learning rate of Adam."""
    desired_kl: NonNegative
    """After each roll-out the learning rate adapts to keep the mean KL(old ‖ new) near this; 0 keeps it constant."""
    initial_std: Positive
    """Standard deviation of the actions at the start; from there it is learned."""
    exploration_fraction: Annotated[float, Field(gt=0, le=1)]
    """Share of the training over which the entropy bonus falls to zero and both λ rise from zero."""
    final_kl: NonNegative
    """The value of desired_kl at the end of the training; after the exploration it falls to this."""
    final_std: Positive
    """Largest standard deviation of the actions at the end, so that the mean action comes to be what is trained."""

    @model_validator(mode="after")
    def _finals_are_smaller(self) -> PPOConfig:
        if self.final_kl > self.desired_kl:
            raise ValueError(f"final_kl = {self.final_kl} must not exceed desired_kl = {self.desired_kl}")
        if self.final_std > self.initial_std:
            raise ValueError(f"final_std = {self.final_std} must not exceed initial_std = {self.initial_std}")
        return self


class StudentConfig(Strict):
    """The budget that every method's student has, and its optimiser."""

    images: Count
    """Student observations rendered for training, in all."""
    gradient_steps: Count
    """Optimiser steps of the student, in all."""
    batch_size: Count
    """Transitions per gradient step."""
    learning_rate: Positive
    """Learning rate of Adam for the student (and the proxy); in the second half of the training it falls to zero."""
    max_grad_norm: Positive
    """Gradient norm limit."""
    window: Count
    """Latest roll-outs whose rendered states the alignment phase reuses; 1: only the one just made.

    BC and DAgger reuse all of theirs.
    """
    buffer_mebibytes: Count
    """Largest memory of the images (or features) that BC and DAgger keep, MiB."""


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


class EvaluationConfig(Strict):
    """The final evaluation, the same for every method."""

    episodes: Count
    """Episodes, from fixed start states."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of the start states; independent of the run's seed."""
    num_envs: Count
    """Environments stepped side by side; the outcome does not depend on it."""


class MethodConfig(Strict):
    """Keys every method has; an algorithm's own Config adds the rest."""

    shares_decoder: ClassVar[bool] = False
    """Whether the student acts through the teacher's decoder A; a fact of the algorithm."""

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
