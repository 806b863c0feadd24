"""What the simulator mujoco_warp needs beside what the default experiment has."""

from __future__ import annotations

from typing import Callable, Dict

from sitt.config.compose import compose
from sitt.config.container import container_config
from sitt.findings import Finding
from sitt.runs.containers import require_ready


def _cuda() -> Finding:
    import torch

    from sitt.device import cuda_mend

    if not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        return Finding(
            False,
            f"torch {torch.__version__}, built {built}, finds no GPU",
            f"on a machine with an NVIDIA GPU {cuda_mend()}; the default experiment needs none",
        )
    names = ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    return Finding(True, f"{names}, torch {torch.__version__}")


def _leases() -> Finding:
    """Ask as the workflow does, before its first job."""
    config = container_config()
    places = require_ready(compose("embedded-gpu", "joint", 0).sim, config, deployed=False, here=True)
    return Finding(
        True,
        f"room for {places} jobs side by side, {config.gpu_share} per GPU of {config.gpu_memory_gib} GiB each; "
        f"leases in {config.cache_folder}",
    )


WARP: Dict[str, Callable[[], Finding]] = {"CUDA": _cuda, "leases": _leases}
