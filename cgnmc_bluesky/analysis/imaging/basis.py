"""A few curves that standards are sums of, wherever on the axis these come to lie."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FARTHEST_EV = 1.0
"""How far to either side the axis may be moved afterwards."""

PRECISION = 1e-3
"""Largest share of the strongest curve that is left out."""

_STEP_EV = 0.05
_MOVE_EV = 0.1


class Basis:
    """Curves that standards and a baseline are sums of, also where the energies are moved.

    Parameters
    ----------
    curves
        Gives standards and baseline at energies of shape `(n,)` in eV, shape `(n, k)`.
    reach_ev
        First and last energy.

    Notes
    -----
    Where a stack of images lies on the axis is known when all of it is there, but no image is kept
    until then. So the sums over the images are made with curves that do not depend on that: the
    first singular vectors of the standards as they are after all moves that come into question.
    They are orthogonal over the range, so that sums in single precision lose nothing.

    Examples
    --------
    >>> line = lambda energy_ev: np.exp(-((energy_ev - 853.0) ** 2))[:, None]
    >>> basis = Basis(line, (845.0, 860.0))
    >>> energy_ev = np.linspace(846, 859, 50)
    >>> moved = basis(energy_ev) @ basis.shares(0.3)
    >>> bool(np.max(np.abs(moved - line(energy_ev + 0.3))) < 0.01)
    True
    """

    def __init__(self, curves: Callable[[Floats], Floats], reach_ev: tuple[float, float]) -> None:
        self._curves = curves
        first, last = reach_ev
        self._grid_ev = np.linspace(first, last, max(2, round((last - first) / _STEP_EV)) + 1)
        moves_ev = np.arange(-FARTHEST_EV, FARTHEST_EV + _MOVE_EV / 2, _MOVE_EV)
        moved = np.concatenate([curves(self._grid_ev + move) for move in moves_ev], axis=1)
        size = np.sqrt(np.einsum("ij,ij->j", moved, moved))
        vectors, weights, _ = np.linalg.svd(moved / np.maximum(size, 1e-300), full_matrices=False)
        kept = int(np.count_nonzero(weights > PRECISION * weights[0]))
        self._vectors: Floats = vectors[:, :kept]
        self._scale = float(np.sqrt(len(self._grid_ev)))

    def __len__(self) -> int:
        return int(self._vectors.shape[1])

    def __call__(self, energy_ev: Floats) -> Floats:
        """Its curves at energies of shape `(n,)`, shape `(n, q)`."""
        columns = [np.interp(energy_ev, self._grid_ev, vector) for vector in self._vectors.T]
        found: Floats = np.array(columns).T * self._scale
        return found

    def shares(self, shift_ev: float) -> Floats:
        """What standards and baseline are sums of where energies are moved, shape `(q, k)`."""
        wanted = self._curves(self._grid_ev + shift_ev)
        shares: Floats = np.einsum("nq,nk->qk", self._vectors, wanted) / self._scale
        return shares
