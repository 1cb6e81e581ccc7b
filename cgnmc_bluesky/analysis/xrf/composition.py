"""Atomic fractions with what is known of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.ratio import ratio_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """A number and one standard deviation of it."""

    value: float
    sigma: float


@dataclass(frozen=True)
class Composition:
    """Atomic fractions of the metals.

    Parameters
    ----------
    metals
        Their symbols, `k` of them.
    fractions
        Their shares of all metal atoms, shape `(k,)`; they add up to one.
    covariance
        Covariance of the fractions, shape `(k, k)`.
    """

    metals: tuple[str, ...]
    fractions: Floats
    covariance: Floats

    def fraction(self, metal: str) -> Measured:
        """Share of one metal."""
        at = self.metals.index(metal)
        return Measured(float(self.fractions[at]), float(np.sqrt(self.covariance[at, at])))

    def ratio(self, numerator: str, denominator: str) -> Measured | None:
        """Atoms of one metal over those of another; `None` where the fractions do not tell."""
        pair = [self.metals.index(numerator), self.metals.index(denominator)]
        top, bottom = self.fractions[pair]
        value, sigma = ratio_of(top, bottom, self.covariance[np.ix_(pair, pair)])
        return Measured(float(value), float(sigma)) if np.isfinite(sigma) else None


def composition_of(metals: tuple[str, ...], atoms: Floats, covariance: Floats) -> Composition:
    """Fractions of metals from their atoms.

    Parameters
    ----------
    metals
        Symbols of the metals.
    atoms
        Atoms of each, shape `(k,)`.
    covariance
        Their covariance, shape `(k, k)`.
    """
    fractions, spread = fractions_of(atoms[None], covariance[None])
    return Composition(metals, fractions[0], spread[0])


def fractions_of(atoms: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Fractions with their covariance, by the delta method.

    Parameters
    ----------
    atoms
        Atoms of each metal, shape `(m, k)`.
    covariance
        Their covariance, shape `(m, k, k)`.

    Returns
    -------
    tuple of array
        Shapes `(m, k)` and `(m, k, k)`; NaN where the sum of the atoms is not positive.
    """
    total = np.add.reduce(atoms, axis=1)
    total = np.where(total > 0, total, np.nan)
    fractions = atoms / total[:, None]
    slopes = (np.eye(atoms.shape[1]) - fractions[:, :, None]) / total[:, None, None]
    return fractions, np.einsum("mij,mjk,mlk->mil", slopes, covariance, slopes)
