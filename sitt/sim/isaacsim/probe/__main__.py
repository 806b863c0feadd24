"""The process that `sitt probe` watches: python -m sitt.sim.isaacsim.probe CONFIG FOLDER."""

import sys
from pathlib import Path

from sitt.config.compose import load
from sitt.sim.isaacsim.probe.points import measure

# It ends like a training does, by returning: how that goes with Isaac Sim is one of the questions.
measure(load(Path(sys.argv[1])), Path(sys.argv[2]))
