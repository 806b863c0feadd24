"""A checkpoint on disk: which files make it up, and whether they are the ones that the configuration means."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sitt.config.encoder import DinoConfig
from sitt.errors import UserError
from sitt.runs.paths import weights_folder

WEIGHTS_FILE = "model.safetensors"
FILES = ("config.json", "preprocessor_config.json", WEIGHTS_FILE)
"""All that is read of a checkpoint: numbers and names, no code. The weights are the last to be fetched."""
CHUNK = 2**20


def require_files(encoder: DinoConfig) -> Path:
    """Return the checkpoint's folder.

    Raises:
        UserError: a file is not there.
    """
    folder = weights_folder(encoder)
    for name in FILES:
        if not (folder / name).is_file():
            mend = (
                "name a folder that save_pretrained filled, in encoder.pretrained"
                if encoder.is_folder
                else "fetch it, once and where there is a network, with `sitt weights --experiment NAME`"
            )
            raise UserError(f"{folder / name} does not exist; {mend}")
    return folder


def require_checkpoint(encoder: DinoConfig) -> Path:
    """Return the checkpoint's folder.

    Raises:
        UserError: a file is not there, or the weights are others than the configuration means.
    """
    folder = require_files(encoder)
    found = sha256(folder / WEIGHTS_FILE)
    if found != encoder.checksum:
        mend = "" if encoder.is_folder else "remove it and fetch it again, or "
        raise UserError(
            f"{folder / WEIGHTS_FILE} is not the file that encoder.checksum means: its SHA-256 is {found}; "
            f"{mend}set the key to that"
        )
    return folder


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
