"""How many counts an atom gives: as measured on a standard, else from tables."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cgnmc_bluesky.analysis.xrf.lines import Emitter
from cgnmc_bluesky.beamline import ConfigurationError, Sensitivity, XrfRoles
from cgnmc_bluesky.beamline.errors import problems_of
from cgnmc_bluesky.beamline.section import Section
from cgnmc_bluesky.standards.fluorescence import emitters_of, tables

SAME_ENERGY = 0.01
"""A calibration holds for beams whose energy differs from its own by no more than this part."""


@dataclass(frozen=True)
class Fluorescence:
    """What elements emit, and how many counts their atoms give, ready for an analysis.

    Parameters
    ----------
    emitters
        What the analysis takes.
    parameters
        What to record of it.
    references
        The measured calibration by its content's hash, if there is one.
    """

    emitters: tuple[Emitter, ...]
    parameters: Mapping[str, Any]
    references: tuple[Mapping[str, Any], ...] = ()


class _File(Section):
    """What a calibration's file holds."""

    sensitivity: Sensitivity


def fluorescence_of(xrf: XrfRoles, incident_energy_ev: float | None) -> Fluorescence:
    """Return what a configuration says of the fluorescence of its elements.

    Parameters
    ----------
    xrf
        The section; a calibration that is a run has been resolved (`with_runs`).
    incident_energy_ev
        Energy of the run's beam, in eV; where it is not known, that of the calibration.

    Raises
    ------
    ConfigurationError
        If an element cannot fluoresce, or the calibration cannot be used or was measured at
        another energy, or nothing says the energy; the message names it.
    """
    measured = sensitivity_of(xrf)
    if incident_energy_ev is None:
        if measured is None:
            raise ConfigurationError(
                "[xrf] incident_energy_ev is missing; give the energy of the beam, or a measured "
                "sensitivity"
            )
        incident_energy_ev = measured.incident_energy_ev
    emitters = emitters_of(xrf.elements, incident_energy_ev)
    parameters: dict[str, Any] = {
        "elements": list(xrf.elements),
        "incident_energy_ev": incident_energy_ev,
        "sensitivity": tables(),
    }
    if measured is None:
        return Fluorescence(emitters, parameters)
    if abs(measured.incident_energy_ev - incident_energy_ev) > SAME_ENERGY * incident_energy_ev:
        raise ConfigurationError(
            f"[xrf] sensitivity was measured at {measured.incident_energy_ev:.0f} eV, and the beam "
            f"is of {incident_energy_ev:.0f} eV; measure it again, or take it out"
        )
    calibrated = _calibrated(emitters, measured, incident_energy_ev)
    parameters["sensitivity"] = _how(xrf, measured)
    return Fluorescence(calibrated, parameters, (_record(measured),))


def sensitivity_of(xrf: XrfRoles) -> Sensitivity | None:
    """Return the calibration that a configuration names, `None` where it names none.

    Raises
    ------
    ConfigurationError
        If its file cannot be read, or it is a run that has not been resolved.
    """
    if xrf.sensitivity_run is not None:
        raise ConfigurationError(
            f"[xrf] sensitivity names run {xrf.sensitivity_run}, but no catalog is at hand"
        )
    path = xrf.sensitivity_path
    if path is not None:
        return _read(path)
    return xrf.sensitivity if isinstance(xrf.sensitivity, Sensitivity) else None


def _read(path: Path) -> Sensitivity:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigurationError(f"{path}: not valid TOML: {fault}") from fault
    try:
        return _File.model_validate(settings).sensitivity
    except ValidationError as fault:
        problems = problems_of(fault, settings)
        raise ConfigurationError(*(f"{path}: {problem}" for problem in problems)) from fault


def _calibrated(
    emitters: tuple[Emitter, ...], measured: Sensitivity, incident_energy_ev: float
) -> tuple[Emitter, ...]:
    """Put measured factors in the place of the tables', which say what their unit is worth."""
    [unit] = emitters_of([measured.relative_to], incident_energy_ev)
    factors = {measured.relative_to: 1.0, **measured.factor}
    return tuple(
        replace(
            emitter,
            sensitivity=factors[emitter.element] * unit.sensitivity,
            sensitivity_sigma=measured.sigma.get(emitter.element, 0.0) * unit.sensitivity,
        )
        if emitter.element in factors
        else emitter
        for emitter in emitters
    )


def _how(xrf: XrfRoles, measured: Sensitivity) -> str:
    """Say where the sensitivities are from, and which are not measured."""
    others = set(xrf.elements) - {*measured.factor, measured.relative_to}
    tabulated = [element for element in xrf.elements if element in others]
    rest = f"; {', '.join(tabulated)}: {tables()}" if tabulated else ""
    return f"measured on {measured.standard or 'a standard'}{rest}"


def _record(measured: Sensitivity) -> dict[str, Any]:
    written = measured.model_dump(mode="json")
    content = json.dumps(written, sort_keys=True).encode()
    return {"name": "sensitivity", "sha256": hashlib.sha256(content).hexdigest(), **written}
