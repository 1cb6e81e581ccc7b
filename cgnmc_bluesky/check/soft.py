"""Is the section of soft X-ray scans right, and does it fit the readings of a source's runs."""

from collections.abc import Iterator, Sequence

from cgnmc_bluesky.beamline import Beamline, Edge, SoftXanesRoles, edge_energy_ev, edge_of
from cgnmc_bluesky.check.findings import Finding, error, ok, warning
from cgnmc_bluesky.check.survey import Readings, Surveyed

SOFT_BELOW_EV = 2000.0
"""Edges below are those of soft X-rays, which a grating selects."""


def check_soft_section(soft: SoftXanesRoles) -> Iterator[Finding]:
    """Look at what needs no run: the energies' reference, and the detector."""
    if soft.reference is None:
        message = "none: energies are taken as they are recorded"
        remedy = "name the current of a reference sample, or the mesh's where it shows the edge"
        yield warning("[soft_xanes] reference", message, remedy)
    if "pfy" not in soft.yields:
        return
    if soft.dead_time_factor is None:
        remedy = "name the key of true over recorded counts"
        message = "none: the detector's counts are taken as they are"
        yield warning("[soft_xanes] dead_time_factor", message, remedy)
    where = "[soft_xanes] over_absorption"
    if soft.over_absorption == "none":
        message = 'is "none": white lines of a thick sample come out too low'
        yield warning(where, message, 'leave it out, or write "fit", unless the sample is thin')
    else:
        yield ok(where, f"{soft.over_absorption}")


def check_yield_standards(beamline: Beamline) -> Iterator[Finding]:
    """Tell with which standards each yield is compared."""
    wanted = set[str](beamline.soft_xanes.yields if beamline.soft_xanes else ())
    if beamline.xpeem is not None:
        wanted.add("tey")
    modes: dict[Edge, set[str]] = {}
    for reference in beamline.reference:
        if is_soft(reference.edge):
            modes.setdefault(reference.edge, set()).add(reference.mode)
    for edge, there in modes.items():
        for mode in sorted(wanted - there):
            others = " and ".join(sorted(there))
            yield ok(f"references of {edge}", f"{mode} is compared with standards in {others}")
    if wanted and not modes:
        message = "none of a soft X-ray edge: no fraction"
        yield warning("[[reference]]", message, "add one for each valence, with mode = 'tey'")


def is_soft(edge: Edge) -> bool:
    """Tell whether an edge is one of soft X-rays."""
    return edge_energy_ev(edge)[0] < SOFT_BELOW_EV


def check_soft_runs(soft: SoftXanesRoles, runs: Sequence[Surveyed]) -> Iterator[Finding]:
    """Look at the runs that hold the energy and a yield."""
    for run in runs:
        yields = [key for key in soft.yields.values() if key in run.keys]
        if soft.energy_ev in run.keys and yields:
            yield from _energies(soft, run)
            yield from _mesh(soft, run, yields)
            yield from _spectrum(soft, run)


def _energies(soft: SoftXanesRoles, run: Surveyed) -> Iterator[Finding]:
    """Name energies that can only be keV, of a run whose edge nothing tells."""
    found_ev = run.readings.get("soft_xanes.energy_ev", Readings()).values
    if found_ev is not None and found_ev[1] < SOFT_BELOW_EV / 1000.0 and not edge_of(run.start):
        message = f"'{soft.energy_ev}' goes from {found_ev[0]:g} to {found_ev[1]:g} eV"
        yield error(run.name, message, 'these are keV: write energy_unit = "keV"')


def _mesh(soft: SoftXanesRoles, run: Surveyed, yields: Sequence[str]) -> Iterator[Finding]:
    """Tell whether every yield is read over the mesh, point by point."""
    if soft.i0 not in run.keys:
        message = f"it holds {_quoted(yields)}, but no '{soft.i0}': no yield can be normalised"
        yield error(run.name, message, "record the mesh in the same run")
        return
    stream = run.streams.get(soft.energy_ev)
    apart = [key for key in (soft.i0, *yields) if run.streams.get(key) != stream]
    if apart:
        there = ", ".join(dict.fromkeys(f"'{run.streams[key]}'" for key in apart))
        message = f"{_quoted(apart)} is read in stream {there}, the energy in '{stream}'"
        remedy = "read them at each point, in one event"
        yield warning(run.name, f"{message}: it is interpolated", remedy)
    current = run.readings.get("soft_xanes.i0", Readings()).values
    if current is not None and current[0] <= 0 <= current[1]:
        message = f"'{soft.i0}' reads {current[0]:g} to {current[1]:g}"
        remedy = "leave out points without beam, or subtract the right dark"
        yield warning(run.name, f"{message}: points without beam have no yield", remedy)


def _spectrum(soft: SoftXanesRoles, run: Surveyed) -> Iterator[Finding]:
    key = run.keys.get(soft.yields.get("pfy", ""))
    if key is None:
        return
    n_channels = key.shape[-1] if key.shape else 1
    where = "[soft_xanes] channel_ev"
    if n_channels not in {None, 1} and soft.channel_ev is None:
        message = f"'{key.name}' is a spectrum of {n_channels} channels, whose energies are unknown"
        yield error(where, message, "give channel_ev = { offset = 0.0, gain = 10.0 }")
    elif n_channels == 1 and soft.channel_ev is not None:
        message = f"'{key.name}' is one number, not a spectrum"
        yield warning(where, message, "leave channel_ev out")


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
