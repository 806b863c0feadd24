"""The process that starts the other one, tells what it finds, and notices how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator, Optional, Sequence, Set

from sitt.config.compose import load
from sitt.config.sim import IsaacSimConfig
from sitt.errors import UserError
from sitt.findings import Finding
from sitt.sim.isaacsim.probe.points import FINDINGS, POINTS
from sitt.sim.isaacsim.probe.record import Record

LOG = "isaacsim.log"
INTERVAL_S = 0.5
POINT_S = 1800.0
"""Longest time for one point: at the very first start, shaders are compiled."""
END_S = 120.0
"""Longest time to end once all is measured."""


def probe(
    config: Path, folder: Path, command: Sequence[str] = (), point_s: float = POINT_S, end_s: float = END_S
) -> bool:
    """Measure all points, print a line of each, and write findings.json, pictures and Isaac Sim's log into a folder.

    Args:
        config: what `sitt configure` wrote; its task, its simulator and its number of environments are probed.
        folder: made if missing; findings of before are replaced.
        command: the process that measures; by default this interpreter.
        point_s: limit for one point, s.
        end_s: limit for the end of the process, s.

    Returns:
        Whether trainings can run here.

    Raises:
        UserError: the configuration is of another simulator, or the process dies before it measures anything.
    """
    if not isinstance(load(config).sim, IsaacSimConfig):
        raise UserError(f"{config}: sim.name must be isaacsim to be probed; choose such as experiment=paper-smoke")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FINDINGS).unlink(missing_ok=True)
    command = command or (sys.executable, "-m", "sitt.sim.isaacsim.probe", str(config), str(folder))
    shown: Set[str] = set()
    end: Optional[Finding] = None
    with (folder / LOG).open("wb") as log, _ended_properly():
        while end is None:
            end = _measure(command, folder, log, shown, point_s, end_s)
    record = Record(folder / FINDINGS)
    record.add("end", end)
    _show(folder, shown)
    outcomes = [finding.ok for finding in record.findings.values()]
    failed, untried = outcomes.count(False), outcomes.count(None)
    print(f"{failed} of {len(outcomes)} points failed, {untried} were not tried; all is in {folder}", flush=True)
    return all(record.findings[point.name].ok for point in POINTS if point.needed)


@contextmanager
def _ended_properly() -> Iterator[None]:
    """Let SIGTERM, such as from a stopped workflow, end the other process too."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _measure(
    command: Sequence[str], folder: Path, log: IO[bytes], shown: Set[str], point_s: float, end_s: float
) -> Optional[Finding]:
    """Run the process until it ends; return how it did if it had measured everything."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        changed, stamp, hung = time.monotonic(), -1, False
        while process.poll() is None and not hung:
            time.sleep(INTERVAL_S)
            latest = _stamp(folder)
            if latest != stamp:
                changed, stamp = time.monotonic(), latest
                _show(folder, shown)
            hung = time.monotonic() - changed > (end_s if _complete(folder) else point_s)
    finally:
        process.kill()
        process.wait()
    waited = time.monotonic() - changed
    _show(folder, shown)
    how = f"hung for {waited:.0f} s" if hung else _how(process.returncode)
    measured = {"seconds": waited, "status": None if hung else process.returncode}
    if _complete(folder):
        return Finding(
            process.returncode == 0,
            f"after the last point the process {how}, within {waited:.1f} s",
            f"trainings end so too: their files are whole, but look at {folder / LOG} and report it",
            measured,
        )
    record = Record(folder / FINDINGS)
    if record.running is None:
        raise UserError(f"the process that measures {how} outside of any point; the end of {folder / LOG} says why")
    record.add(
        record.running,
        Finding(False, f"the process {how} while this was measured", f"see the end of {folder / LOG}", measured),
    )
    _show(folder, shown)
    return None


def _complete(folder: Path) -> bool:
    return all(point.name in Record(folder / FINDINGS).findings for point in POINTS)


def _show(folder: Path, shown: Set[str]) -> None:
    for name, finding in Record(folder / FINDINGS).findings.items():
        if name not in shown:
            print(finding.lines(name), flush=True)
            shown.add(name)


def _stamp(folder: Path) -> int:
    path = folder / FINDINGS
    return path.stat().st_mtime_ns if path.exists() else 0


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was killed by {signal.Signals(-status).name}"
