"""The shape of a diffraction line."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

Floats = NDArray[np.float64]

_LN2 = float(np.log(2.0))
_GAUSS = 2.0 * float(np.sqrt(_LN2 / np.pi))


@dataclass(frozen=True)
class Shape:
    """What lines look like.

    Parameters
    ----------
    tailed
        Share of the part with tails; the rest is a Gaussian.
    tail
        Exponent of that part, a Pearson VII: 1 for a Lorentzian, larger for shorter tails.
    """

    tailed: float
    tail: float


@dataclass(frozen=True)
class Profile:
    """Lines of unit area with their slopes, all of shape `(n,)`.

    Parameters
    ----------
    value
        In 1/deg.
    by_position, by_log_fwhm, by_skew, by_tailed, by_tail
        How the value changes with the line's position in degrees, the logarithm of its full width,
        its skewness, and the two parameters of its shape.
    """

    value: Floats
    by_position: Floats
    by_log_fwhm: Floats
    by_skew: Floats
    by_tailed: Floats
    by_tail: Floats


def profile(away_deg: Floats, fwhm_deg: Floats, skew: Floats, shape: Shape) -> Profile:
    """Evaluate split lines, each a Gaussian and a Pearson VII of one width.

    Parameters
    ----------
    away_deg
        How far from the line's maximum, in degrees, shape `(n,)`.
    fwhm_deg
        Full width of the line there, in degrees, shape `(n,)`.
    skew
        By what part the side of small angles is wider than half the full width, and the other side
        narrower, shape `(n,)`.
    shape
        What all lines look like.

    Notes
    -----
    With a tail of 1 that is a pseudo-Voigt function, without a Gaussian a Pearson VII (M. M. Hall
    et al., J. Appl. Crystallogr. 10 (1977) 66): measured lines are between the two, and a line next
    to a strong one is as much in error as the tails are.

    Examples
    --------
    >>> away = np.linspace(-1.0, 1.0, 2001)
    >>> lines = profile(away, np.full(2001, 0.06), np.full(2001, 0.1), Shape(0.0, 1.0))
    >>> (lines.value.sum() * 0.001).round(6)
    np.float64(1.0)
    """
    left = away_deg < 0.0
    side = 1.0 + np.where(left, skew, -skew)
    t = away_deg * 2.0 / (fwhm_deg * side)
    t2 = t * t
    gauss = _GAUSS * np.exp(-_LN2 * t2)
    m, k = shape.tail, 2.0 ** (1.0 / shape.tail) - 1.0
    by_m = -_LN2 / m**2 * (k + 1.0)
    scale = 2.0 * np.sqrt(k / np.pi) * np.exp(gammaln(m) - gammaln(m - 0.5))
    log_base = np.log1p(k * t2)
    tailed = scale * np.exp(-m * log_base)
    fraction = t2 / (1.0 + k * t2)
    log_scale_by_m = by_m / (2.0 * k) + float(digamma(m) - digamma(m - 0.5))
    value = (shape.tailed * tailed + (1.0 - shape.tailed) * gauss) / fwhm_deg
    # t times the slope by t
    fall = shape.tailed * m * k * fraction * tailed + (1.0 - shape.tailed) * _LN2 * t2 * gauss
    fall *= -2.0 / fwhm_deg
    nowhere = np.where(away_deg == 0.0, 1.0, away_deg)
    return Profile(
        value=value,
        by_position=-fall / nowhere,
        by_log_fwhm=-value - fall,
        by_skew=-fall * np.where(left, 1.0, -1.0) / side,
        by_tailed=(tailed - gauss) / fwhm_deg,
        by_tail=shape.tailed
        / fwhm_deg
        * tailed
        * (log_scale_by_m - log_base - m * by_m * fraction),
    )
