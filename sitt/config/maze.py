"""The sections of the colour maze.

Source: the authors' published code, github.com/uzh-rpg/sitt, commit 13b7eca (color_maze/env/color_maze_world.py), from
which facts are taken and no code.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Tuple

from pydantic import model_validator

from sitt.config.fields import Count, NonNegative, Strict
from sitt.config.task import TaskConfig

Moves = Tuple[Count, Count]


class MazeReward(Strict):
    """What a step onto a cell earns or costs."""

    target: NonNegative
    """Earned on the target."""
    path: NonNegative
    """Earned on a path cell that the episode has not visited before."""
    revisit: NonNegative
    """Cost of a path cell that it has."""
    lava: NonNegative
    """Cost of lava."""


class MazeConfig(TaskConfig):
    """A square of lava with a hidden path through it, and a margin to walk around it."""

    observations: ClassVar[int] = 9
    proprioception: ClassVar[int] = 0
    """Nothing: the student is shown the whole observation, masked."""
    actions: ClassVar[int] = 4
    discrete: ClassVar[bool] = True
    simulators: ClassVar[Tuple[str, ...]] = ("grid",)

    name: Literal["maze"]
    grid_size: Count
    """Cells along each side of the grid."""
    margin: Count
    """Width of the free cells around the lava."""
    path_up: Moves
    """Least and largest number of cells that a straight piece of the path leads up."""
    path_aside: Moves
    """Least and largest number of cells by which it then shifts to a side."""
    reward: MazeReward

    @model_validator(mode="after")
    def _sizes_fit(self) -> MazeConfig:
        if self.lava_size < 4:
            raise ValueError(
                f"grid_size = {self.grid_size} must exceed 2 x margin = {2 * self.margin} by 4 or more, for the lava"
            )
        for key in ("path_up", "path_aside"):
            least, largest = getattr(self, key)
            if least > largest:
                raise ValueError(f"{key} = [{least}, {largest}] must name the least number first")
        return self

    @property
    def lava_size(self) -> int:
        """Cells along each side of the square of lava."""
        return self.grid_size - 2 * self.margin

    @property
    def view(self) -> Tuple[int, ...]:
        """The masked observation."""
        return (self.observations,)

    @property
    def reward_scale(self) -> float:
        """PPO sees the reward as it is."""
        return 1.0
