"""The command of a job that opens a simulator, and what its container is given: one list of mounts, one of variables.

Snakemake itself knows apptainer alone, so docker and podman are words before the command. Inside and outside, the
clone, the working directory and the cache have the same paths, and the code is that of the clone.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional

from sitt.commands import ask
from sitt.config.compose import ROOT
from sitt.config.container import ContainerConfig, user_file
from sitt.config.sim import SimConfig
from sitt.errors import UserError
from sitt.runs.gpu import Leases, NoGpuError

EULA = "https://developer.nvidia.com/omniverse/license"
"""What the container prints where ACCEPT_EULA is not set."""
INHERITED = ("SITT_WORKFLOW", "SITT_CONSOLE", "CUDA_VISIBLE_DEVICES")
"""Variables that a job has from the workflow or its scheduler, and its container has from the job."""
KIT_FOLDERS = ("cache", "data", "logs")
"""Where Isaac Sim writes, under kit/: mounted from the cache, so that it stays."""
SEPARATORS = ":,"
"""What lists of mounts are split at."""


@dataclass(frozen=True)
class SimulatorJobs:
    """What the rules that open a simulator have in common."""

    command: str
    """What stands for `sitt` in their shell command; its braces are doubled, since Snakemake formats that."""
    image: Optional[str]
    """Snakemake's `container:`; None where it starts none itself."""
    gpu: int
    """GPUs of each job."""
    mem_mb: int


def simulator_jobs(sim: SimConfig, config: ContainerConfig) -> SimulatorJobs:
    """Return how the jobs of an experiment with this simulator are run."""
    gpu = int(sim.needs_gpu)
    if not sim.in_container:
        return SimulatorJobs("sitt", None, gpu, 8000 if gpu else 2000)
    image = config.chosen_image if config.runtime == "apptainer" else None
    command = shlex.join([*_prefix(config), "-m", "sitt.cli"]).replace("{", "{{").replace("}", "}}")
    return SimulatorJobs(command, image, gpu, 32000)  # [OIGE: 32 GB]


def environment(config: ContainerConfig) -> Dict[str, str]:
    """Return the variables of a job in the container, by name.

    python.sh starts Python as a child, which no signal would reach; with PYTHONEXE it becomes Python instead.
    """
    variables = {
        "PYTHONPATH": str(ROOT),
        "PYTHONEXE": f"exec {Path(config.python).expanduser().parent}/kit/python/bin/python3",
        "OMNI_KIT_ALLOW_ROOT": "1",  # of a rootless runtime, it is the user
        **Leases.of(config).variables(),
    }
    if config.assets_folder:
        variables["SITT_ASSETS"] = str(config.assets_folder)
    if config.accept_eula:
        variables["ACCEPT_EULA"] = "Y"
    if config.privacy_consent:
        variables["PRIVACY_CONSENT"] = "Y"
    return variables


def mounts(config: ContainerConfig) -> List[str]:
    """Return what the container sees of this machine, as OUTSIDE:INSIDE[:ro]."""
    kit = Path(config.python).parent / "kit"
    places = [f"{path}:{path}" for path in dict.fromkeys((ROOT, Path.cwd(), config.cache_folder))]
    places += [f"{config.cache_folder / 'kit' / name}:{kit / name}" for name in KIT_FOLDERS]
    if config.assets_folder:
        places.append(f"{config.assets_folder}:{config.assets_folder}:ro")
    return places


def job_variables(sim: SimConfig, config: ContainerConfig) -> Dict[str, str]:
    """Return what the workflow's own process sets for a simulator's jobs.

    The profile isaacsim gives some to apptainer: Snakemake makes the working directory the container's home, where
    Isaac Sim would leave its caches.
    """
    if not sim.in_container:
        return Leases.of(config).variables() if sim.needs_gpu else {}
    if config.runtime == "none":
        return environment(config)
    if config.runtime != "apptainer":
        return {}
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    variables = {**environment(config), **inherited}
    row = io.StringIO()  # apptainer reads the variables as CSV, and a list of GPUs has commas of its own
    csv.writer(row, lineterminator="").writerow(f"{name}={value}" for name, value in variables.items())
    return {
        "SITT_APPTAINER_HOME": str(_home(config)),
        "SITT_APPTAINER_BIND": ",".join(mounts(config)),
        "SITT_APPTAINER_ENV": row.getvalue(),
    }


def require_ready(sim: SimConfig, config: ContainerConfig, deployed: bool, here: bool) -> Optional[int]:
    """Make the folders that a simulator's jobs need, and refuse what would stop them.

    Args:
        sim: the simulator.
        config: how they are run.
        deployed: whether Snakemake starts apptainer (`--software-deployment-method apptainer`).
        here: whether they run on this machine.

    Returns:
        How many of them can have a GPU of this machine at the same time; None if they need none.

    Raises:
        UserError: consent, runtime, image, interpreter, assets or a large enough GPU are missing, a path cannot be
            mounted, or the folder of the leases cannot be written.
    """
    if sim.in_container:
        _require_simulator(config, deployed)
    if not (sim.needs_gpu and here):
        return None
    try:
        return Leases.of(config).places()
    except NoGpuError as error:
        raise error.of(sim) from None


def _require_simulator(config: ContainerConfig, deployed: bool) -> None:
    if config.runtime == "none":
        if not Path(config.python).expanduser().is_file():
            raise UserError(
                f"container.python = {config.python} does not exist; name Isaac Sim's python.sh, or a runtime"
            )
    else:
        _require_container(config, deployed)
    assets = config.assets_folder
    if assets and not (assets / "Isaac").is_dir():
        raise UserError(f"container.assets = {assets} has no folder Isaac; name the folder of the 4.0 assets that has")
    for folder in (_home(config), *(config.cache_folder / "kit" / name for name in KIT_FOLDERS)):
        folder.mkdir(parents=True, exist_ok=True)


def _require_container(config: ContainerConfig, deployed: bool) -> None:
    if not config.accept_eula:
        raise UserError(
            f"container.accept_eula = false: Isaac Sim runs once you accept NVIDIA's licence ({EULA}); "
            f"then write accept_eula: true into {user_file()}"
        )
    if config.runtime == "apptainer" and not deployed:
        raise UserError("container.runtime = apptainer needs --profile workflow/profiles/isaacsim; add it")
    if shutil.which(config.runtime) is None:
        raise UserError(f"container.runtime = {config.runtime} is not installed; install it, or choose another runtime")
    for path in (ROOT, Path.cwd()):
        if any(separator in str(path) for separator in SEPARATORS):
            raise UserError(f"{path} cannot be mounted in a container because of its ':' or ','; rename it")
    if not image_exists(config):
        raise UserError(f"container.image = {config.chosen_image} does not exist; build it as docs/isaac-sim.md says")


def image_exists(config: ContainerConfig) -> bool:
    """Return whether a container can be made of the image; of an address, whoever fetches it finds out."""
    image = str(config.chosen_image)
    if config.runtime == "apptainer":
        return "://" in image or Path(image).is_file()
    return ask((config.runtime, "image", "inspect", "--format", "{{.Id}}", image)).status == 0


def _prefix(config: ContainerConfig) -> List[str]:
    """Return the words up to Isaac Sim's Python."""
    if config.runtime in ("none", "apptainer"):
        return [str(Path(config.python).expanduser())]
    # The host's process numbers and name: the job must see whether its workflow lives (sitt.cli).
    words = [config.runtime, "run", "--rm", "--pid", "host", "--uts", "host", "--security-opt", "label=disable"]
    words += ["--workdir", str(Path.cwd()), *_gpus(config), *_user(config)]
    variables = {"HOME": str(_home(config)), "NVIDIA_DRIVER_CAPABILITIES": "all", **environment(config)}
    for name, value in variables.items():
        words += ["--env", f"{name}={value}"]
    for name in INHERITED:
        words += ["--env", name] if name in os.environ else []
    for place in mounts(config):
        words += ["--volume", place]
    return [*words, "--entrypoint", config.python, str(config.chosen_image)]


def _gpus(config: ContainerConfig) -> List[str]:
    """All GPUs: the job itself leases one."""
    return ["--gpus", "all"] if config.runtime == "docker" else ["--device", "nvidia.com/gpu=all"]


def _user(config: ContainerConfig) -> List[str]:
    """Whatever the job writes must be the user's; a rootless runtime's root is the user."""
    if config.runtime == "podman":
        return ["--userns", "keep-id"] if os.getuid() else []
    return [] if _docker_is_rootless() else ["--user", f"{os.getuid()}:{os.getgid()}"]


@functools.cache
def _docker_is_rootless() -> bool:
    return "rootless" in ask(("docker", "info", "--format", "{{.SecurityOptions}}")).output


def _home(config: ContainerConfig) -> Path:
    return config.cache_folder / "home"
