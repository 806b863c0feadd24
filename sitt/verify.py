"""Whether a finished run can be repeated: a slice of it is made again and compared with what was recorded."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sitt.config.compose import config_hash, load
from sitt.config.schema import RunConfig
from sitt.errors import UserError, first_line
from sitt.evaluation import final_episodes
from sitt.intake import read_shard
from sitt.methods import train
from sitt.runs.paths import CONFIG, EPISODES, POLICY, RUN_JSON, TRAINING
from sitt.runs.provenance import git_state, hardware, versions
from sitt.runs.session import only_first

AGAIN = 32
"""Final episodes of each policy that are played again: as many as the networks see at once (`sitt.evaluation`)."""
TIMES = ("wall_s",)
"""Columns that differ between two runs of the same."""

Row = dict[str, Any]


def verify(run_dir: Path) -> tuple[bool, str]:
    """Make the beginning of a run's training and of its final evaluation again, and compare.

    The training begins anew, from the configuration and the seed (an imitator with the teacher that stands in its own
    policy.pt), and goes to its first measurement after iteration 0. The evaluation plays policy.pt.

    Args:
        run_dir: the folder of a finished and evaluated run.

    Returns:
        Whether all numbers came out bit for bit, and a sentence that says so, or what differs and why that may be.

    Raises:
        UserError: a file is missing or damaged; or the training stops.
    """
    for name in (CONFIG, POLICY, TRAINING, EPISODES, RUN_JSON):
        if not (run_dir / name).is_file():
            raise UserError(f"{run_dir / name} does not exist; only a finished and evaluated run can be verified")
    config = load(run_dir / CONFIG)
    measured = read_shard(run_dir / TRAINING)
    iterations = min((row["iteration"] for row in measured if row["iteration"]), default=0)
    if not iterations:
        raise UserError(f"{run_dir / TRAINING} has no measurement after iteration 0; train the run again")
    episodes = min(AGAIN, config.evaluation.episodes)
    difference = _difference(
        "iteration",
        [row for row in measured if row["iteration"] <= iterations],
        _train_again(config, run_dir / POLICY, iterations),
    ) or _difference(
        "episode",
        [row for row in read_shard(run_dir / EPISODES) if row["episode"] < episodes],
        _play_again(config, run_dir / POLICY, episodes),
    )
    if difference:
        return False, f"{run_dir}: {difference}; {_possible_reason(config, run_dir / RUN_JSON)}"
    return True, (
        f"{run_dir}: the first {iterations} of {config.training.iterations} iterations and {episodes} of "
        f"{config.evaluation.episodes} final episodes of each policy came out as recorded, bit for bit"
    )


def _train_again(config: RunConfig, policy: Path, iterations: int) -> list[Row]:
    """Return what the first iterations measure, made anew in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder, only_first(iterations) as rows:
        train(config, Path(folder) / POLICY, policy if config.method.imitates else None)
    return [asdict(row) for row in rows]


def _play_again(config: RunConfig, policy: Path, episodes: int) -> list[Row]:
    """Return the first episodes of the final evaluation, whose outcome does not depend on how many are played."""
    fewer = {"episodes": episodes, "num_envs": min(episodes, config.evaluation.num_envs)}
    config = config.model_copy(update={"evaluation": config.evaluation.model_copy(update=fewer)})
    rows = [asdict(row) for row in final_episodes(config, policy)]
    return [{name.rstrip("_"): value for name, value in row.items()} for row in rows]  # `return` is Python's word


def _difference(counter: str, recorded: list[Row], again: list[Row]) -> str:
    """Return the first number that differs, in words; empty if none does."""
    old, new = ({(row[counter], row["policy"]): row for row in rows} for rows in (recorded, again))
    for number, policy in sorted(old.keys() | new.keys()):
        where = f"of the {policy} in {counter} {number}"
        before, after = old.get((number, policy)), new.get((number, policy))
        if before is None or after is None:
            return f"the measurement {where} is {'not recorded' if before is None else 'not made again'}"
        for column, value in before.items():
            if column not in TIMES and value != after.get(column):
                return f"{column} {where} was {value} and is now {after.get(column)}"
    return ""


def _possible_reason(config: RunConfig, run_json: Path) -> str:
    """Return why a run may not repeat: the first of what run.json tells apart."""
    try:
        recorded = json.loads(run_json.read_text(encoding="utf-8"))
        cpu, old, commit = recorded["hardware"]["cpu"], recorded["versions"], recorded["git_commit"]
        configured = recorded["config_hash"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{run_json} is damaged ({first_line(error)}); train the run again") from error
    if configured != config_hash(config):
        return f"{CONFIG} is not the configuration that it was trained with"
    if config.sim.learner_device == "cuda":
        return "on a GPU MuJoCo Warp lists contacts in no fixed order, so that numbers do not repeat bit for bit"
    here, new = hardware(config.sim.name, config.threads)["cpu"], versions()
    if cpu != here:
        return f"it was recorded on {cpu}, this is {here}, and numbers repeat bit for bit on one type of processor only"
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    if changed:
        steps = ", ".join(f"{name} ({old.get(name)}, now {new.get(name)})" for name in changed)
        return f"the processor is the same, {cpu}, but the versions are not: {steps}"
    return (
        f"processor ({cpu}) and versions are the same, so the code has changed (commit {commit}, now "
        f"{git_state().commit}) or a file of the run has"
    )
