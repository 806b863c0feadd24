"""The encoders of what the student is shown, behind one interface.

`embed` turns an image into what is stored (once per image); `forward` turns what is stored into
the flat features that the student's MLP reads. A frozen encoder does all its work in `embed`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from sitt.config.learning import EncoderConfig
from sitt.errors import UserError


class ImageEncoder(nn.Module, ABC):
    """Images (K, 3, H, W) uint8 → stored embedding (K, …) → features (K, num_features)."""

    num_features: int
    common_scale = True
    """Whether the features are alike, so that one number scales all of them."""

    @abstractmethod
    def embed(self, images: Tensor) -> Tensor:
        """Return what is stored of each image (K, …); no gradient."""

    @abstractmethod
    def forward(self, embedding: Tensor) -> Tensor:
        """Return flat features (K, num_features) of stored embeddings."""


class RandomEncoder(ImageEncoder):
    """Frozen random convolutions, flattened: the paper's structure without a download."""

    def __init__(self, cfg: EncoderConfig, image_size: int, rng: torch.Generator) -> None:
        super().__init__()
        self.convolutions = _convolutions(cfg.channels)
        for parameter in self.convolutions.parameters():
            if parameter.dim() == 1:
                nn.init.zeros_(parameter)
            else:  # the weights keep the scale of the features
                nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=rng)
        self.requires_grad_(False)
        self.num_features = _flat_size(self.convolutions, image_size)

    def embed(self, images: Tensor) -> Tensor:
        """Return flattened features (K, num_features), float32."""
        with torch.no_grad():
            return self.convolutions(_centred(images)).flatten(1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the stored features."""
        return embedding


class ConvolutionalEncoder(ImageEncoder):
    """Small trained convolutional network with a spatial softmax [Finn et al. 2016]."""

    def __init__(self, cfg: EncoderConfig) -> None:
        super().__init__()
        self.convolutions = _convolutions(cfg.channels)
        self.num_features = 2 * cfg.channels[-1]

    def embed(self, images: Tensor) -> Tensor:
        """Return the images themselves, uint8: the encoder is trained."""
        return images

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the expected image coordinates of each channel (K, 2·channels)."""
        maps = self.convolutions(_centred(embedding))
        height, width = maps.shape[-2:]
        weights = functional.softmax(maps.flatten(2), -1).view_as(maps)
        rows = torch.linspace(-1.0, 1.0, height)
        columns = torch.linspace(-1.0, 1.0, width)
        return torch.cat(((weights.sum(3) * rows).sum(-1), (weights.sum(2) * columns).sum(-1)), -1)


class DinoEncoder(ImageEncoder):
    """Frozen DINOv2 [P]: flattened patch features of the last layer."""

    mean: Tensor
    std: Tensor

    def __init__(self, cfg: EncoderConfig, image_size: int) -> None:
        super().__init__()
        from transformers import AutoImageProcessor, Dinov2Model

        try:
            self.backbone = Dinov2Model.from_pretrained(cfg.pretrained, revision=cfg.revision).eval()
            processor = AutoImageProcessor.from_pretrained(cfg.pretrained, revision=cfg.revision)
        except OSError as error:
            raise UserError(
                f"encoder.pretrained = {cfg.pretrained!r} holds no DINOv2 weights that can be loaded here; "
                "name a local folder made by save_pretrained"
            ) from error
        patch = self.backbone.config.patch_size
        if image_size % patch:
            raise UserError(
                f"task.camera.image_size = {image_size} must be a multiple of the encoder's patch size {patch}"
            )
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(processor.image_mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(processor.image_std).view(3, 1, 1))
        self.num_features = (image_size // patch) ** 2 * self.backbone.config.hidden_size

    def train(self, mode: bool = True) -> DinoEncoder:
        """Stay in evaluation mode: the encoder is frozen."""
        return super().train(False)

    def embed(self, images: Tensor) -> Tensor:
        """Return flattened patch features (K, num_features) with the checkpoint's own normalisation."""
        with torch.no_grad():
            pixels = (images.float() / 255.0 - self.mean) / self.std
            return self.backbone(pixels).last_hidden_state[:, 1:].flatten(1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the stored features."""
        return embedding


class Identity(ImageEncoder):
    """For a task that shows the student a vector (K, num_features): there is nothing to encode."""

    common_scale = False

    def __init__(self, size: int) -> None:
        super().__init__()
        self.num_features = size

    def embed(self, images: Tensor) -> Tensor:
        """Return the vectors, float32."""
        return images.float()

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the stored vectors."""
        return embedding


def make_encoder(cfg: EncoderConfig, view: tuple[int, ...], rng: torch.Generator) -> ImageEncoder:
    """Build the configured encoder of what has the shape `view`; `rng` draws the weights of the random one."""
    image_size = view[-1]
    if cfg.name == "identity":
        return Identity(image_size)
    if cfg.name == "random":
        return RandomEncoder(cfg, image_size, rng)
    if cfg.name == "cnn":
        return ConvolutionalEncoder(cfg)
    return DinoEncoder(cfg, image_size)


def _convolutions(channels: tuple[int, ...]) -> nn.Sequential:
    """Stride-2 convolutions with ReLU, halving the image each."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((3, *channels[:-1]), channels):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def _flat_size(convolutions: nn.Module, image_size: int) -> int:
    return convolutions(torch.zeros(1, 3, image_size, image_size)).numel()


def _centred(images: Tensor) -> Tensor:
    return images.float() / 127.5 - 1.0
