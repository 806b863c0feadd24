"""Command lines for apptainer, docker and podman: stand-ins on PATH record them, and run what they are told."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from snakemake.cli import get_argument_parser, parse_config
from snakemake_interface_executor_plugins.utils import format_cli_arg

from tests.workflow.conftest import ROOT, Clone

EXPERIMENT = """# @package _global_
defaults:
  - override /sim: isaacsim
experiment:
  name: contained
  title: "In a container"
  smoke_test: true
  methods: [joint]
  seeds: [0]
evaluation:
  num_envs: 50
"""
RUN = "results/contained/runs/joint/seed0"
OPENING = "results/contained/opening/seed0"
RECORDING = "results/contained/recordings/joint/seed0.pt"
RUNTIME = """#!{python}
# Records its arguments; `run` and `exec` then run the command with the variables that are given, and no others.
import json, os, sys
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
with open({log!r}, "a") as log:
    print(json.dumps([name, *arguments]), file=log)
if name == "apptainer":
    if arguments == ["--version"]:
        sys.exit(print("apptainer version 1.3.4"))
    flags, image = {{"--nv", "--cleanenv", "--writable-tmpfs"}}, "containers/isaacsim.sif"
else:
    if arguments[0] != "run":
        sys.exit(0)
    flags, image = {{"--rm"}}, arguments[arguments.index("-m") - 1]
place = arguments.index(image)
options, command, environment = arguments[1:place], arguments[place + 1:], {{"PATH": os.environ["PATH"]}}
while options:
    option = options.pop(0)
    if option in flags:
        continue
    value = options.pop(0)
    if option == "--home":
        environment["HOME"] = value
    if option == "--entrypoint":
        command.insert(0, value)
    if option == "--env":
        for pair in value.split(","):
            key, given, text = pair.partition("=")
            if given or key in os.environ:
                environment[key] = text if given else os.environ[key]
os.execvpe(command[0], command, environment)
"""
JOB = """#!{python}
# In place of Isaac Sim's Python: says what it was given, and leaves a job's files.
import json, os, pathlib, sys
output = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
with open({log!r}, "a") as log:
    print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]), file=log)
for name in ([output.name, "training.parquet", "run.json"] if "train" in sys.argv else [output.name]):
    (output.parent / name).touch()
if "--record" in sys.argv:
    pathlib.Path(sys.argv[sys.argv.index("--record") + 1]).touch()
print("trained" if "train" in sys.argv else "evaluated")
"""


NVIDIA_SMI = """#!/bin/sh
echo 0, GPU-0aaa, 24564
"""


class Machine(Clone):
    """A clone on a machine with stand-ins for the runtimes, and for Isaac Sim's Python."""

    def __init__(self, folder):
        super().__init__(folder / "clone")
        self.home, self.tools = folder / "home", folder / "tools"
        self.calls, self.jobs = folder / "calls.jsonl", folder / "jobs.jsonl"
        self.cache = self.home / "ca che"
        self.python = folder / "isaac-sim/python.sh"
        texts = {self.tools / name: RUNTIME for name in ("apptainer", "docker", "podman")}
        for file, text in {**texts, self.python: JOB, self.tools / "nvidia-smi": NVIDIA_SMI}.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                text.format(python=sys.executable, log=str(self.jobs if file == self.python else self.calls))
            )
            file.chmod(0o755)
        (self.folder / "configs/experiment/contained.yaml").write_text(EXPERIMENT)
        image = self.folder / "containers/isaacsim.sif"
        image.parent.mkdir()
        image.touch()
        # What earlier jobs leave, so that only the simulator's jobs are to be done.
        for name in (RUN, OPENING):
            (self.folder / name).mkdir(parents=True)
            (self.folder / name / "config.yaml").touch()
        (self.folder / "results/contained/kernels.ready").touch()

    def environment(self):
        kept = super().environment()
        extra = {"HOME": str(self.home), "XDG_CONFIG_HOME": "", "SECRET": "of the user's shell"}
        return {**kept, **extra, "PATH": f"{self.tools}{os.pathsep}{kept['PATH']}"}

    def consent(self, **keys):
        file = self.home / ".config/sitt/container.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        settings = {"accept_eula": True, "python": str(self.python), "cache": str(self.cache), **keys}
        file.write_text(json.dumps(settings))

    def evaluate(self, runtime, *arguments):
        target = f"{RUN}/episodes.parquet"
        config = ("--config", "experiment=contained", f"container={{runtime: {runtime}}}")
        return self.snakemake(target, "--profile", "workflow/profiles/isaacsim", *arguments, *config)

    def recorded(self, file):
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize("runtime", ["apptainer", "docker", "podman", "none"])
def test_jobs_run_in_the_container_that_is_chosen(machine, runtime):
    machine.consent(gpu_share=2)
    done = machine.evaluate(runtime)
    assert done.returncode == 0, done.stderr[-4000:]

    calls = [call for call in machine.recorded(machine.calls) if call[1] in ("run", "exec")]
    assert [call[0] for call in calls] == ([] if runtime == "none" else [runtime] * 3)
    jobs = machine.recorded(machine.jobs)
    opening = ["--config", f"{OPENING}/config.yaml", "--output", f"{OPENING}/opening.pt"]
    train = ["--config", f"{RUN}/config.yaml", "--output", f"{RUN}/policy.pt"]
    train += ["--opening", f"{OPENING}/opening.pt", "--record", RECORDING]
    evaluate = ["--config", f"{RUN}/config.yaml", "--policy", f"{RUN}/policy.pt", "--output", f"{RUN}/episodes.parquet"]
    assert [arguments for arguments, _, _ in jobs] == [
        ["-m", "sitt.cli", "train", *opening],
        ["-m", "sitt.cli", "train", *train],
        ["-m", "sitt.cli", "evaluate", *evaluate],
    ]
    for _, folder, environment in jobs:
        assert folder == str(machine.folder)
        assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(machine.folder)
        assert environment["SITT_GPU_FOLDER"] == f"{machine.cache}/leases"
        assert environment["SITT_GPU_SHARE"] == "2"
        assert environment["ACCEPT_EULA"] == "Y"
        assert "PRIVACY_CONSENT" not in environment
        assert environment["SITT_WORKFLOW"].split()[1].isdecimal()
        if runtime != "none":
            assert environment["HOME"] == f"{machine.cache}/home", "not the working directory"
            assert "SECRET" not in environment
    log = machine.folder / "results/contained/logs/joint/seed0/train.log"
    assert log.read_text() == "trained\n"
    assert (machine.cache / "home").is_dir()
    assert (machine.cache / "kit/cache").is_dir()

    for call in calls:
        mounts = {f"{machine.folder}:{machine.folder}", f"{machine.cache}:{machine.cache}"}
        mounts |= {
            f"{machine.cache}/kit/{name}:{machine.python.parent}/kit/{name}" for name in ("cache", "data", "logs")
        }
        if runtime == "apptainer":
            assert call[1:4] == ["exec", "--home", str(machine.folder)], "Snakemake's own"
            assert call[4:7] == ["--nv", "--cleanenv", "--writable-tmpfs"]
            assert call[7:9] == ["--home", f"{machine.cache}/home"], "the last one holds"
            assert set(call[call.index("--bind") + 1].split(",")) == mounts
            image = call.index("containers/isaacsim.sif")
            assert call[image + 1 : image + 3] == ["bash", "-c"]
            assert f"{machine.python} -m sitt.cli" in call[image + 3]
        else:
            assert {call[place + 1] for place, word in enumerate(call) if word == "--volume"} == mounts


def test_snakemake_hands_the_arguments_on_to_a_clusters_jobs():
    """There it starts itself again, by a command line in which nothing may be expanded too early."""
    profile = yaml.safe_load((ROOT / "workflow/profiles/isaacsim/config.yaml").read_text())
    arguments = profile["apptainer-args"]
    config = "container={runtime: podman, image: 'a:1'}"
    handed = [
        format_cli_arg("--apptainer-args", arguments, base64_encode=True),  # as snakemake/spawn_jobs.py does
        format_cli_arg("--config", ["experiment=paper", config]),
    ]
    printed = subprocess.run(
        ["bash", "-c", f"set -u; printf '%s\\n' {' '.join(handed)}"], capture_output=True, text=True, check=True
    )
    options = get_argument_parser().parse_args(printed.stdout.splitlines())
    assert options.apptainer_args == arguments
    assert parse_config(options.config) == {"experiment": "paper", "container": {"runtime": "podman", "image": "a:1"}}


def test_without_consent_nothing_runs(machine):
    done = machine.evaluate("docker")
    assert done.returncode != 0
    assert "container.accept_eula = false" in done.stderr
    assert "Traceback" not in done.stderr
    assert machine.recorded(machine.jobs) == []
    assert not [call for call in machine.recorded(machine.calls) if call[1] in ("run", "exec")]


def test_too_many_for_the_gpus_memory_are_refused_before_anything_runs(machine):
    machine.consent(gpu_share=2, gpu_memory_gib=16)
    done = machine.evaluate("docker")
    assert done.returncode != 0
    assert "asks for more than the 24.0 GiB of GPU 0" in done.stderr
    assert "Traceback" not in done.stderr
    assert machine.recorded(machine.jobs) == []


def test_the_paper_plans_twelve_trainings_each_with_a_gpu(machine):
    done = machine.snakemake("--dry-run", "--config", "experiment=paper", "container={runtime: docker}")
    assert done.returncode == 0, done.stderr[-4000:]
    blocks = [block for block in done.stdout.split("\nrule ") if block.startswith("train_")]
    assert len(blocks) == 12
    runs = {block.split("output: ")[1].split(",")[0] for block in blocks}
    methods = ("bc", "dagger", "joint", "joint_aligned")
    assert runs == {f"results/paper/runs/{method}/seed{seed}/policy.pt" for method in methods for seed in range(3)}
    assert all("gpu=1" in block for block in blocks)
    assert not (machine.folder / "results/paper").exists()
