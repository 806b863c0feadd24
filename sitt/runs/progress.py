"""Live progress of a run on stderr: in place on a terminal, sparse lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Optional, TextIO, Tuple

from sitt.runs.shards import TrainingRow

TERMINAL_INTERVAL_S = 0.2
LINE_INTERVAL_S = 30.0


class Progress:
    """One line: iteration, return and success of teacher and student, env steps/s, time left."""

    def __init__(self, total_iterations: int, label: str, stream: Optional[TextIO] = None) -> None:
        """Start the clock.

        Args:
            total_iterations: iterations of the whole run.
            label: the run's name at the head of each line.
            stream: where to write; stderr by default.
        """
        self._total = total_iterations
        self._label = label
        self._stream = stream if stream is not None else sys.stderr
        self._in_place = self._stream.isatty()
        self._interval = TERMINAL_INTERVAL_S if self._in_place else LINE_INTERVAL_S
        self._start: Optional[Tuple[float, int, int]] = None
        self._last_shown = time.monotonic()
        self._measured = ""

    def update(self, iteration: int, env_steps: int) -> None:
        """Report that an iteration is done; shows a line if the last one is old enough."""
        now = time.monotonic()
        if self._start is None:  # speed counts from here, so that a resumed run is not credited with its past
            self._start = (now, iteration, env_steps)
        if now - self._last_shown >= self._interval:
            self._show(self._line(iteration, env_steps, now))
            self._last_shown = now

    def resumed(self, iteration: int, env_steps: int, source: str) -> None:
        """Report that the training goes on after `iteration`, from `source`."""
        self._show(f"{self._label}  {iteration}/{self._total}  goes on from {source}", keep=True)
        self.update(iteration, env_steps)

    def interrupted(self, iteration: int) -> None:
        """Report that the training stops after `iteration`, on request."""
        self._show(f"{self._label}  {iteration}/{self._total}  stopped; the same command goes on from here", keep=True)

    def evaluated(self, teacher: TrainingRow, student: TrainingRow) -> None:
        """Report an evaluation of both policies; it is always shown, on a line of its own."""
        self._measured = (
            f"  return: teacher {teacher.return_mean:.1f}, student {student.return_mean:.1f}"
            f"  success: teacher {teacher.success_rate:.0%}, student {student.success_rate:.0%}"
        )
        self._show(self._line(student.iteration, student.env_steps, time.monotonic()), keep=True)
        self._last_shown = time.monotonic()

    def close(self) -> None:
        """Leave the cursor on a fresh line."""
        if self._in_place:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def _line(self, iteration: int, env_steps: int, now: float) -> str:
        line = f"{self._label}  {iteration}/{self._total}{self._measured}"
        if self._start is None:
            return line
        started, first_iteration, first_steps = self._start
        elapsed, done = now - started, iteration - first_iteration
        if done <= 0 or elapsed <= 0:
            return line
        left = (self._total - iteration) * elapsed / done
        return f"{line}  {(env_steps - first_steps) / elapsed:,.0f} env steps/s  {duration(left)} left"

    def _show(self, line: str, keep: bool = False) -> None:
        text = f"\r\033[K{line}" + ("\n" if keep else "") if self._in_place else f"{line}\n"
        with suppress(OSError):  # who watched is gone, such as `tee` after Ctrl-C, or the log's disk is full
            self._stream.write(text)
            self._stream.flush()


def duration(seconds: float) -> str:
    """Return a duration as people read it: 45 s, 12 min 03 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
