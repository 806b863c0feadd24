"""The cache of features: what is computed, what is remembered, and how much memory that takes."""

import torch

from sitt.nn.feature_cache import FeatureCache
from sitt.seeding import generator

ROWS_PER_MEBIBYTE = 2**20 // (4 * 65536)
"""With 65536 features an image takes a quarter of a MiB."""


class Counted:
    """Features of an image: its mean, repeated; counts what it is asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, images):
        self.asked.append([int(image[0, 0, 0]) for image in images])
        return images.float().mean((1, 2, 3)).unsqueeze(1).expand(-1, 65536)


def pictures(*numbers):
    """One image per number, which is in every pixel."""
    return torch.stack([torch.full((3, 4, 4), number, dtype=torch.uint8) for number in numbers])


def test_each_distinct_image_is_computed_once():
    function = Counted()
    cache = FeatureCache(function, 65536, 1)
    assert cache(pictures(5, 7, 5))[:, 0].tolist() == [5, 7, 5]
    assert cache(pictures(7, 9, 9, 5))[:, 0].tolist() == [7, 9, 9, 5]
    assert [sorted(asked) for asked in function.asked] == [[5, 7], [9]]


def test_a_hit_is_the_same_bits():
    noise = torch.randn(4, 65536, generator=generator(0, "noise"))
    cache = FeatureCache(lambda images: noise[images[:, 0, 0, 0].long()], 65536, 1)
    cache(pictures(0, 1, 2, 3))
    cache.function = None  # nothing is computed any more
    assert torch.equal(cache(pictures(3, 0, 2)), noise[[3, 0, 2]])


def test_images_that_differ_in_one_bit_are_two():
    function = Counted()
    cache = FeatureCache(function, 65536, 1)
    one, other = pictures(8), pictures(8)
    other[0, 2, 3, 3] = 9
    first, second = cache(one), cache(other)
    assert first[0, 0] == 8 and second[0, 0] > 8 and len(function.asked) == 2


def test_memory_stays_within_its_budget_and_the_least_recently_seen_makes_room():
    function = Counted()
    cache = FeatureCache(function, 65536, 1)
    assert cache.capacity == ROWS_PER_MEBIBYTE == 4
    assert cache.rows.numel() * cache.rows.element_size() <= 2**20
    cache(pictures(0, 1, 2, 3))
    cache(pictures(0))  # seen again: now 1 is the oldest
    cache(pictures(4))
    assert len(cache.places) == 4
    function.asked.clear()
    assert cache(pictures(0, 2, 3, 4))[:, 0].tolist() == [0, 2, 3, 4]
    assert not function.asked
    cache(pictures(1))
    assert function.asked == [[1]]


def test_more_images_than_fit_come_out_right():
    for mebibytes in (0, 1):
        cache = FeatureCache(Counted(), 65536, mebibytes)
        for _ in range(2):
            assert cache(pictures(*range(10), 3))[:, 0].tolist() == [*range(10), 3]
        assert len(cache.places) == 4 * mebibytes


def test_results_of_inference_mode_can_be_trained_on():
    def function(images):
        with torch.inference_mode():
            return images.float().flatten(1)

    for mebibytes in (0, 1):
        features = FeatureCache(function, 48, mebibytes)(pictures(1, 2))
        torch.nn.Linear(48, 1)(features).sum().backward()
