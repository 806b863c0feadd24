"""The student's memory: what it keeps, what it drops, what it refuses."""

import pytest
import torch

from sitt.config.compose import compose
from sitt.errors import UserError
from sitt.nn.policy import Networks
from sitt.rl.memory import Memory, PairedObservations


@pytest.fixture(scope="module")
def networks():
    return Networks(compose("smoke", "joint", 0))


def pairs(networks, *numbers):
    """One state per number, with the number in every entry."""
    column = torch.tensor(numbers, dtype=torch.float32).unsqueeze(1)
    return PairedObservations(column.expand(-1, 23), column.expand(-1, networks.student.image.num_features))


def drawn(memory):
    observations, embeddings = memory.sample(200, torch.Generator().manual_seed(0))
    assert torch.equal(observations[:, 0], embeddings[:, 0])  # states keep their images
    return set(observations[:, 0].tolist())


def test_the_oldest_states_make_room(networks):
    memory = Memory(5, networks, mebibytes=16)
    memory.add(pairs(networks, 1, 2))
    assert drawn(memory) == {1, 2}
    memory.add(pairs(networks, 3, 4))
    memory.add(pairs(networks, 5, 6))
    assert drawn(memory) == {2, 3, 4, 5, 6}


def test_too_much_for_the_memory_allowed_is_refused(networks):
    per_image = networks.student.image.num_features * 4
    Memory(2**20 // per_image, networks, mebibytes=1)
    with pytest.raises(UserError, match=r"more than student\.buffer_mebibytes = 1;"):
        Memory(2**20 // per_image + 1, networks, mebibytes=1)
    with pytest.raises(ValueError, match="3 states do not fit a memory of 2"):
        Memory(2, networks, mebibytes=1).add(pairs(networks, 1, 2, 3))
