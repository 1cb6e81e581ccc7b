"""Small facts about a measured curve: how noisy, how correlated, where it jumps."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_GAUSSIAN_MAD = 1.4826


def point_noise(energy_ev: Floats, mu: Floats) -> float:
    """Estimate the noise of a point from its neighbours, whatever the curve's shape.

    Parameters
    ----------
    energy_ev
        Energies, ascending, shape `(n,)`, in eV.
    mu
        The curve there, shape `(n,)`.

    Returns
    -------
    float
        One standard deviation of a point; 0 where there are too few points to say.

    Notes
    -----
    Each point is compared with the straight line between its two neighbours; the median of the
    differences is robust against the few places where the curve bends strongly.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> round(point_noise(np.arange(4000.0), rng.normal(size=4000)), 1)
    1.0
    """
    difference, spread = _from_neighbours(energy_ev, mu)
    if len(difference) < 5:
        return 0.0
    return _GAUSSIAN_MAD * median(np.abs(difference / spread))


def jumps(
    energy_ev: Floats, residual: Floats, *, least: float = 0.0, threshold: float = 7.0
) -> NDArray[np.bool_]:
    """Points of a residual that stand out singly: glitches, not the shape of a curve.

    Parameters
    ----------
    energy_ev
        Energies, ascending, shape `(n,)`, in eV.
    residual
        What a fit left, shape `(n,)`.
    least
        How far a point must stand out at least: what a curve between points may be wrong by.
    threshold
        How many standard deviations of the noise a point must stand out from the two points to
        either side; and three times as far as the middle two of these lie apart.

    Examples
    --------
    >>> residual = np.random.default_rng(1).normal(size=100)
    >>> residual[40] = 20
    >>> np.flatnonzero(jumps(np.arange(100.0), residual))
    array([40])
    """
    if len(residual) < 9:
        return np.zeros(len(residual), dtype=bool)
    centred = np.abs(residual - median(residual))
    noise = max(_GAUSSIAN_MAD * median(centred), point_noise(energy_ev, residual))
    if 2 * float(np.max(centred)) <= max(threshold * noise, least):
        return np.zeros(len(residual), dtype=bool)
    padded = np.pad(residual, 2, mode="reflect")
    others = np.sort(np.stack([padded[i : i + len(residual)] for i in (0, 1, 3, 4)]), axis=0)
    out = np.abs(residual - 0.5 * (others[1] + others[2]))
    stands_out: NDArray[np.bool_] = out > max(threshold * noise, least)
    stands_out &= out > 3 * (others[2] - others[1])
    return stands_out


def correlation_length(residual: Floats) -> float:
    """How many points of a residual count as one: 1 for white noise.

    Parameters
    ----------
    residual
        What a fit left, shape `(n,)`, in the order of energy.

    Returns
    -------
    float
        The factor by which a variance that took the points as independent is too small, at least 1.

    Notes
    -----
    `1 + 2 * sum(autocorrelation)` up to the first lag whose autocorrelation is within its noise.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> white = rng.normal(size=1000)
    >>> correlation_length(white)
    1.0
    >>> 4 < correlation_length(np.convolve(white, np.ones(5), "valid")) < 6
    True
    """
    n = len(residual)
    energy = float(np.einsum("i,i->", residual, residual))
    if n < 10 or energy == 0:
        return 1.0
    total = 1.0
    for lag in range(1, n // 3):
        correlation = float(np.einsum("i,i->", residual[lag:], residual[:-lag])) / energy
        if correlation < 2.5 / np.sqrt(n):
            break
        total += 2 * correlation
    return total


def median(values: Floats) -> float:
    """Median of finite values, much faster for short arrays than numpy's, which checks them.

    Parameters
    ----------
    values
        Shape `(n,)`, at least one.

    Examples
    --------
    >>> median(np.array([3.0, 1.0, 2.0, 10.0]))
    2.5
    """
    low, high = (len(values) - 1) // 2, len(values) // 2
    parted = np.partition(values, (low, high))
    return 0.5 * float(parted[low] + parted[high])


def _from_neighbours(energy_ev: Floats, mu: Floats) -> tuple[Floats, Floats]:
    step = energy_ev[2:] - energy_ev[:-2]
    apart = step > 0
    share = (energy_ev[1:-1] - energy_ev[:-2])[apart] / step[apart]
    before, at, after = mu[:-2][apart], mu[1:-1][apart], mu[2:][apart]
    difference = at - (1 - share) * before - share * after
    return difference, np.sqrt(1 + share**2 + (1 - share) ** 2)
