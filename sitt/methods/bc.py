"""Behaviour cloning: regression on the roll-outs of a finished teacher; DAgger's loop with one round."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Optional

from sitt.config.fields import Count
from sitt.config.schema import MethodConfig, RunConfig
from sitt.methods.dagger import check_shares, imitate


class Config(MethodConfig):
    """Behaviour cloning has no knobs beyond the shared budget."""

    imitates: ClassVar[bool] = True

    num_envs: Count
    """Environments in which the teacher is watched."""

    def check(self, run: RunConfig) -> None:
        """The budget must be whole control steps of all environments."""
        check_shares(run, self.num_envs, rounds=1)


def train(config: RunConfig, output: Path, teacher: Optional[Path]) -> None:
    """Watch the teacher for the whole budget of images, then fit the student."""
    assert isinstance(config.method, Config)
    imitate(config, output, teacher, config.method.num_envs, betas=[1.0])
