"""Which robots are so clear of everything that MuJoCo need not look for contacts: a look that takes a third of a step.

A robot is a set of balls around its geoms. It is clear if all of them lie before the cabinet and its drawer, and above
the floor, by more than anything moves until the last look.
"""

from __future__ import annotations

import mujoco
import numpy as np

from sitt.sim.mujoco.model import ROBOT_BASE, geoms_under
from sitt.sim.mujoco.physics import BatchPhysics

FASTEST = 12.0
"""m/s; several times the hand's speed at its drives' limits: no robot and drawer approach each other faster."""


class Clearance:
    """Of all simulations; cubes in the drawer always touch it, and with them no robot is clear."""

    def __init__(self, rest: mujoco.MjData, physics: BatchPhysics, margin: float) -> None:
        """Take the scene's geometry.

        Args:
            rest: the bodies' poses with the cabinet not turned and its drawer shut.
            physics: the simulations, of which this has views.
            margin: m by which a robot must be clear.
        """
        model, turns = rest.model, rest.geom_xmat.reshape(-1, 3, 3)
        self._places, self._cabinets, self._turns = physics.places, physics.mocap_pos[:, 0], physics.mocap_quat[:, 0]
        self._openings = physics.qpos[:, model.joint("drawer_top_joint").qposadr[0]]
        of_robot, of_cabinet = geoms_under(model, ROBOT_BASE), geoms_under(model, "cabinet")
        is_floor = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE
        self._has_more = not (of_robot | of_cabinet | is_floor).all()
        self._balls = [(geom, model.geom_rbound[geom]) for geom in np.flatnonzero(of_robot)]
        self._least_height = rest.geom_xpos[is_floor, 2].max() + margin
        self._centres = (rest.geom_xpos[of_cabinet] - rest.body("cabinet").xpos)[:, :2].T
        self._halves = (np.abs(turns[of_cabinet]) @ model.geom_aabb[of_cabinet, 3:, None])[:, :2, 0].T
        self._margin = margin
        self._front = np.empty(physics.batch.nsim)
        """The largest x of the shut cabinet, and the margin, m."""
        self.settle(slice(None))

    def settle(self, ids: np.ndarray | slice) -> None:
        """Take note of where cabinets (K,) have been put, turned about z."""
        w, _, _, z = self._turns[ids].T
        (x, y), (half_x, half_y) = self._centres, self._halves
        cosine, sine = (1.0 - 2.0 * z * z)[:, None], (2.0 * w * z)[:, None]
        reach = cosine * x - sine * y + np.abs(cosine) * half_x + np.abs(sine) * half_y
        self._front[ids] = self._cabinets[ids, 0] + reach.max(axis=1) + self._margin

    def clear(self) -> np.ndarray:
        """Return which robots (N,) are clear where they were posed last, bool."""
        places = self._places
        if self._has_more:
            return np.zeros(len(places), dtype=bool)
        nearest, lowest = np.full((2, len(places)), np.inf)
        for geom, radius in self._balls:
            np.minimum(nearest, places[:, geom, 0] - radius, out=nearest)
            np.minimum(lowest, places[:, geom, 2] - radius, out=lowest)
        # Wherever the drawer's way leads, it brings the front no further than it is long.
        return (nearest > self._front + np.maximum(self._openings, 0.0)) & (lowest > self._least_height)
