"""Fractions in one yield with the origin of their errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import combine
from cgnmc_bluesky.analysis.soft.yielded import Found
from cgnmc_bluesky.analysis.xanes.curves import correlation_length
from cgnmc_bluesky.analysis.xanes.model import Standard
from cgnmc_bluesky.analysis.xanes.scan import Axis

Floats = NDArray[np.float64]

STEP_CONVENTION = 0.15
"""Share that the step of an L edge is a convention to, measured between the tails of its lines."""


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


def composed(
    found: Found,
    standards: Sequence[Standard],
    energy_ev: Floats,
    axis: Axis,
    row: NDArray[np.intp],
) -> Composition:
    """Fractions with the origin of their errors, of a yield whose make-up was found.

    Parameters
    ----------
    found
        The make-up.
    standards
        What was put together.
    energy_ev
        Energies of the points, shape `(n,)`, in eV.
    axis
        What is known of the energies beforehand.
    row
        Which row of the run each point is, shape `(n,)`.
    """
    k = len(standards)
    values, influence = found.amounts, found.influence
    axis_move, shift_ev = np.zeros(k), None
    if found.sought.moves:
        values, influence, axis_move, shift_ev = _held_to_axis(found, axis)
    total = float(np.sum(values))
    fractions = values / total
    gradient: Floats = (np.eye(k) - fractions[:, None]) / total
    of_rows = np.zeros((k, int(row.max()) + 1))
    of_rows[:, row] = np.einsum("ij,jn->in", gradient, influence[:k])
    moved = _moved_by(found, energy_ev)
    moves = {}
    for at, standard in enumerate(standards):
        moves[standard.name] = gradient @ moved[:, at] * standard.sigma_ev
        moves[f"scale of {standard.name}"] = gradient[:, at] * values[at] * standard.scale_sigma
    if shift_ev is None:
        axis_move = -moved.sum(axis=1) * axis.sigma_ev
    moves["axis"] = gradient @ axis_move
    return Composition(fractions, of_rows, moves, _strength_of(found, standards), shift_ev)


def _moved_by(found: Found, energy_ev: Floats) -> Floats:
    """Change of the amounts for each standard moved up by 1 eV, shape `(k, standards)`."""
    change = found.sought.slopes(energy_ev + found.shift_ev) * found.amounts * found.gain[:, None]
    moved: Floats = np.einsum("pn,ns->ps", found.projection, change)
    return moved[: len(found.amounts)]


def _strength_of(found: Found, standards: Sequence[Standard]) -> tuple[float, float]:
    """Edge step over all else that absorbs, and its sigma."""
    k = len(found.amounts)
    total = float(np.sum(found.amounts))
    strength = found.absorbing * total
    if found.sought.strength is not None:
        return strength, 0.0
    influence = found.absorbing * found.influence[:k].sum(axis=0)
    influence = influence + total * found.influence[found.place_of_absorbing]
    scaled = any(standard.scale_sigma > 0 for standard in standards)
    convention = STEP_CONVENTION * strength if scaled else 0.0
    return strength, float(np.hypot(np.sqrt(np.einsum("n,n->", influence, influence)), convention))


def _held_to_axis(found: Found, axis: Axis) -> tuple[Floats, Floats, Floats, tuple[float, float]]:
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


def wanted_shift(found: Found, energy_ev: Floats) -> tuple[float, float]:
    """How far a composed yield would like to be moved, and one sigma of that, in eV.

    Parameters
    ----------
    found
        The make-up, on an axis that was held.
    energy_ev
        Energies of the points, shape `(n,)`, in eV.
    """
    slope = np.einsum("nk,k->n", found.sought.slopes(energy_ev), found.amounts) * found.gain
    weights = np.sqrt(found.weights)
    design = np.column_stack([found.design, slope]) * weights[:, None]
    try:
        fit = combine(design, found.residual * weights)
    except ValueError:
        return 0.0, np.inf
    inflation = correlation_length(fit.residual)
    return float(fit.values[-1]), float(np.sqrt(fit.covariance[-1, -1] * inflation))
