"""Record what OIGE's own reward, observation and flags say of random states: oige_vectors.npz beside this file.

python tests/sim/isaac/record_oige.py /path/to/OmniIsaacGymEnvs      (a checkout of commit f8f91bc)
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from isaac import reference
from isaac.setup import isaac, isaac_sim

from sitt.sim import make_simulator
from sitt.sim.base import SimState

VECTORS = Path(__file__).parent / "oige_vectors.npz"
STATES, SEED = 320, 7


def record(oige: Path) -> dict[str, np.ndarray]:
    rng = torch.Generator().manual_seed(SEED)
    with isaac(reference.TASK, oige) as kit:
        task = make_simulator(reference.TASK, isaac_sim(cameras=1), STATES, 1)._stage.task
        reference.scatter(kit, rng)
        block = task.read()
        actions = 2 * torch.rand(STATES, 9, generator=rng) - 1
        rewards = reference.rewards(task, actions)
        task.progress_buf[:] = torch.randint(2 * reference.TASK.episode_length, (STATES,), generator=rng)
        task.reset_buf[:] = 0
        task.is_done()
        keep = reference.clear_of_thresholds(SimState(block))
        vectors = {
            "state": block,
            "actions": actions,
            "observation": task.obs_buf,
            "reward_upstream": rewards["upstream"],
            "reward_fixed": rewards["fixed"],
            "progress": task.progress_buf,
            "reset": task.reset_buf,
        }
        return {name: value[keep].numpy() for name, value in vectors.items()}


if __name__ == "__main__":
    np.savez_compressed(VECTORS, **record(Path(sys.argv[1])))
    print(f"{VECTORS}: {VECTORS.stat().st_size} bytes")
