"""Runs that beamline.toml names by their uids: references just measured, darks, calibrations."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.analysis.xanes.absorption import Unusable
from cgnmc_bluesky.analysis.xanes.joining import NotYet, join
from cgnmc_bluesky.analysis.xanes.scan import ABSORPTION, REFERENCE
from cgnmc_bluesky.beamline import Beamline, ConfigurationError, Reference
from cgnmc_bluesky.documents import RunReader
from cgnmc_bluesky.standards.calibration import StoredRun, measured_sensitivity


def names_runs(beamline: Beamline) -> bool:
    """Tell whether a configuration names any run."""
    dark = beamline.xanes.dark if beamline.xanes else None
    sensitivity = beamline.xrf.sensitivity_run if beamline.xrf else None
    references = any(reference.run for reference in beamline.reference)
    return isinstance(dark, str) or sensitivity is not None or references


def with_runs(beamline: Beamline, find: Callable[[str], StoredRun]) -> Beamline:
    """Put what runs hold in the place of their uids.

    Parameters
    ----------
    beamline
        A configuration that may name runs: references just measured, a dark run, a calibration of
        sensitivities.
    find
        Gives a run by its uid.

    Raises
    ------
    ConfigurationError
        If a run does not hold what it should; the message names who names it.
    """
    references = tuple(
        _from_run(reference, beamline, find(reference.run)) if reference.run else reference
        for reference in beamline.reference
    )
    xanes, xrf = beamline.xanes, beamline.xrf
    if xanes is not None and isinstance(xanes.dark, str):
        dark = _dark_currents(beamline, find(xanes.dark))
        xanes = xanes.model_copy(update={"dark": dark})
    if xrf is not None and xrf.sensitivity_run is not None:
        run = find(xrf.sensitivity_run)
        sensitivity = measured_sensitivity(xrf, run, beamline.data.readable)
        xrf = xrf.model_copy(update={"sensitivity": sensitivity})
    return beamline.model_copy(update={"reference": references, "xanes": xanes, "xrf": xrf})


def _from_run(reference: Reference, beamline: Beamline, run: StoredRun) -> Reference:
    owner = f"[[reference]] '{reference.name}' (run {reference.run})"
    section = section_of(reference.mode)
    tables = _tables(beamline, run, section)
    keys = beamline.data_keys(section)
    try:
        rows = with_constants(join(tables, reference.mode).rows, beamline, section)
        spectrum = ABSORPTION[reference.mode](rows, keys)
        foil = REFERENCE[reference.mode](rows, keys)
    except (NotYet, Unusable) as fault:
        raise ConfigurationError(
            f"{owner} holds no spectrum in {reference.mode} ({fault}); name another run"
        ) from fault
    at_foil = np.interp(spectrum.energy_ev, foil.energy_ev, foil.mu) if foil else np.empty(0)
    return reference.model_copy(
        update={
            "run": None,
            "energy_ev": tuple(spectrum.energy_ev.tolist()),
            "mu": tuple(spectrum.mu.tolist()),
            "murefer": tuple(at_foil.tolist()),
        }
    )


def section_of(mode: str) -> str:
    """Section of the configuration whose roles a mode has.

    Examples
    --------
    >>> section_of("transmission"), section_of("tey")
    ('xanes', 'soft_xanes')
    """
    return "soft_xanes" if mode in ("tey", "pfy") else "xanes"


def with_constants(rows: Block, beamline: Beamline, section: str = "xanes") -> Block:
    """Add the dark currents that the configuration gives as numbers."""
    constants = constants_of(beamline, section)
    columns = {role: np.full(len(rows), value) for role, value in constants.items()}
    return replace(rows, values={**rows.values, **columns})


def constants_of(beamline: Beamline, section: str = "xanes") -> dict[str, float]:
    """Roles that are one number for a whole scan."""
    if section == "soft_xanes":
        return beamline.soft_xanes.constants() if beamline.soft_xanes else {}
    dark = beamline.xanes.dark if beamline.xanes else None
    numbers = dark.items() if isinstance(dark, Mapping) else ()
    return {f"dark_{role}": float(v) for role, v in numbers if not isinstance(v, str)}


def _dark_currents(beamline: Beamline, run: StoredRun) -> dict[str, float]:
    tables = _tables(beamline, run, "xanes")
    intensities = ("i0", "itrans", "irefer", "ifluor")
    return {
        role: float(np.nanmean(table.column(role)))
        for table in tables.values()
        for role in intensities
        if role in table.roles()
    }


def _tables(beamline: Beamline, run: StoredRun, section: str) -> dict[str, Table]:
    reader = RunReader(beamline.roles(section), (*run.folders, *beamline.data.readable))
    tables: dict[str, Table] = {}
    for name, doc in run.documents():
        for block in reader(name, doc):
            tables.setdefault(block.stream, Table()).add(block)
    return tables
