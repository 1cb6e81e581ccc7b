"""Where the lines of a phase may stand in a pattern that nothing is known of yet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from cgnmc_bluesky.analysis.heating.bins import Bins
from cgnmc_bluesky.analysis.heating.cells import two_theta_deg
from cgnmc_bluesky.analysis.heating.layout import PhaseLines

Floats = NDArray[np.float64]

NARROWEST_BINS = 2.0
WIDEST_DEG = 0.4

LAYERED_A = np.arange(2.78, 2.93, 0.0025)
LAYERED_C = np.arange(13.5, 14.81, 0.01)
SPINEL_A = np.arange(7.95, 8.50, 0.005)
ROCK_SALT_A = np.arange(4.08, 4.50, 0.003)
"""Cells that are looked at, in ångström: none as small as that of aluminium, 4.05, which has the
lines of a rock salt and may be in the sample as a foil.
"""
LEAST_RATIO = 4.925
"""A layered cell's c/a; that of a cubic one, on hexagonal axes, is 4.899."""


def cells_of(phase: PhaseLines) -> Floats:
    """Cells of a phase that are looked at, shape `(m, 1)` or `(m, 2)`."""
    if phase.name == "layered":
        a, c = np.meshgrid(LAYERED_A, LAYERED_C, indexing="ij")
        cells = np.stack([a.ravel(), c.ravel()], axis=1)
        return cells[cells[:, 1] > LEAST_RATIO * cells[:, 0]]
    return (SPINEL_A if phase.name == "spinel" else ROCK_SALT_A)[:, None]


def rough_fwhm(bins: Bins, net: Floats) -> float:
    """Width of the highest line, in degrees.

    Parameters
    ----------
    bins
        The pattern.
    net
        What stands above the background, shape `(n,)`.
    """
    step = float(np.median(np.diff(bins.angle_deg)))
    smooth = gaussian_filter1d(net, 1.0)
    top = int(np.argmax(smooth / np.sqrt(bins.variance)))
    below = np.flatnonzero(smooth < smooth[top] / 2.0)
    left, right = below[below < top], below[below > top]
    first = bins.angle_deg[left[-1]] if len(left) else bins.angle_deg[0]
    last = bins.angle_deg[right[0]] if len(right) else bins.angle_deg[-1]
    return float(np.clip(last - first - step, NARROWEST_BINS * step, WIDEST_DEG))


_STRANGE = 0.05
"""A line that nothing explains is as high as this part of the highest one that something does."""
_STRANGE_SIGMAS = 5.0
"""And so many times the noise of a bin."""
_NAMED = 3
"""So many of them are named."""


@dataclass(frozen=True)
class Hit:
    """A cell whose lines are where something stands.

    Parameters
    ----------
    cell_a
        a, or a and c, in ångström.
    amount
        How much of the phase that would be.
    significance
        Times its standard deviation.
    """

    cell_a: Floats
    amount: float
    significance: float


def matched(
    bins: Bins, net: Floats, phase: PhaseLines, fwhm_deg: float, *, wavelength_a: float
) -> Hit:
    """Find the cell that most stands where it has lines.

    Parameters
    ----------
    bins
        The pattern.
    net
        What is not explained yet, shape `(n,)`.
    phase
        The phase.
    fwhm_deg
        Width of its lines.
    wavelength_a
        In ångström.

    Notes
    -----
    A filter matched to all lines of the phase at once. A line counts at most a few times what the
    weakest of the strong ones shows, so that one foreign line is not taken for all.
    """
    step = float(np.median(np.diff(bins.angle_deg)))
    width = fwhm_deg / 2.3548 / step
    variance = gaussian_filter1d(bins.variance, width)
    # amplitude of a Gaussian line of unit area at every bin, and its variance
    effective = 2.0 * np.sqrt(np.pi) * width
    area = gaussian_filter1d(net, width) * effective * step
    area_variance = variance * effective * step**2
    cells = cells_of(phase)
    angle_deg = two_theta_deg(phase.lines.inverse_d2(cells), wavelength_a)
    inside = (angle_deg > bins.angle_deg[0]) & (angle_deg < bins.angle_deg[-1])
    at = np.clip(np.searchsorted(bins.angle_deg, angle_deg), 0, len(bins) - 1)
    expected = np.where(inside, phase.intensity, 0.0)
    per_line = area[at] / phase.intensity
    weight = expected**2 / area_variance[at]
    middle = _weighted_median(per_line, weight)
    bounded = np.clip(per_line, -np.inf, 3.0 * np.maximum(middle, 0.0)[:, None])
    total = weight.sum(axis=1)
    amount = (weight * bounded).sum(axis=1) / np.maximum(total, 1e-300)
    score = amount * np.sqrt(total)
    best = int(np.argmax(score))
    return Hit(cells[best], float(amount[best]), float(score[best]))


def strangers(bins: Bins, left: Floats, highest: float, fwhm_deg: float) -> list[float]:
    """Find lines that nothing explains.

    Parameters
    ----------
    bins
        The pattern.
    left
        What its fit leaves, shape `(n,)`.
    highest
        Height of the strongest line that is explained.
    fwhm_deg
        Width of the lines.

    Returns
    -------
    list of float
        Their angles 2θ in degrees, the highest first.
    """
    step = float(np.median(np.diff(bins.angle_deg)))
    smooth = gaussian_filter1d(left, max(fwhm_deg / 2.3548 / step, 1.0))
    noise = np.sqrt(bins.variance)
    found: list[float] = []
    free = np.ones(len(bins), bool)
    while len(found) < _NAMED:
        top = int(np.argmax(np.where(free, smooth, -np.inf)))
        if smooth[top] < max(_STRANGE * highest, _STRANGE_SIGMAS * noise[top]):
            break
        found.append(float(bins.angle_deg[top]))
        free &= np.abs(bins.angle_deg - bins.angle_deg[top]) > 3.0 * fwhm_deg
    return found


def _weighted_median(values: Floats, weights: Floats) -> Floats:
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    summed = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    half = np.argmax(summed >= 0.5 * summed[:, -1:], axis=1)
    found: Floats = np.take_along_axis(ordered, half[:, None], axis=1)[:, 0]
    return found
