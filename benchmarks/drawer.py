"""The drawer's configuration and simulator, which a benchmark knows and the types of `sitt` leave open."""

from __future__ import annotations

from typing import Tuple, Type, TypeVar

from sitt.config.schema import RunConfig
from sitt.config.task import DrawerConfig
from sitt.task.drawer_world import DrawerWorld
from sitt.task.world import World

S = TypeVar("S")


def drawer_of(config: RunConfig) -> DrawerConfig:
    """Return the task of an experiment with the drawer."""
    assert isinstance(config.task, DrawerConfig)
    return config.task


def world_of(world: World, kind: Type[S]) -> Tuple[DrawerWorld, S]:
    """Return a world with the drawer, and its simulator of this kind."""
    assert isinstance(world, DrawerWorld) and isinstance(world.simulator, kind)
    return world, world.simulator
