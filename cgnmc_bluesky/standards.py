"""What beamline.toml names, as arrays: standards and foils of an edge on the calibrated axis."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.analysis.xanes.absorption import Spectrum, Unusable, of_foil
from cgnmc_bluesky.analysis.xanes.alignment import Template
from cgnmc_bluesky.analysis.xanes.calibrate import (
    Recorded,
    calibrated,
    foil_of,
    master_foil,
    template_of,
)
from cgnmc_bluesky.analysis.xanes.inflection import NoInflection
from cgnmc_bluesky.analysis.xanes.model import EdgeModel, Standard
from cgnmc_bluesky.analysis.xanes.scan import ABSORPTION, NEEDED, NotYet, join
from cgnmc_bluesky.beamline import (
    Beamline,
    ConfigurationError,
    Edge,
    Foil,
    Reference,
    edge_energy_ev,
)
from cgnmc_bluesky.beamline.edges import SYMBOLS
from cgnmc_bluesky.documents import RunReader
from cgnmc_bluesky.spectra import MeasuredSpectrum, read_spectra, standard_names

Floats = NDArray[np.float64]
Documents = Iterable[tuple[str, Mapping[str, Any]]]

_NOTHING = np.empty(0)
_MARGIN_EV = 5.0
_AHEAD_EV = 300.0


@dataclass(frozen=True)
class Standards:
    """Standards and foil of one edge, ready for an analysis.

    Parameters
    ----------
    model
        What the analysis takes.
    parameters
        What to record of it: the edge's energy and where that is from, the combination's settings.
    references
        For each standard its name, valence, content hash and calibration.
    """

    model: EdgeModel
    parameters: Mapping[str, Any]
    references: tuple[Mapping[str, Any], ...]


class Library:
    """Standards that were read once, for all the runs that need them."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, Edge, str], Standards] = {}

    def standards_of(self, beamline: Beamline, edge: Edge, mode: str) -> Standards:
        """Return what `standards_of` returns, from memory where the configuration is the same."""
        key = (beamline.model_dump_json(), edge, mode)
        if key not in self._read:
            self._read[key] = standards_of(beamline, edge, mode)
        return self._read[key]


def standards_of(beamline: Beamline, edge: Edge, mode: str = "transmission") -> Standards:
    """Read and calibrate what a configuration names for an edge.

    Parameters
    ----------
    beamline
        The configuration; references that name runs have been resolved (`with_runs`).
    edge
        The edge.
    mode
        How the scan is measured; references of that mode are taken, or all where there are none.

    Raises
    ------
    ConfigurationError
        If a reference or foil cannot be used; the message names it.
    """
    foil = beamline.foil_of(edge)
    edge_ev, table = foil.first_inflection_ev() if foil else edge_energy_ev(edge)
    chosen = [ref for ref in beamline.references_of(edge) if ref.mode == mode]
    chosen = chosen or list(beamline.references_of(edge))
    recorded = [_recorded(reference, beamline) for reference in chosen]
    master = _master(foil, edge_ev, beamline) or foil_of(recorded, edge_ev)
    settings = beamline.analysis.fraction
    scaled = settings.baseline != "none"
    found = [calibrated(one, master, edge_ev, scaled=scaled) for one in recorded]
    standards = tuple(standard for standard, _ in found)
    marked = next((at for at, ref in enumerate(chosen) if ref.template), 0)
    model = EdgeModel(
        edge=str(edge),
        energy_ev=edge_ev,
        foil=master,
        template=_template(standards[marked], edge_ev) if standards else None,
        standards=standards,
        fit_range_ev=settings.fit_range_ev,
        baseline=settings.baseline,
        sum_to_one=settings.sum_to_one,
        notes=tuple(note for _, notes in found for note in notes),
    )
    parameters = {
        "edge": str(edge),
        "edge_energy_ev": edge_ev,
        "edge_energy_table": table,
        "template": chosen[marked].name if chosen else None,
        "fraction": settings.model_dump(mode="json"),
    }
    references = tuple(
        {
            "name": standard.name,
            "valence": standard.valence,
            "sha256": _hash(one),
            "calibration_shift_ev": float(standard.energy_ev[0] - one.energy_ev[0]),
            "calibration_sigma_ev": standard.sigma_ev,
        }
        for standard, one in zip(standards, recorded, strict=True)
    )
    return Standards(model, parameters, references)


def with_runs(beamline: Beamline, fetch: Callable[[str], Documents]) -> Beamline:
    """Put the spectra of runs in the place of their uids.

    Parameters
    ----------
    beamline
        A configuration that may name runs: references just measured, a dark run.
    fetch
        Gives the documents of a run by its uid.

    Raises
    ------
    ConfigurationError
        If a run holds no spectrum; the message names the reference.
    """
    references = tuple(
        _from_run(reference, beamline, fetch) if reference.run else reference
        for reference in beamline.reference
    )
    xanes = beamline.xanes
    if xanes is not None and isinstance(xanes.dark, str):
        dark = _dark_currents(beamline, fetch(xanes.dark))
        xanes = xanes.model_copy(update={"dark": dark})
    return beamline.model_copy(update={"reference": references, "xanes": xanes})


def _from_run(
    reference: Reference, beamline: Beamline, fetch: Callable[[str], Documents]
) -> Reference:
    owner = f"[[reference]] '{reference.name}' (run {reference.run})"
    tables = _tables(beamline, fetch(reference.run or ""))
    try:
        rows = join(tables, reference.mode)
        spectrum = ABSORPTION[reference.mode](with_constants(rows, beamline), {})
        foil = of_foil(with_constants(rows, beamline), {})
    except (NotYet, Unusable) as fault:
        raise ConfigurationError(
            f"{owner} holds no spectrum in {reference.mode} ({fault}); name another run"
        ) from fault
    at_foil = np.interp(spectrum.energy_ev, foil.energy_ev, foil.mu) if foil else _NOTHING
    return reference.model_copy(
        update={
            "run": None,
            "energy_ev": tuple(spectrum.energy_ev.tolist()),
            "mu": tuple(spectrum.mu.tolist()),
            "murefer": tuple(at_foil.tolist()),
        }
    )


def with_constants(rows: Block, beamline: Beamline) -> Block:
    """Add the dark currents that the configuration gives as numbers."""
    constants = {role: np.full(len(rows), value) for role, value in constants_of(beamline).items()}
    return replace(rows, values={**rows.values, **constants})


def constants_of(beamline: Beamline) -> dict[str, float]:
    """Roles that are one number for a whole scan."""
    dark = beamline.xanes.dark if beamline.xanes else None
    numbers = dark.items() if isinstance(dark, Mapping) else ()
    return {f"dark_{role}": float(v) for role, v in numbers if not isinstance(v, str)}


def _dark_currents(beamline: Beamline, documents: Documents) -> dict[str, float]:
    tables = _tables(beamline, documents)
    intensities = ("i0", "itrans", "irefer", "ifluor")
    return {
        role: float(np.nanmean(table.column(role)))
        for table in tables.values()
        for role in intensities
        if role in table.roles()
    }


def _tables(beamline: Beamline, documents: Documents) -> dict[str, Table]:
    reader = RunReader(beamline.roles("xanes"), beamline.data.readable)
    tables: dict[str, Table] = {}
    for name, doc in documents:
        for block in reader(name, doc):
            tables.setdefault(block.stream, Table()).add(block)
    return tables


def _recorded(reference: Reference, beamline: Beamline) -> Recorded:
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
    columns = reference.columns or (beamline.xanes.columns if beamline.xanes else {})
    rows = _rows(_spectrum_named(reference.name, reference.path, columns), beamline, owner)
    spectrum = _absorption(rows, reference.mode, owner)
    try:
        foil = of_foil(rows, {})
    except Unusable:
        foil = None
    foil_ev, foil_mu = (foil.energy_ev, foil.mu) if foil else (_NOTHING, _NOTHING)
    return Recorded(
        reference.name, reference.valence, spectrum.energy_ev, spectrum.mu, foil_ev, foil_mu
    )


def _spectrum_named(name: str, path: Path, columns: Mapping[str, int | str]) -> MeasuredSpectrum:
    """The spectrum of a file; of an Athena project the group of that name, else the first."""
    spectra = read_spectra(path, columns)
    return next((spectrum for spectrum in spectra if spectrum.name == name), spectra[0])


def _rows(spectrum: MeasuredSpectrum, beamline: Beamline, owner: str) -> Block:
    """A file's columns by role: as the configuration calls them, else by their XDI names."""
    xdi = {role: name for name, role in standard_names(spectrum.columns).items()}
    by_role = {"energy_ev": xdi.pop("energy", ""), **xdi}
    own = {role: found.key for role, found in beamline.roles("xanes").items()}
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


def _absorption(rows: Block, mode: str, owner: str) -> Spectrum:
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


def _master(foil: Foil | None, edge_ev: float, beamline: Beamline) -> Template | None:
    """The well measured foil that a configuration names."""
    if foil is None or foil.path is None:
        return None
    owner = f"[[foil]] {foil.edge}"
    columns = foil.columns or (beamline.xanes.columns if beamline.xanes else {})
    rows = _rows(read_spectra(foil.path, columns)[0], beamline, owner)
    spectrum = _absorption(rows, "transmission", owner)
    try:
        return master_foil(spectrum.energy_ev, spectrum.mu, edge_ev)
    except NoInflection as doubt:
        raise ConfigurationError(f"{owner}: {foil.path.name} shows no edge ({doubt})") from doubt


def _template(standard: Standard, edge_ev: float) -> Template | None:
    try:
        return template_of(standard.energy_ev, standard.mu, edge_ev)
    except NoInflection:
        return None


def _hash(recorded: Recorded) -> str:
    content = hashlib.sha256()
    for array in (recorded.energy_ev, recorded.mu, recorded.foil_energy_ev, recorded.foil_mu):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()


def edge_in(beamline: Beamline, reach_ev: tuple[float, float], *, ended: bool) -> Edge | None:
    """The edge that a scan is of, told by its range.

    Parameters
    ----------
    beamline
        The configuration: edges of its references and foils come first.
    reach_ev
        Lowest and highest energy so far, in eV.
    ended
        Whether the scan has ended: only then are edges looked for that the configuration does
        not name.

    Returns
    -------
    Edge or None
        `None` where no edge is in the range.
    """
    low, high = reach_ev[0] + _MARGIN_EV, reach_ev[1] - _MARGIN_EV
    ahead = max(high, low + _AHEAD_EV)
    named = {ref.edge for ref in beamline.reference} | {foil.edge for foil in beamline.foil}
    energies = sorted((_energy_ev(beamline, edge), edge) for edge in named)
    found = [edge for energy, edge in energies if low <= energy <= ahead]
    if found or not ended or not low < high:
        return found[0] if found else None
    return _tabulated(low, high)


def _energy_ev(beamline: Beamline, edge: Edge) -> float:
    foil = beamline.foil_of(edge)
    return (foil.first_inflection_ev() if foil else edge_energy_ev(edge))[0]


def _tabulated(low_ev: float, high_ev: float) -> Edge | None:
    """The lowest K edge in a range, or else the lowest L3 edge."""
    for name in ("K", "L3"):
        for element in SYMBOLS:
            try:
                energy_ev, _ = edge_energy_ev(Edge(element, name))
            except ConfigurationError:
                continue
            if low_ev <= energy_ev <= high_ev:
                return Edge(element, name)
    return None
