"""One fake Isaac Sim: what its modules share, and the switches by which tests make it misbehave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxr import Usd

from sitt.config.sim import SimConfig
from sitt.config.task import DrawerConfig
from sitt.sim.mujoco.simulator import MujocoSimulator

if TYPE_CHECKING:
    from isaac.app import World
    from isaac.replicator import RenderProduct

CABINET_JOINTS = ["door_left_joint", "door_right_joint", "drawer_bottom_joint", "drawer_top_joint"]


class Kit:
    """One Isaac Sim: what its modules share."""

    def __init__(self, task: DrawerConfig) -> None:
        self.drawer = task
        self.stage = Usd.Stage.CreateInMemory()
        self.world: World | None = None
        self.settings: dict[str, object] = {}
        self.extensions: list[str] = []
        self.arguments: list[str] | None = None
        """What Kit read from sys.argv."""
        self.experience = ""
        self.products: list[RenderProduct] = []
        self.cabinet_joints = list(CABINET_JOINTS)
        self.rooted = False
        """The cabinet's root does not follow set_world_poses."""
        self.blind = False
        """Cameras have no data."""
        self.frozen = False
        """Pictures show the first state for ever."""
        one = task.model_copy(update={"substeps": 1})
        self.asset = MujocoSimulator(one, SimConfig(name="mujoco", render_batch=1), 1, 1)
        """The robot as the assets have it: at MuJoCo's default joints."""


_kit: Kit | None = None


def install(kit: Kit | None) -> None:
    """Make this the Isaac Sim of the process, or none."""
    global _kit
    _kit = kit


def current() -> Kit:
    assert _kit is not None, "Isaac Sim has not been installed"
    return _kit
