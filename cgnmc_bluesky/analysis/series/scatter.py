"""Samples measured under one condition: whether they scatter more than their sigmas say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc

WIDENED_BELOW = 0.15
"""Probability of a scatter below which sigmas are widened by it: a test that rests on the outcome
of another keeps its level if that other is lenient (Bancroft and Han, Int. Stat. Rev. 45, 117)."""


@dataclass(frozen=True)
class Means:
    """Weighted means of the samples at each place.

    Parameters
    ----------
    x
        The places, ascending, shape `(m,)`.
    values, sigmas
        The mean there, and one standard deviation, `(m,)`.
    excess_sigma
        What samples scatter by beside their sigmas; 0 where these suffice, `None` where no place
        has two samples.
    spare
        How many samples there are beyond one at each place.
    """

    x: NDArray[np.float64]
    values: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    excess_sigma: float | None
    spare: int


def means_of(
    x: NDArray[np.float64], values: NDArray[np.float64], sigmas: NDArray[np.float64]
) -> Means:
    """Take the mean at each place, with what samples scatter by beside their sigmas.

    The scatter of samples about the mean at their place is tested by its χ². Where it is too
    large, the same τ² is added to all variances so that χ² becomes its expectation (Mandel and
    Paule, Anal. Chem. 42 (1970) 1194, over all places at once).

    Parameters
    ----------
    x
        Where each sample stands: cycles, or volts, shape `(n,)`.
    values, sigmas
        What was measured, and one standard deviation without what is common to all, `(n,)`.

    Examples
    --------
    >>> x, sigmas = np.array([0.0, 0.0, 100.0]), np.full(3, 0.01)
    >>> means = means_of(x, np.array([0.40, 0.42, 0.62]), sigmas)
    >>> means.values.round(2).tolist(), means.excess_sigma
    ([0.41, 0.62], 0.0)
    >>> round(means_of(x, np.array([0.30, 0.52, 0.62]), sigmas).excess_sigma, 3)
    0.155
    """
    places, place_of = np.unique(x, return_inverse=True)
    spare = len(x) - len(places)
    excess = _excess_variance(values, sigmas**2, place_of, spare) if spare else None
    variances = sigmas**2 + (excess or 0.0)
    means = _means(values, variances, place_of)
    weights = np.bincount(place_of, 1 / variances)
    return Means(
        places, means, 1 / np.sqrt(weights), None if excess is None else float(excess**0.5), spare
    )


def _means(
    values: NDArray[np.float64], variances: NDArray[np.float64], place_of: NDArray[np.intp]
) -> NDArray[np.float64]:
    weights = np.bincount(place_of, 1 / variances)
    means: NDArray[np.float64] = np.bincount(place_of, values / variances) / weights
    return means


def _excess_variance(
    values: NDArray[np.float64],
    variances: NDArray[np.float64],
    place_of: NDArray[np.intp],
    spare: int,
) -> float:
    def scatter(excess: float) -> float:
        widened = variances + excess
        residuals = values - _means(values, widened, place_of)[place_of]
        return float(np.sum(residuals**2 / widened))

    if chdtrc(spare, scatter(0.0)) >= WIDENED_BELOW:
        return 0.0
    largest = float(np.sum((values - values.mean()) ** 2))
    return float(brentq(lambda excess: scatter(excess) - spare, 0.0, largest))
