"""Is a configuration right in itself: folders, references, foils."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cgnmc_bluesky.analysis.soft.fraction import LEAST_RANGE_EV
from cgnmc_bluesky.analysis.xanes.joining import NEEDED
from cgnmc_bluesky.beamline import (
    Beamline,
    ConfigurationError,
    Edge,
    Foil,
    Reference,
    edge_energy_ev,
)
from cgnmc_bluesky.beamline.settings import TECHNIQUES
from cgnmc_bluesky.check.cells import check_cell_section, check_cycling_section
from cgnmc_bluesky.check.findings import Finding, Severity, error, ok, warning
from cgnmc_bluesky.check.maps import check_map_section
from cgnmc_bluesky.check.ramps import check_ramp_section
from cgnmc_bluesky.check.soft import check_soft_section, check_yield_standards, is_soft
from cgnmc_bluesky.check.stacks import check_stack_section
from cgnmc_bluesky.spectra import SpectrumError, read_spectra
from cgnmc_bluesky.standards import standards_of
from cgnmc_bluesky.standards.spectra import columns_of, rows_of

SPAN_EV = (-15.0, 50.0)
"""What of a spectrum is needed around its edge where no fit range is set, in eV."""
PLAUSIBLE_EV = 5.0
"""More than this, in eV, neither tables of edge energies nor monochromators are off."""
LOOKS: Mapping[str, Callable[[Any], Iterator[Finding]]] = {
    "soft_xanes": check_soft_section,
    "xpeem": check_stack_section,
    "xrf": check_map_section,
    "heating": check_ramp_section,
    "cycling": check_cycling_section,
}
"""Who looks at a section by itself."""


def check_configuration(beamline: Beamline) -> Iterator[Finding]:
    """Look at everything that needs no run."""
    sections = [name for name in TECHNIQUES if getattr(beamline, name) is not None]
    if sections:
        yield ok("sections", f"roles for {', '.join(sections)}")
    else:
        yield error(
            "sections",
            "no section gives any data key its role",
            f"write {', '.join(f'[{name}]' for name in TECHNIQUES)}; cgnmc check SOURCE drafts it",
        )
    for folder in beamline.data.readable:
        if folder.is_dir():
            yield ok("[data] readable", f"{folder} is there")
        else:
            remedy = "name a folder of this machine, or take it out"
            yield warning("[data] readable", f"{folder} is no folder here", remedy)
    for name, look in LOOKS.items():
        section = getattr(beamline, name)
        if section is not None:
            yield from look(section)
    yield from check_cell_section(beamline)
    yield from check_yield_standards(beamline)
    read = [_reference(beamline, reference) for reference in beamline.reference]
    read += [finding for foil in beamline.foil for finding in _foil(beamline, foil)]
    yield from read
    for edge in dict.fromkeys(reference.edge for reference in beamline.reference):
        yield from _references_together(beamline, edge)
        if all(finding.severity is not Severity.ERROR for finding in read):
            yield from _calibration(beamline, edge)


def _reference(beamline: Beamline, reference: Reference) -> Finding:
    where = reference.label
    if reference.run is not None:
        return ok(where, f"run {reference.run}, to be found in the source")
    needed = _needed_ev(beamline, reference.edge)
    if reference.file is None:
        return _range(where, (min(reference.energy_ev), max(reference.energy_ev)), needed)
    return _file(beamline, where, reference, needed)


def _file(
    beamline: Beamline, where: str, standard: Reference | Foil, needed_ev: tuple[float, float]
) -> Finding:
    try:
        path = standard.path
        assert path is not None
        spectra = read_spectra(path, columns_of(standard, beamline), beamline.data_keys("xanes"))
        roles = rows_of(spectra[0], beamline, where).values
    except ConfigurationError as problem:
        message, _, remedy = str(problem).removeprefix(f"{where} ").partition("; ")
        return error(where, message, remedy)
    except SpectrumError as problem:
        return error(where, str(problem), "name its columns, or another file")
    if len(spectra) > 1:
        names = ", ".join(spectrum.name for spectrum in spectra)
        return error(where, f"{path.name} holds several spectra: {names}", "save one to a file")
    if not any(needed <= roles.keys() for ways in NEEDED.values() for needed in ways):
        found = ", ".join(spectra[0].columns)
        remedy = "say which it is, by columns = { mutrans = <number or name> }"
        return error(where, f"{path.name} has no absorption among {found}", remedy)
    energy = roles["energy_ev"]
    return _range(where, (float(energy.min()), float(energy.max())), needed_ev)


def _range(where: str, found_ev: tuple[float, float], needed_ev: tuple[float, float]) -> Finding:
    found = f"from {found_ev[0]:.0f} to {found_ev[1]:.0f} eV"
    if found_ev[0] <= needed_ev[0] and found_ev[1] >= needed_ev[1]:
        return ok(where, found)
    return error(
        where,
        f"{found}, where {needed_ev[0]:.0f} to {needed_ev[1]:.0f} eV is needed",
        "name a longer spectrum, or narrow fit_range_ev in [analysis.fraction]",
    )


def _needed_ev(beamline: Beamline, edge: Edge) -> tuple[float, float]:
    energy_ev, _ = edge_energy_ev(edge)
    fit_range_ev = beamline.analysis.fraction.fit_range_ev
    if fit_range_ev and fit_range_ev[0] <= energy_ev <= fit_range_ev[1]:
        return fit_range_ev
    return _around(edge, energy_ev)


def _around(edge: Edge, energy_ev: float) -> tuple[float, float]:
    before_ev, behind_ev = LEAST_RANGE_EV if is_soft(edge) else SPAN_EV
    return energy_ev + before_ev, energy_ev + behind_ev


def _references_together(beamline: Beamline, edge: Edge) -> Iterator[Finding]:
    references, where = beamline.references_of(edge), f"references of {edge}"
    for mode in dict.fromkeys(reference.mode for reference in references):
        same = [reference for reference in references if reference.mode == mode]
        if len(same) == 1:
            message = f"only '{same[0].name}' in {mode}: edge positions, but no fraction"
            yield warning(where, message, "name a second [[reference]] of another valence")
    nameless = [reference.name for reference in references if reference.valence is None]
    if nameless:
        message = f"no valence for {', '.join(nameless)}: no valence can be given for a mixture"
        yield warning(where, message, "add valence = <number>")
    template = beamline.template_of(edge)
    if beamline.foil_of(edge) is None:
        message = f"no [[foil]] of {edge}: energies are taken as they are recorded"
        yield warning(where, message, f"add [[foil]] with edge = '{edge}'")
    if template is not None:
        yield ok(where, f"{len(references)}, edges are matched to '{template.name}'")


def _calibration(beamline: Beamline, edge: Edge) -> Iterator[Finding]:
    references, where = beamline.references_of(edge), f"references of {edge}"
    if any(reference.run for reference in references):
        return
    for mode in dict.fromkeys(reference.mode for reference in references):
        try:
            standards = standards_of(beamline, edge, mode)
        except ConfigurationError as problem:
            message, _, remedy = str(problem).partition("; ")
            yield error(where, message, remedy)
            continue
        for note in standards.model.notes:
            yield warning(where, note, "see that what it was measured with is a foil of this edge")
        for found in standards.references:
            shift_ev, sigma_ev = found["calibration_shift_ev"], found["calibration_sigma_ev"]
            message = f"'{found['name']}' is shifted by {shift_ev:+.2f} ± {sigma_ev:.2f} eV"
            if abs(shift_ev) > PLAUSIBLE_EV:
                yield warning(where, message, "see that its foil channel is a foil of this edge")
            else:
                yield ok(where, message)


def _foil(beamline: Beamline, foil: Foil) -> Iterator[Finding]:
    where = f"[[foil]] {foil.edge}"
    tabulated_ev, table = edge_energy_ev(foil.edge)
    energy_ev, _ = foil.first_inflection_ev()
    if abs(energy_ev - tabulated_ev) > PLAUSIBLE_EV:
        message = f"energy_ev = {energy_ev:g}, where {table} has {tabulated_ev:g}"
        yield warning(where, message, "correct the energy or the edge")
    else:
        yield ok(where, f"first inflection at {energy_ev:g} eV ({table}: {tabulated_ev:g})")
    if foil.file is not None:
        yield _file(beamline, where, foil, _around(foil.edge, tabulated_ev))
