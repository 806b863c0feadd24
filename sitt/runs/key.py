"""What a training's files depend on, by name; and in words, what is not the same in two of them."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Tuple

from sitt.config.compose import shaping
from sitt.config.schema import RunConfig
from sitt.runs.provenance import RESULTS_VERSION

Key = Dict[str, str]

BEFORE_LAMBDA = ("method.name", "method.algorithm", "method.lambda_penalty", "method.lambda_gradient")
"""Keys that make no difference as long as no λ is in force."""

NAMED = 3
"""How many changed keys are named beside the first."""


def training_key(config: RunConfig) -> Key:
    """Return all that the training's result depends on."""
    return {**_flat(shaping(config)), "RESULTS_VERSION": str(RESULTS_VERSION)}


def differences(old: Mapping[str, str], new: Mapping[str, str], but_for: Tuple[str, ...] = ()) -> str:
    """Return the keys that differ, in words; empty if none does.

    Args:
        old: the key that a file states.
        new: that of the training it is for.
        but_for: beginnings of the names of keys that may differ.
    """
    changed = [name for name in {**old, **new} if not name.startswith(but_for) and old.get(name) != new.get(name)]
    if not changed:
        return ""
    first, others = changed[0], changed[1:]
    named = [*others[:NAMED], *([f"{len(others) - NAMED} more"] if len(others) > NAMED else [])]
    also = f" (and {', '.join(named)} changed)" if named else ""
    return f"{first} was {old.get(first)}, now {new.get(first)}{also}"


def _flat(section: Mapping[str, Any], prefix: str = "") -> Key:
    flat: Key = {}
    for key, value in section.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: json.dumps(value)})
    return flat
