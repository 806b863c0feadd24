"""FrankaDrawer in Isaac Sim, by OIGE's own task; see `sitt.sim.base.Simulator` for the contract."""

from __future__ import annotations

from typing import Any, Dict

import torch
from torch import Tensor

from sitt.config.sim import IsaacSimConfig
from sitt.config.task import DrawerConfig
from sitt.guard import require_finite
from sitt.sim.base import SimState
from sitt.sim.isaacsim.cabinet import DRAWER_INDEX
from sitt.sim.isaacsim.kinematics import state_of
from sitt.sim.isaacsim.stage import Stage


class IsaacSimulator:
    """The first environments of this process's stage.

    A process has one stage. A second simulator, such as that of an evaluation in the course of training, borrows it:
    who had it before is saved, and put back when it goes on.

    Args:
        task: the configuration that shapes the scene.
        sim: cameras and devices.
        num_envs: N, at most as many as the first simulator of the process has.
        threads: CPU threads of the physics.

    Raises:
        UserError: there is no Isaac Sim here, or it is not as we count on.
    """

    def __init__(self, task: DrawerConfig, sim: IsaacSimConfig, num_envs: int, threads: int) -> None:
        self.num_envs = num_envs
        self.device = torch.device("cpu")
        self.bad_simulations = 0
        """How often a simulation diverged and was put back to the default state."""
        self._task = task
        self._stage = Stage.shared(task, sim, num_envs, threads)
        self.state = SimState(torch.zeros(num_envs, SimState.WIDTH))
        self._lags = torch.zeros(num_envs, dtype=torch.bool)
        """Whose picture is still that of before a reset."""
        self._saved: Any = None
        """The state while another simulator has the stage."""
        self._reset_to_default(torch.arange(num_envs))

    def reset(self, env_ids: Tensor, joint_positions: Tensor, cabinet_offset: Tensor) -> None:
        """Put environments (K,) at rest at `joint_positions` (K, 9) with the cabinet displaced by (K, 4).

        At once, not in the next step as OIGE does: what is done next belongs to the new episode.
        """
        if not len(env_ids):
            return
        self._take()
        self._put(env_ids, self._stage.task.at_rest(joint_positions, cabinet_offset))

    def step(self, joint_targets: Tensor) -> None:
        """Advance all environments by one control step towards (N, 9) position targets."""
        self._take()
        block = self.state.block
        block.copy_(self._stage.step(joint_targets)[: self.num_envs])
        self._lags[:] = False
        diverged = ~block.isfinite().all(-1)
        if diverged.any():
            self.bad_simulations += int(diverged.sum())
            self._reset_to_default(diverged.nonzero().squeeze(-1))
        require_finite("physics", block)

    def in_view(self) -> Tensor:
        """Return the environments with a camera whose picture does not lag behind, (M,) int64."""
        return (~self._lags[: self._stage.cameras.count]).nonzero().squeeze(-1)

    def render(self, env_ids: Tensor) -> Tensor:
        """Return the student's camera images of environments (K,), all in view, as (K, 3, H, W) uint8."""
        if not torch.isin(env_ids, self.in_view()).all():
            raise ValueError(f"environments {env_ids.tolist()} are not all in view: {self.in_view().tolist()}")
        self._take()
        return self._stage.cameras.images(env_ids)

    def handle_visible(self, env_ids: Tensor) -> Tensor:
        """Return NaN (K,): Isaac Sim is not asked how much of the handle is seen."""
        return torch.full((len(env_ids),), float("nan"))

    def handle_touched(self, env_ids: Tensor) -> Tensor:
        """Return False (K,): Isaac Sim is not asked for contacts."""
        return torch.zeros(len(env_ids), dtype=torch.bool)

    def save(self) -> Dict[str, Any]:
        """Return joints, targets, cabinets and cubes: all but PhysX's memory of its contacts."""
        self._take()
        return {**self._stage.task.snapshot(self.num_envs)._asdict(), "bad_simulations": self.bad_simulations}

    def load(self, saved: Dict[str, Any]) -> None:
        """Restore what `save` returned."""
        from sitt.sim.isaacsim.task import Snapshot

        self._take()
        self.bad_simulations = saved["bad_simulations"]
        self._put(torch.arange(self.num_envs), Snapshot(**{name: saved[name] for name in Snapshot._fields}))

    def _take(self) -> None:
        """Put this simulator's environments on the stage, unless they are there."""
        stage, before = self._stage, self._stage.holder
        if before is self:
            return
        if before is not None:
            before._saved = stage.task.snapshot(before.num_envs)
        stage.holder = self
        if self._saved is not None:
            self._put(torch.arange(self.num_envs), self._saved)

    def _put(self, env_ids: Tensor, snapshot: Any) -> None:
        """Put environments (K,) into a state, and work out what follows from it: PhysX tells only after a step."""
        everyone = len(env_ids) == self.num_envs
        if everyone:  # then nobody else is disturbed
            self._stage.settle(env_ids, snapshot)
        else:
            self._stage.write(env_ids, snapshot)
        self._lags[env_ids] = not everyone
        self.state.block[env_ids] = state_of(
            self._task,
            snapshot.joint_positions,
            snapshot.joint_velocities,
            snapshot.cabinet_offset,
            snapshot.cabinet_joints[:, DRAWER_INDEX],
            snapshot.cabinet_velocities[:, DRAWER_INDEX],
        ).block

    def _reset_to_default(self, env_ids: Tensor) -> None:
        joints = torch.tensor(self._task.robot.default_joint_positions).expand(len(env_ids), 9)
        self.reset(env_ids, joints, torch.zeros(len(env_ids), 4))
