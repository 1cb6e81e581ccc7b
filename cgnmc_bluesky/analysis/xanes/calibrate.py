"""Measured foils and standards, put on the calibrated axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xanes.alignment import Template, Unmatched
from cgnmc_bluesky.analysis.xanes.inflection import NoInflection, first_inflection
from cgnmc_bluesky.analysis.xanes.model import Standard, match_foil
from cgnmc_bluesky.analysis.xanes.normalise import EdgeStep, edge_step

Floats = NDArray[np.float64]

FARTHEST_EV = 20.0
"""A foil whose axis is off by more is not believed: it is of another element."""

SHARP_EV = 0.3
"""The inflection of a line is found to so much only: a foil whose own lies no farther from where it
should be stays where it is."""

SHORT_EV = 150.0
"""A standard that reaches less far behind the edge has an edge step of some percent only."""


@dataclass(frozen=True)
class Form:
    """What is usual of a kind of edge.

    Parameters
    ----------
    step_of
        Measures the edge step of energies, absorption and the edge's energy.
    reach_ev
        How far to either side of its inflection a spectrum must reach to be matched, in eV.
    finest_ev
        How wide its narrowest feature is that is matched, in eV.
    has_line
        Whether a white line towers over its step, so that it is the measure of likeness.
    short_ev
        A standard that reaches less far behind the edge has an edge step of some percent only.
    """

    step_of: Callable[[Floats, Floats, float], EdgeStep | None] = edge_step
    reach_ev: tuple[float, float] = (-8.0, 8.0)
    finest_ev: float = 1.0
    has_line: bool = False
    short_ev: float = SHORT_EV


K_EDGE = Form()


@dataclass(frozen=True)
class Recorded:
    """A standard as it was measured.

    Parameters
    ----------
    name
        What it is called.
    valence
        Valence of the absorbing element in it, or `None`.
    energy_ev
        Energies as recorded, ascending, shape `(n,)`, in eV.
    mu
        Its absorption, shape `(n,)`.
    foil_energy_ev, foil_mu
        The foil recorded with it, shape `(m,)`; empty where there was none.
    """

    name: str
    valence: float | None
    energy_ev: Floats
    mu: Floats
    foil_energy_ev: Floats
    foil_mu: Floats


def template_of(energy_ev: Floats, mu: Floats, edge_ev: float, form: Form = K_EDGE) -> Template:
    """Make a template of a spectrum that is on the calibrated axis already.

    Raises
    ------
    NoInflection
        If the spectrum does not show its first inflection.
    """
    energy_ev, mu = distinct(energy_ev, mu)
    if form.has_line:
        normalised = mu / float(np.ptp(mu))
    else:
        step = form.step_of(energy_ev, mu, edge_ev)
        normalised = mu if step is None else step.normalised
    inflection_ev, sigma_ev = first_inflection(energy_ev, mu)
    return Template(energy_ev, normalised, inflection_ev, sigma_ev, form.reach_ev, form.finest_ev)


def master_foil(
    energy_ev: Floats, mu: Floats, edge_ev: float, form: Form = K_EDGE, *, moved: bool = True
) -> Template:
    """Make a template of a well measured foil, its first inflection put at the edge's energy.

    Parameters
    ----------
    energy_ev, mu
        The foil as measured, ascending, shape `(n,)`, energies in eV.
    edge_ev
        What its first inflection is taken to be, in eV.
    form
        What is usual of such an edge.
    moved
        Whether it is moved there; otherwise its own energies are the calibrated ones, as they are
        of an edge with a white line that lies there already.

    Raises
    ------
    NoInflection
        If the foil does not show its first inflection, or far from where that should be.
    """
    inflection_ev, sigma_ev = first_inflection(*distinct(energy_ev, mu))
    away_ev = abs(inflection_ev - edge_ev)
    if away_ev > FARTHEST_EV:
        raise NoInflection(f"its edge at {inflection_ev:.1f} eV is far from {edge_ev:.1f} eV")
    if not moved or (form.has_line and away_ev < SHARP_EV):
        return replace(template_of(energy_ev, mu, edge_ev, form), inflection_sigma_ev=0.0)
    template = template_of(energy_ev + edge_ev - inflection_ev, mu, edge_ev, form)
    return replace(template, inflection_ev=edge_ev, inflection_sigma_ev=sigma_ev)


def calibrated(
    recorded: Recorded,
    foil: Template | None,
    edge_ev: float,
    *,
    scaled: bool,
    form: Form = K_EDGE,
) -> tuple[Standard, tuple[str, ...]]:
    """Put a standard on the calibrated axis, and scale it to an edge step of one.

    Parameters
    ----------
    recorded
        The standard as measured.
    foil
        The well measured foil, or `None`: the energies stay as recorded.
    edge_ev
        The edge's energy, in eV.
    scaled
        Whether it is scaled.
    form
        What is usual of such an edge.

    Returns
    -------
    tuple
        The standard, and what is to be said of it with every result.
    """
    shift_ev, sigma_ev, notes = 0.0, 0.0, []
    if foil is not None and len(recorded.foil_mu):
        try:
            found = match_foil(foil, recorded.foil_energy_ev, recorded.foil_mu)
            shift_ev, sigma_ev = found.shift_ev, found.sigma_ev
        except Unmatched as doubt:
            notes.append(f"foil of standard {recorded.name} cannot be used ({doubt})")
    energy_ev, mu = distinct(recorded.energy_ev + shift_ev, recorded.mu)
    step = form.step_of(energy_ev, mu, edge_ev) if scaled else None
    normalised = mu if step is None else step.normalised
    reach_ev = float(energy_ev[-1]) - edge_ev
    if scaled and step is None:
        notes.append(f"standard {recorded.name} shows no edge step: it is taken as scaled already")
    elif scaled and reach_ev < form.short_ev:
        notes.append(
            f"standard {recorded.name} reaches only {reach_ev:.0f} eV behind the edge: "
            "its edge step may be off by some percent"
        )
    standard = Standard(
        name=recorded.name,
        valence=recorded.valence,
        energy_ev=energy_ev,
        mu=normalised,
        sigma_ev=sigma_ev,
        shift_ev=shift_ev,
        scale_sigma=step.sigma / step.step if step else 0.0,
    )
    return standard, tuple(notes)


def foil_of(
    recorded: Sequence[Recorded], edge_ev: float, form: Form = K_EDGE, *, moved: bool = True
) -> Template | None:
    """The first of the standards' own foils that shows its first inflection, as a template."""
    for standard in recorded:
        if len(standard.foil_mu):
            try:
                return master_foil(
                    standard.foil_energy_ev, standard.foil_mu, edge_ev, form, moved=moved
                )
            except NoInflection:
                continue
    return None


def distinct(energy_ev: Floats, mu: Floats) -> tuple[Floats, Floats]:
    """Points of one energy as their mean, so that energies ascend.

    Examples
    --------
    >>> distinct(np.array([1.0, 2.0, 2.0]), np.array([0.0, 1.0, 3.0]))
    (array([1., 2.]), array([0., 2.]))
    """
    unique_ev, place = np.unique(energy_ev, return_inverse=True)
    return unique_ev, np.bincount(place, weights=mu) / np.bincount(place)
