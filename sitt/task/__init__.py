"""FrankaDrawer, independent of the simulator."""
