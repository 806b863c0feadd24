"""Running statistics against those of all the data at once."""

import torch

from sitt.nn.normalizer import Normalizer


def test_statistics_equal_those_of_the_concatenated_batches():
    torch.manual_seed(0)
    batches = [torch.randn(size, 4) * 3 + 7 for size in (5, 1, 300)]
    normalizer = Normalizer(4)
    for batch in batches:
        normalizer.update(batch)
    everything = torch.cat(batches)
    assert torch.allclose(normalizer.mean, everything.mean(0), atol=1e-5)
    assert torch.allclose(normalizer.variance, everything.var(0, unbiased=False), rtol=1e-4)
    assert int(normalizer.count) == 306


def test_output_is_standardised_and_clamped_and_changes_nothing():
    normalizer = Normalizer(1)
    normalizer.update(torch.tensor([[1.0], [3.0]]))  # mean 2, standard deviation 1
    before = normalizer.state_dict()["mean"].clone()
    out = normalizer(torch.tensor([[1.0], [2.0], [100.0]]))
    assert torch.allclose(out.squeeze(), torch.tensor([-1.0, 0.0, 5.0]), atol=1e-4)
    assert torch.equal(normalizer.mean, before)


def test_with_a_common_scale_the_whole_vector_has_variance_one():
    normalizer = Normalizer(2, common_scale=True)
    batch = torch.tensor([[-3.0, 1.0], [3.0, 1.0], [0.0, 5.0], [0.0, 1.0]])  # variances 4.5 and 3
    normalizer.update(batch)
    assert torch.allclose(normalizer(batch), (batch - batch.mean(0)) / 7.5**0.5, atol=1e-5)


def test_restore_undoes_the_standardisation():
    normalizer = Normalizer(1)
    normalizer.update(torch.tensor([[1.0], [5.0]]))  # mean 3, standard deviation 2
    restored = normalizer.restore(torch.tensor([[-1.0], [0.5]]))
    assert torch.allclose(restored, torch.tensor([[1.0], [4.0]]), atol=1e-4)
    assert torch.allclose(normalizer(restored), torch.tensor([[-1.0], [0.5]]), atol=1e-5)
