"""What is probed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sitt.config.schema import RunConfig
from sitt.sim.isaacsim.stage import Stage


@dataclass
class Subject:
    """A run's configuration, the folder for pictures, and the stage once it is built."""

    config: RunConfig
    folder: Path
    stage: Stage = field(init=False)
