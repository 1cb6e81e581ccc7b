"""A measured curve as a sum of known curves: amounts with their covariance.

Spectra of mixtures, X-ray fluorescence spectra, pixels of an image stack and patterns of several
phases are all this one problem: `curve = columns @ amounts + noise`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ALIKE = 1e10


@dataclass(frozen=True)
class Amounts:
    """How much of each known curve a measured curve holds.

    Parameters
    ----------
    values
        Signed amounts, shape `(k,)`.
    inverse
        Inverse of the normal matrix, shape `(k, k)`: `inverse @ columns.T` projects a curve on the
        amounts.
    residual
        Curve minus combination, shape `(n,)`.
    noise
        Standard deviation of a point, from the residual.
    """

    values: Floats
    inverse: Floats
    residual: Floats
    noise: float

    @property
    def covariance(self) -> Floats:
        """Covariance of the amounts, shape `(k, k)`, for independent points as noisy as the
        residual.
        """
        return self.noise**2 * self.inverse


def combine(columns: Floats, curve: Floats, *, sums_to_one: int = 0) -> Amounts:
    """Fit a curve by least squares with a sum of known curves.

    Parameters
    ----------
    columns
        The known curves, shape `(n, k)`.
    curve
        The measured curve, shape `(n,)`.
    sums_to_one
        That many of the first amounts add up to one, exactly; 0 leaves all free.

    Raises
    ------
    ValueError
        If the columns cannot be told apart, or there are fewer points than amounts.

    Notes
    -----
    Sums over points go through `numpy.einsum`, not through a BLAS whose summation order may change
    with the number of threads: the same data give the same bits in every process.

    Examples
    --------
    >>> energy = np.linspace(0, 1, 50)
    >>> columns = np.stack([energy, energy**2], axis=1)
    >>> combine(columns, 0.3 * energy + 0.7 * energy**2).values.round(6)
    array([0.3, 0.7])
    """
    if not sums_to_one:
        return _least_squares(columns, curve)
    last = sums_to_one - 1
    fixed = columns[:, last]
    free = np.delete(columns, last, axis=1)
    free[:, :last] -= fixed[:, None]
    reduced = _least_squares(free, curve - fixed)
    # amounts = offset + expand @ reduced amounts, the last of the summed ones being the rest to one
    expand = np.insert(np.eye(free.shape[1]), last, 0.0, axis=0)
    expand[last, :last] = -1.0
    offset = np.zeros(columns.shape[1])
    offset[last] = 1.0
    return Amounts(
        values=offset + expand @ reduced.values,
        inverse=expand @ reduced.inverse @ expand.T,
        residual=reduced.residual,
        noise=reduced.noise,
    )


def _least_squares(columns: Floats, curve: Floats) -> Amounts:
    n_points, n_columns = columns.shape
    if n_points <= n_columns:
        raise ValueError(f"{n_points} points cannot tell {n_columns} amounts apart: measure more")
    size = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    if not np.all(size > 0):
        raise ValueError("one of the known curves is zero everywhere in the fitted range")
    scaled = columns / size
    inverse = _inverse(np.einsum("ij,ik->jk", scaled, scaled))
    amounts = inverse @ np.einsum("ij,i->j", scaled, curve)
    residual = curve - np.einsum("ij,j->i", scaled, amounts)
    variance = float(np.einsum("i,i->", residual, residual)) / (n_points - n_columns)
    return Amounts(
        amounts / size, inverse / np.outer(size, size), residual, float(np.sqrt(variance))
    )


def _inverse(normal: Floats) -> Floats:
    """Inverse of a normal matrix with ones on its diagonal."""
    alike = "the known curves are too much alike in the fitted range"
    try:
        inverse = np.linalg.inv(normal)
    except np.linalg.LinAlgError as error:
        raise ValueError(alike) from error
    if not np.max(np.abs(inverse)) < _ALIKE:
        raise ValueError(alike)
    return np.asarray(inverse, dtype=np.float64)
