"""Image encoders: frozen ones stay frozen, the trained one trains, DINOv2 loads from a local folder."""

import pytest
import torch
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

from sitt.config.compose import compose
from sitt.config.learning import EncoderConfig
from sitt.errors import UserError
from sitt.nn.encoders import make_encoder
from sitt.nn.policy import Student
from sitt.seeding import generator


def config(name, pretrained=""):
    return EncoderConfig(name=name, channels=(4, 8), pretrained=pretrained, revision="main")


def images(count=3, size=28):
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator(0, "images"))


def test_random_encoder_is_frozen_seeded_and_flat():
    first = make_encoder(config("random"), (3, 28, 28), generator(0, "a"))
    again = make_encoder(config("random"), (3, 28, 28), generator(0, "a"))
    other = make_encoder(config("random"), (3, 28, 28), generator(1, "a"))
    assert first.num_features == 8 * 7 * 7
    assert first.embed(images()).shape == (3, 392)
    assert torch.equal(first.embed(images()), again.embed(images()))
    assert not torch.equal(first.embed(images()), other.embed(images()))
    assert not any(p.requires_grad for p in first.parameters())


def test_cnn_stores_the_image_and_learns():
    encoder = make_encoder(config("cnn"), (3, 28, 28), generator(0, "a"))
    stored = encoder.embed(images())
    assert stored.dtype == torch.uint8 and torch.equal(stored, images())
    features = encoder(stored)
    assert features.shape == (3, 16) and features.abs().max() <= 1.0
    features.sum().backward()
    assert encoder.convolutions[0].weight.grad.abs().max() > 0


def test_spatial_softmax_finds_a_bright_spot():
    """With one identity-like channel the expected coordinate moves with the spot."""
    encoder = make_encoder(
        EncoderConfig(name="cnn", channels=(1,), pretrained="", revision=""), (3, 32, 32), generator(0, "a")
    )
    with torch.no_grad():
        encoder.convolutions[0].weight.fill_(1.0)
        encoder.convolutions[0].bias.zero_()
    spot = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    spot[0, :, 4:8, 24:28] = 255  # top right
    spot[1, :, 24:28, 4:8] = 255  # bottom left
    rows, columns = encoder(spot)[:, 0], encoder(spot)[:, 1]
    assert rows[0] < -0.5 < 0.5 < rows[1]
    assert columns[1] < -0.5 < 0.5 < columns[0]


@pytest.fixture(scope="module")
def tiny_dino(tmp_path_factory):
    """A tiny DINOv2 with random weights, saved as the real one is."""
    folder = tmp_path_factory.mktemp("dino")
    torch.manual_seed(0)
    model = Dinov2Model(
        Dinov2Config(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=28, mlp_ratio=2
        )
    )
    model.save_pretrained(folder)
    BitImageProcessor(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]).save_pretrained(folder)
    return folder, model.eval()


def test_dinov2_loads_from_a_folder_and_flattens_its_patches(tiny_dino):
    folder, model = tiny_dino
    encoder = make_encoder(config("dinov2", str(folder)), (3, 28, 28), generator(0, "a"))
    pixels = images().float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    with torch.no_grad():
        expected = model(normalised).last_hidden_state[:, 1:].flatten(1)
    assert encoder.num_features == 4 * 16
    assert torch.allclose(encoder.embed(images()), expected, atol=1e-5)
    encoder.train()
    assert not encoder.backbone.training and not any(p.requires_grad for p in encoder.parameters())


def test_dinov2_refuses_a_size_that_is_no_multiple_of_the_patch(tiny_dino):
    with pytest.raises(UserError, match="multiple of the encoder's patch size 14"):
        make_encoder(config("dinov2", str(tiny_dino[0])), (3, 32, 32), generator(0, "a"))


def test_missing_weights_are_one_sentence(tmp_path):
    with pytest.raises(UserError, match="holds no DINOv2 weights"):
        make_encoder(config("dinov2", str(tmp_path / "nothing")), (3, 28, 28), generator(0, "a"))


def test_the_student_sees_the_image_and_its_own_state_only():
    run = compose("smoke", "joint", 0)
    student = Student(run)
    embedding = student.image.embed(images(2, 32))
    student.observe(embedding)
    state = torch.randn(2, 18, generator=generator(0, "state"))
    features = student(embedding, state)
    assert features.shape == (2, run.networks.teacher[-1])
    assert not torch.equal(features, student(embedding.flip(0), state))
    assert not torch.equal(features, student(embedding, state + 1))
