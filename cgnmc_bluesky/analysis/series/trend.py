"""A quantity of several samples against cycles or voltage: does it change, and how?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc, stdtr

from cgnmc_bluesky.analysis.series.scatter import Means, means_of

LEVEL = 0.05
"""Probability below which a test is taken to have found something."""
SEEN = 1.96 + 1.64
"""Sigmas of a change that is found in 95 of 100 cases by a test with 5 % false alarms."""


class Course(StrEnum):
    """What a series says of a quantity."""

    RISES = "rises"
    FALLS = "falls"
    VARIES = "varies"
    """Not constant, and neither up nor down as a whole."""
    NO_CHANGE = "no change seen"


@dataclass(frozen=True)
class Trend:
    """A quantity over a series of samples.

    Parameters
    ----------
    means
        The mean of the samples at each place.
    mean, mean_sigma
        The weighted constant, and its sigma with what is common to all samples.
    slope, slope_sigma
        Of the weighted line, by unit of the axis. Where the means scatter more about it than their
        sigmas say, its sigma is widened by that (Birge, Phys. Rev. 40 (1932) 207).
    intercept
        Of the weighted line, at 0.
    change, change_sigma
        The mean at the last place less that at the first; what is common to all cancels.
    chi2, dof
        Of the means about the constant.
    p_constant
        Probability of a χ² so large if nothing changes.
    chi2_line
        Of the means about the line; `None` with two places.
    is_straight
        Whether they lie on it as their sigmas say.
    course
        What that says.
    """

    means: Means
    mean: float
    mean_sigma: float
    slope: float
    slope_sigma: float
    intercept: float
    change: float
    change_sigma: float
    chi2: float
    dof: int
    p_constant: float
    chi2_line: float | None
    is_straight: bool
    course: Course

    @property
    def detectable(self) -> float:
        """Smallest change from first to last that would have been seen in 95 of 100 cases."""
        return SEEN * self.change_sigma


def fit_trend(
    x: Sequence[float],
    values: Sequence[float],
    sigmas: Sequence[float],
    *,
    common_sigma: float = 0.0,
) -> Trend | None:
    """Test whether a quantity changes over a series, by a weighted constant and a weighted line.

    Samples at one place are averaged first. Where they scatter there more than their sigmas say,
    these are widened (`means_of`), and constancy is tested by Fisher's F with as many degrees of
    freedom as the scatter is known by; otherwise by χ².

    Parameters
    ----------
    x
        Where each sample stands: cycles, or volts.
    values, sigmas
        What was measured, and one standard deviation above 0, which the samples do not share.
    common_sigma
        One standard deviation of what is wrong with all values alike, such as a scale's
        calibration.

    Returns
    -------
    Trend or None
        `None` where fewer than two places have samples.

    Examples
    --------
    >>> trend = fit_trend([0, 1, 50, 100], [0.42, 0.43, 0.53, 0.62], [0.01] * 4)
    >>> trend.course, round(trend.change, 2), round(trend.change_sigma, 3)
    (<Course.RISES: 'rises'>, 0.2, 0.014)
    >>> fit_trend([0, 1, 50, 100], [0.33, 0.34, 0.33, 0.32], [0.01] * 4).course
    <Course.NO_CHANGE: 'no change seen'>
    """
    arrays = [np.asarray(each, dtype=float) for each in (x, values, sigmas)]
    means = means_of(*arrays)
    if len(means.x) < 2:
        return None
    weights = means.sigmas**-2
    mean = float(np.sum(weights * means.values) / np.sum(weights))
    chi2 = float(np.sum(weights * (means.values - mean) ** 2))
    dof = len(means.x) - 1
    p_constant = _p_constant(chi2, dof, means)
    slope, slope_sigma, intercept, chi2_line = _line(means, weights)
    left = dof - 1
    is_straight = not left or float(chdtrc(left, chi2_line)) >= LEVEL
    if not is_straight:
        slope_sigma *= math.sqrt(chi2_line / left)
    change = float(means.values[-1] - means.values[0])
    change_sigma = math.hypot(means.sigmas[0], means.sigmas[-1])
    leads = abs(change) > 2 * change_sigma and (
        is_straight or 2 * stdtr(left, -abs(slope) / slope_sigma) < LEVEL
    )
    return Trend(
        means=means,
        mean=mean,
        mean_sigma=math.hypot(1 / math.sqrt(float(np.sum(weights))), common_sigma),
        slope=slope,
        slope_sigma=slope_sigma,
        intercept=intercept,
        change=change,
        change_sigma=change_sigma,
        chi2=chi2,
        dof=dof,
        p_constant=p_constant,
        chi2_line=chi2_line if left else None,
        is_straight=is_straight,
        course=_course(p_constant, change, leads=bool(leads)),
    )


def _course(p_constant: float, change: float, *, leads: bool) -> Course:
    if p_constant >= LEVEL:
        return Course.NO_CHANGE
    if not leads:
        return Course.VARIES
    return Course.RISES if change > 0 else Course.FALLS


def _p_constant(chi2: float, dof: int, means: Means) -> float:
    if means.excess_sigma:
        return float(fdtrc(dof, means.spare, chi2 / dof))
    return float(chdtrc(dof, chi2))


def _line(means: Means, weights: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Fit a weighted line: slope with its sigma, intercept and χ²."""
    centre = np.sum(weights * means.x) / np.sum(weights)
    level = np.sum(weights * means.values) / np.sum(weights)
    away = means.x - centre
    spread = np.sum(weights * away**2)
    slope = np.sum(weights * away * means.values) / spread
    residuals = means.values - level - slope * away
    chi2 = np.sum(weights * residuals**2)
    return float(slope), float(spread**-0.5), float(level - slope * centre), float(chi2)
