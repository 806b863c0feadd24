"""Training algorithms. Each module here has a `Config` and a `train`; its name is the algorithm's."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import List, Optional, Type

from sitt.config.schema import MethodConfig, RunConfig
from sitt.errors import UserError


def algorithms() -> List[str]:
    """Return the names of the algorithms: the modules of this package."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def config_class(algorithm: str) -> Type[MethodConfig]:
    """Return the Config of an algorithm; ValueError if there is none of that name."""
    return _module(algorithm).Config


def train(
    config: RunConfig,
    output: Path,
    teacher: Optional[Path],
    record: Optional[Path] = None,
    opening: Optional[Path] = None,
) -> None:
    """Train one run and write policy.pt (last), training.parquet and run.json into output's folder.

    Args:
        config: the resolved configuration.
        output: the policy.pt to write.
        teacher: policy.pt of a finished run to imitate, for algorithms that need one; or a recording to replay.
        record: the recording to write, for a training whose teacher does not depend on its student.
        opening: what the method `opening` wrote, for a joint training to begin with.

    Raises:
        UserError: a teacher is missing, or one too many; the training cannot be recorded, or has no opening; the
            simulator's device is missing; or the training stops (`sitt.runs.session`).
    """
    name = config.method.name
    if teacher is None and config.method.imitates:
        raise UserError(f"--teacher is missing: {name} imitates a finished teacher; name its policy.pt")
    if teacher is not None and not (config.method.imitates or config.method.replays):
        raise UserError(f"--teacher {teacher}: {name} trains its own teacher; leave --teacher out")
    train_it = _module(config.method.algorithm).train
    if record is not None and not config.method.recordable:
        raise UserError(f"--record {record}: {name} trains no teacher that its student leaves alone; leave it out")
    if opening is not None and not config.method.continues:
        raise UserError(f"--opening {opening}: {name} shares none with joint training; leave --opening out")
    options = {name: file for name, file in (("record", record), ("opening", opening)) if file is not None}
    from sitt.device import beside  # the workflow reads this module, and torch takes a second

    with beside(config.sim):
        train_it(config, output, teacher, **options)


def _module(algorithm: str) -> ModuleType:
    if algorithm not in algorithms():
        raise ValueError(f"method.algorithm = {algorithm!r} is unknown; choose one of {', '.join(algorithms())}")
    return importlib.import_module(f"sitt.methods.{algorithm}")
