"""The student's memory on disk: each state is written once, however many checkpoints refer to it."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Tuple

import numpy as np
from torch import Tensor

from sitt.files import cannot_write, sync
from sitt.rl.memory import Memory

CHECKSUM_BYTES = 4


class MemoryLog:
    """Every state that a memory kept, in the order in which it came, as plain numbers, each row with its CRC-32.

    State n stands in row n. Nothing that a checkpoint refers to is written again, so a log that has grown
    beyond its checkpoint is still good for it. In all, a run writes `student.images` rows.
    """

    def __init__(self, folder: Path, memory: Memory) -> None:
        self.memory = memory
        self.written = 0
        self.parts: Tuple[Tuple[Path, Tensor], ...] = (
            (folder / "observations.bin", memory.observations),
            (folder / "embeddings.bin", memory.embeddings),
        )

    def write(self) -> None:
        """Write what was added since the last call, down to the disk.

        Raises:
            UserError: a file cannot be written, or the disk is full.
        """
        # Rows that came and went between two calls stay holes.
        count = min(self.memory.added - self.written, self.memory.capacity)
        if not count:
            return
        for path, values in self.parts:
            try:
                with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), "wb") as file:
                    file.seek((self.memory.added - count) * _row_bytes(values))
                    for rows in self.memory.latest(count):
                        for row in values[rows].cpu().numpy():
                            file.write(row.data)
                            file.write(_checksum(row))
                sync(path)
            except OSError as error:
                raise cannot_write(path, error) from error
        self.written = self.memory.added

    def read(self, added: int) -> None:
        """Fill the memory with what it held when `added` states had been added; OSError if a file is damaged."""
        self.memory.added = self.written = added
        for path, values in self.parts:
            with path.open("rb") as file:
                file.seek((added - self.memory.size) * _row_bytes(values))
                for rows in self.memory.latest(self.memory.size):
                    content = values[rows].cpu()  # the memory itself, or of one on a GPU a copy
                    for row in content.numpy():
                        file.readinto(row.data)
                        if file.read(CHECKSUM_BYTES) != _checksum(row):
                            raise OSError(f"{path} is damaged")
                    values[rows] = content


def _row_bytes(values: Tensor) -> int:
    return values[0].numel() * values.element_size() + CHECKSUM_BYTES


def _checksum(row: np.ndarray) -> bytes:
    return zlib.crc32(row.data).to_bytes(CHECKSUM_BYTES, "little")
