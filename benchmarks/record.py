"""What the benchmarks share: taking turns, the ratio of two, a table, and JSON that says where its numbers are from."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from sitt.errors import UserError
from sitt.files import atomic_path
from sitt.runs.provenance import git_state, hardware, versions

FOLDER = Path("reports/benchmarks")
PEERS = ("stable-baselines3", "rsl-rl-lib", "tensordict", "gymnasium")


@dataclass(frozen=True)
class Figure:
    """One number, and what it must be."""

    name: str
    value: Optional[float]
    """None where it was not run."""
    unit: str
    required: Optional[float] = None
    """None: for information."""
    at_most: bool = False
    """Whether `required` is an upper limit."""
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether it was measured, and is what it must be."""
        if self.value is None:
            return False
        if self.required is None:
            return True
        return self.value <= self.required if self.at_most else self.value >= self.required

    def row(self) -> str:
        """Return its line of the table."""
        unit = "" if self.unit == "%" else " "
        digits = ",.0f" if (self.value or 0.0) >= 100 else ".3g"
        value = "not run" if self.value is None else f"{self.value:{digits}}{unit}{self.unit}"
        required = "" if self.required is None else f"{'≤' if self.at_most else '≥'} {self.required:g}{unit}{self.unit}"
        verdict = "not run" if self.value is None else "" if self.required is None else "yes" if self.met else "**no**"
        return f"| {self.name} | {value} | {required} | {verdict} | {self.note} |"


def take_turns(
    works: Mapping[str, Callable[[], Any]], rounds: int, before: Callable[[], Any] = lambda: None
) -> Dict[str, List[float]]:
    """Return the seconds of each work in each round, `before` each of which all is prepared; a first round warms up.

    Whoever is first in one round is last in the next, so that other load on the machine meets all alike.
    """
    names = list(works)
    durations: Dict[str, List[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        before()
        for name in names:
            started = time.perf_counter()
            works[name]()
            if number:
                durations[name].append(time.perf_counter() - started)
        names = [*names[1:], names[0]]
    return durations


def rates(durations: Mapping[str, Sequence[float]], amount: float) -> Dict[str, List[float]]:
    """Return amounts per second of each work in each round."""
    return {name: [amount / seconds for seconds in values] for name, values in durations.items()}


def ratio(speeds: Mapping[str, Sequence[float]], ours: str, peer: str) -> float:
    """Return the median over the rounds of our rate / the peer's."""
    return statistics.median(mine / theirs for mine, theirs in zip(speeds[ours], speeds[peer]))


def show(heading: str, speeds: Mapping[str, Sequence[float]], unit: str) -> None:
    """Print the median and the range of each rate."""
    print(heading)
    for name, values in speeds.items():
        low, high = min(values), max(values)
        print(f"  {name:<34} {statistics.median(values):>10,.0f} {unit}  ({low:,.0f} to {high:,.0f})", flush=True)


def counted(number: int, noun: str) -> str:
    """Return "1 thread", "2 threads"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def table(figures: Sequence[Figure]) -> str:
    """Return Markdown."""
    head = "| figure | measured | required | met | |\n|:--|--:|--:|:--|:--|"
    return "\n".join([head, *(figure.row() for figure in figures)])


def status_of(main: Callable[[], Optional[int]]) -> int:
    """Return the exit status of a benchmark; a mistake of the user's is one sentence."""
    try:
        return main() or 0
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def positive(text: str) -> int:
    """Return a command line's number of rounds, threads and the like."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def parser(doc: Optional[str], name: str) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring, and that knows where the JSON goes."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--output", type=Path, default=FOLDER / f"{name}.json", help="where the numbers go, as JSON")
    return made


def conclude(figures: Sequence[Figure], measured: Dict[str, Any], output: Path) -> int:
    """Print the table and keep all numbers; return the exit status: 1 if a figure is missed or was not run."""
    commit, dirty, _ = git_state()
    kept = {
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
        "measured": measured,
        "command": sys.argv[1:],
        "finished_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit,
        "dirty": dirty,
        "versions": {**versions(), **_peers()},
        "hardware": {key: value for key, value in hardware("none", 0).items() if key in ("cpu", "cores", "memory_gib")},
    }
    with atomic_path(output) as temporary:
        temporary.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{table(figures)}\n\nwritten to {output}", flush=True)
    return 0 if all(figure.met for figure in figures) else 1


def _peers() -> Dict[str, str]:
    found = {}
    for package in PEERS:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
