"""The trials by which each method's own settings are chosen: four per method, on tuning seeds (docs/protocol.md).

Prints the success of student and teacher for each setting and seed, best setting of each method first. A trial that
is finished is not run again, and one that was killed goes on from its checkpoint.

    python -m benchmarks.own_settings --jobs 2 --output results/own-settings
"""

from __future__ import annotations

import argparse
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

import duckdb

SEEDS = (107, 108)
TEACHER_GOAL = 0.98
"""Settings whose teachers stay below it on the mean do not count."""

GRID: Dict[str, List[Tuple[str, ...]]] = {
    "joint": [()],
    "joint_aligned": [
        (
            f"method.lambda_penalty={penalty}",
            f"method.lambda_gradient={gradient}",
            f"ppo.lambda_start={start}",
            f"ppo.lambda_rise={rise}",
        )
        for penalty, gradient, start, rise in (
            (0.002, 0.01, 0.0, 0.5),
            (0.005, 0.02, 0.0, 0.5),
            (0.015, 0.05, 0.0, 0.5),
            (0.015, 0.05, 0.3, 0.3),
            (0.05, 0.1, 0.3, 0.3),
        )
    ],
    "bc": [(f"student.learning_rate={rate}",) for rate in (0.0005, 0.001, 0.002, 0.004)],
    "dagger": [(f"method.beta_decay={decay}",) for decay in (0.0, 0.25, 0.5, 0.75)],
}

IMITATORS = ("bc", "dagger")
"""Methods that need the finished teacher of `joint`."""


@dataclass(frozen=True)
class Trial:
    """One training with one setting."""

    method: str
    setting: Tuple[str, ...]
    seed: int

    def folder(self, output: Path) -> Path:
        """Return where its files lie."""
        return output / self.method / (",".join(self.setting) or "as-configured") / f"seed{self.seed}"


def run(trial: Trial, output: Path) -> None:
    """Configure, train and evaluate one trial, unless that has been done."""
    folder = trial.folder(output)
    config, policy, episodes = (folder / name for name in ("config.yaml", "policy.pt", "episodes.parquet"))
    if episodes.exists():
        return
    if not config.exists():
        sitt("configure", "--experiment=embedded", f"--method={trial.method}", f"--seed={trial.seed}",
             f"--output={config}", *trial.setting)  # fmt: skip
    if not policy.exists():
        joint = Trial("joint", (), trial.seed).folder(output) / "policy.pt"
        imitated = [f"--teacher={joint}"] if trial.method in IMITATORS else []
        sitt("train", f"--config={config}", f"--output={policy}", *imitated)
    sitt("evaluate", f"--config={config}", f"--policy={policy}", f"--output={episodes}")


def sitt(*arguments: str) -> None:
    """Run one `sitt` command; its failure ends the trials."""
    subprocess.run(["sitt", *arguments], check=True)


def success(trial: Trial, output: Path, policy: str) -> float:
    """Return the share of the final evaluation's episodes in which `policy` opened the drawer."""
    row = duckdb.execute(
        "SELECT avg(success::INT) FROM read_parquet($file) WHERE policy = $policy",
        {"file": str(trial.folder(output) / "episodes.parquet"), "policy": policy},
    ).fetchone()
    assert row is not None
    return float(row[0])


def main() -> None:
    """Run all trials and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="trials side by side")
    parser.add_argument("--output", type=Path, default=Path("results/own-settings"))
    arguments = parser.parse_args()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        # The imitators need the finished teachers of `joint`.
        for phase in ([method for method in GRID if method not in IMITATORS], IMITATORS):
            trials = [Trial(method, setting, seed) for method in phase for setting in GRID[method] for seed in SEEDS]
            list(pool.map(lambda trial: run(trial, arguments.output), trials))
    for method, settings in GRID.items():
        rows = []
        for setting in settings:
            trials = [Trial(method, setting, seed) for seed in SEEDS]
            student = [success(trial, arguments.output, "student") for trial in trials]
            teacher = [success(trial, arguments.output, "teacher") for trial in trials]
            counts = sum(teacher) / len(teacher) >= TEACHER_GOAL or method != "joint_aligned"
            rows.append((counts, sum(student) / len(student), " ".join(setting), student, teacher))
        print(method)
        for counts, mean, name, student, teacher in sorted(rows, key=lambda row: (not row[0], -row[1])):
            note = "" if counts else f"   teacher below {TEACHER_GOAL}: does not count"
            print(f"  {name or 'as configured':55} student {mean:.4f} {student}   teacher {teacher}{note}")


if __name__ == "__main__":
    main()
