"""One seed, many generators: each use of randomness has a generator of its own, derived by name."""

from __future__ import annotations

import hashlib

import torch

from sitt.device import default_device


def derive_seed(seed: int, name: str) -> int:
    """Return a 63-bit seed that depends on both the run's seed and the name of its use."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, name: str) -> torch.Generator:
    """Return a generator for one named use of randomness, on torch's default device."""
    return torch.Generator(default_device()).manual_seed(derive_seed(seed, name))
