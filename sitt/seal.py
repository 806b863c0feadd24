"""A file that states the SHA-256 of its own bytes, reckoned with zeros in the place of the digest itself."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Optional

NAME = "sha256_of_file"
"""Under this name a Parquet file's metadata has the digest, two bytes (its type and length) further on."""
BLANK = "0" * 64
"""What is written there first, for `seal` to replace."""


def seal(path: Path) -> None:
    """Put the digest of a file that was just written into its place.

    Raises:
        ValueError: the file has no place for it.
    """
    content = path.read_bytes()
    start = _place(content)
    if start is None:
        raise ValueError(f"{path} has no place for a digest")
    with path.open("r+b") as file:
        file.seek(start)
        file.write(_digest(content, start))


def is_intact(path: Path) -> bool:
    """Return whether a file is what was sealed."""
    content = path.read_bytes()
    start = _place(content)
    return start is not None and content[start : start + len(BLANK)] == _digest(content, start)


def _place(content: bytes) -> Optional[int]:
    """Return where the digest stands: behind its last name, since metadata come last; None without one."""
    name = content.rfind(NAME.encode())
    return None if name < 0 else name + len(NAME) + 2


def _digest(content: bytes, start: int) -> bytes:
    digest = hashlib.sha256(content[:start])
    digest.update(BLANK.encode())
    digest.update(content[start + len(BLANK) :])
    return digest.hexdigest().encode()
