"""Results as the points of a series: where each stands, and why one is left out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result

Against = Literal["cycles", "cutoff_v"]
"""What a series goes along: the number of cycles, or the voltage up to which they went."""

_FRACTION = re.compile(r"([a-z]{1,2})\d_fraction")


@dataclass(frozen=True)
class SeriesPoint:
    """One sample of a series.

    Parameters
    ----------
    x
        Its cycles, or its cut-off voltage in V.
    value, sigma
        The quantity, and one standard deviation.
    result
        The result that says so.
    """

    x: float
    value: float
    sigma: float
    result: Result


def element_of(analysis: str) -> str | None:
    """Element whose valences an analysis is of, `None` for any other analysis.

    Examples
    --------
    >>> element_of("ni2_fraction"), element_of("edge_position")
    ('Ni', None)
    """
    match = _FRACTION.fullmatch(analysis)
    return match[1].capitalize() if match else None


def edge_of_result(result: Result) -> str | None:
    """Edge that an edge position is of; other analyses tell it by their names.

    Parameters
    ----------
    result
        The result.
    """
    parameters = result.about.get("analysis", {}).get("parameters", {})
    return parameters.get("edge") if result.analysis == "edge_position" else None


def named(result: Result) -> str:
    """Name a result by its run: scan number, sample and particle.

    Parameters
    ----------
    result
        The result.
    """
    run = result.run_uid[:8] if result.scan_id is None else str(result.scan_id)
    particle = "" if result.particle is None else f" particle {result.particle}"
    sample = f" ({result.sample})" if result.sample else ""
    return f"run {run}{particle}{sample}"


def points_of(
    results: Iterable[Result], quantity: str, against: Against
) -> tuple[list[SeriesPoint], list[str]]:
    """Take a quantity out of results.

    Parameters
    ----------
    results
        Of one analysis, mode and material.
    quantity
        Name of the value.
    against
        Where each stands.

    Returns
    -------
    tuple of list
        The points in ascending order, and what was left out, each with why.
    """
    points, left_out = [], []
    for result in results:
        why = _why_not(result, quantity, against)
        if why:
            left_out.append(f"{named(result)}: {why}")
            continue
        value, sigma = result.values[quantity], result.sigmas[quantity]
        if value is not None and sigma is not None:
            points.append(SeriesPoint(float(result.conditions[against]), value, sigma, result))
    return sorted(points, key=lambda point: point.x), left_out


def _why_not(result: Result, quantity: str, against: Against) -> str:
    if against not in result.conditions:
        return f"its start document names no {against}"
    if result.status in (Status.FAILED, Status.WAITING):
        return f"{result.status}, {result.reason}" if result.reason else str(result.status)
    if result.values.get(quantity) is None:
        return f"no {quantity}" + (f" ({result.reason})" if result.reason else "")
    sigma = result.sigmas.get(quantity)
    return "" if sigma is not None and sigma > 0 else f"{quantity} has no sigma"


def apart(
    results: Sequence[Result], against: Against
) -> Iterator[tuple[Mapping[str, Any], list[Result]]]:
    """Tell materials apart, and series along cycles by the cut-off voltage, or the other way.

    Samples that have not been cycled belong to every series of their material, whatever their
    cut-off voltage.

    Yields
    ------
    tuple
        What the samples of a series share, and their results.
    """
    other = "cutoff_v" if against == "cycles" else "cycles"
    for material in dict.fromkeys(result.conditions.get("material") for result in results):
        of_it = [each for each in results if each.conditions.get("material") == material]
        shared = {} if material is None else {"material": material}
        levels = dict.fromkeys(_level(each, other) for each in of_it)
        numbers = sorted(level for level in levels if level is not None)
        if len(numbers) < 2:
            yield shared, of_it
            continue
        for number in numbers:
            chosen = [each for each in of_it if _level(each, other) in (number, None)]
            yield {**shared, other: number}, chosen


def _level(result: Result, other: str) -> float | None:
    """The other condition of a sample; `None` where it has none, or was not cycled."""
    is_fresh = result.conditions.get("cycles") == 0
    level: float | None = None if is_fresh else result.conditions.get(other)
    return level
