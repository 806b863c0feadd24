"""The simulators' sections."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Dict, Literal

from pydantic import Field

from sitt.config.fields import Count, Strict, Whole
from sitt.config.task import DrawerConfig

if TYPE_CHECKING:
    from sitt.config.schema import RunConfig

OIGE_ROBOT: Dict[str, Any] = {
    "base_position": (1.0, 0.0, 0.0),
    "base_yaw": math.pi,
    "stiffness": (400.0,) * 7 + (10000.0,) * 2,
    "damping": (80.0,) * 7 + (100.0,) * 2,
    "force_limits": (87.0,) * 4 + (12.0,) * 3 + (200.0,) * 2,
}
"""What OIGE's robot has, whatever task.robot says (robots/articulations/franka.py, lines 56, 57 and 87 to 91)."""


class SimConfig(Strict):
    """The simulator that plays the task and makes the student's observations."""

    name: Literal["mujoco", "mujoco_warp", "grid", "isaacsim"]
    """'mujoco': MuJoCo's Batch and images by rays, both on the CPU; 'mujoco_warp': MuJoCo Warp's physics and ray
    tracer, both on a GPU; 'grid': the maze's own cells; 'isaacsim': Isaac Sim 4.0.0 with OIGE, in its container."""
    render_batch: Count
    """Student observations made at a time: images drawn per call of a kernel, or per visit to the cameras."""

    @property
    def needs_gpu(self) -> bool:
        """Whether its jobs lease a GPU before anything touches CUDA."""
        return False

    @property
    def in_container(self) -> bool:
        """Whether its jobs run where `container.runtime` says."""
        return False

    @property
    def learner_device(self) -> str:
        """Where torch learns: beside the simulator's state."""
        return "cpu"

    def check(self, run: RunConfig) -> None:
        """Compare the simulator's keys with the rest of the run; ValueError says what does not fit."""


def in_mujoco(sim: SimConfig) -> SimConfig:
    """Return the simulator mujoco, which any machine has, with another's size of batches."""
    return SimConfig(name="mujoco", render_batch=sim.render_batch)


class MujocoWarpConfig(SimConfig):
    """MuJoCo Warp: physics, images and the learner on one GPU."""

    name: Literal["mujoco_warp"]
    device: Literal["cuda", "cpu"]
    """'cuda'; 'cpu' is for tests, and slower than sim: mujoco."""
    contacts: Count
    """Contacts, and pairs of shapes that come near, for which there is room in each environment on average."""
    constraints: Count
    """Rows of constraints for which each environment has room: four for a contact, one for a joint at its limit."""

    @property
    def needs_gpu(self) -> bool:
        """Whether its jobs lease a GPU before anything touches CUDA."""
        return self.device == "cuda"

    @property
    def learner_device(self) -> str:
        """Where torch learns: beside the simulator's state."""
        return self.device


class IsaacSimConfig(SimConfig):
    """Isaac Sim 4.0.0 with OmniIsaacGymEnvs f8f91bc: the paper's own simulator."""

    name: Literal["isaacsim"]
    cameras: Count
    """Environments with a camera, the first ones; each costs GPU memory, whether it is looked through or not."""
    warmup_frames: Whole
    """Frames drawn and thrown away at the start, while textures load."""
    frames_per_image: Count
    """Frames drawn for one image: a camera that was paused shows the present only after some."""
    env_spacing: Annotated[float, Field(ge=2.5)]
    """m between environments [O: 3.0]; the camera sees up to 1 m less, so that neighbours are not in the picture."""
    pipeline: Literal["gpu", "cpu"]
    """Where PhysX keeps its state [O: gpu]; images need a GPU either way."""

    @property
    def needs_gpu(self) -> bool:
        """Physics and images."""
        return True

    @property
    def in_container(self) -> bool:
        """Isaac Sim is made to run in NVIDIA's."""
        return True

    def check(self, run: RunConfig) -> None:
        """Compare cameras with environments, and the task with what OIGE fixes."""
        acting = getattr(run.method, "num_envs", None)
        watched = {
            "sim.render_batch": self.render_batch,
            "evaluation.num_envs": run.evaluation.num_envs,
            "training.evaluation_episodes": run.training.evaluation_episodes,
        }
        if acting is not None:  # who imitates is shown every environment
            watched["method.num_envs"] = acting
        for key, count in watched.items():
            if count > self.cameras:
                raise ValueError(f"{key} = {count} must not exceed sim.cameras = {self.cameras}")
        key, stage = ("method", acting) if acting is not None else ("training", run.training.num_envs)
        if run.training.evaluation_episodes > stage:
            raise ValueError(
                f"training.evaluation_episodes = {run.training.evaluation_episodes} must not exceed {key}.num_envs = "
                f"{stage}: Isaac Sim has one stage per process, and evaluation borrows it"
            )
        assert isinstance(run.task, DrawerConfig)
        for name, value in OIGE_ROBOT.items():
            if getattr(run.task.robot, name) != value:
                shown = list(value) if isinstance(value, tuple) else value
                raise ValueError(f"task.robot.{name} must be {shown} with sim: isaacsim, where OIGE fixes it")
