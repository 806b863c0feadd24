"""How many threads torch has: as many as the configuration says, but one while a simulator steps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

import torch

from sitt.config.schema import RunConfig


def use_threads(config: RunConfig) -> None:
    """Fix torch's threads: results depend on their number, and jobs share the cores."""
    torch.set_num_threads(config.threads)


@contextmanager
def one_thread() -> Iterator[None]:
    """Leave the other cores to the physics: torch's idle threads wait in busy loops, and would take them from it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
