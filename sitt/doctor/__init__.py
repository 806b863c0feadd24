"""What this machine can run, and why not: each check tries the real thing and says what it found."""

from __future__ import annotations

from typing import Callable, Dict

from sitt.doctor.embedded import EMBEDDED
from sitt.doctor.paper import PAPER
from sitt.doctor.warp import WARP
from sitt.findings import Finding, attempt

GROUPS: Dict[str, Dict[str, Callable[[], Finding]]] = {
    "The default experiment (embedded) and all others but those below": EMBEDDED,
    "experiment=embedded-gpu, in MuJoCo Warp (docs/mujoco-warp.md)": WARP,
    "experiment=paper and paper-smoke, in Isaac Sim (docs/isaac-sim.md)": PAPER,
}


def examine() -> bool:
    """Print one line per check, group by group; return whether the default experiment can run here."""
    able = []
    for title, checks in GROUPS.items():
        print(title, flush=True)
        bad = 0
        for name, check in checks.items():
            finding = attempt(check)
            bad += not finding.ok
            print(finding.lines(name), flush=True)
        able.append(not bad)
        print(f"= {'can run here' if not bad else f'cannot run here yet: mend what is marked ✗ ({bad})'}\n", flush=True)
    return able[0]
