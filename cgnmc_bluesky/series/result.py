"""What is found in a series of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.series.trend import Trend
from cgnmc_bluesky.series.points import SeriesPoint


@dataclass(frozen=True)
class SeriesResult:
    """What one analysis found in a series.

    Parameters
    ----------
    analysis, mode
        Which analysis ("ni2_fraction_trend"), of which of the runs' signals.
    conditions
        What the samples share, of "material", "cycles" and "cutoff_v".
    status
        "final", or "waiting" where there are too few samples to say anything.
    reason
        What was found, or why not, and what was left out, in words.
    units
        Unit of each value, by its name. It names every value the analysis has.
    values, sigmas
        Values and one standard deviation of each; `None` where one cannot be given.
    points
        The samples that it rests on.
    left_out
        Those that it does not, each with why.
    quantity, quantity_unit, against
        What the trend is of, its unit, and what along; empty for other analyses.
    edge
        The edge where the analysis' name does not tell it.
    trend
        The trend, where there is one.
    verdict
        The answer in a word or two: "rises", "kept".
    """

    analysis: str
    mode: str | None
    conditions: Mapping[str, Any]
    status: Status
    reason: str
    units: Mapping[str, str]
    values: Mapping[str, float | None] = field(default_factory=dict)
    sigmas: Mapping[str, float | None] = field(default_factory=dict)
    points: Sequence[SeriesPoint] = ()
    left_out: Sequence[str] = ()
    quantity: str = ""
    quantity_unit: str = ""
    against: str = ""
    edge: str | None = None
    trend: Trend | None = None
    verdict: str | None = None

    def __post_init__(self) -> None:
        unknown = (set(self.values) | set(self.sigmas)) - set(self.units)
        if unknown:
            raise ValueError(f"values without a unit: {sorted(unknown)}")
        object.__setattr__(self, "values", {name: self.values.get(name) for name in self.units})
        object.__setattr__(self, "sigmas", {name: self.sigmas.get(name) for name in self.units})

    @property
    def material(self) -> str | None:
        """Material of the samples, where they name one."""
        found = self.conditions.get("material")
        return None if found is None else str(found)

    @property
    def runs(self) -> list[str]:
        """Uids of the runs that it rests on, each once."""
        return list(dict.fromkeys(point.result.run_uid for point in self.points))

    def as_dict(self) -> dict[str, Any]:
        """Return what a line of JSON holds."""
        line: dict[str, Any] = {"analysis": self.analysis, "mode": self.mode}
        line |= {"material": None, **self.conditions}
        line |= {name: said for name in ("against", "edge") if (said := getattr(self, name))}
        return line | {
            "status": str(self.status),
            "reason": self.reason,
            "verdict": self.verdict,
            "values": dict(self.values),
            "sigmas": dict(self.sigmas),
            "units": dict(self.units),
            "runs": self.runs,
        }
