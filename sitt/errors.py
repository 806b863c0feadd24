"""The one exception a user is meant to read, and how those of others are quoted in it."""

from __future__ import annotations

import re


class UserError(Exception):
    """Something the user can mend; the message is one sentence that names the file, key, value and the mend."""


def first_line(error: BaseException) -> str:
    """Return the first line of a message, for use inside a sentence; of one of DuckDB's about a file, the reason."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    reason = re.search(r'(?:Could not|Cannot) \w+ file .*": ([^"]+)', line)
    return (reason[1] if reason else line).rstrip(".")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, which torch reports by words alone."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)
