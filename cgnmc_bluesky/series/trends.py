"""Trends of quantities over a series of runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.series.trend import Course, Trend, fit_trend
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.series.points import (
    Against,
    SeriesPoint,
    apart,
    edge_of_result,
    element_of,
    points_of,
)
from cgnmc_bluesky.series.result import SeriesResult
from cgnmc_bluesky.series.words import number, range_of

QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "edge_position": ("edge_shift_ev",),
    "mn_ni_ratio": ("mn_ni", "mn_ni_core", "mn_ni_shell", "gradient_width_um"),
    "o2_onset": ("t_rate_c", "fwhm_c"),
}
"""Values of each analysis that have trends; those of fractions are found by their names."""

_DIFFERENCE = "_difference"
_MEAN_VALENCE = "mean_valence"
_TINY = 1e-6


@dataclass(frozen=True)
class _Kind:
    """Which results belong together, and which of their values the trend is of."""

    analysis: str
    edge: str | None
    mode: str | None
    quantity: str

    @property
    def name(self) -> str:
        """What the trend is called: a mean valence by its element too."""
        element = element_of(self.analysis) if self.quantity == _MEAN_VALENCE else None
        return f"{element.lower()}_{self.quantity}_trend" if element else f"{self.quantity}_trend"


def trends(
    results: Iterable[Result],
    *,
    against: Against = "cycles",
    quantities: Sequence[str] | None = None,
    common_sigmas: Mapping[str, float] | None = None,
) -> list[SeriesResult]:
    """Test for each quantity, mode and material whether it changes over a series.

    Parameters
    ----------
    results
        Of all runs, as `replay` gives them.
    against
        What the series goes along, as the runs' start documents have it: "cycles" or "cutoff_v".
    quantities
        Names of the values; without it, those of `QUANTITIES` and of each fraction the lowest
        valence's and the mean valence.
    common_sigmas
        One standard deviation of what is wrong with all values of a quantity alike, by its name;
        it counts for the mean alone.

    Returns
    -------
    list of SeriesResult
        One for each quantity, mode and material of which a run names where it stands.

    Examples
    --------
    >>> for trend in trends(replay(catalog)):  # doctest: +SKIP
    ...     print(trend.material, trend.mode, trend.quantity, trend.verdict, trend.values["change"])
    """
    groups: dict[_Kind, list[Result]] = {}
    for result in results:
        for quantity in _quantities(result) if quantities is None else quantities:
            if quantity in result.values:
                kind = _Kind(result.analysis, edge_of_result(result), result.mode, quantity)
                groups.setdefault(kind, []).append(result)
    return [
        _trend_of(series, kind, against, conditions, (common_sigmas or {}).get(kind.quantity, 0.0))
        for kind, group in groups.items()
        for conditions, series in apart(group, against)
        if any(against in result.conditions for result in series)
    ]


def _quantities(result: Result) -> Sequence[str]:
    if element_of(result.analysis):
        return (result.analysis, _MEAN_VALENCE)
    if result.analysis == "surface_bulk":
        return [name for name in result.values if name.endswith(_DIFFERENCE)][:1]
    return QUANTITIES.get(result.analysis, ())


def _trend_of(
    series: Sequence[Result],
    kind: _Kind,
    against: Against,
    conditions: Mapping[str, Any],
    common_sigma: float,
) -> SeriesResult:
    points, left_out = points_of(series, kind.quantity, against)
    unit = next(iter(result.units[kind.quantity] for result in series), "")
    columns = zip(*((point.x, point.value, point.sigma) for point in points), strict=True)
    x, values, sigmas = columns if points else ((), (), ())
    trend = fit_trend(x, values, sigmas, common_sigma=common_sigma)
    said = _too_few(points, against) if trend is None else _said(trend, unit, against)
    slope = "slope_per_cycle" if against == "cycles" else "slope_per_v"
    found = _numbers(trend, slope) if trend else {}
    return SeriesResult(
        analysis=kind.name,
        mode=kind.mode,
        conditions=conditions,
        status=Status.WAITING if trend is None else Status.FINAL,
        reason="; ".join([said, *(f"left out {each}" for each in left_out)]),
        units=_units(unit, slope),
        values={name: value for name, (value, _) in found.items()} | {"points": float(len(points))},
        sigmas={name: sigma for name, (_, sigma) in found.items()},
        points=points,
        left_out=left_out,
        quantity=kind.quantity,
        quantity_unit=unit,
        against=against,
        edge=kind.edge,
        trend=trend,
        verdict=None if trend is None else str(trend.course),
    )


def _numbers(trend: Trend, slope: str) -> dict[str, tuple[float | None, float | None]]:
    return {
        "mean": (trend.mean, trend.mean_sigma),
        slope: (trend.slope, trend.slope_sigma),
        "change": (trend.change, trend.change_sigma),
        "p_constant": (trend.p_constant, None),
        "chi2": (trend.chi2, None),
        "chi2_line": (trend.chi2_line, None),
        "excess_sigma": (trend.means.excess_sigma, None),
        "detectable_change": (trend.detectable, None),
    }


def _units(unit: str, slope: str) -> dict[str, str]:
    per = f"{unit or '1'}/{'cycle' if slope == 'slope_per_cycle' else 'V'}"
    return {
        "mean": unit,
        slope: per,
        "change": unit,
        "p_constant": "",
        "chi2": "",
        "chi2_line": "",
        "excess_sigma": unit,
        "detectable_change": unit,
        "points": "",
    }


def _too_few(points: Sequence[SeriesPoint], against: Against) -> str:
    if not points:
        return "no sample with a value and its sigma"
    there = range_of([points[0].x], against)
    return f"samples at {there} only; a trend needs a second place"


def _said(trend: Trend, unit: str, against: Against) -> str:
    """Say in words what a trend is, and what limits it."""
    ends = range_of([float(trend.means.x[0]), float(trend.means.x[-1])], against)
    change = number(trend.change, trend.change_sigma, unit)
    p = f"= {trend.p_constant:.2g}" if trend.p_constant > _TINY else f"< {_TINY:g}"
    said = [f"{trend.course}: {change} from {ends} (p {p} if constant)"]
    if trend.course is Course.NO_CHANGE:
        said.append(f"a change of {number(trend.detectable, None, unit)} would have been seen")
    excess = trend.means.excess_sigma
    if excess:
        said.append(
            f"samples scatter by {number(excess, None, unit)} more than their sigmas, which are "
            "widened by it"
        )
    elif not trend.is_straight:
        said.append(
            "not on a line as its sigmas say: a bend, or samples that differ among each other "
            "(measure several at one place)"
        )
    return "; ".join(said)
