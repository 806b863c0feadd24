"""The rule that fetches an encoder's checkpoint: once, before what needs it, and for no other experiment."""

import re

from sitt.config.compose import compose

EXPERIMENT = """# @package _global_
defaults: [smoke, override /encoder: dinov2, _self_]
experiment: {{name: {name}, methods: [joint, bc], seeds: [0]}}
task: {{camera: {{image_size: 28}}}}
"""


def planned(clone, name):
    """Return the jobs of a dry run as {rule: inputs}."""
    file = clone.folder / f"configs/experiment/{name}.yaml"
    file.write_text(EXPERIMENT.format(name=name), encoding="utf-8")
    done = clone.snakemake("--dry-run", "--config", f"experiment={name}")
    assert done.returncode == 0, done.stderr
    blocks = re.split(r"\n(?:local)?rule ", done.stdout + done.stderr)[1:]
    return {block.partition(":")[0]: (re.search(r"\n +input: (.*)", block) or [""])[0] for block in blocks}


def test_one_fetch_comes_before_all_that_needs_it_and_serves_every_experiment(clone):
    encoder = compose("smoke", "joint", 0, ["encoder=dinov2", "task.camera.image_size=28"]).encoder
    weights = clone.folder / f"weights/facebook/dinov2-small/{encoder.revision}/model.safetensors"
    path = str(weights.relative_to(clone.folder))
    jobs = planned(clone, "seeing")
    assert jobs["weights"] == ""
    assert {rule for rule, inputs in jobs.items() if path in inputs} == {
        "opening", "train_joint", "train_bc", "evaluate", "figure2", "videos",
    }  # fmt: skip
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert "weights" not in planned(clone, "again")
