"""Fetching a checkpoint from Hugging Face's hub: once, resumably, and whole or not at all.

huggingface_hub's own `hf_hub_download` begins anew after a kill; its `http_get` goes on with what is there.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from sitt.config.encoder import DinoConfig
from sitt.errors import UserError, first_line
from sitt.files import cannot_write, sync
from sitt.nn.pretrained import FILES, WEIGHTS_FILE, require_checkpoint, sha256
from sitt.runs.paths import require_writable, weights_folder


def fetch(encoder: DinoConfig) -> Path:
    """Fetch what is missing of a checkpoint, and return its folder; a folder of the user's own is only checked.

    Raises:
        UserError: the hub is out of reach or has no such model, the folder cannot be written, or the weights are not
            those that the configuration means.
    """
    folder = weights_folder(encoder)
    if not encoder.is_folder:
        require_writable(folder)
        with _alone(folder):
            for name in FILES:
                if not (folder / name).exists():
                    _download(encoder, name, folder / name)
    return require_checkpoint(encoder)


def _download(encoder: DinoConfig, name: str, path: Path) -> None:
    """Fetch one file; what has come so far lies beside it as .part, and goes on after an interruption."""
    url = hf_hub_url(encoder.pretrained, name, revision=encoder.revision)
    part = path.with_name(f"{name}.part")
    try:
        size = get_hf_file_metadata(url).size
        with part.open("ab") as file:
            http_get(url, file, resume_size=file.tell(), headers=build_hf_headers(), expected_size=size)
    except Exception as error:  # there is no end to what a network can raise
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise cannot_write(path, error) from error
        raise UserError(
            f"cannot fetch {encoder.pretrained} ({first_line(error)[:80]}); do it where there is a network, or copy "
            f"{path.parent} from where it was done"
        ) from error
    if name == WEIGHTS_FILE and (found := sha256(part)) != encoder.checksum:
        part.unlink()
        raise UserError(
            f"{name} of {encoder.pretrained} at encoder.revision has the SHA-256 {found}, not encoder.checksum; it was "
            "thrown away: correct the keys, or fetch it again"
        )
    sync(part)
    os.replace(part, path)
    sync(path.parent)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process fetches into the folder."""
    with (folder / ".lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
