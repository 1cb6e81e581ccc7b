"""How a release is looked for elsewhere: by a threshold, a running sum, a hinge, a tangent.

Each detector gives its evidence after each reading. What evidence is taken for a release is either
what textbooks say, or what 5 % of runs without release reach.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Evidence = tuple[Floats, Floats]
"""Temperatures, rising, and the evidence at each."""

TRAILING = 100
"""Readings of the trailing background, 20 °C at 3 s and 4 °C/min."""
SKIPPED = 40
"""Readings between it and the latest: a slow rise shall not be its own background."""
LATEST = 5
"""Readings that are averaged and held against it."""
ALLOWANCE = 0.5
"""What a running sum leaves out at each step, standard deviations."""
HINGE_BINS = 90
"""Length of the quadratic background under a hinge, °C."""
HINGE_LEAST = 4
HINGE_PAST = 15
"""Bins before the end of a window, in which the noise is not asked."""
BASELINE_C = (70.0, 20.0)
"""A tangent is drawn against a line through what was so far before the steepest rise."""
SMOOTHED = 15
"""Readings of the running mean whose steepest rise is the tangent's."""


def k_sigma(temperature_c: Floats, current: Floats) -> Evidence:
    """Deviation from the mean of a trailing background, in its standard deviations."""
    windows = sliding_window_view(current, TRAILING)[: -SKIPPED - LATEST]
    latest = sliding_window_view(current, LATEST)[TRAILING + SKIPPED :].mean(axis=1)
    above = (latest - windows.mean(axis=1)) / windows.std(axis=1)
    return temperature_c[TRAILING + SKIPPED + LATEST - 1 :], above


def cusum(temperature_c: Floats, current: Floats) -> Evidence:
    """Page's running sum of deviations from a trailing background."""
    windows = sliding_window_view(current, TRAILING)[:-1]
    steps = (current[TRAILING:] - windows.mean(axis=1)) / windows.std(axis=1) - ALLOWANCE
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    # max(0, S + step), all at once: how far the walk is above its lowest point so far.
    return temperature_c[TRAILING:], (walked - np.minimum.accumulate(walked))[1:]


def hinge(temperature_c: Floats, current: Floats) -> Evidence:
    """Likelihood ratio of a rising hinge over a quadratic background, in bins of 1 °C.

    The noise is that of windows before, with what the memory of their residuals makes of it.
    """
    at_c, mean = _binned(temperature_c, current)
    windows = sliding_window_view(mean, HINGE_BINS)
    along = np.linspace(-1, 1, HINGE_BINS)
    quadratic = np.linalg.qr(along[:, None] ** np.arange(3))[0]
    starts = np.arange(HINGE_BINS // 3, HINGE_BINS - HINGE_LEAST)
    hinges = np.maximum(np.arange(HINGE_BINS)[:, None] - starts, 0.0)
    hinges -= quadratic @ (quadratic.T @ hinges)
    hinges /= np.linalg.norm(hinges, axis=0)
    left = windows - (windows @ quadratic) @ quadratic.T
    squares = np.sum(left**2, axis=1)
    heights = np.maximum((left @ hinges).max(axis=1), 0.0)
    memory = np.clip(np.sum(left[:, 1:] * left[:, :-1], axis=1) / squares, 0.0, 0.9)
    noise2 = (squares - heights**2) / (HINGE_BINS - 4) * (1 + memory) / (1 - memory)
    past = [np.median(noise2[: max(1, at - HINGE_PAST)][-60:]) for at in range(len(noise2))]
    return at_c[HINGE_BINS - 1 :], heights**2 / np.array(past)


def _binned(temperature_c: Floats, current: Floats) -> Evidence:
    edges_c = np.arange(np.ceil(temperature_c[0]), temperature_c.max())
    place = np.digitize(temperature_c, edges_c)
    counts = np.bincount(place, minlength=len(edges_c) + 1)[1:-1]
    sums = np.bincount(place, current, minlength=len(edges_c) + 1)[1:-1]
    filled = counts > 0
    return edges_c[1:][filled], sums[filled] / counts[filled]


DETECTORS: Mapping[str, Callable[[Floats, Floats], Evidence]] = {
    "k-sigma": k_sigma,
    "CUSUM": cusum,
    "hinge": hinge,
}
TEXTBOOK = {"k-sigma": 3.0, "CUSUM": 5.0}


def without_spikes(current: Floats) -> Floats:
    """Give the running median of five readings, so that single ones alarm nobody."""
    return np.median(sliding_window_view(np.pad(current, 2, mode="edge"), 5), axis=1)


def first_above(evidence: Evidence, threshold: float) -> float:
    """Temperature at which the evidence first exceeds a threshold; NaN where it does not."""
    above = evidence[1] > threshold
    return float(evidence[0][np.argmax(above)]) if above.any() else np.nan


def tangent(temperature_c: Floats, current: Floats, after_c: float) -> float:
    """Extrapolated onset by hand: steepest rise so far, against a line through what was before.

    Parameters
    ----------
    temperature_c, current
        Readings so far, shape `(n,)`.
    after_c
        The steepest rise is looked for from here on.
    """
    mean = np.ones(SMOOTHED) / SMOOTHED
    at_c, smooth = (np.convolve(one, mean, "valid") for one in (temperature_c, current))
    slope = np.gradient(smooth, at_c)
    slope[at_c < after_c - BASELINE_C[1]] = -np.inf
    steepest = int(np.argmax(slope))
    low_c, high_c = (at_c[steepest] - back for back in BASELINE_C)
    chosen = (temperature_c > low_c) & (temperature_c < high_c)
    if np.count_nonzero(chosen) < 3 or not np.isfinite(slope[steepest]):
        return np.nan
    line = np.polynomial.Polynomial.fit(temperature_c[chosen], current[chosen], 1)
    line_slope = float(line.deriv()(at_c[steepest]))
    above = smooth[steepest] - float(line(at_c[steepest]))
    return float(at_c[steepest] - above / (slope[steepest] - line_slope))
