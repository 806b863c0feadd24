"""Leases of GPUs: a job has its place on a GPU to itself, and the lease ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Dict, List, NamedTuple, Optional, TextIO, Tuple

from sitt.commands import ask
from sitt.config.container import ContainerConfig, container_config
from sitt.config.sim import SimConfig
from sitt.errors import UserError

POLL_S = 1.0


class NoGpuError(UserError):
    """There is no GPU: the bare reason, for what to do about it depends on who needs one."""

    def of(self, sim: SimConfig) -> UserError:
        """Return the whole sentence for a simulator that needs one."""
        if sim.in_container:
            return UserError(
                f"{self}; install its driver and give containers the GPU (docs/isaac-sim.md), or choose a simulator "
                "that needs none"
            )
        return UserError(
            f"sim {sim.name} needs an NVIDIA GPU (sim.device = cuda): {self}; install its driver "
            "(docs/mujoco-warp.md), or choose another simulator (sim: mujoco needs none)"
        )


class Gpu(NamedTuple):
    """A GPU of this machine."""

    number: int
    """As nvidia-smi counts, by PCI bus."""
    uuid: str
    memory_gib: float
    """NaN where nvidia-smi does not say."""


class Leases(NamedTuple):
    """What jobs that need a GPU agree on."""

    folder: Path
    """Where the locks are."""
    share: int
    """Jobs that may have one GPU at the same time."""
    memory_gib: int
    """GPU memory that one job needs."""

    @classmethod
    def of(cls, config: ContainerConfig) -> Leases:
        """Return what this machine's settings say."""
        return cls(config.cache_folder / "leases", config.gpu_share, config.gpu_memory_gib)

    @classmethod
    def of_job(cls) -> Leases:
        """Return what this job's workflow told it, or this machine's settings if it is none of a workflow's."""
        values = [os.environ.get(f"SITT_GPU_{name.upper()}") for name in cls._fields]
        if None in values:
            return cls.of(container_config())
        folder, share, memory = map(str, values)
        return cls(Path(folder), int(share), int(memory))

    def variables(self) -> Dict[str, str]:
        """Return the variables by which a workflow tells its jobs."""
        return {f"SITT_GPU_{name.upper()}": str(value) for name, value in self._asdict().items()}

    def require_room(self) -> List[Gpu]:
        """Return the GPUs of this machine that CUDA_VISIBLE_DEVICES leaves us.

        Raises:
            NoGpuError: there is none.
            UserError: one has too little memory for the jobs that may share it, none is left, or the folder of the
                locks cannot be written.
        """
        gpus = _visible()
        for gpu in gpus:
            if gpu.memory_gib < self.share * self.memory_gib:
                raise UserError(
                    f"container.gpu_share = {self.share} at container.gpu_memory_gib = {self.memory_gib} for each job "
                    f"asks for more than the {gpu.memory_gib:.1f} GiB of GPU {gpu.number}; lower one of them, or leave "
                    "that GPU out by CUDA_VISIBLE_DEVICES"
                )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise _unwritable(self.folder, error) from None
        return gpus

    def places(self) -> int:
        """Return how many jobs can have a lease at the same time; raise as `require_room` does."""
        return self.share * len(self.require_room())


Lease = Tuple[Gpu, TextIO, TextIO]
"""A GPU, and the locks on it and on a place there, which hold while the files are open."""
_leased: Optional[Lease] = None


def lease_gpu() -> int:
    """Return the number of this process's GPU, the only one that CUDA sees from now on; wait while all are taken.

    Call it before anything asks for CUDA. A CUDA_VISIBLE_DEVICES that was set before, as Slurm does, limits the choice.

    Raises:
        NoGpuError: there is none.
        UserError: none is left to choose from, it is too small, or the folder of the leases cannot be written.
    """
    global _leased
    if _leased is None:
        leases = Leases.of_job()
        gpu, *_ = _leased = _wait(leases.require_room(), leases)
        os.environ.update(CUDA_DEVICE_ORDER="PCI_BUS_ID", CUDA_VISIBLE_DEVICES=gpu.uuid)
    return _leased[0].number


def _visible() -> List[Gpu]:
    answer = ask(("nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"))
    if answer.status:
        raise NoGpuError("no NVIDIA GPU to be seen (nvidia-smi does not answer)")
    gpus = [_gpu(*line.split(",")) for line in answer.output.splitlines() if line.strip()]
    if not gpus:
        raise NoGpuError("no NVIDIA GPU to be seen (nvidia-smi lists none)")
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


def _gpu(number: str, uuid: str, mebibytes: str) -> Gpu:
    known = mebibytes.strip().isdecimal()  # "[N/A]" where GPU and processor share their memory
    return Gpu(int(number), uuid.strip(), int(mebibytes) / 1024 if known else float("nan"))


def _wait(gpus: List[Gpu], leases: Leases) -> Lease:
    told = False
    while True:
        lease = _take(gpus, leases)
        if lease:
            return lease
        if not told:
            told = True
            print(
                f"all {len(gpus)} GPUs are leased; waiting for one (container.gpu_share = {leases.share})",
                file=sys.stderr,
            )
        time.sleep(POLL_S)


def _take(gpus: List[Gpu], leases: Leases) -> Optional[Lease]:
    """Lock the first free place; every GPU gets its first process before one gets a second."""
    for place in range(leases.share):
        for gpu in gpus:
            # Who wants a GPU alone shares it neither with those who would share it.
            whole = _lock(leases.folder / gpu.uuid, fcntl.LOCK_EX if leases.share == 1 else fcntl.LOCK_SH)
            part = whole and _lock(leases.folder / f"{gpu.uuid}.{place}", fcntl.LOCK_EX)
            if whole and part:
                return gpu, whole, part
            if whole:
                whole.close()
    return None


def _lock(path: Path, kind: int) -> Optional[TextIO]:
    try:
        handle = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise _unwritable(path.parent, error) from None
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder} cannot be written ({error.strerror}); choose another container.cache")
