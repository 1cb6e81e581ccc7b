"""What is known of an edge before the scan: its energy, a foil, a template, standards."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xanes.alignment import Match, Template, Unmatched, match

Floats = NDArray[np.float64]

LOOKS_LIKE = 0.05
"""A foil that leaves more than this share of its edge step unexplained is not that foil."""


@dataclass(frozen=True)
class Standard:
    """A spectrum of known valence, for linear combinations.

    Parameters
    ----------
    name
        What it is called, "NiO".
    valence
        Valence of the absorbing element in it, or `None`.
    energy_ev
        Energies on the calibrated axis, ascending, shape `(n,)`, in eV.
    mu
        Absorption there, shape `(n,)`; scaled to an edge step of one unless it is combined as
        recorded.
    sigma_ev
        One standard deviation of its calibration, in eV.
    shift_ev
        What was added to its energies as recorded, in eV.
    scale_sigma
        One standard deviation of the edge step that it was scaled by, as a share of it; 0 where it
        was scaled before.
    """

    name: str
    valence: float | None
    energy_ev: Floats
    mu: Floats
    sigma_ev: float = 0.0
    shift_ev: float = 0.0
    scale_sigma: float = 0.0


@dataclass(frozen=True)
class EdgeModel:
    """All that an analysis of one edge rests on beside the scan.

    Parameters
    ----------
    edge
        The edge, "Ni K".
    energy_ev
        What the first inflection of the metal foil is taken to be, in eV.
    foil
        A well measured foil on the calibrated axis, or `None`.
    template
        The spectrum that edge positions are matched to, or `None`.
    standards
        Spectra that are combined.
    fit_range_ev
        Range of the combination, in eV; `None` for the usual one about the edge.
    baseline
        What is fitted along: "linear" (offset and slope), "constant" or "none".
    sum_to_one
        Whether the amounts add up to one.
    notes
        What is to be said of the standards with every result.
    """

    edge: str
    energy_ev: float
    foil: Template | None = None
    template: Template | None = None
    standards: tuple[Standard, ...] = ()
    fit_range_ev: tuple[float, float] | None = None
    baseline: Literal["linear", "constant", "none"] = "linear"
    sum_to_one: bool = False
    notes: tuple[str, ...] = ()

    @property
    def usual_shift_ev(self) -> float:
        """What the axes of the standards were off by, on average, in eV."""
        shifts_ev = [standard.shift_ev for standard in self.standards]
        return float(np.mean(shifts_ev)) if shifts_ev else 0.0


def match_foil(foil: Template, energy_ev: Floats, mu: Floats) -> Match:
    """Lay a foil's spectrum on a well measured one, refusing what is no such foil.

    Parameters
    ----------
    foil
        The well measured one.
    energy_ev, mu
        The spectrum, ascending, shape `(n,)`, energies in eV.

    Raises
    ------
    Unmatched
        If the spectrum does not reach beyond the edge, or is not of that foil.
    """
    return as_foil(match(foil, energy_ev, mu))


def as_foil(found: Match) -> Match:
    """Return a match to a foil, refusing that of a spectrum which is no such foil.

    Raises
    ------
    Unmatched
        If the two differ too much.
    """
    if found.misfit > LOOKS_LIKE:
        raise Unmatched(f"it differs from the foil by {found.misfit:.0%} of the edge step")
    return found
