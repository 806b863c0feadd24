"""GPU and driver: what Isaac Sim 4.0 can draw with."""

from __future__ import annotations

from typing import List, NamedTuple, Tuple

from sitt.commands import ask
from sitt.errors import UserError
from sitt.findings import Finding

DRIVER = (535, 129)
"""Isaac Sim 4.2 refuses older ones: "The unsupported driver range: [0.0, 535.129)" (InternNav issue 201)."""
MEMORY_GIB = 8
"""Least GPU memory by Isaac Sim's requirements (an RTX 3070 has 8)."""
QUERY = ("nvidia-smi", "--query-gpu=name,compute_cap,memory.total,driver_version", "--format=csv,noheader,nounits")
INSTALL = (
    "on a machine with an NVIDIA RTX card install its driver, 535.129.03 or newer "
    "(https://www.nvidia.com/en-us/drivers/unix/); the default experiment needs none"
)


class Gpu(NamedTuple):
    """One GPU, as nvidia-smi knows it."""

    name: str
    capability: Tuple[int, ...]
    memory_gib: float
    driver: str

    def shortcoming(self) -> str:
        """Return why Isaac Sim 4.0 cannot draw with it, or nothing."""
        if not self.has_rt_cores():
            return "has no RT cores"
        if self.capability >= (10, 0):
            return "is newer than Isaac Sim 4.0"
        if self.memory_gib < MEMORY_GIB - 1:  # a part is always taken
            return f"has less than {MEMORY_GIB} GiB"
        return ""

    def has_rt_cores(self) -> bool:
        """Return whether it has RT cores.

        None have V100 (capability 7.0), A100 (8.0), H100 and H200 (9.0), B200 (10.0), GTX 16 and T1000 (7.5).
        """
        if self.capability == (7, 5):
            return "RTX" in self.name or self.name.split()[-1] in ("T4", "T4G")
        return self.capability in ((8, 6), (8, 9)) or self.capability >= (12, 0)


def gpus() -> List[Gpu]:
    """Ask nvidia-smi.

    Raises:
        UserError: there is no driver, or it does not work.
    """
    answer = ask(QUERY)
    if answer.status == -1:
        raise UserError(f"{answer.error}, so no NVIDIA driver; {INSTALL}")
    if answer.status:
        raise UserError(f"nvidia-smi says: {answer.error}; {INSTALL}, and restart the machine")
    found = []
    for line in answer.output.splitlines():
        name, capability, memory, driver = (part.strip() for part in line.rsplit(",", 3))
        found.append(Gpu(name, _numbers(capability), float(memory) / 1024, driver))
    if not found:
        raise UserError(f"nvidia-smi lists no GPU; {INSTALL}")
    return found


def gpu() -> Finding:
    """Look for a GPU with RT cores."""
    found = gpus()
    lacking = [card.shortcoming() for card in found]
    text = "; ".join(
        f"{card.name}, {card.memory_gib:.0f} GiB, {why or 'RT cores'}" for card, why in zip(found, lacking)
    )
    return Finding(
        not all(lacking),
        text,
        "Isaac Sim 4.0 draws on cards with RT cores of the generations Turing, Ampere and Ada, such as RTX 4090, A6000 "
        "or L40; the default experiment needs none",
    )


def driver() -> Finding:
    """Compare the driver's version with what Isaac Sim 4.0 needs."""
    version = gpus()[0].driver
    return Finding(_numbers(version)[:2] >= DRIVER, f"{version} (Isaac Sim 4.0 needs 535.129 or newer)", INSTALL)


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
