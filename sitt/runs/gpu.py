"""A GPU for this process alone; the lease ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path
from typing import List, NamedTuple, Optional, TextIO, Tuple

from sitt.commands import ask
from sitt.errors import UserError

POLL_S = 1.0


class Gpu(NamedTuple):
    """A GPU of this machine."""

    number: int
    """As nvidia-smi counts, by PCI bus."""
    uuid: str


_leased: Optional[Tuple[Gpu, TextIO]] = None


def lease_gpu() -> int:
    """Return the number of this process's GPU, the only one that CUDA sees from now on; wait while all are taken.

    Call it before anything asks for CUDA. SITT_LEASES is the folder of the leases, SITT_GPU_SHARE how many processes
    may have a GPU at the same time (1). A CUDA_VISIBLE_DEVICES that was set before, as Slurm does, limits the choice.

    Raises:
        UserError: there is no GPU to choose from, or the folder cannot be written.
    """
    global _leased
    if _leased is None:
        folder = Path(os.environ.get("SITT_LEASES") or Path.home() / ".cache" / "sitt" / "leases")
        gpu, _ = _leased = _wait(_candidates(), folder, int(os.environ.get("SITT_GPU_SHARE", "1")))
        os.environ.update(CUDA_DEVICE_ORDER="PCI_BUS_ID", CUDA_VISIBLE_DEVICES=gpu.uuid)
    return _leased[0].number


def _candidates() -> List[Gpu]:
    """Return the GPUs of this machine that CUDA_VISIBLE_DEVICES leaves us."""
    answer = ask(("nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"))
    if answer.status:
        raise UserError(
            "no NVIDIA GPU to be seen (nvidia-smi does not answer); install its driver, and give containers the GPU: "
            "docs/isaac-sim.md"
        )
    fields = [line.split(",") for line in answer.output.splitlines() if line.strip()]
    gpus = [Gpu(int(number), uuid.strip()) for number, uuid in fields]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        chosen = gpus
    else:
        # CUDA takes a number, or the beginning of a UUID.
        named = [name.strip() for name in visible.split(",") if name.strip()]
        chosen = [gpu for gpu in gpus if str(gpu.number) in named or gpu.uuid.startswith(tuple(named))]
    if not chosen:
        raise UserError(
            f"CUDA_VISIBLE_DEVICES = {visible!r} leaves none of this machine's {len(gpus)} GPUs; unset it, or name one"
        )
    return chosen


def _wait(gpus: List[Gpu], folder: Path, share: int) -> Tuple[Gpu, TextIO]:
    told = False
    while True:
        lease = _take(gpus, folder, share)
        if lease:
            return lease
        if not told:
            told = True
            print(f"all {len(gpus)} GPUs are leased; waiting for one (container.gpu_share = {share})", file=sys.stderr)
        time.sleep(POLL_S)


def _take(gpus: List[Gpu], folder: Path, share: int) -> Optional[Tuple[Gpu, TextIO]]:
    """Lock the first free file; every GPU gets its first process before one gets a second."""
    for place in range(share):
        for gpu in gpus:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                handle = (folder / f"{gpu.uuid}.{place}").open("a", encoding="utf-8")
            except OSError as error:
                raise UserError(
                    f"{folder} cannot be written ({error.strerror}); choose another container.cache"
                ) from None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
                continue
            return gpu, handle
    return None
