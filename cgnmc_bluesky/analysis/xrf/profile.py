"""From a particle's map to the composition of its core and its shell."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True)
class Profile:
    """What a particle's map says of it; `None` where it does not say.

    Parameters
    ----------
    mean
        Composition of the whole particle.
    core, shell
        Composition at the two ends of the radial profile; the mean where no gradient is
        significant.
    radius_um
        Radius of the sphere, in µm.
    x_um, y_um
        Its centre, in µm.
    gradient_centre_um
        Radius of the mid composition, in µm.
    gradient_width_um
        Radial distance from 10 % to 90 % of the way between the compositions, in µm.
    corrected_mean, corrected_core, corrected_shell
        The compositions, corrected for self-absorption.
    notes
        What cannot be known, and what was assumed, in words.
    curves
        Arrays by annulus, all of one length.
    """

    mean: Composition | None = None
    core: Composition | None = None
    shell: Composition | None = None
    radius_um: Measured | None = None
    x_um: Measured | None = None
    y_um: Measured | None = None
    gradient_centre_um: Measured | None = None
    gradient_width_um: Measured | None = None
    corrected_mean: Composition | None = None
    corrected_core: Composition | None = None
    corrected_shell: Composition | None = None
    notes: tuple[str, ...] = ()
    curves: Mapping[str, Floats] = field(default_factory=dict)
