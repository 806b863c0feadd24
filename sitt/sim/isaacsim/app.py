"""Isaac Sim itself: its application, and OIGE's configuration of it."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from sitt.config.sim import IsaacSimConfig
from sitt.config.task import DrawerConfig
from sitt.errors import UserError
from sitt.runs.gpu import lease_gpu

NEEDED = {
    "omni.isaac.kit": "Isaac Sim 4.0.0; it runs with /isaac-sim/python.sh inside nvcr.io/nvidia/isaac-sim:4.0.0",
    "omniisaacgymenvs": "OmniIsaacGymEnvs f8f91bc; clone it and install it with `pip install -e`",
}
"""Modules that this simulator is made of, and the mend where one is missing."""
KIT_FILE = Path("apps", "omni.isaac.sim.python.gym.camera.kit")
"""The application with cameras, in OIGE's repository (utils/config_utils/path_utils.py, line 83)."""


ONE_GPU = ("--/renderer/multiGpu/enabled=false", "--/renderer/multiGpu/autoEnable=false")
"""Kit would draw on every GPU of the machine."""
ASSET_ROOT = "/persistent/isaac/asset_root/default"


def start() -> Any:
    """Start Isaac Sim on this process's GPU, without a window; return OIGE's VecEnvRLGames, still without a task.

    Nothing of `omni` but `omni.isaac.kit`, and nothing of `pxr`, may be imported before.

    Raises:
        UserError: this interpreter has no Isaac Sim or no OIGE, or this machine no GPU.
    """
    for module, mend in NEEDED.items():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if not f"{module}.".startswith(f"{error.name}."):  # something else that it needs is missing
                raise
            raise UserError(
                f"sim.name = isaacsim needs {mend} (docs/isaac-sim.md); elsewhere, choose sim: mujoco"
            ) from None
    # The renderer counts GPUs as nvidia-smi does; CUDA sees ours alone.
    with _own_arguments_and_signals([*ONE_GPU, f"--/renderer/activeGpu={lease_gpu()}"]):
        from omniisaacgymenvs.envs.vec_env_rlgames import VecEnvRLGames

        # scripts/random_policy.py, lines 65 to 71
        return VecEnvRLGames(
            headless=True, sim_device=0, enable_livestream=False, enable_viewport=True, experience=_kit_file()
        )


def use_local_assets() -> None:
    """Take Isaac Sim's assets from the folder SITT_ASSETS, if there is one, after OIGE has chosen NVIDIA's server.

    OIGE: utils/config_utils/sim_config.py, line 90.
    """
    folder = os.environ.get("SITT_ASSETS")
    if folder:
        import carb.settings

        carb.settings.get_settings().set_string(ASSET_ROOT, folder)


def oige_config(task: DrawerConfig, sim: IsaacSimConfig, num_envs: int, threads: int) -> Dict[str, Any]:
    """Compose OIGE's own configuration of FrankaCabinet, with our numbers where the two speak of the same.

    What only PhysX knows (solver, buffers, contact offsets) stays as OIGE has it, and so do its rewards, which only
    the tests compare with ours.
    """
    import omniisaacgymenvs
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf
    from omniisaacgymenvs.utils.hydra_cfg import hydra_utils  # noqa: F401  (registers the resolvers that OIGE's files use)

    device = "gpu" if sim.pipeline == "gpu" else "cpu"
    overrides = [
        "task=FrankaCabinet",
        f"num_envs={num_envs}",
        "headless=True",
        "device_id=0",
        f"pipeline={device}",
        f"sim_device={device}",
        f"rl_device={'cuda:0' if device == 'gpu' else 'cpu'}",
        f"num_threads={threads}",
        f"task.env.envSpacing={sim.env_spacing}",
        # OIGE ends an episode one step early (tasks/franka_cabinet.py, line 431).
        f"task.env.episodeLength={task.episode_length + 1}",
        f"task.env.controlFrequencyInv={task.substeps}",
        f"task.env.numProps={4 if task.cabinet.props else 0}",
        # VecEnvRLGames hands on joint targets here, which are no actions in ±1 (task.py).
        "task.env.clipActions=inf",
        f"task.sim.dt={task.physics_dt!r}",
        "task.sim.enable_cameras=True",
        "task.sim.add_distant_light=True",
    ]
    folder = Path(omniisaacgymenvs.__file__).parent / "cfg"
    with initialize_config_dir(config_dir=str(folder), version_base="1.3"):
        composed: Any = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    return composed


def _kit_file() -> str:
    import omniisaacgymenvs

    path = Path(omniisaacgymenvs.__file__).parents[1] / KIT_FILE
    if not path.is_file():
        raise UserError(f"{path} does not exist; install OmniIsaacGymEnvs from its clone with `pip install -e`")
    return str(path)


@contextmanager
def _own_arguments_and_signals(kit_arguments: List[str]) -> Iterator[None]:
    """Give Kit, which reads sys.argv, arguments of its own instead of ours, and keep Ctrl-C to ourselves.

    Kit's handler of SIGINT ends the process with status 0 (core, omni.isaac.kit, simulation_app.py), and VecEnvBase's
    closes the simulation in the middle of a step: a training could neither write a checkpoint nor say that it failed.
    """
    arguments, handler = sys.argv, signal.getsignal(signal.SIGINT)
    sys.argv = [*arguments[:1], *kit_arguments]
    try:
        yield
    finally:
        sys.argv = arguments
        signal.signal(signal.SIGINT, handler)
