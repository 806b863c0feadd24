"""DINOv2: equal to transformers' own, the weights that were meant, no network, and a cache in between."""

import json
import shutil
import socket

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, Dinov2Model

from sitt.config.compose import compose, config_hash
from sitt.evaluation import final_episodes
from sitt.methods import train
from sitt.nn.encoders import make_encoder
from sitt.nn.pretrained import sha256
from sitt.seeding import generator
from tests.conftest import sentence, tiny


def images(count, size=28):
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator(0, "images"))


def encoder(section, size=28):
    return make_encoder(section, (3, size, size), generator(0, "any"))


@pytest.mark.parametrize("size", [28, 42, 70])
@pytest.mark.parametrize("class_token", [False, True])
def test_it_equals_transformers_own_processor_and_model(dino, tiny_dino, size, class_token):
    pictures = images(11, size)  # more than one batch, and not a whole number of them
    model = Dinov2Model.from_pretrained(tiny_dino).eval()
    processor = AutoImageProcessor.from_pretrained(tiny_dino)
    arrays = [picture.permute(1, 2, 0).numpy() for picture in pictures]
    pixels = processor(arrays, do_resize=False, do_center_crop=False, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        tokens = model(pixels).last_hidden_state
    ours = encoder(dino(class_token=class_token), size)
    features = ours.embed(pictures)
    expected = tokens if class_token else tokens[:, 1:]
    assert features.shape == (11, ours.num_features) == (11, ((size // 14) ** 2 + class_token) * 16)
    assert features.dtype == torch.float32 and not features.is_inference()
    torch.testing.assert_close(features, expected.flatten(1), rtol=0, atol=1e-5)
    assert torch.equal(ours(features), features)


def test_it_is_frozen_and_no_part_of_what_is_saved(dino):
    ours = encoder(dino())
    ours.train()
    assert not ours.features.function.model.training
    assert not any(p.requires_grad for p in ours.features.function.model.parameters())
    assert not list(ours.parameters()) and not ours.state_dict()


def test_an_images_features_do_not_depend_on_what_is_beside_it(dino):
    pictures = images(20)
    at_once = encoder(dino(cache_mebibytes=0)).embed(pictures)
    mixed = encoder(dino(cache_mebibytes=0)).embed(pictures.flip(0)).flip(0)
    one_by_one = torch.cat([encoder(dino()).embed(picture[None]) for picture in pictures])
    assert torch.equal(at_once, mixed) and torch.equal(at_once, one_by_one)


def test_loading_draws_no_random_number(dino):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    encoder(dino())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_needs_no_network(dino, monkeypatch):
    def refused(*_):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert encoder(dino()).embed(images(1)).isfinite().all()


def test_missing_weights_are_one_sentence_that_says_what_to_do(dino, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    revision = "0123456789" * 4
    fetched = sentence(encoder, dino(pretrained="facebook/dinov2-small", revision=revision))
    assert f"weights/facebook/dinov2-small/{revision}/config.json does not exist" in fetched
    assert "`sitt weights --experiment NAME`" in fetched
    own = sentence(encoder, dino(pretrained=str(tmp_path)))
    assert f"{tmp_path}/config.json does not exist" in own and "encoder.pretrained" in own


@pytest.fixture
def copied(tiny_dino, tmp_path):
    return shutil.copytree(tiny_dino, tmp_path / "copy")


def test_other_weights_than_the_checksums_are_refused(dino, copied):
    weights = copied / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    message = sentence(encoder, dino(pretrained=str(copied)))
    assert "model.safetensors is not the file that encoder.checksum means" in message
    assert sha256(weights) in message
    encoder(dino(pretrained=str(copied), checksum=sha256(weights)))


def test_pickles_are_not_read(dino, copied):
    """A .bin can execute code; where it is all there is, nothing is loaded."""
    torch.save(load_file(copied / "model.safetensors"), copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    assert "model.safetensors does not exist" in sentence(encoder, dino(pretrained=str(copied)))


def test_weights_that_lack_a_layer_are_refused(dino, copied):
    """transformers would fill the gap with random numbers."""
    weights = load_file(copied / "model.safetensors")
    del weights["layernorm.weight"]
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    checksum = sha256(copied / "model.safetensors")
    message = sentence(encoder, dino(pretrained=str(copied), checksum=checksum))
    assert "its weights lack layernorm.weight" in message


@pytest.mark.parametrize(
    ("file", "key", "value", "words"),
    [
        ("config.json", "patch_size", 7, "holds no DINOv2 that can be loaded"),
        ("preprocessor_config.json", "do_normalize", False, "do_normalize: Input should be True"),
        ("preprocessor_config.json", "image_mean", [0.5], "image_mean"),
        ("preprocessor_config.json", "rescale_factor", None, "rescale_factor"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(dino, copied, file, key, value, words):
    content = json.loads((copied / file).read_text())
    (copied / file).write_text(json.dumps({**content, key: value}))
    assert words in sentence(encoder, dino(pretrained=str(copied)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused(dino):
    assert "encoder.device = cuda: torch finds 0 GPUs" in sentence(encoder, dino(device="cuda"))


def overrides(section):
    keys = {**section.model_dump(exclude={"name", "revision"}), "revision": "''"}
    return ("encoder=dinov2", "task.camera.image_size=28", *(f"encoder.{key}={value}" for key, value in keys.items()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["task.camera.image_size=64"], ["task.camera.image_size = 64 must be a multiple", "56 or 70"]),
        (["encoder.revision=main"], ["encoder.revision = 'main' is refused"]),
        (["encoder.revision=''"], ["encoder.revision must be the 40 digits of a commit"]),
        (["encoder.pretrained=/somewhere"], ["encoder.revision must be empty for a folder"]),
        (["encoder.pretrained=dinov2"], ["encoder.pretrained = 'dinov2' is refused"]),
        (["encoder.checksum=abc"], ["encoder.checksum = 'abc' is refused"]),
        (["encoder.device=gpu"], ["encoder.device = 'gpu' is refused"]),
        (["encoder.channels=[4]"], ["unknown key encoder.channels"]),
    ],
)
def test_a_bad_section_is_one_sentence(changes, words):
    message = sentence(compose, "smoke", "joint", 0, ["encoder=dinov2", "task.camera.image_size=28", *changes])
    for word in words:
        assert word in message


def test_the_size_of_the_cache_is_no_part_of_the_results_key(dino):
    none, some, other = (
        compose("smoke", "joint", 0, overrides(dino(**changes)))
        for changes in ({"cache_mebibytes": 0}, {"cache_mebibytes": 9}, {"class_token": True})
    )
    assert config_hash(none) == config_hash(some) != config_hash(other)


def test_a_training_with_it_is_the_same_with_and_without_a_cache(dino, tmp_path):
    runs = []
    for mebibytes in (0, 1):
        shorter = ("training.evaluations=2", "evaluation.episodes=4", "evaluation.num_envs=4")
        config = tiny("joint_aligned", 0, *shorter, *overrides(dino(cache_mebibytes=mebibytes)))
        policy = tmp_path / str(mebibytes) / "policy.pt"
        train(config, policy, None)
        episodes = [(row.return_, row.success) for row in final_episodes(config, policy)]
        runs.append((torch.load(policy, weights_only=True), episodes))
    (weights, episodes), (others, again) = runs
    assert all(torch.equal(weights[name], others[name]) for name in weights | others)
    assert episodes == again
    assert not [name for name in weights if name.startswith("student.image")]
