"""One sentence out of pydantic's complaints."""

from __future__ import annotations

import difflib
import json
from typing import Any, Dict, List, Sequence, Tuple

from pydantic import ValidationError

SENTENCE_LIMIT = 290
"""Characters of an error message; more is not read."""

Path = Tuple[Any, ...]


def one_sentence(text: str) -> str:
    """Return text on one line, shortened to the limit."""
    line = " ".join(text.split())
    return line if len(line) <= SENTENCE_LIMIT else line[: SENTENCE_LIMIT - 1] + "…"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return the mend for an unknown name: the nearest known one, or all of them."""
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not nearest:
        # A key given without its section: `num_envs` for `training.num_envs`.
        last = {candidate.rpartition(".")[2]: candidate for candidate in reversed(known)}
        nearest = [last[key] for key in difflib.get_close_matches(name.rpartition(".")[2], list(last), n=1, cutoff=0.8)]
    if nearest:
        return f"did you mean {nearest[0]}?"
    return f"choose from {', '.join(known)}" if known else "there is none to choose from"


def worst_error(error: ValidationError, container: Dict[str, Any], prefix: Path = ()) -> Tuple[Path, str]:
    """Return the path of the most telling complaint in `container`, and the complaint with its mend.

    An unknown key tells more than the key it left missing, so it comes first.
    """
    container = json.loads(json.dumps(container, default=str))  # as pydantic has seen it: all keys are strings
    errors = _flattened(error, prefix)
    path, details = min(errors, key=lambda item: item[1]["type"] != "extra_forbidden")
    path, value = _walk(path, container, details["type"] == "missing")
    key = ".".join(str(part) for part in path)
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        missing = [str(other[-1]) for other, why in errors if why["type"] == "missing" and other[:-1] == path[:-1]]
        siblings = missing or [str(name) for name in _section(path[:-1], container) if name != path[-1]]
        dotted = [".".join(map(str, (*path[:-1], name))) for name in siblings]
        return path, f"unknown key {key}; {did_you_mean(key, dotted)}"
    if details["type"] == "missing":
        return path, f"key {key} is missing; add it"
    if details["type"] == "value_error":
        return path, message
    if details["type"] == "too_short":
        return path, f"{key} = {_shown(value)} is too short; list at least {details['ctx']['min_length']}"
    return path, f"{key} = {_shown(value)} is refused; {message[:1].lower()}{message[1:]}"


def _flattened(error: ValidationError, prefix: Path) -> List[Tuple[Path, Dict[str, Any]]]:
    """Return all complaints, those of a validator inside a validator included."""
    flat: List[Tuple[Path, Dict[str, Any]]] = []
    for details in error.errors(include_url=False):
        path = (*prefix, *details["loc"])
        inner = details.get("ctx", {}).get("error")
        if isinstance(inner, ValidationError):
            flat += _flattened(inner, path)
        else:
            flat.append((path, dict(details)))
    return flat


def _walk(path: Path, container: Any, missing: bool) -> Tuple[Path, Any]:
    """Follow a path as far as it exists; pydantic adds the branches of unions, which are no keys."""
    kept: List[Any] = []
    for part in path:
        inside_list = isinstance(container, list) and isinstance(part, int) and part < len(container)
        if inside_list or (isinstance(container, dict) and part in container):
            kept.append(part)
            container = container[part]
        elif missing and isinstance(container, dict):
            return (*kept, part), None
    return tuple(kept), container


def _section(path: Path, container: Any) -> Any:
    for part in path:
        container = container[part]
    return container


def _shown(value: Any) -> str:
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)  # as in YAML
    return text if len(text) <= 60 else text[:57] + "..."
