"""What one call of the workflow will do: every run composed and checked before the first job starts."""

from __future__ import annotations

import fcntl
import functools
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, TextIO, Tuple

from sitt.config.compose import (
    ROOT,
    benchmark_methods,
    compose,
    config_hash,
    experiment_config,
    experiment_names,
    method_names,
)
from sitt.config.container import ContainerConfig, container_config
from sitt.config.encoder import DinoConfig
from sitt.config.explain import did_you_mean, one_sentence
from sitt.config.sim import SimConfig
from sitt.errors import UserError
from sitt.nn.pretrained import WEIGHTS_FILE, require_files
from sitt.runs import containers, paths
from sitt.runs.key import BEFORE_LAMBDA, differences, training_key
from sitt.runs.provenance import RESULTS_VERSION

DEFAULT_EXPERIMENT = "embedded"
OPTIONS = ("experiment", "methods", "seeds", "container")
_held: Dict[str, TextIO] = {}
_config = functools.lru_cache(maxsize=None)(compose)


@dataclass(frozen=True)
class Plan:
    """The runs of one experiment, all valid."""

    experiment: str
    title: str
    task: str
    sim: SimConfig
    container: ContainerConfig
    """How its jobs are run if its simulator needs a GPU or a container."""
    probed: bool
    """Whether Isaac Sim is probed before the trainings."""
    methods: Tuple[str, ...]
    seeds: Tuple[int, ...]
    weights: Dict[str, str]
    """The checkpoints to fetch: each one's file of weights, and a method that needs it."""

    def pictures(self) -> List[str]:
        """Return the names of the pictures in the report."""
        drawn = ["figure3.png", *(["routes.png"] if self.task == "maze" else [])]
        if self.sim.name not in ("mujoco", "mujoco_warp"):  # whose episodes can be played and drawn again anywhere
            return drawn
        sweep = ["sweep.png"] if self.experiment == "sweep" else []
        return [*drawn, "figure2.png", *sweep, *(f"videos/{method}.gif" for method in self.methods)]

    def artefacts(self) -> List[str]:
        """Return the names of the files in the folder of reports."""
        pictures = self.pictures()
        documents = [name.replace(".png", ".pdf") for name in pictures if name.endswith(".png")]
        return ["table1.md", "table1.tex", "table1.csv", *pictures, *documents, "report.html"]

    def folders(self) -> List[str]:
        """Return the folders of all runs, method by method."""
        return [str(paths.run_folder(self.experiment, method, seed)) for method in self.methods for seed in self.seeds]


def make_plan(options: Mapping[str, Any]) -> Plan:
    """Turn `--config` options into a plan.

    Args:
        options: any of experiment (a name), methods and seeds (lists that restrict the experiment's own), and container
            (keys of configs/container.yaml).

    Raises:
        UserError: an option, a configuration of any run or the results folder is not usable.
    """
    for key, value in options.items():
        if key not in OPTIONS:
            raise UserError(one_sentence(f"--config {key}: unknown option; {_said_instead(str(key), value)}"))
    name = options.get("experiment", DEFAULT_EXPERIMENT)
    if not isinstance(name, str):
        raise UserError(f"--config experiment={name!r} is no name; choose from {', '.join(experiment_names())}")
    experiment = experiment_config(name)
    known = method_names()
    own_methods = benchmark_methods() if experiment.methods == "all" else list(experiment.methods)
    methods = _methods(options["methods"], known) if "methods" in options else own_methods
    for method in methods:
        _require_rules(name, method, known)
    seeds = _seeds(options["seeds"]) if "seeds" in options else list(experiment.seeds)
    configs = [_config(name, method, seed) for method in methods for seed in seeds]
    for folder in (paths.RESULTS / name, paths.report_folder(name)):
        _require_usable(folder)
    weights = {
        file: config.method.name for config in configs for file in run_weights(name, config.method.name, config.seed)
    }
    for config in configs:
        run_opening(name, config.method.name, config.seed)  # which composes it
    task, sim = configs[0].task.name, configs[0].sim
    probed = sim.name == "isaacsim" and experiment.smoke_test
    container = _container(options)
    return Plan(name, experiment.title, task, sim, container, probed, tuple(methods), tuple(seeds), weights)


def set_job_environment(plan: Plan) -> None:
    """Set what jobs inherit from this process.

    PYTHONPATH: this clone's package, whichever clone is installed. SITT_WORKFLOW: host and process of the
    workflow, so that its jobs stop when it was killed. SITT_CONSOLE: a job's lines reach the console only
    if somebody watches it.
    """
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    os.environ["SITT_WORKFLOW"] = f"{socket.gethostname()} {os.getpid()}"
    os.environ["SITT_CONSOLE"] = "/dev/stderr" if sys.stderr.isatty() else os.devnull
    os.environ.update(containers.job_variables(plan.sim, plan.container))


def result_key(experiment: str, method: str, seed: int) -> str:
    """Return what a finished run is stale against: its configuration's content and the code's results version."""
    return f"{config_hash(_config(experiment, method, seed))}-{RESULTS_VERSION}"


def run_threads(experiment: str, method: str, seed: int) -> int:
    """Return the threads a run is configured to use."""
    return _config(experiment, method, seed).threads


def run_weights(experiment: str, method: str, seed: int) -> List[str]:
    """Return the file of weights that a run needs and the workflow fetches, if there is one.

    Raises:
        UserError: the run reads a folder of the user's own, and that lacks a file.
    """
    encoder = _config(experiment, method, seed).encoder
    if not isinstance(encoder, DinoConfig):
        return []
    if encoder.is_folder:
        require_files(encoder)
        return []
    return [str(paths.weights_folder(encoder) / WEIGHTS_FILE)]


def run_opening(experiment: str, method: str, seed: int) -> List[str]:
    """Return the opening that a run begins with, if it trains jointly and differs from others in λ alone."""
    config = _config(experiment, method, seed)
    if not config.method.continues:
        return []
    opening = _config(experiment, "opening", seed)
    apart = differences(training_key(opening), training_key(config), BEFORE_LAMBDA)
    return [] if apart else [str(paths.opening_file(experiment, seed))]


def hold_lock(experiment: str) -> None:
    """Let no other workflow work on this experiment until this process ends, however it ends.

    Raises:
        UserError: another workflow holds it, or the folder cannot be written.
    """
    path = paths.lock_file(experiment)
    paths.require_writable(path.parent)
    handle = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise UserError(f"another snakemake is working on {path.parent}; wait for it, or stop it") from None
    _held[experiment] = handle


def _said_instead(key: str, value: Any) -> str:
    """Return how what is no option is said."""
    if key == "sim":  # its results would lie among those of another simulator
        return "write the experiment that has the simulator, such as experiment=embedded-gpu"
    if key in ContainerConfig.model_fields:
        return f"write 'container={{{key}: {value}}}'"
    return did_you_mean(key, OPTIONS)


def _require_rules(experiment: str, method: str, known: List[str]) -> None:
    """Refuse a method that an experiment names and that has no rule file."""
    if method not in known:
        raise UserError(
            one_sentence(
                f"configs/experiment/{experiment}.yaml: experiment.methods names {method!r}, but there is no "
                f"workflow/rules/methods/{method}.smk; {did_you_mean(method, known)}"
            )
        )


def _methods(value: Any, known: List[str]) -> List[str]:
    if not isinstance(value, list) or not value:
        raise UserError(one_sentence(f"--config methods={value!r} is no list of methods; write methods=[{known[0]}]"))
    for method in value:
        if method not in known:
            raise UserError(
                one_sentence(
                    f"--config methods={value}: {method!r} is unknown, there is no "
                    f"workflow/rules/methods/{method}.smk; {did_you_mean(str(method), known)}"
                )
            )
    if len(set(value)) != len(value):
        raise UserError(one_sentence(f"--config methods={value} has duplicates; list each method once"))
    return value


def _container(options: Mapping[str, Any]) -> ContainerConfig:
    changes = options.get("container", {})
    if not isinstance(changes, dict):
        raise UserError(
            one_sentence(f"--config container={changes!r} is no mapping; write 'container={{runtime: docker}}'")
        )
    return container_config(changes)


def _seeds(value: Any) -> List[int]:
    # Snakemake hands the numbers of a list over as strings.
    if not isinstance(value, list) or not value or not all(str(seed).isdecimal() for seed in value):
        raise UserError(one_sentence(f"--config seeds={value!r} is no list of seeds (0 or more); write seeds=[0,1,2]"))
    seeds = [int(seed) for seed in value]
    if len(set(seeds)) != len(seeds):
        raise UserError(one_sentence(f"--config seeds={seeds} has duplicates; list each seed once"))
    return seeds


def _require_usable(folder: Path) -> None:
    """Refuse a folder that cannot be made or written, without making it: a dry run leaves no trace."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise UserError(f"{place} is in the way: {folder} must be a folder; move it away")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"{place} cannot be written; make it a folder that you may write")
