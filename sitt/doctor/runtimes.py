"""Container runtimes: whether they can be called, reach the GPU, and have the image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Dict

from sitt.commands import ask
from sitt.config.container import container_config
from sitt.errors import UserError
from sitt.findings import Finding
from sitt.runs.containers import image_exists

TOOLKIT = (
    "install the NVIDIA Container Toolkit "
    "(https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html)"
)


def runtime() -> Finding:
    """Call the configured runtime, and if that fails name one that works."""
    chosen = container_config().runtime
    try:
        return Finding(True, RUNTIMES[chosen]())
    except UserError as error:
        text, _, mend = str(error).partition("; ")
        working = [name for name in RUNTIMES if name not in (chosen, "none") and _works(name)]
        other = f", or take one that works here: container.runtime: {working[0]}" if working else ""
        return Finding(False, text, f"{mend}{other}")


def toolkit() -> Finding:
    """Look for what gives a container the GPU."""
    chosen = container_config().runtime
    if chosen == "none":
        return Finding(True, "not needed without a container")
    if chosen == "apptainer":
        return Finding(True, "not needed: apptainer's --nv takes this machine's own driver")
    answer = ask(("nvidia-ctk", "--version"))
    if answer.status:
        return Finding(False, f"none: {answer.error}", TOOLKIT)
    version = answer.output.splitlines()[0]
    if chosen == "docker":
        runtimes = ask(("docker", "info", "--format", "{{json .Runtimes}}"))
        known = '"nvidia"' in runtimes.output
        mend = "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
        return Finding(known, f"{version}; docker {'knows' if known else 'does not know'} it", mend)
    listed = ask(("nvidia-ctk", "cdi", "list"))
    known = "nvidia.com/gpu=" in listed.output
    mend = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
    return Finding(known, f"{version}; {'has' if known else 'has no'} CDI devices for podman", mend)


def image() -> Finding:
    """Look for the image."""
    config = container_config()
    name, chosen = config.chosen_image, config.runtime
    if name is None:
        return Finding(True, "not needed without a container")
    there = image_exists(config)
    return Finding(there, f"{name} is {'there' if there else 'not built yet'}", BUILD[chosen].format(image=name))


def _apptainer() -> str:
    answer = ask(("apptainer", "--version"))
    if answer.status:
        raise UserError(f"{answer.error}; install Apptainer (https://apptainer.org/docs/admin/main/installation.html)")
    return answer.output.splitlines()[0]


def _docker() -> str:
    answer = ask(("docker", "info", "--format", "{{.ServerVersion}}"))
    if answer.status == 0 and answer.output:  # some versions end with 0 without a server
        return f"docker {answer.output}"
    if "permission denied" in answer.error.lower():
        mend = "sudo usermod -aG docker $USER, and log in again"
    elif answer.status == -1:
        mend = "install Docker (https://docs.docker.com/engine/install)"
    else:
        mend = "sudo systemctl start docker"
    raise UserError(f"docker cannot be used: {answer.error.replace('; ', ', ')}; {mend}")


def _podman() -> str:
    answer = ask(("podman", "info", "--format", "{{.Version.Version}}"))
    if answer.status:
        raise UserError(
            f"podman cannot be used: {answer.error.replace('; ', ', ')}; install Podman 4.1 or newer (https://podman.io)"
        )
    return f"podman {answer.output}"


def _none() -> str:
    python = Path(container_config().python).expanduser()
    if not os.access(python, os.X_OK):
        raise UserError(
            f"container.runtime is none, and there is no {python}; set container.python to the python.sh of an "
            "installed Isaac Sim 4.0.0, or choose a container"
        )
    return f"none: {python} is on this machine"


def _works(name: str) -> bool:
    try:
        RUNTIMES[name]()
    except UserError:
        return False
    return True


RUNTIMES: Dict[str, Callable[[], str]] = {"apptainer": _apptainer, "docker": _docker, "podman": _podman, "none": _none}
"""What calls each runtime; returns its version, or raises a UserError with the mend."""
BUILD = {
    "apptainer": "apptainer build {image} containers/isaacsim.def",
    "docker": "docker build -f containers/isaacsim.Dockerfile -t {image} .",
    "podman": "podman build -f containers/isaacsim.Dockerfile -t {image} .",
}
"""How each makes the image (docs/isaac-sim.md)."""
