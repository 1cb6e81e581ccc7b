"""One measured figure: its bound, and what others reach beside it in the same run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A figure that was measured.

    Parameters
    ----------
    what
        What was measured, in words.
    value
        What came out.
    unit
        Its unit; empty for a number.
    at_most, at_least
        The bound; without one the figure is only told.
    peers
        What others reach beside it, in the same unit, by who they are.
    remark
        What has to be said of it.
    """

    what: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    remark: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the bound is kept; `None` where there is none.

        Examples
        --------
        >>> Figure("share", 0.68, at_least=0.62, at_most=0.74).reached
        True
        """
        if self.at_most is None and self.at_least is None:
            return None
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    def bound(self) -> str:
        """Say the bound in signs.

        Examples
        --------
        >>> Figure("cost", 0.4, "ms", at_most=1.0).bound()
        '≤ 1 ms'
        """
        if self.at_least is not None and self.at_most is not None:
            return with_unit(f"{self.at_least:.3g}–{self.at_most:.3g}", self.unit)
        if self.at_most is not None:
            return with_unit(f"≤ {self.at_most:.3g}", self.unit)
        return "" if self.at_least is None else with_unit(f"≥ {self.at_least:.3g}", self.unit)

    def as_dict(self) -> dict[str, Any]:
        """Return what a JSON file holds of it."""
        return {
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "reached": self.reached,
            "peers": dict(self.peers),
            "remark": self.remark,
        }


def with_unit(number: str, unit: str) -> str:
    """Write a number with its unit."""
    return f"{number} {unit}" if unit else number
