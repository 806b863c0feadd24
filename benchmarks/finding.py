"""When teachers find the drawer: the iteration whose roll-out first has an open one in more than 0.5 % of its states.

Teachers of `joint` alone, as in `embedded` but for what is overridden; each stops there, or after half of its budget.
Prints one line per seed.

    python -m benchmarks.finding task.reward.distance=6.0 --seeds 100 101     # about a minute per seed
"""

from __future__ import annotations

import argparse
from typing import List, Optional

import torch

from benchmarks.drawer import drawer_of
from benchmarks.plain_teacher import PlainTeacher
from benchmarks.record import status_of
from sitt.config.compose import compose
from sitt.config.schema import RunConfig

SHARE = 0.005
OPENING = 21
"""Where the teacher's observation has the drawer's opening."""


def found(config: RunConfig) -> Optional[int]:
    """Return the iteration, counted from 1; None: not in the first half of the training."""
    learner = PlainTeacher(config)
    for iteration in range(config.training.iterations // 2):
        _, raw = learner.improve(iteration)
        if (raw[:, OPENING] > drawer_of(config).success_opening).double().mean() > SHARE:
            return iteration + 1
        learner.normalizer.update(raw)
    return None


def main() -> int:
    """Train one teacher after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    arguments = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    overrides: List[str] = arguments.overrides
    for config in [compose("embedded", "blind", seed, overrides) for seed in arguments.seeds]:
        print(f"seed {config.seed}: {found(config) or 'not found'}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(status_of(main))
