"""Seeded mutations of a good configuration, of a dozen kinds: each is refused by one sentence before any training."""

import random
import re
from typing import Literal, get_origin

import pytest
import yaml
from annotated_types import Ge, Gt
from pydantic import BaseModel

from sitt.config.compose import compose
from sitt.errors import UserError

RNG = random.Random(5)
SIGNED = ("task.robot.base_yaw", "task.robot.finger_yaw")
"""Numbers that may be negative."""


def leaves(model, prefix=""):
    """Yield (dotted key, value, field) of all keys below a section."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{prefix}{name}.")
        elif prefix:
            yield f"{prefix}{name}", value, field


LEAVES = list(leaves(compose("smoke", "joint_aligned", 0)))
NUMBERS = [key for key, value, _ in LEAVES if isinstance(value, (int, float)) and not isinstance(value, bool)]
FLOATS = [key for key, value, _ in LEAVES if isinstance(value, float)]
SECTIONS = sorted({key.rpartition(".")[0] for key, _, _ in LEAVES})


def sample(items, count):
    return RNG.sample(sorted(items, key=str), count)


def misspelt(key):
    """Return a key with a letter of its last part missing, doubled, or before the one it should follow."""
    section, _, name = key.rpartition(".")
    at = RNG.randrange(1, len(name) - 1)
    a, b = name[at], name[at + 1]
    name = name[:at] + RNG.choice(["", a + a, *([b + a[:0] + a] if a != b else [])]) + name[at + 1 :]
    return f"{section}.{name}"


def mutations():
    """Yield (id, changes by dotted key, words of the sentence)."""
    for key in sample({key for key in (leaf[0] for leaf in LEAVES) if len(key.rpartition(".")[2]) > 4}, 12):
        typo = misspelt(key)
        yield f"typo-{key}", {typo: 1}, [f"unknown key {typo};", f"did you mean {key}?"]
    for section in sample(SECTIONS, 6):
        yield f"unknown-{section}", {f"{section}.zq": 1}, [f"unknown key {section}.zq;"]
    for key, value, _ in sample([leaf for leaf in LEAVES if leaf[0] != "experiment.name"], 12):
        wrong = 7.25 if isinstance(value, (str, tuple, bool)) else "plenty"
        yield f"type-{key}", {key: wrong}, [f"{key} = {wrong!r} is refused; "]
    for key in sample(set(NUMBERS) - set(SIGNED), 10):
        yield f"negative-{key}", {key: -1}, [f"{key} = -1 is refused; input should be greater than"]
    positive = [key for key, _, field in LEAVES if {Ge(1), Ge(2), Ge(16), Gt(0)} & set(field.metadata)]
    for key in sample(positive, 10):
        yield f"zero-{key}", {key: 0}, [f"{key} = 0 is refused; input should be greater than"]
    for key in sample(FLOATS, 8):
        number = RNG.choice([float("nan"), float("inf"), -float("inf")])
        yield f"not-finite-{key}", {key: number}, [f"{key} = {number} is refused; ", "finite"]
    for key, large in {
        "ppo.gamma": 1.01, "ppo.exploration_fraction": 2.0, "task.camera.image_size": 513, "task.camera.fovy": 180.0,
        "task.cabinet.offset.yaw": 3.2,
    }.items():  # fmt: skip
        yield f"large-{key}", {key: large}, [f"{key} = {large} is refused; input should be less than"]
    for key, _, field in LEAVES:
        if get_origin(field.annotation) is Literal and key not in ("task.name", "method.name"):
            yield f"choice-{key}", {key: "another"}, [f"{key} = 'another' is refused; input should be '"]
    yield "long-list", {"task.robot.stiffness": [1.0] * 10}, ["task.robot.stiffness = [1.0", "at most 9"]
    yield "short-list", {"task.camera.eye": [1.0, 2.0]}, ["task.camera.eye"]
    for changes, words in [
        ({"ppo.minibatches": 3}, "ppo.minibatches = 3 must divide training.num_envs x ppo.horizon = 512"),
        ({"ppo.minibatches": 1024}, "ppo.minibatches = 1024 must divide"),
        ({"student.images": 1281}, "student.images = 1281 must be a multiple of training.iterations = 20"),
        ({"student.gradient_steps": 30}, "student.gradient_steps = 30 must be a multiple of training.iterations = 20"),
        ({"student.images": 20480}, "student.images / training.iterations = 1024 must not exceed the 512"),
        ({"training.evaluations": 22}, "training.evaluations = 22 must not exceed training.iterations + 1 = 21"),
        ({"networks.student": [8, 9]}, "student[-1] = 9 must equal teacher[-1] = 16"),
        ({"ppo.final_kl": 0.1}, "final_kl = 0.1 must not exceed desired_kl = 0.016"),
        ({"ppo.final_std": 0.6}, "final_std = 0.6 must not exceed initial_std = 0.5"),
        ({"task.success_opening": 0.4}, "success_opening = 0.4 must be below cabinet.drawer_travel = 0.4"),
        ({"task.robot.joint_lower": [3.0] * 9}, "joint_lower[0] = 3.0 must be below joint_upper[0] = 2.8973"),
        ({"experiment.seeds": [3, 1, 3]}, "seeds has duplicates: [3, 1, 3]"),
        ({"experiment.methods": ["bc", "bc"]}, "methods has duplicates: ['bc', 'bc']"),
        ({"experiment.methods": ["x; touch pwned"]}, "experiment.methods"),
        (
            {"experiment.seeds": [2**63]},
            "experiment.seeds.0 = 9223372036854775808 is refused; input should be less than",
        ),
        ({"experiment.title": " "}, "experiment.title = ' ' is refused; string should match"),
        ({"method.label": "a\nb"}, "method.label = 'a\\nb' is refused; string should match"),
        ({"threads": 1025}, "threads = 1025 is refused; input should be less than or equal to 1024"),
        ({"ppo": {1: 2}}, "unknown key ppo.1;"),
    ]:
        yield f"misfit-{next(iter(changes))}", changes, [words]


MUTATIONS = list(mutations())


def test_there_are_enough_of_them():
    assert len(MUTATIONS) >= 60
    assert len({name.partition("-")[0] for name, _, _ in MUTATIONS}) >= 8


def refusal():
    with pytest.raises(UserError) as caught:
        compose("broken", "joint_aligned", 0)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    return message


@pytest.mark.parametrize(("changes", "words"), [m[1:] for m in MUTATIONS], ids=[m[0] for m in MUTATIONS])
def test_a_changed_key_is_refused_with_key_value_and_file(repository, changes, words):
    content = {"defaults": ["smoke", "_self_"], "experiment": {"name": "broken"}}
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = content
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = value
    text = "# @package _global_\n" + yaml.safe_dump(content)
    (repository / "configs/experiment/broken.yaml").write_text(text, encoding="utf-8")
    message = refusal()
    assert message.startswith("configs/experiment/broken.yaml: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "key", ["ppo.gamma", "student.window", "evaluation.seed", "task.physics_dt", "task.robot.armature", "encoder.name"]
)
def test_a_missing_key_is_named_with_its_file(repository, key):
    section, name = key.split(".")[0], key.split(".")[-1]
    file = {"task": "task/franka_drawer.yaml", "encoder": "encoder/random.yaml"}.get(section, "learning/default.yaml")
    path = repository / "configs" / file
    text = path.read_text(encoding="utf-8")
    before = text.index("\nevaluation:") if section == "evaluation" else 0
    found = re.compile(rf"^ *{name}:.*\n", re.MULTILINE).search(text, before)
    path.write_text(text[: found.start()] + text[found.end() :], encoding="utf-8")
    (repository / "configs/experiment/broken.yaml").write_text(
        "# @package _global_\ndefaults: [smoke, _self_]\nexperiment: {name: broken}\n", encoding="utf-8"
    )
    assert refusal() == f"configs/{file}: key {key} is missing; add it"


@pytest.mark.parametrize(
    "text",
    ["ppo: [", "ppo: {gamma: 0.9", "\tppo: 1", "ppo: {gamma: 0.9, gamma: 0.8}", "ppo: 'open", "a: b: c", "ppo: *x"],
)
def test_bad_yaml_is_named_with_its_line(repository, text):
    (repository / "configs/experiment/broken.yaml").write_text(f"# @package _global_\n{text}\n", encoding="utf-8")
    assert re.match(r"configs/experiment/broken\.yaml: line \d+: ", refusal())
