"""Shares of the transition metal in each phase, from the intensities of their lines.

What a metal atom scatters in each phase follows from the structures, but for what lying plates, the
lithium that is left and metal on other sites make of it. The run itself says how much that is: its
first patterns are of the layered phase alone, and metal does not leave the beam, so what the
layered phase loses the others have gained.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.fitting import Fitted

Floats = NDArray[np.float64]

STRUCTURE_SIGMA = 0.2
"""By what part the scattering of an atom in one phase, relative to another, may differ from what
the structures give."""
PATTERN_SIGMA = 0.008
"""By what part beam, and sample in it, differ from one pattern to the next by chance."""
DRIFT = 0.003
"""By what part they drift from one pattern to the next: 2 % in an hour of a pattern a minute."""
_JUMP_SIGMAS = 7.0
"""A step of so many standard deviations is no drift: the beam is another one from there on."""


@dataclass(frozen=True)
class Amounts:
    """Metal in the three phases of one pattern, as the structures would have it.

    Parameters
    ----------
    values, covariance
        In intensity for an atom, shapes `(3,)` and `(3, 3)`.
    exposure_s
        How long the pattern was exposed; 1 where that is not known.
    """

    values: Floats
    covariance: Floats
    exposure_s: float = 1.0


def amounts_of(fitted: Fitted, exposure_s: float = 1.0) -> Amounts:
    """Sum up the lines of each phase.

    Parameters
    ----------
    fitted
        Parameters of a pattern.
    exposure_s
        How long the pattern was exposed.

    Notes
    -----
    All lines of a phase together are less in doubt than any one of them: what texture takes from
    one it gives to others.
    """
    values, slopes = [], []
    at = fitted.layout.at
    for phase in fitted.model.phases:
        amount = fitted.value(f"{phase.name}.amount")
        weight = phase.intensity[phase.adjusted] / phase.intensity[phase.adjusted].sum()
        places = fitted.layout.adjusted(phase)
        factor = 1.0 + float(np.einsum("n,n->", weight, fitted.values[places]))
        slope = np.zeros(fitted.layout.size)
        slope[at[f"{phase.name}.amount"]] = factor
        slope[places] = amount * weight
        values.append(amount * factor)
        slopes.append(slope)
    jacobian = np.array(slopes)
    covariance = np.einsum("ip,pq,jq->ij", jacobian, fitted.covariance, jacobian)
    return Amounts(np.array(values), covariance, exposure_s)


@dataclass(frozen=True)
class Balance:
    """How much metal there is in the beam, and what it scatters in the cubic phases.

    Parameters
    ----------
    mean
        The amount of metal, and what amounts of spinel and of rock salt are to be multiplied by,
        shape `(3,)`.
    covariance
        Shape `(3, 3)`.
    unrest
        Sum of the squared surprises that the patterns were, over what was expected of them.
    n_patterns
        How many they were.

    Notes
    -----
    `layered + x1 spinel + x2 rock salt = metal` for all patterns, where the metal in the beam
    drifts: R. E. Kálmán's filter (J. Basic Eng. 82 (1960) 35) with the factors, known beforehand
    from the structures, as constants.
    """

    mean: Floats
    covariance: Floats
    unrest: float = 0.0
    n_patterns: int = 0

    @property
    def factors(self) -> Floats:
        """What amounts of the three phases are to be multiplied by, shape `(3,)`."""
        return np.append(1.0, self.mean[1:])

    @property
    def factors_covariance(self) -> Floats:
        """Their covariance, shape `(3, 3)`: the larger, the more the beam changes."""
        unrest = max(1.0, self.unrest / max(self.n_patterns, 1))
        return np.pad(unrest * self.covariance[1:, 1:], ((1, 0), (1, 0)))


def balanced(before: Balance | None, amounts: Amounts) -> Balance:
    """Learn from a pattern what the cubic phases scatter.

    Parameters
    ----------
    before
        What the patterns before it say.
    amounts
        What is in it.
    """
    values = amounts.values / amounts.exposure_s
    if before is None:
        total = abs(float(values.sum()))
        known = np.diag([total**2, STRUCTURE_SIGMA**2, STRUCTURE_SIGMA**2])
        before = Balance(np.array([total, 1.0, 1.0]), known)
    mean, covariance = before.mean, before.covariance.copy()
    covariance[0, 0] += (DRIFT * mean[0]) ** 2
    seen = np.array([1.0, -values[1], -values[2]])
    # what a pattern's own amounts err by together, and by chance
    error = before.factors @ amounts.covariance @ before.factors / amounts.exposure_s**2
    error += (PATTERN_SIGMA * mean[0]) ** 2
    surprise = float(values[0] - seen @ mean)
    variance = float(seen @ covariance @ seen + error)
    unrest, n_patterns = before.unrest + surprise**2 / variance, before.n_patterns + 1
    if surprise**2 > _JUMP_SIGMAS**2 * variance:
        unrest, n_patterns = before.unrest, before.n_patterns
        covariance[0, 0] += surprise**2
        variance += surprise**2
    gain = covariance @ seen / variance
    covariance -= np.outer(gain, seen @ covariance)
    return Balance(mean + gain * surprise, covariance, unrest, n_patterns)


def shares_of(series: Sequence[Amounts], balance: Balance) -> tuple[Floats, Floats]:
    """Turn amounts into shares of the metal.

    Parameters
    ----------
    series
        Amounts of the phases in each pattern.
    balance
        What all patterns say of what these scatter.

    Returns
    -------
    tuple of ndarray
        Shares in the layered phase, the spinel and the rock salt, signed as the amounts are, and
        their standard deviations, shape `(n, 3)` each; NaN where there is no metal.
    """
    values = np.array([one.values for one in series])
    factors = balance.factors
    total = np.einsum("ni,i->n", values, factors)
    total = np.where(total > 0, total, np.nan)
    share = values * factors / total[:, None]
    covariance = np.array([one.covariance for one in series]) * np.outer(factors, factors)
    covariance += balance.factors_covariance * values[:, :, None] * values[:, None, :]
    slope = (np.eye(3) - share[:, :, None]) / total[:, None, None]
    variance = np.einsum("nij,njk,nik->ni", slope, covariance, slope)
    return share, np.sqrt(variance)
