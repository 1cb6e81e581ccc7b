"""Noise, partly white, partly remembered, partly a drift, told from a run's own readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORIES = (0.5, 0.8, 0.93, 0.98)
"""Correlations of the remembered part from one bin to the next."""
SHARES = (0.1, 0.3, 0.6, 0.9)
"""Shares of the variance that the remembered part may have."""
WALKS = (0.0, 1e-3, 1e-2, 1e-1)
"""Variances of one step of the drift, a random walk, over that of the rest."""
PLAUSIBLE = 1.9
"""Noises are plausible whose log-likelihood is at most so far below the best: at 95 %."""
MOST = 6
"""Plausible noises that are kept."""
FINEST = 2e-5
"""No noise is smaller than this share of the largest reading."""
STARTS = 2
"""Readings that only say where the noise began."""


@dataclass(frozen=True)
class Noise:
    """Noise as what is left of it once its past is taken off.

    Parameters
    ----------
    differences
        Polynomial of the back-shift that is applied to the noise.
    averages
        Polynomial of the back-shift whose inverse is applied then, the first term being one.
    """

    differences: tuple[float, ...] = (1.0,)
    averages: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, memory: float, share: float, walk: float) -> Self:
        """Noise of unit variance of which a share remembers, and a walk on top.

        Parameters
        ----------
        memory
            Correlation of the remembered part from one bin to the next.
        share
            Its share of the variance.
        walk
            Variance of one step of the walk.
        """
        forget = np.array([1.0, -memory])
        step = np.array([1.0, -1.0]) if walk else np.ones(1)
        parts = [
            (share * (1.0 - memory**2), step),
            (1.0 - share, np.convolve(step, forget)),
            (walk, forget),
        ]
        size = 2 * len(np.convolve(step, forget)) - 1
        correlation = np.zeros(size)
        for variance, polynomial in parts:
            at = size // 2 - (len(polynomial) - 1)
            own = variance * np.convolve(polynomial, polynomial[::-1])
            correlation[at : at + len(own)] += own
        return cls(tuple(np.convolve(step, forget)), _factor(correlation))

    def whitened(self, columns: Floats) -> Floats:
        """Curves with independent noise of the size of this one's innovations.

        Parameters
        ----------
        columns
            Curves with this noise, shape `(n, k)`.

        Returns
        -------
        ndarray
            Shape `(n, k)`, without what the first readings say, so of rank `n - STARTS`.
        """
        from scipy.signal import lfilter

        starts = np.eye(len(columns), STARTS)
        every = np.column_stack([starts, columns])
        filtered = lfilter(self.differences, self.averages, every, axis=0)
        basis, _ = np.linalg.qr(filtered[:, :STARTS])
        rest: Floats = filtered[:, STARTS:]
        return rest - basis @ (basis.T @ rest)


@cache
def noises() -> tuple[Noise, ...]:
    """Every noise that is looked at."""
    remembered = product(MEMORIES, SHARES, WALKS)
    walking = [Noise.of(0.0, 0.0, walk) for walk in WALKS if walk]
    return (Noise(), *walking, *(Noise.of(*one) for one in remembered))


def plausible(model: Floats, curve: Floats, among: Sequence[Noise]) -> list[tuple[Noise, float]]:
    """Noises that a curve may have had, the likeliest first.

    Parameters
    ----------
    model
        What the curve is made of beside noise, shape `(n, k)`.
    curve
        The curve, shape `(n,)`.
    among
        The noises to choose from.

    Returns
    -------
    list of (Noise, float)
        Each with the standard deviation of its innovations.

    Notes
    -----
    By the restricted likelihood, which counts what the model takes off the residual.
    """
    columns = np.column_stack([model, curve])
    degrees = len(curve) - STARTS - model.shape[1]
    likelihoods, sizes = np.empty(len(among)), np.empty(len(among))
    for at, noise in enumerate(among):
        triangle = np.abs(np.diag(np.linalg.qr(noise.whitened(columns), mode="r")))
        triangle = np.maximum(triangle, np.finfo(float).tiny)
        likelihoods[at] = -degrees * np.log(triangle[-1]) - np.sum(np.log(triangle[:-1]))
        sizes[at] = max(triangle[-1] / np.sqrt(degrees), FINEST * np.max(np.abs(curve)))
    order = np.argsort(-likelihoods, kind="stable")[:MOST]
    best = likelihoods[order[0]]
    return [(among[at], float(sizes[at])) for at in order if likelihoods[at] >= best - PLAUSIBLE]


def _factor(correlation: Floats) -> tuple[float, ...]:
    """Polynomial whose product with its mirror image is a correlation, with roots that fade."""
    roots = np.roots(np.trim_zeros(np.where(np.abs(correlation) < 1e-15, 0.0, correlation)))
    inside = roots[np.abs(roots) < 1.0]
    return tuple(np.real(np.atleast_1d(np.poly(inside))).tolist())
