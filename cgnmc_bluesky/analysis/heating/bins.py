"""Bins of one pattern, ready to be fitted: in order, in range, and with the noise of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from cgnmc_bluesky.analysis.heating.cells import two_theta_deg
from cgnmc_bluesky.analysis.heating.structures import LONGEST_D_A, SHORTEST_D_A

Floats = NDArray[np.float64]

LEAST_BINS = 100
"""Fewer bins are no pattern."""
_SMOOTH = 9
"""Bins over which counts are averaged to know their variance: single ones would pull the fit."""
_GROUPS = 12
_MEDIAN_OF_SQUARES = 0.4549
"""Median of a squared standard normal number."""
_COUNTS_WITHIN = 1.5
"""Whole numbers whose variance is their mean within this factor are counts."""


class NoPattern(ValueError):
    """The bins hold no pattern; the message says why."""


@dataclass(frozen=True)
class Bins:
    """What is fitted of a pattern.

    Parameters
    ----------
    angle_deg
        2θ, shape `(n,)`, ascending.
    intensity
        What was measured, shape `(n,)`.
    variance
        Of each, shape `(n,)`.
    place
        Where each stands in the pattern, shape `(n,)`.
    """

    angle_deg: Floats
    intensity: Floats
    variance: Floats
    place: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.angle_deg)


def bins_of(intensity: Floats, angle_deg: Floats, wavelength_a: float) -> Bins:
    """Choose the bins that are fitted.

    Parameters
    ----------
    intensity
        The pattern, shape `(n,)`; NaN where a bin saw nothing.
    angle_deg
        2θ of each bin, shape `(n,)`, in any order.
    wavelength_a
        In ångström.

    Raises
    ------
    NoPattern
        If there are too few bins, or nothing in them.
    """
    if len(intensity) != len(angle_deg):
        raise NoPattern(f"{len(intensity)} bins, but {len(angle_deg)} angles")
    limits = two_theta_deg(np.array([LONGEST_D_A, SHORTEST_D_A]) ** -2.0, wavelength_a)
    low, high = np.nan_to_num(limits, nan=180.0)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(intensity) & (angle_deg >= low) & (angle_deg <= high)
    place = np.flatnonzero(good)
    place = place[np.argsort(angle_deg[place], kind="stable")]
    place = place[np.append(True, np.diff(angle_deg[place]) > 0)] if len(place) else place
    if len(place) < LEAST_BINS:
        raise NoPattern(f"{len(place)} bins between {low:.1f} and {high:.1f}°")
    measured = np.asarray(intensity[place], dtype=np.float64)
    if not np.any(measured != measured[0]):
        raise NoPattern("nothing but zeros" if measured[0] == 0 else "all bins are alike")
    return Bins(
        np.asarray(angle_deg[place], dtype=np.float64), measured, _variance(measured), place
    )


def _variance(intensity: Floats) -> Floats:
    """Variance of each bin: of counts their mean, else as neighbours differ.

    Notes
    -----
    Second differences know no slope. Their median in groups of bins of similar height is a line of
    the height: a constant part and one in proportion.
    """
    mean = uniform_filter1d(intensity, _SMOOTH, mode="nearest")
    bends = np.diff(intensity, 2) ** 2 / 6.0
    order = np.argsort(mean[1:-1], kind="stable")
    groups = np.array_split(order, _GROUPS)
    height = np.array([np.mean(mean[1:-1][group]) for group in groups])
    spread = np.array([np.median(bends[group]) for group in groups]) / _MEDIAN_OF_SQUARES
    gain = float(np.median(spread / np.maximum(height, 1e-300)))
    is_counts = np.all(intensity == np.round(intensity)) and intensity.min() >= 0
    if is_counts and (height[0] < 3.0 or 1 / _COUNTS_WITHIN < gain < _COUNTS_WITHIN):
        return np.asarray(np.maximum(mean, 1.0))
    slope, constant = np.polyfit(height[: _GROUPS // 2], spread[: _GROUPS // 2], 1)
    if slope < 0 or constant < 0:
        slope, constant = (0.0, float(np.median(spread[:3]))) if slope < 0 else (gain, 0.0)
    variance = slope * np.maximum(mean, 0.0) + constant
    least = 0.3 * max(float(np.median(spread[:3])), 1e-30)
    return np.asarray(np.maximum(variance, least))
