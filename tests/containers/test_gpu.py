"""Leases of GPUs: real processes, a stand-in for nvidia-smi."""

import os
import subprocess
import sys
from contextlib import contextmanager
from select import select

import pytest

from sitt.config.compose import compose, dump
from sitt.config.container import container_config
from sitt.device import beside
from sitt.runs import gpu
from sitt.runs.gpu import Gpu, Leases
from tests.conftest import sentence
from tests.workflow.conftest import wait_for

LEASE = (
    "import os, sys; from sitt.runs.gpu import lease_gpu; lease_gpu(); "
    "print(lease_gpu(), os.environ['CUDA_VISIBLE_DEVICES'], flush=True); sys.stdin.read()"
)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with GPUs 0 and 1 of 80 GiB, whose leases lie in tmp_path; it can be given other GPUs."""

    def has(*mebibytes):
        tool = tmp_path / "nvidia-smi"
        rows = "\n".join(f"{index}, GPU-{index}aaa, {memory}" for index, memory in enumerate(mebibytes))
        query = '"$*" = "--query-gpu=index,uuid,memory.total --format=csv,noheader,nounits"'
        tool.write_text(f"#!/bin/sh\ntest {query} || exit 9\ncat <<END\n{rows}\nEND\n")
        tool.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CUDA_VISIBLE_DEVICES", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in Leases(tmp_path / "leases", 1, 7).variables().items():
        monkeypatch.setenv(name, value)
    has(81920, 81920)
    return has


@contextmanager
def processes(count, at_once=False):
    """Start processes that lease a GPU, one after the other (the last may have to wait) or at once, and keep it."""
    started = []
    try:
        for number in range(count):
            pipe = subprocess.PIPE
            process = subprocess.Popen([sys.executable, "-c", LEASE], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
            started.append(process)
            if not at_once and number < count - 1:
                process.answer = process.stdout.readline().split()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_two_processes_never_share_and_a_killed_one_makes_room(machine):
    with processes(3) as (first, second, third):
        assert [first.answer, second.answer] == [["0", "GPU-0aaa"], ["1", "GPU-1aaa"]]
        assert "all 2 GPUs are leased; waiting" in third.stderr.readline()
        assert third.poll() is None
        first.kill()  # SIGKILL: nobody can clean up
        assert third.stdout.readline().split() == ["0", "GPU-0aaa"]
        assert second.poll() is None


def test_of_two_that_race_for_one_gpu_one_waits(machine):
    machine(81920)
    with processes(2, at_once=True) as pair:
        waiting = select([process.stderr for process in pair], [], [], 60)[0]
        assert len(waiting) == 1
        assert "all 1 GPUs are leased; waiting" in waiting[0].readline()
        (winner,) = [process for process in pair if process.stderr is not waiting[0]]
        (loser,) = [process for process in pair if process is not winner]
        assert winner.stdout.readline().split() == ["0", "GPU-0aaa"]
        assert not select([loser.stdout], [], [], 2 * gpu.POLL_S)[0]
        winner.kill()
        assert loser.stdout.readline().split() == ["0", "GPU-0aaa"]


def test_a_share_of_two_fills_every_gpu_before_it_doubles(machine, monkeypatch):
    monkeypatch.setenv("SITT_GPU_SHARE", "2")
    with processes(5) as (*four, last):
        assert [process.answer[0] for process in four] == ["0", "1", "0", "1"]
        assert "waiting" in last.stderr.readline()
        assert last.poll() is None


def test_who_wants_a_gpu_alone_shares_it_with_none_who_would_share(machine, monkeypatch, tmp_path):
    alone, two = Leases(tmp_path, 1, 7), Leases(tmp_path, 2, 7)
    card = [Gpu(0, "GPU-0aaa", 80.0)]
    first = gpu._take(card, two)
    assert gpu._take(card, alone) is None
    second = gpu._take(card, two)
    assert second is not None and gpu._take(card, two) is None
    for lease in (first, second):
        assert gpu._take(card, alone) is None
        for handle in lease[1:]:
            handle.close()
    third = gpu._take(card, alone)
    assert third is not None and gpu._take(card, two) is None and gpu._take(card, alone) is None


def test_a_gpu_is_shared_only_as_far_as_its_memory_goes(machine, monkeypatch, tmp_path):
    machine(81920, 24564)
    assert [card.number for card in Leases(tmp_path, 3, 7).require_room()] == [0, 1]  # 21 of 23.99 GiB
    message = sentence(Leases(tmp_path, 2, 16).require_room)
    assert "container.gpu_share = 2 at container.gpu_memory_gib = 16 for each job" in message
    assert "24.0 GiB of GPU 1" in message
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert [card.number for card in Leases(tmp_path, 2, 16).require_room()] == [0]
    assert "80.0 GiB of GPU 0" in sentence(Leases(tmp_path, 2, 41).require_room)
    assert Leases(tmp_path, 1, 16).places() == 1
    machine(81920, 81920)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert Leases(tmp_path, 3, 7).places() == 6
    machine("[N/A]")  # nvidia-smi does not say: the settings are believed
    assert len(Leases(tmp_path, 2, 1000).require_room()) == 1
    assert list(tmp_path.glob("GPU-*")) == []


def test_a_folder_of_leases_that_cannot_be_written_is_refused_before_a_job_needs_one(machine, tmp_path):
    message = sentence(Leases(tmp_path / "nvidia-smi", 1, 7).require_room)
    assert message.startswith(f"{tmp_path / 'nvidia-smi'} cannot be written (") and "container.cache" in message


def test_a_job_of_no_workflow_has_its_leases_where_a_workflows_jobs_have_theirs(machine, monkeypatch, tmp_path):
    expected = Leases.of(container_config())
    assert expected == Leases(tmp_path / ".cache/sitt/isaac-sim/leases", 1, 7)
    assert Leases.of_job().folder == tmp_path / "leases"
    for name in expected.variables():
        monkeypatch.delenv(name)
    assert Leases.of_job() == expected
    for name, value in expected._replace(share=3).variables().items():
        monkeypatch.setenv(name, value)
    assert Leases.of_job() == expected._replace(share=3)


@pytest.mark.parametrize(("visible", "number"), [("1", 1), ("GPU-1", 1), (" 1 , 0 ", 0), (None, 0)])
def test_what_the_scheduler_gave_is_all_there_is_to_choose_from(machine, monkeypatch, visible, number):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu._visible()[0].number == number
    assert len(gpu._visible()) == (2 if visible in (" 1 , 0 ", None) else 1)


def test_without_a_gpu_one_sentence_says_so(machine, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert "CUDA_VISIBLE_DEVICES = '7' leaves none of this machine's 2 GPUs" in sentence(gpu.lease_gpu)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert sentence(gpu.lease_gpu) == "no NVIDIA GPU to be seen (nvidia-smi does not answer)"
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    assert sentence(gpu.lease_gpu) == "no NVIDIA GPU to be seen (nvidia-smi lists none)"
    paper, warp = (sentence(beside, compose(name, "joint", 0).sim) for name in ("paper", "embedded-gpu"))
    assert paper.startswith("no NVIDIA GPU") and "docs/isaac-sim.md" in paper and paper.count("; ") == 1
    assert warp.startswith("sim mujoco_warp needs") and "docs/isaac-sim.md" not in warp and warp.count("; ") == 1


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_job_whose_simulator_needs_a_gpu_leases_it_first(machine, tmp_path, command):
    """Before its networks, its other inputs and Isaac Sim, none of which is there."""
    config, missing, output = tmp_path / "config.yaml", str(tmp_path / "missing.pt"), str(tmp_path / "output")
    dump(compose("paper", "dagger", 0), config)
    given = ["--teacher" if command == "train" else "--policy", missing, "--output", output]
    job = [sys.executable, "-m", "sitt.cli", command, "--config", str(config), *given]
    message = subprocess.run(job, capture_output=True, text=True).stderr
    assert "Error: " in message and "NVIDIA" not in message
    assert {path.name for path in (tmp_path / "leases").iterdir()} == {"GPU-0aaa", "GPU-0aaa.0"}
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert subprocess.run(job, capture_output=True, text=True).stderr.startswith("Error: no NVIDIA GPU to be seen")


def test_a_lease_hides_the_other_gpus_from_cuda_and_is_taken_once(machine, monkeypatch):
    monkeypatch.setattr(gpu, "_leased", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert gpu.lease_gpu() == gpu.lease_gpu() == 1
    assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["CUDA_DEVICE_ORDER"]) == ("GPU-1aaa", "PCI_BUS_ID")
    with processes(1) as (other,):
        assert "waiting" in other.stderr.readline()
        for handle in gpu._leased[1:]:
            handle.close()
        assert wait_for(lambda: other.stdout.readline().split() == ["1", "GPU-1aaa"], 10)
