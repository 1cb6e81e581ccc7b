"""Solid-state reactions along any history of temperature."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

R_KJ_PER_MOL_K = 8.314462618e-3
ZERO_C_IN_K = 273.15
REFERENCE_PER_S = 1e-3
"""Rate constant at a reaction's reference temperature; of the order of a ramp's."""
SPREAD_SHAPE = (1.2, 2.2)
"""Exponents of the beta distribution of activation energies: a dome with ends, and a longer tail
towards the slow ones."""
CLASS_WIDTH_KJ_PER_MOL = 1.5
"""Energies are taken in classes so narrow that one's own width hides the next one's."""
OVERFLOW = 600.0


@dataclass(frozen=True)
class Reaction:
    """A first-order reaction that may feed itself, of sites that need not all be alike.

    A share p of the sites has reacted; dp/dt = k(T) (1 − p) (1 + b p) with Arrhenius' k, which is
    autocatalytic where b > 0 (M. R. Kamal and S. Sourour, Polym. Eng. Sci. 13 (1973) 59). It has a
    closed form in θ = ∫ k dt, so that a history of temperature matters only through that integral.
    Sites of different activation energies have one frequency factor.

    Parameters
    ----------
    activation_kj_per_mol
        Activation energy of the sites that react first.
    reference_c
        Temperature at which their rate constant is 0.001 1/s.
    acceleration
        How much faster than at the beginning the last of them go: b.
    spread_kj_per_mol
        The slowest sites' activation energy above that of the first.

    Examples
    --------
    >>> reaction = Reaction(160.0, 210.0)
    >>> round(float(reaction.classes().rate_constants(210.0)[0]), 9)
    0.001
    """

    activation_kj_per_mol: float
    reference_c: float
    acceleration: float = 0.0
    spread_kj_per_mol: float = 0.0

    def __post_init__(self) -> None:
        if not self.activation_kj_per_mol > 0 or self.reference_c <= -ZERO_C_IN_K:
            raise ValueError(
                f"activation_kj_per_mol is {self.activation_kj_per_mol} and reference_c "
                f"{self.reference_c}; give an energy above 0 and a temperature above absolute zero"
            )
        if min(self.acceleration, self.spread_kj_per_mol) < 0:
            raise ValueError(
                f"acceleration is {self.acceleration} and spread_kj_per_mol "
                f"{self.spread_kj_per_mol}; give 0 or more"
            )

    def classes(self) -> "Classes":
        """Its sites, sorted by their activation energies."""
        return _classes(self)


@dataclass(frozen=True, eq=False)
class Classes:
    """Sites of a reaction, or of several.

    Attributes
    ----------
    weight
        Share of its reaction's sites that each class holds, shape `(n,)`.
    log_frequency
        Natural logarithm of the frequency factor in 1/s, shape `(n,)`.
    activation_k
        Activation energy over the gas constant, in K, shape `(n,)`.
    acceleration
        Shape `(n,)`.
    """

    weight: NDArray[np.float64]
    log_frequency: NDArray[np.float64]
    activation_k: NDArray[np.float64]
    acceleration: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: "list[Classes]") -> "Classes":
        """Put those of several reactions behind each other."""
        names = ("weight", "log_frequency", "activation_k", "acceleration")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def rate_constants(self, temperature_c: ArrayLike) -> NDArray[np.float64]:
        """Rate constants in 1/s at temperatures, of which the last axis is 1 or missing."""
        constants: NDArray[np.float64] = np.exp(
            self.log_frequency - self.activation_k / np.add(temperature_c, ZERO_C_IN_K)
        )
        return constants

    def reacted(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of each class that has reacted, from its integral of the rate constant."""
        pace = 1 + self.acceleration
        grown: NDArray[np.float64] = np.expm1(np.minimum(pace * theta, OVERFLOW))
        return grown / (grown + pace)

    def slopes(self, reacted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the rate of each class over its rate constant."""
        return (1 - reacted) * (1 + self.acceleration * reacted)


@cache
def _classes(reaction: Reaction) -> Classes:
    spread = reaction.spread_kj_per_mol
    n = max(1, round(spread / CLASS_WIDTH_KJ_PER_MOL))
    edges = np.linspace(0.0, 1.0, n + 1)
    activation_k = (
        reaction.activation_kj_per_mol + spread * (edges[1:] + edges[:-1]) / 2 * (n > 1)
    ) / R_KJ_PER_MOL_K
    first_k = reaction.activation_kj_per_mol / R_KJ_PER_MOL_K
    log_frequency = np.log(REFERENCE_PER_S) + first_k / (reaction.reference_c + ZERO_C_IN_K)
    return Classes(
        np.diff(betainc(*SPREAD_SHAPE, edges)),
        np.full(n, log_frequency),
        activation_k,
        np.full(n, float(reaction.acceleration)),
    )
