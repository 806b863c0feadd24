"""A tiny DINOv2 with random weights, saved as the real one is, and the section of the configuration that names it."""

import hashlib

import pytest
import torch
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

from sitt.config.encoder import DinoConfig


@pytest.fixture(scope="session")
def tiny_dino(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dino")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        # Its position embeddings are for 42 pixels; at another size they are interpolated, as the real ones always are.
        config = Dinov2Config(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=42, mlp_ratio=2
        )
        Dinov2Model(config).save_pretrained(folder)
    BitImageProcessor(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]).save_pretrained(folder)
    return folder


@pytest.fixture
def dino(tiny_dino):
    """Return the section, with keys changed."""

    def section(**changes):
        keys = {
            "name": "dinov2",
            "pretrained": str(tiny_dino),
            "revision": "",
            "checksum": hashlib.sha256((tiny_dino / "model.safetensors").read_bytes()).hexdigest(),
            "class_token": False,
            "device": "cpu",
            "cache_mebibytes": 1,
        }
        return DinoConfig(**{**keys, **changes})

    return section
