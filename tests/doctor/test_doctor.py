"""`sitt doctor` on machines of all kinds: nvidia-smi, docker, podman and apptainer are stubs on PATH, really called."""

from __future__ import annotations

from pathlib import Path

import pytest

from sitt import cli, commands
from sitt.doctor import GROUPS
from sitt.doctor.embedded import EMBEDDED
from sitt.doctor.paper import ASSETS, PAPER
from sitt.doctor.warp import WARP
from sitt.findings import attempt

NO_DRIVER = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
DENIED = "ERROR: permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
NOT_RUNNING = "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
ALL_WELL = {"GPU", "driver", "container", "GPU inside", "image", "licence", "assets"}


class Machine:
    """A machine with these programs and no others."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.settings = folder / "bin", folder / "home" / "sitt" / "container.yaml"
        self.bin.mkdir()
        self.settings.parent.mkdir(parents=True)

    def has(self, name: str, *lines: str) -> None:
        """Put a program on PATH, a shell script."""
        path = self.bin / name
        path.write_text("\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)

    def has_gpu(self, name: str, capability: str, memory: int = 24564, driver: str = "550.54.15") -> None:
        self.has("nvidia-smi", f'echo "{name}, {capability}, {memory}, {driver}"')

    def is_set(self, **keys: str) -> None:
        self.settings.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(machine.bin))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return machine


def paper(name: str):
    return attempt(PAPER[name])


def test_a_machine_without_gpu_containers_and_weights_is_told_what_to_do(machine, capsys):
    assert cli.main(["doctor"]) == 0, "the default experiment needs none of that"
    lines = capsys.readouterr().out.splitlines()
    bad = [i for i, line in enumerate(lines) if line.startswith("✗")]
    names = {lines[i][2:18].strip() for i in bad}
    assert {"GPU", "driver", "container", "image", "licence", "weights"} <= names
    assert not names & set(EMBEDDED)
    assert all(lines[i + 1].strip().startswith("→ ") and len(lines[i + 1].strip()) > 12 for i in bad)
    assert [line for line in lines if line in GROUPS] == list(GROUPS)
    assert "= can run here" in lines and lines[-2].startswith("= cannot run here yet: mend what is marked ✗ (")


def test_a_machine_that_cannot_run_the_default_experiment_is_an_error(machine, monkeypatch, capsys):
    monkeypatch.setattr("sitt.doctor.GROUPS", {"embedded": {"snakemake": lambda: 1 / 0}, "paper": {}})
    assert cli.main(["doctor"]) == 1
    out, err = capsys.readouterr()
    assert "✗ snakemake        ZeroDivisionError: division by zero" in out and "mend the lines marked ✗" in err


def test_a_machine_with_all_there_is(machine):
    machine.has_gpu("NVIDIA GeForce RTX 4090", "8.9")
    machine.has("apptainer", 'echo "apptainer version 1.3.4"')
    Path("containers").mkdir()
    Path("containers/isaacsim.sif").touch()
    machine.is_set(accept_eula="true")
    found = {name: paper(name) for name in ALL_WELL}
    assert all(finding.ok for finding in found.values()), found
    assert found["GPU"].text == "NVIDIA GeForce RTX 4090, 24 GiB, RT cores"
    assert found["container"].text == "apptainer version 1.3.4"


@pytest.mark.parametrize(
    ("name", "capability", "memory", "words"),
    [
        ("NVIDIA H100 80GB HBM3", "9.0", 81559, "has no RT cores"),
        ("NVIDIA H200", "9.0", 143771, "has no RT cores"),
        ("NVIDIA A100-SXM4-80GB", "8.0", 81920, "has no RT cores"),
        ("NVIDIA B200", "10.0", 183359, "has no RT cores"),
        ("Tesla V100-SXM2-32GB", "7.0", 32768, "has no RT cores"),
        ("NVIDIA GeForce GTX 1650", "7.5", 4096, "has no RT cores"),
        ("NVIDIA T1000", "7.5", 8192, "has no RT cores"),
        ("NVIDIA GeForce RTX 5090", "12.0", 32607, "is newer than Isaac Sim 4.0"),
        ("NVIDIA GeForce RTX 3050", "8.6", 4096, "has less than 8 GiB"),
        ("Tesla T4", "7.5", 15360, ""),
        ("NVIDIA GeForce RTX 2080 Ti", "7.5", 11264, ""),
        ("NVIDIA A10", "8.6", 23028, ""),
        ("NVIDIA L40S", "8.9", 46068, ""),
    ],
)
def test_rt_cores_are_known_by_name_and_compute_capability(machine, name, capability, memory, words):
    machine.has_gpu(name, capability, memory)
    finding = paper("GPU")
    assert finding.ok == (not words) and name in finding.text and words in finding.text


def test_one_suitable_gpu_of_several_is_enough(machine):
    machine.has(
        "nvidia-smi", 'echo "NVIDIA A100-SXM4-40GB, 8.0, 40960, 550.54.15"', 'echo "NVIDIA A40, 8.6, 46068, 550.54.15"'
    )
    assert paper("GPU").ok and paper("GPU").text.count("RT cores") == 2


@pytest.mark.parametrize(
    ("version", "ok"), [("535.129.03", True), ("550.54.15", True), ("535.104.05", False), ("470.256.02", False)]
)
def test_the_driver_is_compared_with_what_isaac_sim_needs(machine, version, ok):
    machine.has_gpu("NVIDIA A40", "8.6", driver=version)
    assert paper("driver").ok == ok and version in paper("driver").text
    assert "535.129.03" in paper("driver").mend


def test_a_driver_that_does_not_answer(machine):
    machine.has("nvidia-smi", f'echo "{NO_DRIVER}"', "exit 9")
    assert "couldn't communicate with the NVIDIA driver" in paper("GPU").text and "restart" in paper("GPU").mend
    machine.has("nvidia-smi", "exit 0")
    assert paper("GPU").text == "nvidia-smi lists no GPU"


@pytest.mark.parametrize(
    ("error", "mend"), [(DENIED, "sudo usermod -aG docker $USER"), (NOT_RUNNING, "sudo systemctl start docker")]
)
def test_a_docker_that_cannot_be_called(machine, error, mend):
    machine.is_set(runtime="docker")
    machine.has("docker", f"echo '{error}' >&2", "echo 'errors pretty printing info' >&2", "exit 1")
    finding = paper("container")
    assert error.removeprefix("ERROR: ")[:60] in finding.text and finding.mend.startswith(mend)
    machine.has("podman", 'echo "4.9.3"')
    assert paper("container").mend.endswith("or take one that works here: container.runtime: podman")


def test_a_docker_without_its_server_is_not_taken_for_one(machine):
    machine.is_set(runtime="docker")
    machine.has("docker", f"echo '{NOT_RUNNING}' >&2", "exit 0")
    assert not paper("container").ok


def test_docker_needs_the_container_toolkit_and_the_image(machine):
    machine.is_set(runtime="docker")
    server = (
        'case "$*" in',
        '*Runtimes*) echo "$RUNTIMES";;',
        "*inspect*) exit $IMAGE;;",
        '*) echo "27.1.1";;',
        "esac",
    )
    machine.has("docker", "RUNTIMES='{\"runc\":{}}'", "IMAGE=1", *server)
    assert paper("container").text == "docker 27.1.1"
    assert "NVIDIA Container Toolkit" in paper("GPU inside").mend
    machine.has("nvidia-ctk", 'echo "NVIDIA Container Toolkit CLI version 1.16.1"')
    assert "nvidia-ctk runtime configure --runtime=docker" in paper("GPU inside").mend
    assert paper("image").mend.startswith("docker build") and "sitt-isaacsim:4.0.0" in paper("image").text
    machine.has("docker", 'RUNTIMES=\'{"nvidia":{},"runc":{}}\'', "IMAGE=0", *server)
    assert paper("GPU inside").ok and paper("image").ok


def test_podman_needs_cdi_devices(machine):
    machine.is_set(runtime="podman")
    machine.has("podman", 'echo "4.9.3"')
    machine.has(
        "nvidia-ctk", 'case "$*" in *list*) exit 0;; esac', 'echo "NVIDIA Container Toolkit CLI version 1.16.1"'
    )
    assert paper("container").ok and "nvidia-ctk cdi generate" in paper("GPU inside").mend
    machine.has("nvidia-ctk", 'echo "nvidia.com/gpu=all"')
    assert paper("GPU inside").ok


def test_isaac_sim_without_a_container(machine, tmp_path):
    machine.is_set(runtime="none", python=tmp_path / "isaac-sim" / "python.sh")
    assert "set container.python to the python.sh" in paper("container").mend
    (tmp_path / "isaac-sim").mkdir()
    (tmp_path / "isaac-sim" / "python.sh").touch(mode=0o755)
    assert paper("container").ok and paper("GPU inside").ok and paper("image").ok


def test_the_licence_is_the_users_to_accept(machine):
    assert f"write accept_eula: true into {machine.settings}" in paper("licence").mend
    machine.is_set(accept_eula="true")
    assert paper("licence").ok


def test_assets_on_this_machine_must_be_there(machine, tmp_path):
    assert "from NVIDIA's server" in paper("assets").text
    machine.is_set(assets=tmp_path / "assets")
    assert f"lacks {ASSETS[0]}" in paper("assets").text
    for name in ASSETS:
        (tmp_path / "assets" / name).parent.mkdir(parents=True)
        (tmp_path / "assets" / name).touch()
    assert paper("assets").ok


def test_weights_that_are_not_here_are_fetched_by_a_named_command(machine):
    finding = paper("weights")
    assert not finding.ok and finding.text.endswith(" does not exist")
    assert finding.mend.startswith("sitt weights --experiment paper")


def test_too_small_a_disk(machine, monkeypatch):
    monkeypatch.setattr("sitt.doctor.paper.shutil.disk_usage", lambda place: type("Usage", (), {"free": 20 * 2**30}))
    assert paper("disk").text.startswith("20 GiB free at ") and not paper("disk").ok
    Path("containers").mkdir()
    Path("containers/isaacsim.sif").touch()
    assert paper("disk").ok, "with the image there, less is needed"


def test_a_program_that_does_not_answer_is_not_waited_for(machine):
    machine.has("docker", "exec /bin/sleep 60")
    assert commands.ask(("docker", "info"), limit_s=0.3).error == "docker did not answer within 0 s"
    (machine.bin / "podman").write_text("no program")
    (machine.bin / "podman").chmod(0o755)
    assert "podman cannot be run" in commands.ask(("podman", "info")).error


def test_a_setting_that_is_refused_is_a_line_and_no_traceback(machine):
    machine.is_set(runtime="lxc")
    assert not paper("container").ok and "container.runtime" in paper("container").text


def test_what_jobs_in_mujoco_warp_ask_of_a_gpu_is_asked_before(machine, monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def found(**settings):
        machine.is_set(**settings)
        return attempt(WARP["leases"])

    assert "no NVIDIA GPU to be seen" in found().text and found().mend.startswith("install its driver")
    machine.has("nvidia-smi", 'echo "0, GPU-0aaa, 24564"')
    assert found(gpu_share=2).ok and "room for 2 jobs side by side" in found(gpu_share=2).text
    assert "asks for more than the 24.0 GiB of GPU 0" in found(gpu_share=4).text
    blocked = found(cache=machine.bin / "nvidia-smi")
    assert "cannot be written" in blocked.text and "container.cache" in blocked.mend


def test_a_build_of_torch_without_cuda_is_told_which_one_to_install(machine, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.version.cuda", None)
    assert "make setup TORCH_INDEX=https://pypi.org/simple" in attempt(WARP["CUDA"]).mend
    monkeypatch.setattr("torch.version.cuda", "13.0")
    assert "a driver of NVIDIA's that is new enough for CUDA 13.0" in attempt(WARP["CUDA"]).mend
