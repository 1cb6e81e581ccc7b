"""The shape of a diffraction line."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LN2 = float(np.log(2.0))
_LORENTZ = 2.0 / np.pi
_GAUSS = 2.0 * float(np.sqrt(_LN2 / np.pi))


@dataclass(frozen=True)
class Profile:
    """Lines of unit area with their slopes, all of shape `(n,)`.

    Parameters
    ----------
    value
        In 1/deg.
    by_position, by_log_fwhm, by_skew, by_lorentz
        How the value changes with the line's position in degrees, the logarithm of its full width,
        its skewness, and its Lorentzian share.
    """

    value: Floats
    by_position: Floats
    by_log_fwhm: Floats
    by_skew: Floats
    by_lorentz: Floats


def profile(away_deg: Floats, fwhm_deg: Floats, skew: Floats, lorentz: float) -> Profile:
    """Evaluate split pseudo-Voigt lines.

    Parameters
    ----------
    away_deg
        How far from the line's maximum, in degrees, shape `(n,)`.
    fwhm_deg
        Full width of the line there, in degrees, shape `(n,)`.
    skew
        By what part the side of small angles is wider than half the full width, and the other side
        narrower, shape `(n,)`.
    lorentz
        Share of the Lorentzian; the rest is a Gaussian.

    Examples
    --------
    >>> away = np.linspace(-1.0, 1.0, 2001)
    >>> lines = profile(away, np.full(2001, 0.06), np.full(2001, 0.1), 0.0)
    >>> (lines.value.sum() * 0.001).round(6)
    np.float64(1.0)
    """
    side = 1.0 + np.where(away_deg < 0.0, skew, -skew)
    t = away_deg * 2.0 / (fwhm_deg * side)
    t2 = t * t
    of_lorentz = _LORENTZ / (1.0 + t2)
    of_gauss = _GAUSS * np.exp(-_LN2 * t2)
    value = (lorentz * of_lorentz + (1.0 - lorentz) * of_gauss) / fwhm_deg
    # t times the slope by t
    fall = -2.0 * t2 * (lorentz * of_lorentz / (1.0 + t2) + (1.0 - lorentz) * _LN2 * of_gauss)
    fall /= fwhm_deg
    nowhere = np.where(away_deg == 0.0, 1.0, away_deg)
    return Profile(
        value=value,
        by_position=-fall / nowhere,
        by_log_fwhm=-value - fall,
        by_skew=-fall * np.where(away_deg < 0.0, 1.0, -1.0) / side,
        by_lorentz=(of_lorentz - of_gauss) / fwhm_deg,
    )
