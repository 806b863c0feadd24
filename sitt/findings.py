"""What a check found: good or bad, in words and numbers, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional

from sitt.errors import UserError, first_line

MARKS = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True)
class Finding:
    """The outcome of one check; a bad one names the next step, or it is refused."""

    ok: Optional[bool]
    """None: it could not be tried."""
    text: str
    """What was found, without a full stop."""
    mend: str = ""
    """What to do if it is not ok."""
    measured: Dict[str, Any] = field(default_factory=dict)
    """Numbers by name, the unit in the name."""

    def __post_init__(self) -> None:
        if self.ok is False and not self.mend:
            raise ValueError(f"{self.text!r} is bad and says no mend")

    def lines(self, name: str) -> str:
        """Return the finding of a check by its name, for the console: what was found, and below it the mend."""
        found = f"{MARKS[self.ok]} {name:<16} {self.text}"
        return f"{found}\n{'':<18} → {self.mend}" if self.mend and not self.ok else found


def attempt(check: Callable[..., Finding], *arguments: Any) -> Finding:
    """Return what a check finds; an exception is a finding too."""
    try:
        return check(*arguments)
    except UserError as error:
        text, _, mend = str(error).partition("; ")
        return Finding(False, text, mend or "mend that, and try again")
    except Exception as error:  # a broken installation may raise anything
        return Finding(False, f"{type(error).__name__}: {first_line(error)[:200]}", "please report this, with the log")
