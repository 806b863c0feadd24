"""Frozen DINOv2 [P]: the flattened tokens of the last layer, computed once per image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Dict, Literal, NamedTuple, Tuple

import torch
from pydantic import BaseModel, Field, ValidationError
from torch import Tensor, nn
from transformers import Dinov2Model
from transformers.utils.logging import disable_progress_bar

from sitt.config.encoder import PATCH, DinoConfig
from sitt.errors import UserError, first_line
from sitt.nn.encoders import ImageEncoder
from sitt.nn.feature_cache import FeatureCache
from sitt.nn.pretrained import require_checkpoint

Channels = Tuple[float, float, float]


class Compute(NamedTuple):
    """How features are computed on a kind of device."""

    batch: int
    """Images per call of the network: all calls have this size, so that an image's features depend on no other's."""
    dtype: torch.dtype
    """Of the network; features are float32 in any case."""


COMPUTE: Dict[str, Compute] = {"cpu": Compute(8, torch.float32), "cuda": Compute(64, torch.float16)}
"""By kind of device."""


class Preprocessing(BaseModel):
    """The checkpoint's own normalisation: the part of preprocessor_config.json that is applied.

    Its resizing and cropping are for photographs; here the camera draws the image in the size that is wanted.
    """

    do_rescale: Literal[True]
    rescale_factor: Annotated[float, Field(gt=0)]
    do_normalize: Literal[True]
    image_mean: Channels
    image_std: Channels

    @classmethod
    def read(cls, path: Path) -> Preprocessing:
        """Read a preprocessor_config.json; UserError if it says anything else."""
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            details = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in details["loc"])
            raise UserError(f"{path}: {key}: {details['msg']}; name DINOv2's own checkpoint") from error
        except ValueError as error:
            raise UserError(f"{path} cannot be read ({first_line(error)}); fetch it again") from error


class Backbone:
    """A frozen checkpoint, from images (K, 3, S, S) uint8 to features (K, F) float32 on the CPU.

    No module of torch's: policy.pt and checkpoints name the weights by the configuration's checksum, and hold none.
    """

    def __init__(self, encoder: DinoConfig, image_size: int) -> None:
        """Load the checkpoint, from its folder alone.

        Raises:
            UserError: it is missing, damaged or no DINOv2; or there is no such device.
        """
        folder = require_checkpoint(encoder)
        preprocessing = Preprocessing.read(folder / "preprocessor_config.json")
        self.device = _usable(encoder.device)
        self.batch, dtype = COMPUTE[self.device.type]
        self.scale = preprocessing.rescale_factor
        self.mean, self.std = (
            torch.tensor(values, device=self.device).view(3, 1, 1)
            for values in (preprocessing.image_mean, preprocessing.image_std)
        )
        self.model = _load(folder).float().eval().requires_grad_(False)
        tokens = (image_size // PATCH) ** 2 + 1
        _fix_positions(self.model, image_size, tokens)
        self.model.to(self.device, dtype)
        self.first = 0 if encoder.class_token else 1
        self.num_features = (tokens - self.first) * self.model.config.hidden_size

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return features (K, F): the tokens of the last layer, the class token's first, row by row of patches."""
        parts = []
        for part in images.split(self.batch):
            filled = torch.cat((part, part[-1:].expand(self.batch - len(part), -1, -1, -1)))
            pixels = (filled.to(self.device).float() * self.scale - self.mean) / self.std
            tokens = self.model(pixels).last_hidden_state[: len(part), self.first :]
            parts.append(tokens.flatten(1).float().cpu())
        return torch.cat(parts)


class DinoEncoder(ImageEncoder):
    """Frozen DINOv2 behind a cache."""

    def __init__(self, cfg: DinoConfig, image_size: int) -> None:
        super().__init__()
        backbone = Backbone(cfg, image_size)
        self.num_features = backbone.num_features
        self.features = FeatureCache(backbone, backbone.num_features, cfg.cache_mebibytes)

    def embed(self, images: Tensor) -> Tensor:
        """Return flattened tokens (K, num_features), float32."""
        return self.features(images.cpu()).to(images.device)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the stored features."""
        return embedding


def _load(folder: Path) -> Dinov2Model:
    """Load a checkpoint from a folder, with no network and no code but transformers' own."""
    disable_progress_bar()  # it would be a line of every job's log
    try:
        # Whatever random numbers its construction draws, the networks made after it are the same.
        with torch.random.fork_rng(devices=[]):
            loaded: Any = Dinov2Model.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                attn_implementation="sdpa",
                output_loading_info=True,
            )
    except Exception as error:  # there is no end to what a wrong file can raise
        raise UserError(f"{folder} holds no DINOv2 that can be loaded ({first_line(error)[:120]})") from error
    model, found = loaded
    if found["missing_keys"]:
        raise UserError(f"{folder}: its weights lack {min(found['missing_keys'])}; name a checkpoint of Dinov2Model")
    if model.config.patch_size != PATCH:
        raise UserError(f"{folder}: its patches have {model.config.patch_size} pixels, not DINOv2's {PATCH}")
    return model


def _fix_positions(model: Dinov2Model, image_size: int, tokens: int) -> None:
    """Interpolate the position embeddings to the image's size, which transformers does anew in each call."""
    embeddings = model.embeddings
    shape = torch.empty(1, tokens, model.config.hidden_size)
    positions = embeddings.interpolate_pos_encoding(shape, image_size, image_size)
    embeddings.position_embeddings = nn.Parameter(positions.detach().clone(), requires_grad=False)


def _usable(name: str) -> torch.device:
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"encoder.device = {name}: torch finds {torch.cuda.device_count()} GPUs; choose cpu or another")
    return device
