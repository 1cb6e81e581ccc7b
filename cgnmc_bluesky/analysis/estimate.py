"""What an analysis says: values with uncertainties, a status, and a reason in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray


class Status(StrEnum):
    """How far a number may be believed."""

    WAITING = "waiting"
    """Too few data to say anything."""
    PROVISIONAL = "provisional"
    """Believed now; later data may change it."""
    FINAL = "final"
    """The run has ended and the number is believed."""
    FAILED = "failed"
    """Unusable data, or a fault."""


@dataclass(frozen=True)
class Estimate:
    """One analysis' answer to the data so far.

    Parameters
    ----------
    status
        How far the values may be believed.
    reason
        Why, in words; empty where there is nothing to add.
    units
        Unit of each value, by its name. It names every value the analysis has.
    values
        The values; `None` where one cannot be given. Names left out are `None` too.
    sigmas
        One standard deviation of each value, `None` beside a `None`.
    n_points
        Number of points that the values rest on.
    curves
        Arrays for the eye by group ("spectrum", "map", "profile") and name; those of one group are
        of one length, a row of a two-dimensional one for each entry of the others.
    curve_units
        Unit of each array, by its name.
    """

    status: Status
    reason: str
    units: Mapping[str, str]
    values: Mapping[str, float | None] = field(default_factory=dict)
    sigmas: Mapping[str, float | None] = field(default_factory=dict)
    n_points: int = 0
    curves: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)
    curve_units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = (set(self.values) | set(self.sigmas)) - set(self.units)
        if unknown:
            raise ValueError(f"values without a unit: {sorted(unknown)}")
        object.__setattr__(self, "values", {name: self.values.get(name) for name in self.units})
        object.__setattr__(self, "sigmas", {name: self.sigmas.get(name) for name in self.units})
