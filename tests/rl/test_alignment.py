"""The alignment phase: what it minimises, and which parameters it moves."""

import pytest
import torch

from sitt.config.compose import compose
from sitt.nn.policy import Networks
from sitt.rl.alignment import Alignment
from sitt.rl.memory import Memory, PairedObservations
from sitt.seeding import generator


@pytest.fixture
def config():
    # The widths of the real experiments: in the smoke test's, dead units may keep the loss from falling.
    return compose("smoke", "joint", 3, ("networks.teacher=[64,64,64]", "networks.student=[256,256,128,128,64]"))


@pytest.fixture
def networks(config):
    return Networks(config)


@pytest.fixture
def pairs(networks):
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (8, 3, 32, 32), generator=rng, dtype=torch.uint8)
    embeddings = networks.student.image.embed(images)
    networks.student.observe(embeddings)
    return PairedObservations(torch.randn(8, 23, generator=rng), embeddings)


def alignment(config, networks, activation_loss=False, memory=None):
    return Alignment(config.student, networks, memory, activation_loss, generator(0, "test"))


def remembered(networks, pairs):
    memory = Memory(len(pairs.observations), networks, mebibytes=16)
    memory.add(pairs)
    return memory


def reached(networks):
    return {
        name.split(".")[0] for name, p in networks.named_parameters() if p.grad is not None and p.grad.abs().max() > 0
    }


def test_student_loss_by_hand(config, networks, pairs):
    teacher, student = networks.teacher, networks.student
    target = teacher.encoder(pairs.observations)
    features = student(pairs.embeddings, pairs.observations[:, :18])
    expected = (features - target).abs().mean() + (teacher.decoder(features) - teacher.decoder(target)).abs().mean()
    loss = alignment(config, networks).student_loss(pairs)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_student_loss_reaches_the_student_only(config, networks, pairs):
    alignment(config, networks).student_loss(pairs).backward()
    assert reached(networks) == {"student"}


@pytest.mark.parametrize("activation_loss", [False, True])
def test_proxy_loss_reaches_the_proxy_only(config, networks, pairs, activation_loss):
    part = alignment(config, networks, activation_loss)
    loss = part.proxy_loss(pairs)
    loss.backward()
    assert reached(networks) == {"proxy"}
    features, target = (
        networks.proxy(pairs.observations),
        networks.student(pairs.embeddings, pairs.observations[:, :18]),
    )
    expected = (features - target).abs().mean()
    if activation_loss:
        decoder = networks.teacher.decoder
        expected = expected + (decoder(features) - decoder(target)).abs().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_phase_changes_student_and_proxy_and_nothing_else(config, networks, pairs):
    before = {name: value.clone() for name, value in networks.state_dict().items()}
    alignment(config, networks, memory=remembered(networks, pairs)).update(3, 5e-4)
    moved = {name for name, value in networks.state_dict().items() if not torch.equal(value, before[name])}
    trained = {f"student.body.{name}" for name, _ in networks.student.body.named_parameters()}
    trained |= {f"proxy.{name}" for name, _ in networks.proxy.named_parameters()}
    assert moved == trained


def test_the_loss_falls(config, networks, pairs):
    part = alignment(config, networks, memory=remembered(networks, pairs))
    first = float(part.student_loss(pairs).detach())
    part.update(200, 5e-4)
    assert float(part.student_loss(pairs).detach()) < 0.3 * first


def test_both_optimisers_use_the_learning_rate_given(config, networks, pairs):
    part = alignment(config, networks, memory=remembered(networks, pairs))
    part.update(1, 2e-4)
    for optimizer in (part.student_optimizer, part.proxy_optimizer):
        assert optimizer.learning_rate == 2e-4
