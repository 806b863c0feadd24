"""The memory on disk: what is written once is not written again, and any checkpoint's content comes back."""

import zlib

import pytest
import torch

from sitt.config.compose import compose
from sitt.nn.policy import Networks
from sitt.rl.memory import Memory, PairedObservations
from sitt.runs.memory_log import MemoryLog


@pytest.fixture(scope="module")
def networks():
    return Networks(compose("smoke", "joint", 0))


def add(memory, count):
    memory.add(PairedObservations(torch.randn(count, 23), torch.randn(count, memory.embeddings.shape[1])))


def test_any_earlier_state_comes_back_bit_for_bit(networks, tmp_path):
    memory = Memory(5, networks, mebibytes=16)
    log = MemoryLog(tmp_path, memory)
    past = []
    for count in (2, 2, 3, 1, 5):
        add(memory, count)
        log.write()
        past.append((memory.added, memory.observations.clone(), memory.embeddings.clone()))
    for added, observations, embeddings in past:
        restored = Memory(5, networks, mebibytes=16)
        MemoryLog(tmp_path, restored).read(added)
        size = restored.size
        assert size == min(added, 5)
        assert torch.equal(restored.observations[:size], observations[:size])
        assert torch.equal(restored.embeddings[:size], embeddings[:size])


def test_only_what_is_new_is_written(networks, tmp_path):
    memory = Memory(5, networks, mebibytes=16)
    log = MemoryLog(tmp_path, memory)
    add(memory, 3)
    log.write()
    (tmp_path / "observations.bin").write_bytes(b"")
    add(memory, 1)
    log.write()
    row = memory.observations[3].numpy().tobytes()
    checksum = zlib.crc32(row).to_bytes(4, "little")
    assert (tmp_path / "observations.bin").read_bytes() == bytes(3 * (92 + 4)) + row + checksum


def test_a_log_that_is_too_short_is_noticed(networks, tmp_path):
    memory = Memory(5, networks, mebibytes=16)
    log = MemoryLog(tmp_path, memory)
    add(memory, 3)
    log.write()
    with pytest.raises(OSError, match=r"observations\.bin is damaged"):
        log.read(4)
