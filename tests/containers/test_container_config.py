"""The typed configuration of containers, and what it makes of each runtime: mounts, variables, refusals."""

import csv
import os
import shlex
import signal
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from sitt.config.compose import ROOT, compose
from sitt.config.container import container_config, user_file
from sitt.config.sim import SimConfig
from sitt.runs.containers import environment, job_variables, mounts, require_ready, simulator_jobs
from sitt.runs.plan import make_plan, set_job_environment
from tests.conftest import sentence

READY = {"accept_eula": True}
ISAAC_SIM = compose("paper", "joint", 0).sim
MUJOCO = compose("smoke", "joint", 0).sim


class GpuSimulator(SimConfig):
    """A simulator that needs a GPU and no container."""

    @property
    def needs_gpu(self):
        return True


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of one's own, without a file of the user's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def test_the_users_file_goes_before_the_repositorys_and_the_command_line_before_both(home):
    assert container_config().runtime == "apptainer"
    assert not container_config().accept_eula
    user_file().parent.mkdir(parents=True)
    user_file().write_text("accept_eula: true\nruntime: docker\ngpu_share: 2\n")
    config = container_config({"runtime": "podman", "privacy_consent": "true"})  # Snakemake hands over strings
    assert (config.accept_eula, config.runtime, config.gpu_share, config.privacy_consent) == (True, "podman", 2, True)
    assert config.cache_folder == home / ".cache/sitt/isaac-sim"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runtim": "docker"}, "--config container: unknown key container.runtim; did you mean container.runtime?"),
        ({"runtime": "kubernetes"}, "'none', 'apptainer', 'docker' or 'podman'"),
        ({"image": "x; touch pwned"}, "container.image = 'x; touch pwned'"),
        ({"image": "--privileged"}, "container.image = '--privileged'"),
        ({"python": "/isaac-sim/python.sh\nid"}, "container.python"),
        ({"cache": "$(touch pwned)"}, "container.cache"),
        ({"cache": "/a:/b"}, "container.cache = '/a:/b'"),
        ({"assets": "relative"}, "container.assets = 'relative'"),
        ({"gpu_share": "0"}, "container.gpu_share = 0"),
        ({"gpu_memory_gib": "half"}, "container.gpu_memory_gib = 'half'"),
        ({"cache": "2020-01-01"}, "container.cache = '2020-01-01'"),
        ({"image": "["}, "--config container: image = '[' is no YAML"),
        ({"cache": '"/a\\nb"'}, "container.cache = '/a\\nb'"),
        ({"runtime": '!!python/object/apply:os.system ["touch pwned"]'}, "is no YAML"),
        ({7: 1}, "unknown key container.7"),
        ({"accept_eula": "Y"}, "container.accept_eula = 'Y'"),
    ],
)
def test_bad_values_are_refused(changes, words):
    assert words in sentence(container_config, changes)


def test_a_mistake_in_the_users_file_is_found_there():
    user_file().parent.mkdir(parents=True)
    user_file().write_text("accept_eula: maybe\n")
    assert sentence(container_config).startswith(f"{user_file()}: container.accept_eula = 'maybe'")
    user_file().write_text("- a list\n")
    assert "holds no mapping of keys" in sentence(container_config)
    assert "write 'container={runtime: docker}'" in sentence(make_plan, {"container": "docker"})


def test_containers_are_no_part_of_a_run(repository):
    plain = make_plan({"experiment": "smoke"})
    contained = make_plan({"experiment": "smoke", "container": {"runtime": "docker", "gpu_share": "4"}})
    assert plain.container != contained.container
    assert plain.folders() == contained.folders()
    # The embedded rules' command, and resources, are what they were.
    jobs = simulator_jobs(contained.sim, contained.container)
    assert (jobs.command, jobs.image, jobs.gpu, jobs.mem_mb) == ("sitt", None, 0, 2000)
    assert "container" not in compose("smoke", "joint", 0).model_dump()


@pytest.mark.parametrize("runtime", ["none", "apptainer", "docker", "podman"])
def test_every_runtime_gives_the_job_the_same(runtime, home, monkeypatch):
    monkeypatch.setenv("SITT_WORKFLOW", "host 1")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    changes = {"assets": "/data/Assets/Isaac/4.0", "gpu_share": 3, "gpu_memory_gib": 9, **READY}
    config = container_config({"runtime": runtime, **changes})
    expected = {
        "PYTHONPATH": str(ROOT),
        "PYTHONEXE": "exec /isaac-sim/kit/python/bin/python3",
        "OMNI_KIT_ALLOW_ROOT": "1",
        "SITT_GPU_FOLDER": f"{home}/.cache/sitt/isaac-sim/leases",
        "SITT_GPU_SHARE": "3",
        "SITT_GPU_MEMORY_GIB": "9",
        "SITT_ASSETS": "/data/Assets/Isaac/4.0",
        "ACCEPT_EULA": "Y",
    }
    cache = f"{home}/.cache/sitt/isaac-sim"
    places = {
        f"{ROOT}:{ROOT}", f"{cache}:{cache}", f"{cache}/kit/cache:/isaac-sim/kit/cache",
        f"{cache}/kit/data:/isaac-sim/kit/data", f"{cache}/kit/logs:/isaac-sim/kit/logs",
        "/data/Assets/Isaac/4.0:/data/Assets/Isaac/4.0:ro",
    }  # fmt: skip
    assert environment(config) == expected
    assert set(mounts(config)) == places | {f"{Path.cwd()}:{Path.cwd()}"}
    jobs, variables = simulator_jobs(ISAAC_SIM, config), job_variables(ISAAC_SIM, config)
    words = shlex.split(jobs.command)
    assert words[-2:] == ["-m", "sitt.cli"]
    assert jobs.gpu == 1
    if runtime == "none":
        assert (words[0], jobs.image, variables) == ("/isaac-sim/python.sh", None, expected)
    elif runtime == "apptainer":
        assert (words[0], jobs.image) == ("/isaac-sim/python.sh", "containers/isaacsim.sif")
        given = dict(pair.split("=", 1) for pair in variables["SITT_APPTAINER_ENV"].split(","))
        assert given == {**expected, "SITT_WORKFLOW": "host 1"}
        assert set(variables["SITT_APPTAINER_BIND"].split(",")) == set(mounts(config))
        assert variables["SITT_APPTAINER_HOME"] == f"{cache}/home"
    else:
        assert (words[0], jobs.image, variables) == (runtime, None, {})
        option = {name: [after for word, after in pairwise(words) if word == name] for name in set(words)}
        assert set(option["--volume"]) == set(mounts(config))
        given = dict(pair.split("=", 1) for pair in option["--env"] if "=" in pair)
        assert given == {**expected, "HOME": f"{cache}/home", "NVIDIA_DRIVER_CAPABILITIES": "all"}
        assert "SITT_WORKFLOW" in option["--env"]
        assert "CUDA_VISIBLE_DEVICES" not in option["--env"]
        assert option["--pid"] == option["--uts"] == ["host"]
        assert option["--workdir"] == [str(Path.cwd())]
        image = {"docker": "sitt-isaacsim:4.0.0", "podman": "localhost/sitt-isaacsim:4.0.0"}[runtime]
        assert words[-5:-2] == ["--entrypoint", "/isaac-sim/python.sh", image]
        assert {"run", "--rm"} <= set(words)
        assert option.get("--gpus") == (["all"] if runtime == "docker" else None)
        assert option.get("--device") == (["nvidia.com/gpu=all"] if runtime == "podman" else None)


def test_a_simulator_outside_of_a_container_has_its_gpu_likewise(home, monkeypatch):
    config = container_config({"gpu_share": 2, "gpu_memory_gib": 20})
    sim = GpuSimulator(name="mujoco", render_batch=1)
    assert vars(simulator_jobs(sim, config)) == {**vars(simulator_jobs(MUJOCO, config)), "gpu": 1, "mem_mb": 8000}
    assert job_variables(sim, config) == {
        "SITT_GPU_FOLDER": f"{home}/.cache/sitt/isaac-sim/leases", "SITT_GPU_SHARE": "2", "SITT_GPU_MEMORY_GIB": "20",
    }  # fmt: skip
    assert job_variables(MUJOCO, config) == {}
    (home / "nvidia-smi").write_text("#!/bin/sh\necho 0, GPU-0aaa, 40960\n")
    (home / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    require_ready(sim, config, False, True)
    small = container_config({"gpu_share": 2, "gpu_memory_gib": 21})
    assert "asks for more than the 40.0 GiB of GPU 0" in sentence(require_ready, sim, small, False, True)
    require_ready(sim, small, False, False)
    require_ready(MUJOCO, small, False, True)


def test_a_list_of_gpus_is_one_variable_to_apptainer(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    config = container_config(READY)
    (row,) = csv.reader([job_variables(ISAAC_SIM, config)["SITT_APPTAINER_ENV"]])  # as pflag's StringToString reads it
    assert (
        dict(pair.split("=", 1) for pair in row).items()
        >= {**environment(config), "CUDA_VISIBLE_DEVICES": "0,1"}.items()
    )


def test_files_belong_to_the_user(monkeypatch):
    docker, podman = (container_config({"runtime": runtime, **READY}) for runtime in ("docker", "podman"))
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    monkeypatch.setattr(os, "getgid", lambda: 99)
    monkeypatch.setattr("sitt.runs.containers._docker_is_rootless", lambda: False)
    assert "--user 1234:99" in simulator_jobs(ISAAC_SIM, docker).command
    assert "--userns keep-id" in simulator_jobs(ISAAC_SIM, podman).command
    monkeypatch.setattr("sitt.runs.containers._docker_is_rootless", lambda: True)  # its root is the user
    assert "--user" not in simulator_jobs(ISAAC_SIM, docker).command
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert "--user" not in simulator_jobs(ISAAC_SIM, podman).command


def test_nothing_starts_without_what_it_needs(home, monkeypatch, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))

    def refused(deployed=True, **changes):
        return sentence(require_ready, ISAAC_SIM, container_config(changes), deployed, True)

    def installed(name, status):
        (tools / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (tools / name).chmod(0o755)

    message = refused(runtime="docker")
    assert "developer.nvidia.com/omniverse/license" in message
    assert f"accept_eula: true into {user_file()}" in message
    assert "needs --profile workflow/profiles/isaacsim" in refused(deployed=False, **READY)
    assert "container.runtime = podman is not installed" in refused(runtime="podman", **READY)
    installed("docker", 1)
    assert "container.image = sitt-isaacsim:4.0.0 does not exist; build it" in refused(runtime="docker", **READY)
    installed("apptainer", 0)
    assert "container.image = containers/isaacsim.sif does not exist" in refused(**READY)
    assert "container.python = /isaac-sim/python.sh does not exist" in refused(runtime="none")
    installed("docker", 0)
    assert "has no folder Isaac" in refused(runtime="docker", assets=str(tmp_path), **READY)
    assert not (home / ".cache").exists()
    monkeypatch.chdir(tools)
    monkeypatch.setattr("sitt.runs.containers.ROOT", Path("/a,b"))
    assert "/a,b cannot be mounted" in refused(runtime="docker", **READY)
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", str(tools))
    config = container_config({"runtime": "docker", **READY})
    assert "no NVIDIA GPU to be seen" in sentence(require_ready, ISAAC_SIM, config, False, True)
    require_ready(ISAAC_SIM, config, False, False)  # not this machine but a cluster's have the GPUs
    made = {str(path.relative_to(home / ".cache/sitt/isaac-sim")) for path in home.glob(".cache/sitt/isaac-sim/**/*")}
    assert made == {"home", "kit", "kit/cache", "kit/data", "kit/logs"}


def test_a_signal_reaches_python_behind_python_sh(isaac_python, tmp_path):
    """NVIDIA's python.sh runs Python as a child and waits, so that a signal would end python.sh alone."""
    code = (
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    config = container_config({"runtime": "none", "python": str(isaac_python)})
    process = subprocess.Popen(
        [isaac_python, "-c", code], env={**os.environ, **environment(config)}, stdout=subprocess.PIPE, text=True
    )
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    process.stdout.close()
    plain = subprocess.run([isaac_python, "-c", "import os; print(os.getppid())"], capture_output=True, text=True)
    assert int(plain.stdout) != os.getpid(), "the stand-in behaves as NVIDIA's"


def test_jobs_on_a_gpu_without_a_container_share_it_with_those_in_one(home, monkeypatch):
    plan = make_plan({"experiment": "embedded-gpu", "container": {"gpu_share": "3"}})
    jobs = simulator_jobs(plan.sim, plan.container)
    assert (jobs.command, jobs.image, jobs.gpu) == ("sitt", None, 1)
    leases = ("SITT_GPU_FOLDER", "SITT_GPU_SHARE", "SITT_GPU_MEMORY_GIB")
    for name in ("PYTHONPATH", "SITT_WORKFLOW", "SITT_CONSOLE", *leases):
        monkeypatch.setenv(name, "as before")
    set_job_environment(plan)
    assert os.environ["SITT_GPU_SHARE"] == "3"
    in_a_container = environment(plan.container)
    assert [os.environ[name] for name in leases] == [in_a_container[name] for name in leases]
    assert simulator_jobs(make_plan({}).sim, plan.container).gpu == 0
