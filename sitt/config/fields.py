"""The kinds of values in the configuration, and the base of its sections."""

from __future__ import annotations

from typing import Annotated, Tuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Vec3 = Tuple[float, float, float]
Joints = Annotated[Tuple[float, ...], Field(min_length=9, max_length=9)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]  # what the database's BIGINT holds
Widths = Annotated[Tuple[Count, ...], Field(min_length=1)]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$", max_length=200)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
ExperimentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=48)]
Algorithm = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]


class Strict(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent type coercion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)
