"""Writing a file whole or not at all, and noticing whether it still says what was written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from sitt.errors import UserError, first_line


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it replaces `path`, on failure it is removed and `path` stays as it was.

    The yielded file has the final name (writers choose their format by it) inside a hidden folder beside
    `path`, so that what a writer leaves next to its file, such as a database's log, goes too.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        temporary = folder / path.name
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        # An error about some other file, raised by the caller's own block, keeps its meaning.
        if error.filename is not None and folder not in Path(os.fsdecode(error.filename)).parents:
            raise
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def content_digest(content: Any) -> str:
    """Return the SHA-256 of what JSON can hold: a file that states it shows whether it says what was written."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sync(path: Path) -> None:
    """Force a file, or a folder's list of names, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: Exception) -> UserError:
    """Return what to tell the user when `path` could not be written."""
    reason = getattr(error, "strerror", None) or first_line(error)
    return UserError(
        f"cannot write {path} ({reason}); make its folder writable, free disk space or choose another place"
    )
