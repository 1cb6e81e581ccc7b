"""How many atoms of each metal every pixel of a map holds."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class AtomMap:
    """Amounts of the metals, pixel by pixel, in measured order.

    Parameters
    ----------
    metals
        Symbols of the metals, `k` of them.
    x_um, y_um
        Where the beam stood, shape `(n,)`, in µm; NaN where masked.
    line
        Number of the map's line that each pixel belongs to, from 0, shape `(n,)`.
    atoms
        Relative numbers of atoms under the beam, shape `(n, k)`, signed; NaN where masked.
    covariance
        Poisson covariance of each pixel's atoms, shape `(n, k, k)`. It is unbiased but follows that
        pixel's own counts: whoever weights a pixel by it alone gets too few atoms.
    """

    metals: tuple[str, ...]
    x_um: Floats
    y_um: Floats
    line: NDArray[np.int64]
    atoms: Floats
    covariance: Floats

    @cached_property
    def measured(self) -> Flags:
        """Which pixels hold a number and a place, shape `(n,)`."""
        found: Flags = (
            np.isfinite(self.x_um)
            & np.isfinite(self.y_um)
            & np.isfinite(self.atoms).all(axis=1)
            & np.isfinite(self.covariance).all(axis=(1, 2))
        )
        return found

    @cached_property
    def total(self) -> Floats:
        """Atoms of all metals, shape `(n,)`; NaN where masked."""
        total: Floats = np.where(self.measured, np.add.reduce(self.atoms, axis=1), np.nan)
        return total

    @cached_property
    def total_variance(self) -> Floats:
        """Variance of the total, shape `(n,)`; NaN where masked."""
        variance = np.add.reduce(self.covariance, axis=(1, 2))
        return np.where(self.measured, variance, np.nan)
