"""Fractions in one yield with the origin of their errors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import combine
from cgnmc_bluesky.analysis.soft.yielded import Found
from cgnmc_bluesky.analysis.xanes.curves import correlation_length
from cgnmc_bluesky.analysis.xanes.scan import Axis

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Composition:
    """Fractions of the standards in one yield, and where their errors come from.

    Parameters
    ----------
    fractions
        Shape `(k,)`.
    influence
        What the noise of each row did to them, shape `(k, rows)`.
    moves
        What one sigma of each error that rows share did to them, shape `(k,)` each: "axis" for
        that of the energies, the name of a standard for that of its calibration, and "scale of" it.
    strength
        Edge step over all else that absorbs, and its sigma.
    shift_ev
        What was fitted to the axis, and its sigma, in eV; `None` where it was not.
    """

    fractions: Floats
    influence: Floats
    moves: Mapping[str, Floats]
    strength: tuple[float, float]
    shift_ev: tuple[float, float] | None

    @property
    def covariance(self) -> Floats:
        """Covariance of the fractions, shape `(k, k)`."""
        covariance: Floats = np.einsum("in,jn->ij", self.influence, self.influence)
        for move in self.moves.values():
            covariance = covariance + np.outer(move, move)
        return covariance


def held_to_axis(found: Found, axis: Axis) -> tuple[Floats, Floats, Floats, tuple[float, float]]:
    """Amounts where what is known of the axis is taken together with what the fit says of it.

    Returns
    -------
    tuple
        Amounts; influence of each point on them; what one sigma of the axis did to them; the shift
        with its sigma, in eV.
    """
    k = len(found.amounts)
    own = found.influence
    covariance = np.einsum("pn,n->p", own, own[-1])
    if axis.shift_ev is None:
        sigma_ev = float(np.sqrt(covariance[-1]))
        return found.amounts, own, np.zeros(k), (found.shift_ev, sigma_ev)
    gain = covariance / (covariance[-1] + axis.sigma_ev**2)
    amounts = found.amounts - gain[:k] * found.shift_ev
    influence = own - np.einsum("p,n->pn", gain, own[-1])
    shift_ev = found.shift_ev * (1 - float(gain[-1]))
    sigma_ev = float(np.sqrt(covariance[-1] * (1 - gain[-1])))
    return amounts, influence, gain[:k] * axis.sigma_ev, (shift_ev, sigma_ev)


def wanted_shift(found: Found, slope: Floats) -> tuple[float, float]:
    """How far a composed yield would like to be moved, and one sigma of that, in eV.

    Parameters
    ----------
    found
        The composition, on an axis that was held.
    slope
        Derivative of the yield by energy, shape `(n,)`.
    """
    weights = np.sqrt(found.weights)
    design = np.column_stack([found.design, slope]) * weights[:, None]
    try:
        fit = combine(design, found.residual * weights)
    except ValueError:
        return 0.0, np.inf
    inflation = correlation_length(fit.residual)
    return float(fit.values[-1]), float(np.sqrt(fit.covariance[-1, -1] * inflation))
