"""`sitt probe`: every point that only the real Isaac Sim can show, measured, one after the other.

`watch` starts `python -m sitt.sim.isaacsim.probe` as a process of its own, which measures the points of `points` and
writes each down in a `Record` at once. If that process dies or hangs at a point, this is what was found there, and a
new one goes on with the next.
"""
