"""The one check of a run's numbers: it stops at the first NaN or Inf, before anything is learnt from that."""

from __future__ import annotations

import math

from torch import Tensor

from sitt.errors import UserError


class NotFiniteError(UserError):
    """Some number is none; a training that meets it adds a dump and the mend (`sitt.runs.session`)."""

    def __init__(self, quantity: str, values: Tensor, env_ids: Tensor | None) -> None:
        self.quantity = quantity
        self.values = values.detach()
        bad = ~self.values.isfinite()
        where = ""
        if bad.dim():
            rows = bad.flatten(1).any(1) if bad.dim() > 1 else bad
            first, *others = (rows.nonzero().flatten() if env_ids is None else env_ids[rows]).tolist()
            where = f" of environment {first}" + (f" (and of {len(others)} more)" if others else "")
        super().__init__(f"the {quantity}{where} is {self.values[bad].flatten()[0].item()}")


def require_finite(quantity: str, values: Tensor, env_ids: Tensor | None = None) -> None:
    """Let nothing pass but finite numbers: (), or (N, …) of all environments or of those with `env_ids` (N,).

    Raises:
        NotFiniteError: names the quantity and the first environment.
    """
    # A sum is finite only if its terms are, and takes half the time of a look at each.
    if not math.isfinite(values.sum()) and not values.isfinite().all():
        raise NotFiniteError(quantity, values, env_ids)
