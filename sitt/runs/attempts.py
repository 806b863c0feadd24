"""The processes that trained a run: when each began, how long it worked and how it ended."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from sitt.errors import UserError
from sitt.files import atomic_path, content_digest


class Attempts:
    """Their list, in a file beside the checkpoint; nothing that befalls this file stops a training."""

    def __init__(self, folder: Path) -> None:
        """Read what earlier processes left in a folder that this one has to itself; its own attempt begins."""
        self.file = folder / "attempts.json"
        self._started = time.monotonic()
        started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.all: List[Dict[str, Any]] = [*_read(self.file), {"started_at": started_at, "wall_s": None, "exit": None}]

    def follow(self, earlier: List[Dict[str, Any]]) -> None:
        """Put the attempts that trained what this training began with before its own, once."""
        self.all[:0] = [attempt for attempt in earlier if attempt not in self.all]

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """List this process as one that trains, and what ends the block, unless it ends by itself."""
        self._write()
        try:
            yield
        except BaseException as error:
            self.note(_exit(error))
            raise

    def until_now(self, exit_: Optional[str] = None) -> List[Dict[str, Any]]:
        """Return all attempts: started_at (UTC), wall_s (s) and exit; without `exit_`, this one goes on."""
        self.all[-1].update(wall_s=time.monotonic() - self._started, exit=exit_)
        return self.all

    def note(self, exit_: Optional[str] = None) -> None:
        """Write the same list into the file."""
        self.until_now(exit_)
        self._write()

    def _write(self) -> None:
        content = {"attempts": self.all, "sha256": content_digest(self.all)}
        with suppress(UserError, OSError), atomic_path(self.file) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _read(file: Path) -> List[Dict[str, Any]]:
    """Return what stands in a file; an attempt that left no exit was killed."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["sha256"] != content_digest(content["attempts"]):
            raise ValueError("its content does not match its checksum")
        return [{**attempt, "exit": attempt["exit"] or "killed"} for attempt in content["attempts"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        with suppress(OSError):  # nobody reads it
            print(f"{file} is damaged; the training goes on, but its list of attempts starts anew", file=sys.stderr)
        return []


def _exit(error: BaseException) -> str:
    """Return how a process ends by an exception: the name of the signal that it met, or 'error'."""
    if isinstance(error, KeyboardInterrupt):
        return "SIGINT"
    if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > 128:
        return signal.Signals(error.code - 128).name
    return "error"
