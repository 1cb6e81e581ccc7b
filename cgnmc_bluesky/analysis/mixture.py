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


ROWS = 16
"""Curves that are projected at a time; with fewer, what is left of a block is filled with zeros."""

_LARGEST_PRODUCT = 2**18
"""Multiplications that a BLAS makes in one thread; in more it may sum in another order."""

_LANES = 4
"""Outputs are a multiple of this, some of zeros: else a product takes half as long again."""


class Projector:
    """Amounts of many measured curves of counts, each with its exact covariance, at one go.

    Parameters
    ----------
    columns
        The known curves, shape `(n, k)`.
    expected
        What a curve is expected to be but for a factor, shape `(n,)`: its inverse are the weights.
        Points where it is not positive are left out.
    of
        Which of the amounts the covariance is wanted of; all where it is left out.

    Raises
    ------
    ValueError
        If the columns cannot be told apart.

    Notes
    -----
    The amounts of weighted least squares are linear in the counts, `a = P y`. Counts are
    independent and the variance of each is its expectation, so `cov(a_i, a_j) = sum P_i P_j y` is
    an unbiased estimate of the covariance whatever the weights are. Both are one matrix product.

    The product is made in single precision, `ROWS` curves at a time and so small that it is never
    spread over threads. Its last bit depends on a curve's place in its block and on nothing else:
    give each row of a map by itself, or in pieces that begin at multiples of `ROWS`.

    Examples
    --------
    >>> columns = np.stack([np.ones(4), np.arange(4.0)], axis=1)
    >>> projector = Projector(columns, np.ones(4))
    >>> amounts, covariance = projector(np.array([[1.0, 3.0, 5.0, 7.0]]))
    >>> amounts.round(4), covariance.shape
    (array([[1., 2.]], dtype=float32), (1, 2, 2))
    """

    def __init__(
        self, columns: Floats, expected: Floats, of: NDArray[np.intp] | None = None
    ) -> None:
        self.matrix = _projection(columns, expected)
        n_points, n_columns = columns.shape
        of = np.arange(n_columns) if of is None else of
        self._n_columns, self._n_wanted = n_columns, len(of)
        first, second = np.triu_indices(len(of))
        products = self.matrix[of[first]] * self.matrix[of[second]]
        outputs = np.concatenate([self.matrix, products])
        self._n_outputs = len(outputs)
        outputs = np.pad(outputs, ((0, -len(outputs) % _LANES), (0, 0)))
        width = _LANES * max(1, _LARGEST_PRODUCT // (ROWS * n_points * _LANES))
        self._parts = [
            np.ascontiguousarray(outputs[at : at + width].T, dtype=np.float32)
            for at in range(0, len(outputs), width)
        ]
        self._place = np.empty((len(of), len(of)), np.intp)
        self._place[first, second] = self._place[second, first] = np.arange(len(first))

    def __call__(
        self, counts: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Project curves of counts.

        Parameters
        ----------
        counts
            Shape `(m, n)`, from the beginning of a row on; a curve with a NaN has NaN for amounts.

        Returns
        -------
        amounts
            Signed, shape `(m, k)`.
        covariance
            Shape `(m, w, w)` for the w amounts that it is wanted of.
        """
        packed = self.packed(counts)
        return packed[:, : self._n_columns], packed[:, self._n_columns :][:, self._place]

    def packed(self, counts: NDArray[np.floating]) -> NDArray[np.float32]:
        """Project, with the upper triangle of each covariance behind the amounts.

        Parameters
        ----------
        counts
            As for a call.

        Returns
        -------
        NDArray[np.float32]
            Shape `(m, k + w (w + 1) / 2)`.
        """
        counts = np.ascontiguousarray(counts, dtype=np.float32)
        n_curves, n_points = counts.shape
        n_blocks, n_left = divmod(n_curves, ROWS)
        whole = counts[: n_blocks * ROWS].reshape(n_blocks, ROWS, n_points)
        outputs = np.empty((n_curves, sum(part.shape[1] for part in self._parts)), np.float32)
        blocks = outputs[: n_blocks * ROWS].reshape(n_blocks, ROWS, outputs.shape[1])
        last = np.zeros((ROWS, n_points), np.float32)
        last[:n_left] = counts[n_curves - n_left :]
        at = 0
        for part in self._parts:
            to = slice(at, at + part.shape[1])
            # One call for all blocks: numpy makes a product of its own of each.
            np.matmul(whole, part, out=blocks[:, :, to])
            if n_left:
                outputs[n_blocks * ROWS :, to] = (last @ part)[:n_left]
            at = to.stop
        return outputs[:, : self._n_outputs]


def _projection(columns: Floats, expected: Floats) -> Floats:
    """Matrix of weighted least squares, shape `(k, n)`."""
    size = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    if not np.all(size > 0):
        raise ValueError("one of the known curves is zero everywhere in the fitted range")
    weights = np.where(expected > 0, 1.0 / np.where(expected > 0, expected, 1.0), 0.0)
    scaled = columns / size
    weighted = weights[:, None] * scaled
    norm = np.sqrt(np.einsum("ij,ij->j", scaled, weighted))
    normal = np.einsum("ij,ik->jk", scaled, weighted) / np.outer(norm, norm)
    inverse = _inverse(normal) / np.outer(norm, norm)
    return np.asarray(np.einsum("jk,ik->ji", inverse, weighted) / size[:, None])
