"""What a user sees when something is wrong: one sentence, before the DAG, and nothing on disk."""

import pytest
import torch


def complaint(clone, *arguments):
    done = clone.snakemake(*arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "Building DAG" not in done.stderr
    assert not (clone.folder / "results").is_dir()
    lines = [
        line for line in done.stderr.splitlines() if line and not line.startswith("Using workflow specific profile")
    ]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Error: ")
    assert len(lines[0]) < 300
    return lines[0]


# What each option may be: tests/config/test_plan.py.
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("experment=smoke", "did you mean experiment?"),
        ("methods=[jont]", "did you mean joint?"),
        (
            "sim=mujoco_warp",
            "sim: unknown option; write the experiment that has the simulator, such as experiment=embedded-gpu",
        ),
        ("gpu_share=2", "--config gpu_share: unknown option; write 'container={gpu_share: 2}'"),
        ("container={gpu_share: true}", "container.gpu_share = true is refused"),
        ("container={gpu_share: null}", "container.gpu_share = null is refused"),
    ],
)
def test_bad_option(clone, option, words):
    assert words in complaint(clone, "--config", option)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("experiment/smoke.yaml", "num_envs:", "num_env:", "did you mean training.num_envs?"),
        ("experiment/smoke.yaml", "smoke_test: true", "smoke_test: 7", "experiment.smoke_test = 7"),
        ("method/joint_aligned.yaml", "lambda_penalty: ", "lambda_penalty: -", "method.lambda_penalty = -"),
    ],
)
def test_bad_file(clone, file, old, new, words):
    path = clone.folder / "configs" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    message = complaint(clone, "--config", "experiment=smoke")
    assert f"configs/{file}" in message
    assert words in message


def test_results_in_the_way(clone):
    (clone.folder / "results").write_text("precious", encoding="utf-8")
    assert "results is in the way" in complaint(clone, "--config", "experiment=smoke")
    assert (clone.folder / "results").read_text(encoding="utf-8") == "precious"


def test_command_line_tool_prints_one_sentence(clone):
    done = clone.run("sitt", "configure", "--experiment", "smok", "--method", "bc", "--seed", "0", "--output", "c.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: experiment = 'smok' is unknown")
    assert done.stderr.count("\n") == 1
    assert clone.run("sitt", "train").returncode == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_experiment_for_a_gpu_does_not_start_without_one(clone):
    done = clone.snakemake("--config", "experiment=embedded-gpu", "methods=[joint]", "seeds=[0]")
    assert done.returncode != 0
    message = done.stderr.splitlines()[-1]
    assert message.startswith("Error: sim mujoco_warp needs an NVIDIA GPU (sim.device = cuda): ")
    assert "sim: mujoco needs none" in message and message.count("; ") == 1 and len(message) < 300
    assert 'File "' not in done.stderr and "UserError" not in done.stderr
    assert not list((clone.folder / "results").rglob("config.yaml"))
    assert clone.snakemake("--dry-run", "--config", "experiment=embedded-gpu").returncode == 0
