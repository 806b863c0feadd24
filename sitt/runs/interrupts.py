"""SIGTERM (a scheduler) and SIGINT (Ctrl-C) as a request that is met between two iterations."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from types import FrameType
from typing import Any, Dict, Iterator, Optional

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupt:
    """What was asked for so far."""

    signal: Optional[int] = None
    """The number of the last signal; None while nothing was asked for."""


@contextmanager
def interrupts_noted() -> Iterator[Interrupt]:
    """Only note the first of each signal, as long as the block runs; a second one acts as ever.

    An ignored signal stays ignored. Does nothing outside the main thread, where Python takes no signals.
    """
    interrupt = Interrupt()
    previous: Dict[int, Any] = {}

    def note(number: int, frame: Optional[FrameType]) -> None:
        interrupt.signal = number
        signal.signal(number, previous[number])

    if threading.current_thread() is threading.main_thread():
        previous.update({number: signal.getsignal(number) for number in SIGNALS})
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
