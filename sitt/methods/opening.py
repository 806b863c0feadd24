"""The iterations of joint training before λ is in force: the same whatever λ is, and trained once for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Optional

from sitt.config.schema import RunConfig
from sitt.methods import joint


class Config(joint.Config):
    """As in joint training; λ makes no difference."""

    continues: ClassVar[bool] = False


def train(config: RunConfig, output: Path, teacher: Optional[Path]) -> None:
    """Write what joint trainings begin with (`sitt train --opening`) in place of a policy.pt."""
    joint.train(config, output, teacher, opens=True)
