"""The points in their order, and the process that measures them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, NamedTuple, Tuple

import torch

from sitt.config.compose import config_hash
from sitt.config.schema import RunConfig
from sitt.findings import Finding, attempt
from sitt.runs.provenance import hardware, versions
from sitt.sim.isaacsim.checks import AT_START, Check
from sitt.sim.isaacsim.probe import motion, sight, speed
from sitt.sim.isaacsim.probe.record import Record
from sitt.sim.isaacsim.probe.subject import Subject
from sitt.sim.isaacsim.stage import Stage

FINDINGS = "findings.json"


class Point(NamedTuple):
    """One question to Isaac Sim."""

    name: str
    measure: Callable[[Subject], Finding]
    after: Tuple[str, ...]
    """Points without which this one cannot be measured; they are made again in a new process."""
    needed: bool
    """Whether no training can run where it fails."""


def start(subject: Subject) -> Finding:
    """Start Isaac Sim and build the stage."""
    config, began = subject.config, time.monotonic()
    subject.stage = Stage(config.task, config.sim, config.training.num_envs, config.threads)  # type: ignore[arg-type]
    seconds = time.monotonic() - began
    # Asked only now: CUDA is Isaac Sim's to start.
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU that torch sees"
    text = f"Isaac Sim and OIGE have built {subject.stage.num_envs} environments in {seconds:.0f} s, on {gpu}"
    return Finding(True, text, "", {"seconds": seconds, "environments": subject.stage.num_envs, "gpu": gpu})


def _on_stage(check: Check) -> Callable[[Subject], Finding]:
    return lambda subject: check(subject.stage)


MOVING, DRAWN = ("start",), ("start", "cameras")
POINTS = (
    Point("start", start, (), True),
    *(Point(name, _on_stage(AT_START[name]), MOVING, True) for name in ("limits", "cabinet", "drawer", "hand")),
    Point("stays", _on_stage(motion.stays), MOVING, False),
    Point("opening", _on_stage(motion.opening), MOVING, False),
    Point("reset", _on_stage(motion.reset), MOVING, False),
    Point("restore", _on_stage(motion.restore), MOVING, False),
    Point("gravity", _on_stage(motion.gravity), MOVING, False),
    Point("steps", _on_stage(speed.steps), MOVING, False),
    Point("cameras", sight.cameras, MOVING, True),
    Point("images", _on_stage(sight.images), DRAWN, True),
    Point("saved", sight.save, DRAWN, False),
    Point("picture", _on_stage(AT_START["picture"]), DRAWN, True),
    Point("frames", _on_stage(sight.frames), DRAWN, False),
    Point("order", _on_stage(sight.order), DRAWN, False),
    Point("light", _on_stage(sight.light), DRAWN, False),
    Point("paint", _on_stage(sight.paint), DRAWN, False),
    Point("drawing", _on_stage(speed.drawing), DRAWN, False),
)


def measure(config: RunConfig, folder: Path) -> None:
    """Measure all points that the record in `folder` does not have yet, and write each down."""
    record, subject = Record(folder / FINDINGS), Subject(config, folder)
    record.about = {
        "run": f"{config.experiment.name}/{config.method.name}/seed{config.seed}",
        "config_hash": config_hash(config),
        "versions": versions(),
        "hardware": hardware(config.sim.name, config.threads),
    }
    setup = {name for point in POINTS for name in point.after}
    for point in POINTS:
        known = record.findings.get(point.name)
        if known and not (known.ok and point.name in setup):
            continue
        failed = [name for name in point.after if not record.findings[name].ok]
        if failed:
            record.add(point.name, Finding(None, f"not tried, because {failed[0]} failed"))
            continue
        record.begin(point.name)
        record.add(point.name, attempt(point.measure, subject))
