import os
import re
import subprocess
import sys

import pytest

from sitt.config.compose import compose
from sitt.errors import UserError
from sitt.runs import paths
from sitt.runs.plan import hold_lock, make_plan, result_key, run_weights


def test_default_is_every_method_and_seed_of_embedded(repository):
    plan = make_plan({})
    assert plan.experiment == "embedded"
    assert plan.methods == ("bc", "blind", "dagger", "joint", "joint_aligned")
    assert plan.seeds == (0, 1, 2)
    assert plan.folders()[0] == "results/embedded/runs/bc/seed0"
    assert len(plan.folders()) == 15
    assert not (repository / "results").exists()  # planning leaves no trace


def test_the_maze_has_a_picture_of_its_own(repository):
    maze, smoke = make_plan({"experiment": "maze"}), make_plan({"experiment": "smoke"})
    assert maze.methods == ("bc", "dagger", "joint", "maze_aligned", "maze_added")
    assert set(maze.artefacts()) - set(smoke.artefacts()) == {"routes.png", "routes.pdf"}
    films = {"figure2.png", "figure2.pdf", *(f"videos/{method}.gif" for method in smoke.methods)}
    assert set(smoke.artefacts()) - set(maze.artefacts()) == films


def test_options_restrict_the_experiment(repository):
    # Snakemake hands the elements of a list over as strings.
    plan = make_plan({"experiment": "smoke", "methods": ["joint"], "seeds": ["4"]})
    assert plan.folders() == ["results/smoke/runs/joint/seed4"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"experment": "smoke"}, "did you mean experiment?"),
        ({"experiment": 3}, "choose from"),
        ({"experiment": "smok"}, "did you mean smoke?"),
        ({"methods": ["jont"]}, "did you mean joint?"),
        ({"methods": []}, "methods=[bc]"),
        ({"methods": "joint"}, "methods=[bc]"),
        ({"methods": ["bc", "bc"]}, "duplicates"),
        ({"seeds": []}, "seeds=[0,1,2]"),
        ({"seeds": ["-1"]}, "seeds=[0,1,2]"),
        ({"seeds": ["1", "1"]}, "duplicates"),
        ({"seeds": 0}, "seeds=[0,1,2]"),
    ],
)
def test_bad_options_are_refused(repository, options, words):
    with pytest.raises(UserError, match=re.escape(words)):
        make_plan(options)


def test_method_named_by_an_experiment_needs_a_rule_file(repository):
    path = repository / "configs/experiment/smoke.yaml"
    text = path.read_text(encoding="utf-8").replace("methods: all", "methods: [joint, magic]")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"smoke\.yaml: experiment\.methods names 'magic'.*magic\.smk"):
        make_plan({"experiment": "smoke"})


def test_all_means_the_rule_files_of_the_folder_itself(repository):
    rules = repository / "workflow/rules/methods"
    (rules / "bc.smk").rename(rules / "ablation/bc.smk")
    assert make_plan({"experiment": "smoke"}).methods == ("blind", "dagger", "joint", "joint_aligned")
    assert make_plan({"experiment": "smoke", "methods": ["bc"]}).methods == ("bc",)
    assert make_plan({"experiment": "ablation"}).methods == (
        "joint",
        "joint_penalty",
        "joint_gradient",
        "joint_aligned",
    )


def test_each_point_of_the_sweep_differs_from_the_aligned_method_in_one_setting(repository):
    def settings(method):
        config = compose("sweep", method, 0)
        return config.method.lambda_penalty, config.method.lambda_gradient, config.student.images

    aligned, found = settings("joint_aligned"), []
    for method in make_plan({"experiment": "sweep"}).methods:
        if method not in ("joint", "joint_aligned"):
            (varied,) = [axis for axis in range(3) if settings(method)[axis] != aligned[axis]]
            found.append((varied, settings(method)[varied]))
    assert sorted(found) == [
        (0, 0.0), (0, 0.0125), (0, 0.2), (1, 0.0), (1, 0.025), (1, 0.4), (2, 2400), (2, 38400),
    ]  # fmt: skip


def test_the_top_camera_differs_from_joint_in_its_camera_alone(repository):
    joint, top = (compose("difficulty", method, 100).model_dump() for method in ("joint", "joint_top"))
    cameras = joint["task"].pop("camera"), top["task"].pop("camera")
    assert cameras[0] != cameras[1] and cameras[0]["image_size"] == cameras[1]["image_size"]
    for config in (joint, top):
        del config["method"]["name"], config["method"]["label"]
    assert joint == top


def test_results_that_is_no_folder_is_refused(repository):
    (repository / "results").write_text("in the way", encoding="utf-8")
    with pytest.raises(UserError, match="results is in the way"):
        make_plan({"experiment": "smoke"})
    assert (repository / "results").read_text(encoding="utf-8") == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_results_are_refused(repository):
    (repository / "results").mkdir(mode=0o500)
    with pytest.raises(UserError, match="results cannot be written"):
        make_plan({"experiment": "smoke"})


def test_key_of_a_result_changes_with_configuration_only(repository):
    assert result_key("smoke", "bc", 0) == result_key("smoke", "bc", 0)
    assert result_key("smoke", "bc", 0) != result_key("smoke", "bc", 1)


def test_lock_is_held_until_the_process_ends(repository):
    code = "import sys, sitt.runs.plan as plan; plan.hold_lock('smoke'); print('held', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    with pytest.raises(UserError, match="another snakemake is working on results/smoke"):
        hold_lock("smoke")
    other.kill()
    other.wait()
    other.stdin.close()
    other.stdout.close()
    hold_lock("smoke")


def test_checkpoints_lie_where_snakemake_owns_nothing(tmp_path):
    config = compose("smoke", "joint", 2)
    folder = tmp_path / "results/smoke/runs/joint/seed2"
    assert paths.checkpoint_folder(folder, config) == tmp_path / "results/smoke/checkpoints/joint/seed2"
    assert paths.checkpoint_folder(tmp_path / "by-hand", config) == tmp_path / "by-hand/checkpoints"


DINO = """# @package _global_
defaults: [smoke, override /encoder: dinov2, _self_]
experiment: {{name: seeing, methods: [joint, bc]}}
task: {{camera: {{image_size: 28}}}}
encoder: {{{keys}}}
"""


def seeing(repository, keys=""):
    (repository / "configs/experiment/seeing.yaml").write_text(DINO.format(keys=keys), encoding="utf-8")
    return make_plan({"experiment": "seeing"})


def test_a_checkpoint_is_fetched_once_for_all_runs(repository):
    encoder = compose("smoke", "joint", 0, ["encoder=dinov2", "task.camera.image_size=28"]).encoder
    file = f"weights/facebook/dinov2-small/{encoder.revision}/model.safetensors"
    assert seeing(repository).weights == {file: "bc"}
    assert run_weights("seeing", "bc", 1) == [file]
    assert make_plan({"experiment": "smoke"}).weights == {}
    assert run_weights("smoke", "bc", 1) == []


def test_a_folder_of_weights_must_be_there_before_anything_starts(repository):
    with pytest.raises(UserError, match=r"nowhere/config\.json does not exist; .*encoder\.pretrained"):
        seeing(repository, "pretrained: ./nowhere, revision: ''")
    (repository / "nowhere").mkdir()
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (repository / "nowhere" / name).touch()
    assert seeing(repository, "pretrained: ./nowhere, revision: ''").weights == {}
