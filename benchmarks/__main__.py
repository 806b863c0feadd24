"""Every benchmark, one after the other, each in a process of its own, and one table of what they found.

    python -m benchmarks                                all; hours, for `time_to_success` may take them
    python -m benchmarks simulator ppo_update           some
    python -m benchmarks --table                        the table of what lies in reports/benchmarks, nothing is run

Each keeps its numbers in reports/benchmarks/NAME.json, with commit, versions and hardware, and takes options of its own
(python -m benchmarks.NAME --help). Wants the machine for itself. Exit status 1 if a figure is not what it must be, or
was not measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any, Dict, List, Optional

from benchmarks.record import FOLDER, Figure, table

ALL = {
    "simulator": "simulator + task beside bare Batch.step, images beside MuJoCo Warp's ray tracer",
    "vector_env": "simulator + task beside Gymnasium's vector environments",
    "ppo_update": "PPO update beside Stable-Baselines3 and rsl_rl",
    "rendering": "images beside mujoco.Renderer",
    "warp": "mujoco_warp beside bare mujoco_warp.step",
    "store": "10,000 runs in the database",
    "checkpoints": "a training's checkpoints",
    "dinov2": "DINOv2 features beside transformers",
    "jobs": "two jobs of one thread beside one of two",
    "workflow": "12 runs of a second on average",
    "overhead": "overhead of results/embedded, which `make reproduce` leaves",
    "time_to_success": "time to a teacher beside Stable-Baselines3",
}


def read(name: str) -> Optional[Dict[str, Any]]:
    """Return what a benchmark has kept."""
    file = FOLDER / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def figures_of(name: str) -> List[Figure]:
    """Return a benchmark's figures; one that was not run has one without a value."""
    kept = read(name)
    if kept is None:
        return [Figure(ALL[name], None, "")]
    return [Figure(**{key: value for key, value in figure.items() if key != "met"}) for figure in kept["figures"]]


def origins(names: List[str]) -> List[str]:
    """Return where the figures are from, one line for each machine and commit."""
    lines: Dict[str, List[str]] = {}
    for name in names:
        kept = read(name)
        if kept is None:
            continue
        on = f"{kept['hardware']['cores']} cores, {kept['hardware']['cpu']}"
        commit = f"{str(kept['commit'])[:7]}{' with changes' if kept['dirty'] else ''}"
        lines.setdefault(f"{on}, commit {commit}", []).append(name)
    return [f"{origin}: {', '.join(each)}" for origin, each in lines.items()]


def main() -> int:
    """Run what is asked for, then show all of it."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    arguments.add_argument("--table", action="store_true", help="run nothing")
    options = arguments.parse_args()
    names = options.names or list(ALL)
    for name in names:
        if name not in ALL:
            arguments.error(f"there is no benchmark {name!r}; choose from {', '.join(ALL)}")
    for name in [] if options.table else names:
        print(f"\n# {name}: {ALL[name]}\n", flush=True)
        (FOLDER / f"{name}.json").unlink(missing_ok=True)  # an old figure must not stand for one that failed
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)
    figures = [figure for name in names for figure in figures_of(name)]
    print("\n".join(["", table(figures), "", *origins(names)]))
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
