"""One seed, many generators: each use of randomness has a generator of its own, derived by name."""

from __future__ import annotations

import hashlib

import torch


def derive_seed(seed: int, name: str) -> int:
    """Return a 63-bit seed that depends on both the run's seed and the name of its use."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, name: str) -> torch.Generator:
    """Return a CPU generator for one named use of randomness."""
    return torch.Generator().manual_seed(derive_seed(seed, name))
