"""The features of the images seen last, so that an image that is seen again costs a look-up."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Callable

import torch
from torch import Tensor

FLOAT_BYTES = 4


class FeatureCache:
    """A function from images (K, …) uint8 to features (K, F) float32, and its latest results in memory of a fixed size.

    The function must map an image to the same bits whatever it is shown beside it; then the cache changes no result.
    Images and features are on the CPU, whose memory is larger.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], num_features: int, mebibytes: int) -> None:
        self.function = function
        self.capacity = mebibytes * 2**20 // (FLOAT_BYTES * num_features)
        """Images whose features fit; when it is full, the one not seen for longest makes room."""
        # Memory is taken from the system only as rows are written.
        self.rows = torch.empty(self.capacity, num_features, device="cpu")
        self.places: OrderedDict[bytes, int] = OrderedDict()
        """The row of each image by its digest, the one not seen for longest first."""

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return features (K, F) of images (K, …); each distinct image that is not known is computed once."""
        keys = [_digest(image) for image in images]
        new = {key: k for k, key in enumerate(keys) if key not in self.places}
        known = [k for k, key in enumerate(keys) if key not in new]
        features = torch.empty(len(keys), self.rows.shape[1], device="cpu")
        features[known] = self.rows[[self.places[keys[k]] for k in known]]
        for k in known:
            self.places.move_to_end(keys[k])
        if new:
            computed = self.function(images[list(new.values())])
            row = {key: n for n, key in enumerate(new)}
            unknown = [k for k, key in enumerate(keys) if key in new]
            features[unknown] = computed[[row[keys[k]] for k in unknown]]
            for key, values in zip(new, computed):
                self._keep(key, values)
        return features

    def _keep(self, key: bytes, values: Tensor) -> None:
        if not self.capacity:
            return
        full = len(self.places) == self.capacity
        place = self.places.popitem(last=False)[1] if full else len(self.places)
        self.rows[place] = values
        self.places[key] = place


def _digest(image: Tensor) -> bytes:
    """Return 16 bytes that no two images share: BLAKE2 is collision resistant."""
    return hashlib.blake2b(image.contiguous().numpy().data, digest_size=16).digest()
