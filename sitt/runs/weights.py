"""policy.pt: the final networks, weights only; and how such a file is read."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, Dict

import torch
from torch import Tensor, nn

from sitt.config.schema import RunConfig
from sitt.errors import UserError
from sitt.files import atomic_path
from sitt.nn.policy import Networks


def save_networks(networks: Networks, path: Path) -> None:
    """Write all weights and normalisers, atomically, so that a machine without the device can read them."""
    weights = networks.state_dict()
    for name in weights:
        weights[name] = weights[name].cpu()
    write_tensors(weights, path)


def load_networks(config: RunConfig, path: Path) -> Networks:
    """Build the configured networks and fill them from policy.pt, executing no code from it."""
    networks = Networks(config)
    _fill(networks, _read(path), path)
    return networks.eval()


def load_teacher(networks: Networks, path: Path) -> None:
    """Fill the teacher (F_T, A, critic, normaliser) from another run's policy.pt."""
    prefix = "teacher."
    weights = {key[len(prefix) :]: value for key, value in _read(path).items() if str(key).startswith(prefix)}
    _fill(networks.teacher, weights, path)


def write_tensors(content: Any, path: Path) -> None:
    """Write tensors, numbers and strings, atomically; UserError if that is impossible."""
    buffer = io.BytesIO()
    torch.save(content, buffer)  # not into the file: torch does not say why it could not write one
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_tensors(path: Path) -> Any:
    """Return what `write_tensors` wrote: tensors, numbers and strings, by a reader that executes no code.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not compare its checksums
            if archive.testzip():
                raise ValueError(f"{path} is not what was written")
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # there is no end to what damage can raise
        raise ValueError(str(error)) from error


def _read(path: Path) -> Dict[str, Tensor]:
    try:
        weights = read_tensors(path)
        if not isinstance(weights, dict):
            raise ValueError(f"{path} holds no weights by name")
        return weights
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; train that run first") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged or no policy file; remove it and train the run again") from error


def _fill(module: nn.Module, weights: Dict[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(weights)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise UserError(f"{path} holds networks of another configuration; remove it and train the run again") from error
