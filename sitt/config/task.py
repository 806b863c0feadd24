"""What every task says of itself, and the sections of FrankaDrawer.

Sources: [O] OmniIsaacGymEnvs commit f8f91bc, [U] the robot's and cabinet's
URDFs, [P] the paper, [ours] a choice of this benchmark.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Tuple

from pydantic import Field, model_validator

from sitt.config.fields import Count, Joints, NonNegative, Positive, Strict, Vec3, Whole


class TaskConfig(Strict):
    """A task as the algorithms know it."""

    observations: ClassVar[int]
    """Length of the teacher's observation."""
    proprioception: ClassVar[int]
    """So many of its first numbers the student is given beside its view."""
    actions: ClassVar[int]
    """Outputs of the decoder: the means of a Gaussian, or the logits of a categorical distribution."""
    discrete: ClassVar[bool]
    """Whether an action is one of several, drawn from a categorical distribution."""
    simulators: ClassVar[Tuple[str, ...]]
    """The simulators (`sim.name`) that can play it."""

    name: str
    """Name of the task."""
    episode_length: Count
    """Control steps per episode, at most."""

    @property
    def view(self) -> Tuple[int, ...]:
        """Shape of what the student is shown: (3, height, width) for an image, (length,) for a vector."""
        raise NotImplementedError

    @property
    def reward_scale(self) -> float:
        """Factor on the reward that PPO sees."""
        raise NotImplementedError


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
    anti_windup: bool
    """Keep the targets where a drive's force is within its limit; False: they move on without force, as in OIGE."""
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
    """OIGE's reward, term by term (franka_cabinet.py, compute_franka_reward), and two terms of ours."""

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
    grip: NonNegative
    """Weight of closing the fingers around the handle of a drawer that is open by 1 cm [ours]."""
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


class DrawerConfig(TaskConfig):
    """FrankaDrawer: one MDP, independent of the simulator."""

    observations: ClassVar[int] = 23
    proprioception: ClassVar[int] = 18
    """Joint positions and velocities [P]."""
    actions: ClassVar[int] = 9
    discrete: ClassVar[bool] = False
    simulators: ClassVar[Tuple[str, ...]] = ("mujoco", "mujoco_warp", "isaacsim")

    name: Literal["franka_drawer"] = "franka_drawer"
    """The default is for configurations that were resolved before there was another task: their runs are still good."""
    physics_dt: Positive
    """Physics step, s [O]."""
    substeps: Count
    """Physics steps per control step [O]."""
    velocity_scale: Positive
    """Factor on joint velocities in the observation [O]."""
    observation_clip: Positive
    """Observations are clamped to ± this [O]."""
    success_opening: Positive
    """Success: the drawer is opened beyond this at any time of the episode, m [O]."""
    success_is: Literal["continuation", "truncation", "termination"]
    """What success does to a training episode: nothing, end it with its value bootstrapped, or end it (as in OIGE)."""
    steps_after_success: Whole
    """Control steps from success to that end; 0 as in OIGE."""
    robot: RobotConfig
    cabinet: CabinetConfig
    reward: RewardConfig
    camera: CameraConfig

    @model_validator(mode="after")
    def _success_is_reachable(self) -> DrawerConfig:
        if self.success_opening >= self.cabinet.drawer_travel:
            travel = self.cabinet.drawer_travel
            raise ValueError(f"success_opening = {self.success_opening} must be below cabinet.drawer_travel = {travel}")
        return self

    @property
    def view(self) -> Tuple[int, ...]:
        """The camera's image."""
        return 3, self.camera.image_size, self.camera.image_size

    @property
    def reward_scale(self) -> float:
        """Factor on the reward that PPO sees [O]."""
        return self.reward.scale

    @property
    def control_dt(self) -> float:
        """Seconds per control step."""
        return self.physics_dt * self.substeps
