"""The workflow of paper-smoke: Isaac Sim is probed first, by a stub here, and a bad finding stops the trainings."""

import os

import pytest

from tests.workflow.conftest import Clone

BAD = "echo '✗ cabinet'; exit 1"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A clone on a machine whose Isaac Sim and nvidia-smi are scripts."""
    clone = Clone(tmp_path / "clone")
    python = tmp_path / "isaac-sim" / "python.sh"
    nvidia_smi = tmp_path / "tools" / "nvidia-smi"
    settings = tmp_path / "sitt" / "container.yaml"
    for path in (python, nvidia_smi, settings):
        path.parent.mkdir()
    nvidia_smi.write_text("#!/bin/sh\necho 0, GPU-0aaa, 40960\n")
    nvidia_smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{nvidia_smi.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    settings.write_text(f"runtime: none\npython: {python}\ncache: {tmp_path / 'cache'}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    python.touch(mode=0o755)
    return clone, python


def test_isaac_sim_is_probed_before_the_trainings_of_paper_smoke_alone(machine):
    clone, python = machine
    planned = clone.snakemake("--config", "experiment=paper-smoke", "--dry-run")
    assert planned.returncode == 0, planned.stderr[-3000:]
    rules = [line.split()[1].rstrip(":") for line in planned.stdout.splitlines() if line.startswith("rule ")]
    assert rules.count("probe") == 1 and rules.index("probe") < rules.index("kernels")
    assert {"train_joint", "train_joint_aligned"} <= set(rules)
    assert min(map(rules.index, ("opening", "train_joint", "train_joint_aligned"))) > rules.index("kernels")
    python.write_text(f'#!/bin/sh\necho "$@" > {python.parent / "asked"}\n{BAD}\n')
    wanted = "results/paper-smoke/runs/joint/seed0/policy.pt"
    done = clone.snakemake(wanted, "--config", "experiment=paper-smoke")
    assert done.returncode == 1
    asked = (python.parent / "asked").read_text().split()
    assert asked[:3] == ["-m", "sitt.cli", "probe"], "and train was not asked for after it"
    assert asked[3:] == [
        "--config",
        wanted.replace("policy.pt", "config.yaml"),
        "--output",
        "results/paper-smoke/probe",
    ]
    assert "✗ cabinet" in (clone.folder / "results/paper-smoke/logs/probe.log").read_text()
    assert not (clone.folder / "results/paper-smoke/probe.done").exists()


def test_no_other_experiment_is_probed(machine):
    planned = machine[0].snakemake("--config", "experiment=paper", "seeds=[0]", "methods=[joint]", "--dry-run")
    assert planned.returncode == 0, planned.stderr[-3000:]
    assert "rule train_joint:" in planned.stdout and "rule probe:" not in planned.stdout
