"""Named temperatures of a release: which definition gives which."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.curve import Curve

Floats = NDArray[np.float64]

RATE_SHARE = 0.05
"""A release has a fixed rate of its own where it is this share of the background under it."""
DEVIATES = 3.0
"""A release deviates from its background by so many standard deviations."""
AGREED = 0.95
"""A peak has passed where so large a share of what is likely says so."""
BINNED_C = 0.1
"""Uncertainty of any temperature for its being an average over a bin."""
WIDER = 1.2
"""Sigmas are so much larger than what smooth curves leave open: smoothing rounds off the rest. Told
from the errors in runs whose releases and noises are drawn by other laws (`make bench`)."""
FOUND = 0.8
"""A temperature is given where so large a share of what is likely has one."""


@dataclass(frozen=True)
class Measured:
    """A value with its standard deviation; both `None` where there is none."""

    value: float | None = None
    sigma: float | None = None


def extrapolated_onset(x: Floats, y: Floats, before: Floats, *, falls: bool = False) -> float:
    """Where the tangent at the steepest point meets the extrapolated baseline.

    Parameters
    ----------
    x
        Temperature, shape `(n,)`, ascending.
    y
        Smooth curve that steps up or has a peak, shape `(n,)`.
    before
        Its baseline at each point, extrapolated, shape `(n,)`.
    falls
        Whether the curve falls (a mass that is lost) rather than rises.

    Returns
    -------
    float
        In the unit of x.

    Notes
    -----
    ISO 11358-1:2022; a curve's steepest point is its largest slope against temperature.

    Examples
    --------
    >>> x = np.linspace(0.0, 10.0, 101)
    >>> y = np.clip(x - 4.0, 0.0, 2.0)
    >>> round(extrapolated_onset(x, y, np.zeros(101)), 2)
    4.0
    """
    slopes = np.gradient(y - before, x)
    at = int(np.argmin(slopes) if falls else np.argmax(slopes))
    return float(x[at] - (y[at] - before[at]) / slopes[at])


def named_temperatures(curve: Curve) -> Mapping[str, Measured]:
    """Temperatures of a release by their names.

    Parameters
    ----------
    curve
        The release.

    Returns
    -------
    mapping
        `t_rate_c`, `t_first_deviation_c`, `t_extrapolated_c`, `t_peak_c`, `fwhm_c` (°C) and
        `max_slope` (unit of the current per °C).

    Notes
    -----
    Each is taken of the likeliest curve, its standard deviation of curves that are as likely as
    the data say.
    """
    every = np.column_stack([curve.release, curve.releases])
    under = np.column_stack([curve.background, curve.backgrounds])
    temperature_c = curve.bins.temperature_c
    top = np.argmax(every, axis=0)
    found = {
        "t_rate_c": _crossing(temperature_c, every - RATE_SHARE * under, top),
        "t_first_deviation_c": _last_crossing(temperature_c, every - DEVIATES * _noise(curve), top),
        **_tangents(temperature_c, every, top),
        **_summits(temperature_c, every, top),
    }
    if not np.all(under[:, 0] > 0):
        found["t_rate_c"] = np.full(every.shape[1], np.nan)
    binned_c = {name: 0.0 if name == "max_slope" else BINNED_C for name in found}
    return {name: _measured(values, binned_c[name]) for name, values in found.items()}


def _noise(curve: Curve) -> float:
    """Standard deviation of a bin about release and background."""
    left = curve.bins.current - curve.background - curve.release
    return float(1.4826 * np.median(np.abs(left - np.median(left))))


def has_peaked(curve: Curve) -> bool:
    """Whether the release has passed its peak, as far as the data can say."""
    top = np.argmax(curve.releases, axis=0)
    return bool(np.mean(top < len(curve.release) - 2) >= AGREED)


def _measured(values: Floats, least: float) -> Measured:
    """Value of the first, and the standard deviation of the others, with a least one."""
    others = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(others) < FOUND * (len(values) - 1):
        return Measured()
    low, high = np.quantile(others, [0.1587, 0.8413])
    return Measured(float(values[0]), float(np.hypot(WIDER * (high - low) / 2.0, least)))


def _crossing(temperature_c: Floats, above: Floats, top: NDArray[np.intp]) -> Floats:
    """Temperature where each curve first gets above zero, up to its top; NaN where it does not."""
    rows = np.arange(len(temperature_c))[:, None]
    is_above = (above > 0) & (rows <= top)
    at = np.argmax(is_above, axis=0)
    return np.where(is_above.any(axis=0), _between(temperature_c, above, at), np.nan)


def _last_crossing(temperature_c: Floats, above: Floats, top: NDArray[np.intp]) -> Floats:
    """Temperature from which on each curve is above zero until its top."""
    rows = np.arange(len(temperature_c))[:, None]
    is_below = (above <= 0) & (rows < top)
    at = len(temperature_c) - 1 - np.argmax(is_below[::-1], axis=0) + 1
    at = np.minimum(at, len(temperature_c) - 1)
    return np.where(is_below.any(axis=0), _between(temperature_c, above, at), np.nan)


def _between(temperature_c: Floats, above: Floats, at: NDArray[np.intp]) -> Floats:
    """Temperature of zero between the rows `at - 1` and `at` of each column."""
    columns = np.arange(above.shape[1])
    before = np.maximum(at - 1, 0)
    low, high = above[before, columns], above[at, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high != low, -low / (high - low), 0.0)
    part = np.clip(part, 0.0, 1.0)
    found = temperature_c[before] + part * (temperature_c[at] - temperature_c[before])
    return np.asarray(found, dtype=np.float64)


def _tangents(temperature_c: Floats, every: Floats, top: NDArray[np.intp]) -> dict[str, Floats]:
    """Largest slope on the way to the top, and where its tangent meets the background."""
    rows = np.arange(len(temperature_c))[:, None]
    steps_c = np.gradient(temperature_c)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.gradient(every, axis=0) / steps_c[:, None]
    slopes[(rows > top) | (steps_c[:, None] <= 0.0) | ~np.isfinite(slopes)] = -np.inf
    at, columns = np.argmax(slopes, axis=0), np.arange(every.shape[1])
    steepest = slopes[at, columns]
    good = np.isfinite(steepest) & (steepest > 0)
    steepest = np.where(good, steepest, np.nan)
    return {
        "t_extrapolated_c": temperature_c[at] - every[at, columns] / steepest,
        "max_slope": steepest,
    }


def _summits(temperature_c: Floats, every: Floats, top: NDArray[np.intp]) -> dict[str, Floats]:
    """Peak and full width at half of it."""
    columns, last = np.arange(every.shape[1]), len(temperature_c) - 1
    inside = (top > 0) & (top < last)
    middle = np.clip(top, 1, last - 1)
    low, high, next_ = (every[middle + step, columns] for step in (-1, 0, 1))
    bend = low - 2.0 * high + next_
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, 0.5 * (low - next_) / bend, 0.0)
    step_c = (temperature_c[middle + 1] - temperature_c[middle - 1]) / 2.0
    peak_c = np.where(inside, temperature_c[middle] + np.clip(shift, -1.0, 1.0) * step_c, np.nan)
    half = every - every[top, columns] / 2.0
    rise_c = _last_crossing(temperature_c, half, top)
    fall_c = _falling(temperature_c, half, top)
    return {"t_peak_c": peak_c, "fwhm_c": np.where(inside, fall_c - rise_c, np.nan)}


def _falling(temperature_c: Floats, above: Floats, top: NDArray[np.intp]) -> Floats:
    """Temperature where each curve first gets below zero behind its top."""
    rows = np.arange(len(temperature_c))[:, None]
    is_below = (above <= 0) & (rows > top)
    at = np.argmax(is_below, axis=0)
    return np.where(is_below.any(axis=0), _between(temperature_c, above, at), np.nan)
