"""What the paper's own set-up needs: an RTX card, Isaac Sim in a container, NVIDIA's licence, weights and room."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, Dict

from sitt.config.compose import compose
from sitt.config.container import container_config, user_file
from sitt.config.encoder import DinoConfig
from sitt.doctor import gpu, runtimes
from sitt.errors import UserError
from sitt.findings import Finding
from sitt.nn.pretrained import require_checkpoint, require_files
from sitt.runs.containers import EULA
from sitt.runs.provenance import memory_gib

ROOM_GIB, ROOM_AFTER_GIB = 50, 10
"""Free disk space: by Isaac Sim's requirements, and [ours] for caches and results once the image is there."""
MEMORY_GIB = 32
"""Least memory by Isaac Sim's requirements."""
ASSETS = (
    "Isaac/Robots/Franka/franka_instanceable.usd",
    "Isaac/Props/Sektion_Cabinet/sektion_cabinet_instanceable.usd",
)
"""What OIGE loads of the assets."""


def _licence() -> Finding:
    config = container_config()
    if config.accept_eula:
        return Finding(True, "accept_eula: true")
    return Finding(
        False,
        "you have not accepted NVIDIA's licence of Isaac Sim (container.accept_eula)",
        f"read {EULA}, and if you accept it, write accept_eula: true into {user_file()}",
    )


def _assets() -> Finding:
    folder = container_config().assets_folder
    if folder is None:
        return Finding(True, "from NVIDIA's server at every start (container.assets names a local folder)")
    missing = [name for name in ASSETS if not (folder / name).is_file()]
    return Finding(
        not missing,
        f"{folder} {'lacks ' + missing[0] if missing else 'holds robot and cabinet'}",
        "let container.assets name the folder of Isaac Sim's 4.0 assets that holds Isaac/, or be null",
    )


def _weights() -> Finding:
    encoder = compose("paper", "joint", 0).encoder
    if not isinstance(encoder, DinoConfig):
        return Finding(True, f"encoder {encoder.name} needs none")
    try:
        require_files(encoder)
    except UserError as error:
        if encoder.is_folder:
            raise
        text, _, _ = str(error).partition("; ")
        return Finding(False, text, "sitt weights --experiment paper, where there is a network")
    return Finding(True, f"{require_checkpoint(encoder)} holds {encoder.pretrained}")


def _memory() -> Finding:
    memory = memory_gib()
    enough = memory is None or memory >= MEMORY_GIB - 1  # a part is the machine's own
    return Finding(enough, f"{memory} GiB (Isaac Sim asks for {MEMORY_GIB})", "take a machine with more memory")


def _disk() -> Finding:
    folder = container_config().cache_folder
    while not folder.exists():
        folder = folder.parent
    needed = ROOM_AFTER_GIB if runtimes.image().ok else ROOM_GIB
    free = {place: shutil.disk_usage(place).free / 2**30 for place in (folder, Path.cwd())}
    place = min(free, key=lambda place: free[place])
    return Finding(
        free[place] >= needed,
        f"{free[place]:.0f} GiB free at {place} (about {needed} are needed)",
        "free some, or let container.cache name a folder on a larger disk",
    )


PAPER: Dict[str, Callable[[], Finding]] = {
    "GPU": gpu.gpu,
    "driver": gpu.driver,
    "container": runtimes.runtime,
    "GPU inside": runtimes.toolkit,
    "image": runtimes.image,
    "licence": _licence,
    "assets": _assets,
    "weights": _weights,
    "memory": _memory,
    "disk": _disk,
}
