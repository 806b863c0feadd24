"""The colour maze: a path through lava that the student cannot tell from the lava, and a longer way around it.

Every fact is that of the authors' published code (github.com/uzh-rpg/sitt, commit 13b7eca,
color_maze/env/color_maze_world.py) unless a line says otherwise. Cells are (x, y), x to the right and y down.
"""

from __future__ import annotations

from typing import Any, Dict, List

import torch
from torch import Tensor

from sitt.config.maze import MazeConfig
from sitt.task.world import Episodes, Outcome, Starts

FREE, LAVA, PATH, BORDER = 0, 1, 2, 4
MASK = torch.tensor([FREE, PATH, PATH, PATH, BORDER], dtype=torch.uint8)
"""What the student sees of a cell: lava looks like path."""
MOVES = "RDLU"
"""Right, down, left, up: actions 0 to 3, and the letters of a route."""
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
COLOURS = slice(2, 7)
"""Where an observation has the cells' colours."""


class ColourMaze:
    """N mazes side by side; each reset brings the maze of its start."""

    def __init__(self, cfg: MazeConfig, num_envs: int) -> None:
        self.cfg = cfg
        self.num_envs = num_envs
        self.episode_length = cfg.episode_length
        self.bad_simulations = 0  # there is nothing to diverge
        # Cells are numbered column by column, with a border around the grid, so that a move adds a constant.
        self.side = cfg.grid_size + 2
        middle, edge = cfg.grid_size // 2, cfg.margin // 2
        self.target = self.number(middle, edge)
        self.start = self.number(middle, cfg.grid_size - 1 - edge)
        self.moves = torch.tensor([self.side * x + y for x, y in STEPS])
        # The observation's order: here, down, right, up, left.
        self.seen_from = torch.tensor([0, 1, self.side, -1, -self.side])
        numbers = torch.arange(self.side**2)
        self.coordinates = torch.stack((numbers // self.side - 1, numbers % self.side - 1), -1).float()
        self.cells = torch.full((num_envs, self.side**2), BORDER, dtype=torch.uint8)
        self.visited = torch.zeros(num_envs, self.side**2, dtype=torch.bool)
        self.position = torch.full((num_envs,), self.start)
        self.last = self.position.clone()
        self.before_last = self.position.clone()

    def number(self, x: int, y: int) -> int:
        """Return the number of cell (x, y)."""
        return self.side * (x + 1) + y + 1

    def sample_start(self, count: int, rng: torch.Generator) -> Starts:
        """Draw mazes, (count, cells) uint8: pieces of path that lead up, each followed by a shift to a side."""
        cfg, size = self.cfg, self.cfg.lava_size
        low, high = size // 4, 3 * size // 4
        column, row = torch.arange(size).view(1, -1, 1), torch.arange(size).view(1, 1, -1)
        x = torch.randint(low, high, (count, 1, 1), generator=rng)
        y = torch.zeros_like(x)
        path = torch.zeros(count, size, size, dtype=torch.bool)
        for _ in range(-(-(size - 1) // cfg.path_up[0])):
            end = (y + self._draw(cfg.path_up, x, rng)).clamp_(max=size - 1)
            path |= (column == x) & (row >= y) & (row <= end)
            y = end
            aside = self._draw(cfg.path_aside, x, rng)
            aside = torch.minimum(aside, torch.maximum(x - low, high - x) - 1)
            aside = torch.where(torch.rand(x.shape, generator=rng) < 0.5, aside, -aside)
            aside = torch.where((x + aside < low) | (x + aside >= high), -aside, aside)
            aside = torch.where(y < size - 1, aside, 0)
            path |= (row == y) & (column >= torch.minimum(x, x + aside)) & (column <= torch.maximum(x, x + aside))
            x = x + aside
        cells = torch.full((count, self.side, self.side), BORDER, dtype=torch.uint8)
        cells[:, 1:-1, 1:-1] = FREE
        inside = slice(1 + cfg.margin, 1 + cfg.margin + size)
        cells[:, inside, inside] = torch.where(path, PATH, LAVA).to(torch.uint8)
        return (cells.flatten(1),)

    def reset(self, env_ids: Tensor, starts: Starts) -> None:
        """Put episodes (K,) at the start of their mazes (K, cells)."""
        (self.cells[env_ids],) = starts
        self.visited[env_ids] = False
        self.visited[env_ids, self.start] = True
        for position in (self.position, self.last, self.before_last):
            position[env_ids] = self.start

    def step(self, actions: Tensor) -> Outcome:
        """Move by actions (N, 1) in 0 to 3, as far as the border allows."""
        reward = self.cfg.reward
        ahead = self.position + self.moves[actions.squeeze(-1)]
        ahead = torch.where(self._cell(ahead) == BORDER, self.position, ahead)
        self.before_last, self.last, self.position = self.last, self.position, ahead
        cell = self._cell(ahead)
        revisited = self.visited.gather(1, ahead.unsqueeze(-1)).squeeze(-1)
        self.visited.scatter_(1, ahead.unsqueeze(-1), True)
        success, lava, path = ahead == self.target, cell == LAVA, cell == PATH
        return Outcome(
            observation=self.observe(),
            reward=reward.target * success
            + path * torch.where(revisited, -reward.revisit, reward.path)
            - reward.lava * lava,
            success=success,
            terminated=success | lava,
            truncated=torch.zeros_like(success),
        )

    def observe(self, env_ids: Tensor | None = None) -> Tensor:
        """Return the teacher's observations (N or K, 9).

        To the target (x, y), cells; the colours here, below, right, above and left; and the way (x, y) of the last
        two steps, less 1 each. (The authors compare with the position before the last two steps, and subtract 1.)
        """
        chosen = slice(None) if env_ids is None else env_ids
        position, cells = self.position[chosen], self.cells[chosen]
        here = self.coordinates[position]
        return torch.cat(
            (
                self.coordinates[self.target] - here,
                cells.gather(1, position.unsqueeze(-1) + self.seen_from).float(),
                here - self.coordinates[self.before_last[chosen]] - 1.0,
            ),
            -1,
        )

    def in_view(self) -> Tensor:
        """Return all mazes."""
        return torch.arange(self.num_envs)

    def look(self, env_ids: Tensor) -> Tensor:
        """Return the observations with their colours masked, (K, 9)."""
        view = self.observe(env_ids)
        view[:, COLOURS] = MASK[view[:, COLOURS].long()].float()
        return view

    def watcher(self, every: int) -> Routes:
        """Return who keeps the routes, of every step: here a look costs nothing."""
        return Routes()

    def save(self) -> Dict[str, Any]:
        """Return the full state, enough to continue bit for bit."""
        names = ("cells", "visited", "position", "last", "before_last")
        return {name: getattr(self, name) for name in names}

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
        for name, value in saved.items():
            setattr(self, name, value)

    def _cell(self, numbers: Tensor) -> Tensor:
        return self.cells.gather(1, numbers.unsqueeze(-1)).squeeze(-1)

    @staticmethod
    def _draw(moves: tuple[int, int], like: Tensor, rng: torch.Generator) -> Tensor:
        return torch.randint(moves[0], moves[1] + 1, like.shape, generator=rng)


class Routes:
    """Keeps the moves of each episode and how it ended."""

    def __init__(self) -> None:
        self._chunks: List[List[Tensor]] = []
        self._letters: Dict[int, str] = {}

    def __call__(self, step: int, world: ColourMaze) -> None:
        """Note where the agents are after `step` control steps."""
        if step == 0:
            self._chunks.append([])
            self._letters = {0: ".", **dict(zip(world.moves.tolist(), MOVES))}
        self._chunks[-1].append(world.position.clone())

    def columns(self, episodes: Episodes) -> Dict[str, List[Any]]:
        """Return columns of the table `episodes`: how each ended, and its moves; a dot is one against the border."""
        moves = [episode for chunk in self._chunks for episode in torch.stack(chunk, 1).diff().tolist()]
        return {
            "ending": [
                "target" if success else "lava" if over else "time-out"
                for success, over in zip(episodes.success.tolist(), episodes.over.tolist())
            ],
            "route": [
                "".join(self._letters[move] for move in episode[:length])
                for episode, length in zip(moves, episodes.lengths.tolist())
            ],
        }
