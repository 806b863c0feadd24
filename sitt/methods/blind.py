"""The control: joint training whose student sees a black image, and so shows what feeling alone can do."""

from __future__ import annotations

from typing import ClassVar

from sitt.methods import joint
from sitt.methods.joint import train

__all__ = ["Config", "train"]


class Config(joint.Config):
    """As in joint training."""

    sees: ClassVar[bool] = False
