"""The encoders of what the student is shown, behind one interface.

`embed` turns an image into what is stored (once per image); `forward` turns what is stored into
the flat features that the student's MLP reads. A frozen encoder does all its work in `embed`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from sitt.config.encoder import DinoConfig, EncoderConfig, PlainEncoderConfig


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

    def __init__(self, cfg: PlainEncoderConfig, image_size: int, rng: torch.Generator) -> None:
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

    def __init__(self, cfg: PlainEncoderConfig) -> None:
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
    if isinstance(cfg, DinoConfig):
        from sitt.nn.dinov2 import DinoEncoder  # transformers takes seconds to import

        return DinoEncoder(cfg, image_size)
    assert isinstance(cfg, PlainEncoderConfig)
    if cfg.name == "identity":
        return Identity(image_size)
    if cfg.name == "random":
        return RandomEncoder(cfg, image_size, rng)
    return ConvolutionalEncoder(cfg)


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
