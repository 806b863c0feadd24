"""Leases of GPUs: real processes, a stand-in for nvidia-smi."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from sitt.runs import gpu
from tests.conftest import sentence
from tests.workflow.conftest import wait_for

LEASE = (
    "import os, sys; from sitt.runs.gpu import lease_gpu; lease_gpu(); "
    "print(lease_gpu(), os.environ['CUDA_VISIBLE_DEVICES'], flush=True); sys.stdin.read()"
)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with GPUs 0 and 1, whose leases lie in tmp_path."""

    def of(count):
        tool = tmp_path / "nvidia-smi"
        rows = "\n".join(f"{index}, GPU-{index}aaa" for index in range(count))
        tool.write_text(f'#!/bin/sh\ntest "$1" = --query-gpu=index,uuid || exit 9\ncat <<END\n{rows}\nEND\n')
        tool.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SITT_LEASES", str(tmp_path / "leases"))
    for name in ("CUDA_VISIBLE_DEVICES", "SITT_GPU_SHARE"):
        monkeypatch.delenv(name, raising=False)
    of(2)
    return of


@contextmanager
def processes(count):
    """Start processes that lease a GPU, one after the other, and keep it; the last may have to wait."""
    started = []
    try:
        for number in range(count):
            pipe = subprocess.PIPE
            process = subprocess.Popen([sys.executable, "-c", LEASE], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
            started.append(process)
            if number < count - 1:
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


def test_a_share_of_two_fills_every_gpu_before_it_doubles(machine, monkeypatch):
    monkeypatch.setenv("SITT_GPU_SHARE", "2")
    with processes(5) as (*four, last):
        assert [process.answer[0] for process in four] == ["0", "1", "0", "1"]
        assert "waiting" in last.stderr.readline()
        assert last.poll() is None


@pytest.mark.parametrize(("visible", "number"), [("1", 1), ("GPU-1", 1), (" 1 , 0 ", 0), (None, 0)])
def test_what_the_scheduler_gave_is_all_there_is_to_choose_from(machine, monkeypatch, visible, number):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu._candidates()[0].number == number
    assert len(gpu._candidates()) == (2 if visible in (" 1 , 0 ", None) else 1)


def test_without_a_gpu_one_sentence_says_so(machine, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert "CUDA_VISIBLE_DEVICES = '7' leaves none of this machine's 2 GPUs" in sentence(gpu.lease_gpu)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert "no NVIDIA GPU to be seen" in sentence(gpu.lease_gpu)


def test_a_lease_hides_the_other_gpus_from_cuda_and_is_taken_once(machine, monkeypatch):
    monkeypatch.setattr(gpu, "_leased", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert gpu.lease_gpu() == gpu.lease_gpu() == 1
    assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["CUDA_DEVICE_ORDER"]) == ("GPU-1aaa", "PCI_BUS_ID")
    with processes(1) as (other,):
        assert "waiting" in other.stderr.readline()
        gpu._leased[1].close()
        assert wait_for(lambda: other.stdout.readline().split() == ["1", "GPU-1aaa"], 10)
