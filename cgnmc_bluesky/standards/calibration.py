"""Sensitivities from a run on a standard of known composition."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xrf.accumulator import MapAccumulator
from cgnmc_bluesky.analysis.xrf.calibration import Unusable
from cgnmc_bluesky.analysis.xrf.sensitivity import Factors, NoFactor, factors_of
from cgnmc_bluesky.beamline import ConfigurationError, Role, Sensitivity, XrfRoles
from cgnmc_bluesky.documents import ReadingError, RunReader
from cgnmc_bluesky.standards.maps import map_model
from cgnmc_bluesky.standards.sensitivity import fluorescence_of


class StoredRun(Protocol):
    """A run in a catalog."""

    @property
    def start(self) -> Mapping[str, Any]:
        """Its start document."""

    @property
    def documents(self) -> Callable[[], Iterable[tuple[str, Mapping[str, Any]]]]:
        """Gives all of its documents, each time it is called."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where files that the documents refer to may lie."""


def measured_sensitivity(xrf: XrfRoles, run: StoredRun, readable: Sequence[Path]) -> Sensitivity:
    """Find how many counts an atom of each metal gives.

    Parameters
    ----------
    xrf
        The section that names the run.
    run
        A map of a standard. Its start document holds `composition`, atoms of each element relative
        to each other, and perhaps `composition_sigma`.
    readable
        Folders in which external files may be read, beside those of the run.

    Raises
    ------
    ConfigurationError
        If the run says no composition, or does not show its elements.
    """
    owner = f"[xrf] sensitivity (run {xrf.sensitivity_run})"
    tabulated = xrf.model_copy(update={"sensitivity": None})
    folders = (*run.folders, *readable)
    try:
        _composition(run.start)
        energy_ev = _energy_ev(tabulated, run, folders)
        fluorescence = fluorescence_of(tabulated, energy_ev)
        counted = MapAccumulator(map_model(tabulated, fluorescence, run.start))
        for block in _blocks(tabulated.roles(), run, folders):
            counted.add(block)
        factors = standard_factors(counted, run.start)
    except (NoFactor, ReadingError, Unusable) as fault:
        raise ConfigurationError(f"{owner} gives none: {fault}; name another run") from fault
    return Sensitivity(
        factor=_without(factors.relative_to, factors.values),
        sigma=_without(factors.relative_to, factors.sigmas),
        relative_to=factors.relative_to,
        standard=f"{run.start.get('sample', 'a standard')} (run {run.start['uid']})",
        incident_energy_ev=float(fluorescence.parameters["incident_energy_ev"]),
    )


def standard_factors(counted: MapAccumulator, start: Mapping[str, Any]) -> Factors:
    """Find how many counts an atom of each metal gives, from a map that is complete.

    Parameters
    ----------
    counted
        All rows of the map.
    start
        The run's start document, with the standard's `composition`.

    Raises
    ------
    NoFactor, Unusable
        If the run says no composition, or does not show its elements.
    """
    composition, sigma = _composition(start)
    return factors_of(counted.model.metals, *counted.total(), composition, sigma)


def _composition(start: Mapping[str, Any]) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Atoms of each element in a standard, and one standard deviation of them."""
    said = (start.get("composition"), start.get("composition_sigma"))
    composition, sigma = (one if isinstance(one, Mapping) else {} for one in said)
    if not composition:
        raise NoFactor("it names no composition, as the plan measure_sensitivity does")
    return composition, sigma


def _energy_ev(xrf: XrfRoles, run: StoredRun, folders: Sequence[Path]) -> float | None:
    """Energy of the beam: as configured, else as it was first read."""
    if isinstance(xrf.incident_energy_ev, float):
        return xrf.incident_energy_ev
    roles = {name: role for name, role in xrf.roles().items() if name == "incident_energy_ev"}
    for block in _blocks(roles, run, folders):
        energies_ev = block.values["incident_energy_ev"]
        finite = energies_ev[np.isfinite(energies_ev)]
        if len(finite):
            return float(finite[0])
    return None


def _blocks(roles: Mapping[str, Role], run: StoredRun, folders: Sequence[Path]) -> Iterator[Block]:
    reader = RunReader(roles, folders)
    for name, doc in run.documents():
        yield from reader.blocks(name, doc)


def _without(element: str, numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: number for name, number in numbers.items() if name != element}
