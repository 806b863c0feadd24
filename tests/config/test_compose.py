import pytest
import yaml

from sitt.config.compose import (
    benchmark_methods,
    compose,
    config_hash,
    dump,
    experiment_config,
    experiment_names,
    load,
    method_names,
    shaping,
)
from tests.conftest import sentence


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("experiment", experiment_names())
def test_every_experiment_composes_with_its_methods(experiment):
    methods = experiment_config(experiment).methods
    for method in benchmark_methods() if methods == "all" else methods:
        config = compose(experiment, method, 3)
        assert (config.experiment.name, config.method.name, config.seed) == (experiment, method, 3)


def test_every_method_belongs_to_an_experiment():
    listed = [experiment_config(name).methods for name in experiment_names()]
    used = {method for methods in listed if methods != "all" for method in methods}
    assert used | set(benchmark_methods()) == set(method_names())


def test_a_camera_from_above_needs_a_camera():
    assert "task.camera" in sentence(compose, "maze", "joint_top", 0)


def test_experiment_decides_over_the_groups():
    assert compose("easy", "joint", 0).task.cabinet.offset.y == 0.05
    assert compose("embedded", "joint", 0).task.cabinet.offset.y == 0.15


def test_dumped_configuration_loads_equal(tmp_path):
    config = compose("smoke", "joint_aligned", 1)
    dump(config, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml") == config


def test_hash_follows_what_shapes_the_result_and_nothing_else(repository):
    before = config_hash(compose("smoke", "bc", 0))
    assert config_hash(compose("smoke", "bc", 1)) != before
    assert config_hash(compose("smoke", "bc", 0, ["ppo.gamma=0.98"])) != before
    # Only the experiment's title and its list of seeds:
    assert config_hash(compose("smoke", "bc", 0, ["experiment.title=Another", "experiment.seeds=[0,1,2]"])) == before


def test_a_key_at_a_default_that_came_later_changes_no_hash():
    shaped = shaping(compose("smoke", "joint_aligned", 0))
    assert "kl_in_reward" not in shaped["method"] and "name" not in shaped["task"]
    added, subtracted = (
        compose("maze", "maze_added", 0, [f"method.kl_in_reward={sign}"]) for sign in ("added", "subtracted")
    )
    assert config_hash(added) != config_hash(subtracted)
    assert shaping(added)["task"]["name"] == "maze"


def test_title_of_an_experiment():
    config = experiment_config("smoke")
    assert config.smoke_test
    assert config.seeds == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("smok", "bc", 0), ["experiment = 'smok'", "did you mean smoke?"]),
        (("smoke", "joint_aligne", 0), ["method = 'joint_aligne'", "did you mean joint_aligned?"]),
        (("smoke", "bc", -1), ["seed = -1", "0 or more"]),
        (("smoke", "bc", 2**63), ["seed = 9223372036854775808", "less than or equal to 9223372036854775807"]),
        (
            ("smoke", "bc", 0, ["training.num_env=3"]),
            ["unknown key training.num_env", "did you mean training.num_envs?"],
        ),
        (("smoke", "bc", 0, ["num_envs=3"]), ["unknown key num_envs", "num_envs?"]),
        (("smoke", "bc", 0, ["seed"]), ["'seed'", "KEY=VALUE"]),
        (("smoke", "bc", 0, ["sim=mujco"]), ["sim = 'mujco'", "did you mean mujoco?"]),
        (("smoke", "bc", 0, ["training.num_envs=many"]), ["training.num_envs = 'many'", "integer"]),
        (("smoke", "bc", 0, ["ppo.gamma=inf"]), ["ppo.gamma = inf", "finite"]),
        (("smoke", "bc", 0, ["ppo.gamma=${nothing}"]), ["nothing", "not found"]),
        (("smoke", "bc", 0, ["training.num_envs=[1"]), ["[1"]),
        (
            ("smoke", "joint", 0, ["method.lambda_penalty=-1"]),
            ["method.lambda_penalty = -1", "greater than or equal to 0"],
        ),
        (
            ("maze", "maze_added", 0, ["method.kl_in_reward=plus"]),
            ["method.kl_in_reward = 'plus'", "'subtracted' or 'added'"],
        ),
        (("maze", "joint", 0, ["task.name=mace"]), ["task.name = 'mace'", "franka_drawer, maze"]),
        (("maze", "joint", 0, ["task.margin=9"]), ["grid_size = 21 must exceed 2 x margin = 18"]),
        (("maze", "joint", 0, ["task.path_up=[4,3]"]), ["path_up = [4, 3] must name the least"]),
        (("maze", "joint", 0, ["sim=mujoco"]), ["sim.name = mujoco cannot play task maze", "sim: grid"]),
        (("smoke", "joint", 0, ["sim=grid"]), ["sim.name = grid cannot play task franka_drawer", "sim: mujoco"]),
        (("maze", "joint", 0, ["encoder=cnn"]), ["encoder.name = cnn does not fit task maze", "encoder: identity"]),
        (("smoke", "joint", 0, ["encoder.channels=[4,4,4,4,4,4]"]), ["image_size = 32 must be at least 64", "6 times"]),
        (("smoke", "joint", 0, ["encoder=identity"]), ["encoder.name = identity does not fit", "encoder: random"]),
        (("maze", "joint", 0, ["ppo.bounds_coefficient=0.1"]), ["ppo.bounds_coefficient = 0.1 must be 0"]),
        (("smoke", "joint", 0, ["method.algorithm=jont"]), ["method.algorithm = 'jont'", "joint"]),
    ],
)
def test_bad_request_is_one_sentence(arguments, words):
    message = sentence(compose, *arguments)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "experiment/smoke.yaml",
            "num_envs:",
            "num_env:",
            ["unknown key training.num_env", "did you mean training.num_envs?"],
        ),
        (
            "experiment/smoke.yaml",
            "smoke_test: true",
            "smoke_test: perhaps",
            ["experiment.smoke_test = 'perhaps'", "boolean"],
        ),
        ("experiment/smoke.yaml", "seeds: [0, 1]", "seeds: []", ["experiment.seeds = []", "at least 1"]),
        ("experiment/smoke.yaml", "seeds: [0, 1]", "seeds: [1, 1]", ["duplicates", "[1, 1]"]),
        ("experiment/smoke.yaml", "name: smoke", "name: smoky", ["experiment.name = 'smoky'", "must be smoke"]),
        ("experiment/smoke.yaml", "smoke_test: true", "smoke_test: [", ["line"]),
        ("method/joint.yaml", "lambda_penalty: 0.0", "lambda_penalty: -0.1", ["method.lambda_penalty = -0.1"]),
        (
            "method/joint.yaml",
            "lambda_penalty: 0.0",
            "lambda_penalti: 0.1",
            ["method.lambda_penalti", "method.lambda_penalty?"],
        ),
        ("method/joint.yaml", "lambda_penalty: 0.0", "", ["method.lambda_penalty is missing"]),
        ("method/joint.yaml", "algorithm: joint", "algorithm: jiont", ["method.algorithm = 'jiont'"]),
        ("learning/default.yaml", "gamma: 0.99", "gamma: 1.5", ["ppo.gamma = 1.5", "less than or equal to 1"]),
        ("task/franka_drawer.yaml", "substeps: 2", "substeps: 2.5", ["task.substeps = 2.5", "integer"]),
    ],
)
def test_bad_file_is_named_with_key_and_value(repository, file, old, new, words):
    replace(repository / "configs" / file, old, new)
    message = sentence(compose, "smoke", "joint", 0)
    assert f"configs/{file}" in message
    for word in words:
        assert word in message


def test_rule_file_without_configuration_is_named(repository):
    (repository / "workflow/rules/methods/mine.smk").touch()
    assert "configs/method/mine.yaml" in sentence(method_names)


def test_damaged_resolved_configuration_is_named(tmp_path):
    path = tmp_path / "config.yaml"
    assert "does not exist" in sentence(load, path)
    path.write_text("seed: [", encoding="utf-8")
    assert "config.yaml" in sentence(load, path)
    path.write_text("", encoding="utf-8")
    assert "config.yaml" in sentence(load, path)
    dump(compose("smoke", "bc", 0), path)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({7: 1, **content}), encoding="utf-8")
    assert "unknown key 7; choose from experiment, seed" in sentence(load, path)
    path.write_text("a: " + 3000 * "[", encoding="utf-8")
    assert "config.yaml: cannot be read (maximum recursion depth exceeded" in sentence(load, path)
    del content["threads"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert "threads is missing" in sentence(load, path)
