"""Image encoders: frozen ones stay frozen, the trained one trains. DINOv2: test_dinov2.py."""

import pytest
import torch

from sitt.config.compose import compose
from sitt.config.encoder import PlainEncoderConfig
from sitt.nn.encoders import make_encoder
from sitt.nn.policy import Student
from sitt.seeding import generator


def config(name, channels=(4, 8)):
    return PlainEncoderConfig(name=name, channels=channels)


def images(count=3, size=28):
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator(0, "images"))


@pytest.mark.parametrize("name", ["random", "cnn"])
def test_as_many_convolutions_as_the_configuration_allows(name):
    run = compose("smoke", "joint", 0, (f"encoder={name}", "encoder.channels=[4,4,4,4,4]"))
    encoder = make_encoder(run.encoder, run.task.view, generator(0, "weights"))
    assert encoder(encoder.embed(images(2, 32))).shape == (2, encoder.num_features)


def test_random_encoder_is_frozen_seeded_and_flat():
    first = make_encoder(config("random"), (3, 28, 28), generator(0, "a"))
    again = make_encoder(config("random"), (3, 28, 28), generator(0, "a"))
    other = make_encoder(config("random"), (3, 28, 28), generator(1, "a"))
    assert first.num_features == 8 * 7 * 7
    assert first.embed(images()).shape == (3, 392)
    assert torch.equal(first.embed(images()), again.embed(images()))
    assert not torch.equal(first.embed(images()), other.embed(images()))
    assert not any(p.requires_grad for p in first.parameters())


def test_an_images_features_do_not_depend_on_what_is_beside_it():
    run = compose("embedded", "joint", 0)
    encoder = make_encoder(run.encoder, run.task.view, generator(0, "a"))
    together = encoder.embed(images(32, run.task.view[-1]))
    for count in (1, 2, 10, 31):
        assert torch.equal(encoder.embed(images(32, run.task.view[-1])[:count]), together[:count])


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
    encoder = make_encoder(config("cnn", channels=(1,)), (3, 32, 32), generator(0, "a"))
    with torch.no_grad():
        encoder.convolutions[0].weight.fill_(1.0)
        encoder.convolutions[0].bias.zero_()
    spot = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    spot[0, :, 4:8, 24:28] = 255  # top right
    spot[1, :, 24:28, 4:8] = 255  # bottom left
    rows, columns = encoder(spot)[:, 0], encoder(spot)[:, 1]
    assert rows[0] < -0.5 < 0.5 < rows[1]
    assert columns[1] < -0.5 < 0.5 < columns[0]


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
