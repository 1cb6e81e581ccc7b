"""Which part of a ramp a release can be taken from, and which of its temperatures to believe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.curve import Curve
from cgnmc_bluesky.analysis.heating.temperatures import Measured
from cgnmc_bluesky.analysis.heating.thermometer import Doubt
from cgnmc_bluesky.analysis.heating.trace import Bins

Floats = NDArray[np.float64]

BACK_C = 3.0
"""A temperature that falls so far below what it was has turned round."""
STANDS = 20
"""It stands still where over so many bins it goes on less than over two."""
FEWEST_BEFORE = 10
"""Bins before the detection that a background is told from, at least."""
FEWEST_AFTER = 3
"""Bins from the detection on that a release is told from, at least."""
BEGINNING = 40
"""First bins, in which a current falls, unless a release has begun already."""
RISES = 0.05
"""If it rises by so large a share in them, and is largest at their end."""
GAP_C = 6.0
"""Bins that are further apart than this, and than a few of the usual steps, leave a gap."""
GAP_STEPS = 4.0
"""Such a few."""
STEP = 5.0
"""A gauge steps where the current changes so many times as much over two bins as over those before
and behind them together: a release comes and goes."""
BESIDE = 8
"""Such bins on either side."""
NOISES = 8.0
"""And by so many standard deviations of a reading."""
NARROWEST = 2.0
"""Nor is one narrower than so many bins."""


@dataclass(frozen=True)
class Part:
    """The bins that a release is told from.

    Parameters
    ----------
    bins
        These.
    alarm
        Number of the first of them at or behind the detection; `None` where there are too few.
    holds_alarm
        Whether the detection itself is among them.
    remarks
        What was left out, in words.
    """

    bins: Bins
    alarm: int | None
    holds_alarm: bool
    remarks: Sequence[str] = ()


def part_of(bins: Bins, alarm: int, doubts: Sequence[Doubt], start_s: float) -> Part:
    """Leave out what a release cannot be told from.

    Parameters
    ----------
    bins
        All bins.
    alarm
        Number of the bin of the detection.
    doubts
        When temperature or current cannot be known.
    start_s
        When the bins' time began for the sample.

    Notes
    -----
    Readings while a sensor stood still or after it jumped are left out, and all that comes after
    the temperature has turned round or stood still: there time goes on, not temperature.
    """
    time_s = bins.time_s + start_s
    good = np.ones(len(bins), bool)
    for doubt in doubts:
        good &= (time_s < doubt.start_s) | (time_s > doubt.end_s)
    kept = Bins(*(column[good] for column in bins.columns()))
    at = int(np.count_nonzero(good[:alarm]))
    if not FEWEST_BEFORE <= at < len(kept):
        return Part(kept, None, bool(good[alarm]))
    if kept.temperature_c[at] < np.max(kept.temperature_c[: at + 1]) - BACK_C:
        return Part(kept, None, bool(good[alarm]))
    end, why = _end(kept.temperature_c, at)
    enough = end - at >= FEWEST_AFTER
    return Part(kept[:end], at if enough else None, bool(good[alarm]), [why] if why else [])


def begun_before(bins: Bins) -> bool:
    """Whether a current rises from its first reading on, as that of a release does that had begun.

    Parameters
    ----------
    bins
        All bins.
    """
    first = bins.current[:BEGINNING]
    start = float(np.mean(first[:3]))
    rise = float(np.max(first[5:])) - start
    noise = float(np.median(bins.scatter[:BEGINNING]))
    return rise > RISES * abs(start) + 5.0 * noise and int(np.argmax(first)) > 5


def no_release(curve: Curve, found: Mapping[str, Measured]) -> str:
    """Say why what was detected cannot be a release; nothing where it can.

    Parameters
    ----------
    curve
        What was detected.
    found
        Its named temperatures.
    """
    step_c = float(np.median(np.abs(np.diff(curve.bins.temperature_c))))
    height = float(np.max(curve.release))
    if height <= 0:
        return "what was detected is no rise above the background"
    if _steps(curve.bins):
        return "the current steps from one level to another, as a gauge does and no release"
    width_c = found["fwhm_c"].value
    if width_c is not None and width_c < NARROWEST * step_c:
        return f"what was detected is {width_c:.1f} °C wide: too narrow for a release"
    return ""


def believed(curve: Curve, found: Mapping[str, Measured]) -> tuple[dict[str, Measured], list[str]]:
    """Take back temperatures that lie where there are no readings.

    Parameters
    ----------
    curve
        The release.
    found
        Its named temperatures.

    Returns
    -------
    dict
        Those that are left.
    list of str
        Where there are no readings, in words.
    """
    temperature_c = curve.bins.temperature_c
    left, told = dict(found), []
    half_c = (found["fwhm_c"].value or 0.0) + GAP_C
    for low_c, high_c in _gaps(temperature_c):
        taken = [
            name
            for name, one in found.items()
            if name.startswith("t_") and one.value is not None and low_c <= one.value <= high_c
        ]
        top_c = found["t_peak_c"].value
        if top_c is not None and low_c < top_c + half_c and high_c > top_c - half_c:
            taken += ["t_peak_c", "fwhm_c", "t_extrapolated_c", "max_slope"]
        for name in taken:
            left[name] = Measured()
        if taken:
            told.append(f"no readings from {low_c:.0f} to {high_c:.0f} °C")
    first_c, later_c = (left[name].value for name in ("t_first_deviation_c", "t_extrapolated_c"))
    if first_c is not None and later_c is not None and first_c > later_c:
        left["t_first_deviation_c"] = Measured()
        told.append("the first deviation is lost in the noise")
    return left, told


def _steps(bins: Bins) -> bool:
    """Whether the largest change of the current is a step, with little change around it."""
    current = bins.current
    changes = np.abs(current[2:] - current[:-2])
    for low_c, _ in _gaps(bins.temperature_c):
        at = int(np.searchsorted(bins.temperature_c, low_c))
        changes[max(0, at - 1) : at + 1] = 0.0
    at = int(np.argmax(changes))
    if not BESIDE <= at < len(current) - 2 - BESIDE:
        return False
    around = abs(current[at] - current[at - BESIDE]) + abs(
        current[at + 2 + BESIDE] - current[at + 2]
    )
    return bool(changes[at] > STEP * around + NOISES * np.median(bins.scatter))


def _end(temperature_c: Floats, at: int) -> tuple[int, str]:
    """Number of the bin behind the last of a rising temperature, and why it is the last."""
    usual_c = float(np.median(np.abs(np.diff(temperature_c))))
    highest_c = np.maximum.accumulate(temperature_c)
    for one in range(at + 1, len(temperature_c)):
        if temperature_c[one] < highest_c[one] - BACK_C:
            top = int(np.argmax(temperature_c[: one + 1]))
            return top + 1, f"left out from {highest_c[one]:.0f} °C on: the temperature turns round"
        later = one + STANDS
        if later < len(temperature_c) and highest_c[later] - highest_c[one] < 2.0 * usual_c:
            return (
                one + 1,
                f"left out from {highest_c[one]:.0f} °C on: the temperature stands still",
            )
    return len(temperature_c), ""


def _gaps(temperature_c: Floats) -> list[tuple[float, float]]:
    steps_c = np.diff(temperature_c)
    usual_c = float(np.median(np.abs(steps_c)))
    at = np.flatnonzero(steps_c > max(GAP_C, GAP_STEPS * usual_c))
    return [(float(temperature_c[i]), float(temperature_c[i + 1])) for i in at]
