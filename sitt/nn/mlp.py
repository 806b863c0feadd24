"""Multi-layer perceptrons.

ReLU where OIGE's FrankaCabinetPPO.yaml has ELU: on a CPU, ELU alone takes almost half of the update.
"""

from __future__ import annotations

from typing import Sequence

from torch import nn


def mlp(inputs: int, widths: Sequence[int]) -> nn.Sequential:
    """Return an MLP (…, inputs) → (…, widths[-1]) with a ReLU after every layer."""
    layers = []
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers)
