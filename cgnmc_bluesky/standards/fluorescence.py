"""What tables say of fluorescence: K lines, counts an atom gives, and what absorbs them again."""

from collections.abc import Sequence

import numpy as np

from cgnmc_bluesky.analysis.xrf.absorption import Attenuation
from cgnmc_bluesky.analysis.xrf.lines import Emitter, Line
from cgnmc_bluesky.beamline import ConfigurationError, SelfAbsorption

BARN_MOL_CM2 = 1 / 0.602214076
"""Barn an atom that are one cm² a mole."""
FAINT = 1e-4
"""Lines of a smaller share than this are left out."""


def emitters_of(elements: Sequence[str], incident_energy_ev: float) -> tuple[Emitter, ...]:
    """Return what tables say of the K fluorescence of elements.

    Parameters
    ----------
    elements
        Their symbols.
    incident_energy_ev
        Energy of the beam, in eV.

    Returns
    -------
    tuple of Emitter
        One for each element, in their order; the sensitivity is the cross section of K fluorescence
        in barn an atom.

    Raises
    ------
    ConfigurationError
        If the beam cannot make an element fluoresce; it names the element.

    Notes
    -----
    A thin sample gives ``τ(E₀) · A · (1 − 1/J) · ω`` K counts an atom, with the photoabsorption τ
    of the element, its atomic weight A, the jump ratio J of its K edge and the K fluorescence
    yield ω (Sherman 1955; values of Elam, Ravel and Sieber 2002). What lies between sample and
    counts is not in it: absorption, air, the detector's window.

    Examples
    --------
    >>> manganese, nickel = emitters_of(["Mn", "Ni"], 9000.0)
    >>> round(manganese.sensitivity / nickel.sensitivity, 3)
    0.538
    >>> manganese.main_line_ev
    5900.3
    """
    return tuple(_emitter(element, incident_energy_ev) for element in elements)


def attenuation_of(
    metals: Sequence[str], incident_energy_ev: float, geometry: SelfAbsorption
) -> Attenuation:
    """Return what a particle of LiMO₂ keeps of the beam and of its own fluorescence.

    Parameters
    ----------
    metals
        Symbols of the metals M.
    incident_energy_ev
        Energy of the beam, in eV.
    geometry
        Angles and density.

    Raises
    ------
    ConfigurationError
        As `emitters_of`.

    Notes
    -----
    Attenuation is total, scattering included (Elam, Ravel and Sieber 2002); that of a metal's
    fluorescence is the mean over its K lines by their shares.

    Examples
    --------
    >>> attenuation = attenuation_of(["Mn", "Co", "Ni"], 9000.0, SelfAbsorption())
    >>> incident, _ = attenuation.linear(np.array([0.2, 0.2, 0.6]))
    >>> round(1 / incident)  # µm in which the beam loses 63 %
    14
    """
    import xraydb

    compound, emitters = ("Li", "O", *metals), emitters_of(metals, incident_energy_ev)
    emitted = [
        sum(line.share * xraydb.mu_elam(absorber, line.energy_ev) for line in emitter.lines)
        for absorber in compound
        for emitter in emitters
    ]
    return Attenuation(
        metals=tuple(metals),
        atomic_weights=np.array([xraydb.atomic_mass(element) for element in compound]),
        incident=np.array([xraydb.mu_elam(element, incident_energy_ev) for element in compound]),
        emitted=np.array(emitted).reshape(len(compound), len(metals)),
        density_g_cm3=geometry.density_g_cm3,
        incidence_deg=geometry.incidence_deg,
        takeoff_deg=geometry.takeoff_deg,
    )


def tables() -> str:
    """Return the name of the tables, for the record."""
    import xraydb

    return f"fundamental parameters, xraydb {xraydb.__version__} (Elam, Ravel and Sieber 2002)"


def _emitter(element: str, incident_energy_ev: float) -> Emitter:
    import xraydb

    edge = xraydb.xray_edges(element).get("K")
    lines = xraydb.xray_lines(element, "K")
    if edge is None or not lines:
        raise ConfigurationError(
            f"[xrf] elements: {element} has no K line in any table; take it out"
        )
    if edge.energy >= incident_energy_ev:
        raise ConfigurationError(
            f"[xrf] elements: the K edge of {element} at {edge.energy:.0f} eV is not below the "
            f"incident energy of {incident_energy_ev:.0f} eV; take {element} out, or correct "
            "incident_energy_ev"
        )
    absorption_cm2_g = float(xraydb.mu_elam(element, incident_energy_ev, kind="photo"))
    absorption_barn = absorption_cm2_g * xraydb.atomic_mass(element) * BARN_MOL_CM2
    bright = {name: line for name, line in lines.items() if line.intensity > FAINT}
    total = sum(line.intensity for line in bright.values())
    return Emitter(
        element=element,
        lines=tuple(
            Line(name, float(line.energy), line.intensity / total) for name, line in bright.items()
        ),
        sensitivity=absorption_barn * (1 - 1 / edge.jump_ratio) * edge.fyield,
    )
