"""Ratios of amounts that are uncertain together."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_SIGNIFICANCE = 3.0
"""A denominator carries a ratio from this many of its standard deviations on: Fieller's g, with one
standard deviation as the limit, is then at most 1/9."""


def ratio_of(numerator: Floats, denominator: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Ratio of two amounts and one standard deviation of it.

    Parameters
    ----------
    numerator, denominator
        The amounts, signed, shape `(…,)`.
    covariance
        Their covariance, shape `(…, 2, 2)`.

    Returns
    -------
    tuple of array
        Ratio and standard deviation, shape `(…,)`; NaN where the denominator is not
        significant.

    Notes
    -----
    The standard deviation is half the width of Fieller's interval at one standard deviation [1]_,
    which is the delta method's where the denominator is certain, and wider where it is not.

    References
    ----------
    .. [1] E. C. Fieller, J. R. Stat. Soc. B 16, 175 (1954).

    Examples
    --------
    >>> ratio, sigma = ratio_of(np.array([20.0]), np.array([100.0]), np.diag([4.0, 25.0])[None])
    >>> float(ratio[0]), float(sigma[0].round(4))
    (0.2, 0.0224)
    """
    top, bottom = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    top_variance, bottom_variance = covariance[..., 0, 0], covariance[..., 1, 1]
    shared = covariance[..., 0, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        significant = (bottom > 0) & (bottom**2 > LEAST_SIGNIFICANCE**2 * bottom_variance)
        ratio = np.where(significant, top / bottom, np.nan)
        g = bottom_variance / bottom**2
        variance = top_variance - 2 * ratio * shared + ratio**2 * bottom_variance
        rest = g * (top_variance - shared**2 / bottom_variance)
        inside = np.where(bottom_variance > 0, variance - rest, variance)
        sigma = np.sqrt(np.maximum(inside, 0.0)) / (bottom * (1 - g))
    return ratio, np.where(significant, sigma, np.nan)
