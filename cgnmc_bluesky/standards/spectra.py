"""References as they were measured, from files or from the configuration itself."""

from collections.abc import Sequence

import numpy as np

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.absorption import Spectrum, Unusable
from cgnmc_bluesky.analysis.xanes.calibrate import Recorded
from cgnmc_bluesky.analysis.xanes.joining import NEEDED
from cgnmc_bluesky.analysis.xanes.scan import ABSORPTION, REFERENCE
from cgnmc_bluesky.beamline import Beamline, ConfigurationError, Foil, Reference
from cgnmc_bluesky.spectra import Columns, MeasuredSpectrum, read_spectra, standard_names

_NOTHING = np.empty(0)


def recorded_of(reference: Reference, beamline: Beamline) -> Recorded:
    """Read a reference as it was measured.

    Raises
    ------
    ConfigurationError
        If it names a run that has not been resolved, or a file without an absorption.
    """
    owner = f"[[reference]] '{reference.name}'"
    if reference.run:
        raise ConfigurationError(f"{owner} names run {reference.run}, but no catalog is at hand")
    if reference.path is None:
        energy_ev, mu = np.array(reference.energy_ev), np.array(reference.mu)
        order = np.argsort(energy_ev, kind="stable")
        foil_mu = np.array(reference.murefer)
        foil_ev, foil_mu = (energy_ev[order], foil_mu[order]) if len(foil_mu) else (_NOTHING,) * 2
        return Recorded(
            reference.name, reference.valence, energy_ev[order], mu[order], foil_ev, foil_mu
        )
    spectra = read_spectra(
        reference.path, columns_of(reference, beamline), beamline.data_keys("xanes")
    )
    rows = rows_of(_named(reference.name, spectra), beamline, owner)
    spectrum = absorption_of(rows, reference.mode, owner)
    try:
        foil = REFERENCE[reference.mode](rows, {})
    except Unusable:
        foil = None
    foil_ev, foil_mu = (foil.energy_ev, foil.mu) if foil else (_NOTHING, _NOTHING)
    return Recorded(
        reference.name, reference.valence, spectrum.energy_ev, spectrum.mu, foil_ev, foil_mu
    )


def columns_of(standard: Reference | Foil, beamline: Beamline) -> Columns:
    """What overrides the header of a standard's file: its own `columns`, else the scans'."""
    return standard.columns or (beamline.xanes.columns if beamline.xanes else {})


def _named(name: str, spectra: Sequence[MeasuredSpectrum]) -> MeasuredSpectrum:
    """The spectrum of a file; of an Athena project the group of that name, else the first."""
    return next((spectrum for spectrum in spectra if spectrum.name == name), spectra[0])


def rows_of(spectrum: MeasuredSpectrum, beamline: Beamline, owner: str) -> Block:
    """A file's columns by role: as the configuration calls them, else by their XDI names."""
    xdi = {role: name for name, role in standard_names(spectrum.columns).items()}
    by_role = {"energy_ev": xdi.pop("energy", ""), **xdi}
    own = {**beamline.data_keys("soft_xanes"), **beamline.data_keys("xanes")}
    by_role |= {role: key for role, key in own.items() if key in spectrum.columns}
    values = {
        role: spectrum.columns[name] for role, name in by_role.items() if name in spectrum.columns
    }
    if "energy_ev" not in values:
        raise ConfigurationError(
            f"{owner}: no column of {spectrum.name} is an energy "
            f"({', '.join(spectrum.columns)}); name it with columns = {{ energy = … }}"
        )
    number = np.arange(1, len(values["energy_ev"]) + 1)
    return Block("primary", number, number.astype(float), values)


def absorption_of(rows: Block, mode: str, owner: str) -> Spectrum:
    """The absorption in a file's columns: in a mode, or else in any that they hold.

    Raises
    ------
    ConfigurationError
        If they hold none; it says whose they are.
    """
    wanted = [mode, *(other for other in NEEDED if other != mode)]
    for one in wanted:
        if any(needed <= rows.values.keys() for needed in NEEDED.get(one, ())):
            try:
                return ABSORPTION[one](rows, {})
            except Unusable as fault:
                raise ConfigurationError(f"{owner}: {fault}") from fault
    raise ConfigurationError(
        f"{owner}: its columns give no absorption ({', '.join(rows.values)}); "
        "name them with columns = { mutrans = … }"
    )
