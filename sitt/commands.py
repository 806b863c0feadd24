"""Asking other programs."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import NamedTuple, Sequence

LIMIT_S = 30.0


class Answer(NamedTuple):
    """How a program ended and what it said."""

    status: int
    """-1: it is not there, or did not answer in time."""
    output: str
    error: str
    """What it complains of, in one line."""


def ask(command: Sequence[str], limit_s: float = LIMIT_S) -> Answer:
    """Run a program that only answers a question."""
    if shutil.which(command[0]) is None:
        return Answer(-1, "", f"there is no {command[0]} on this machine's PATH")
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        return Answer(-1, "", f"{command[0]} did not answer within {limit_s:.0f} s")
    except OSError as error:
        return Answer(-1, "", f"{command[0]} cannot be run ({error.strerror})")
    return Answer(done.returncode, done.stdout.strip(), _complaint(done.stderr.strip() or done.stdout.strip()))


def _complaint(words: str) -> str:
    lines = words.splitlines() or ["it says nothing"]
    telling = (line for line in lines if re.search("error|denied|fail|cannot", line, re.IGNORECASE))
    return next(telling, lines[0]).strip().removeprefix("ERROR: ").rstrip(".")[:200]
