"""What the simulator mujoco_warp needs beside what the default experiment has."""

from __future__ import annotations

from typing import Callable, Dict

from sitt.findings import Finding


def _cuda() -> Finding:
    import torch

    if not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        return Finding(
            False,
            f"torch {torch.__version__}, built {built}, finds no GPU",
            "on a machine with an NVIDIA GPU install its driver and a CUDA build of torch; "
            "the default experiment needs none",
        )
    names = ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    return Finding(True, f"{names}, torch {torch.__version__}")


WARP: Dict[str, Callable[[], Finding]] = {"CUDA": _cuda}
