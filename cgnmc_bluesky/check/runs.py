"""Does a configuration fit the runs of a source: keys, units, edges, standards that are runs."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cgnmc_bluesky.beamline import Beamline, Edge, Role, edge_energy_ev, edge_of, nearest
from cgnmc_bluesky.catalogs import Source, SourceError
from cgnmc_bluesky.check.cells import check_cell_runs
from cgnmc_bluesky.check.findings import Finding, error, ok, warning
from cgnmc_bluesky.check.guesses import ENOUGH
from cgnmc_bluesky.check.maps import check_map_runs
from cgnmc_bluesky.check.ramps import check_ramp_runs
from cgnmc_bluesky.check.soft import check_soft_runs
from cgnmc_bluesky.check.stacks import check_stack_runs
from cgnmc_bluesky.check.survey import DataKey, Readings, Surveyed, survey
from cgnmc_bluesky.documents import ReadingError
from cgnmc_bluesky.documents.units import conversion, unit_for

SCANS = ("xanes", "soft_xanes", "xpeem")
"""Sections of energy scans."""
LOOKS: Mapping[str, Callable[[Any, Sequence[Surveyed]], Iterator[Finding]]] = {
    "soft_xanes": check_soft_runs,
    "xpeem": check_stack_runs,
    "xrf": check_map_runs,
    "heating": check_ramp_runs,
}
"""Who looks at the runs for a section."""


def check_runs(beamline: Beamline, source: Source) -> Iterator[Finding]:
    """Look at the latest runs of a source with the eyes of a configuration."""
    runs = survey(source, _looked_at(beamline), beamline.data.readable)
    if not runs:
        yield error(source.name, "it holds no runs", "name a source with runs of scans")
        return
    yield ok(source.name, f"reachable; latest runs looked at: {len(runs)}")
    for run in runs:
        if run.fault:
            yield warning(run.name, run.fault, "see that its record is complete")
    for section in ENOUGH:
        roles = beamline.roles(section)
        if roles:
            yield from _section(section, roles, runs)
            yield from _files(section, roles, runs)
    for name, look in LOOKS.items():
        section = getattr(beamline, name)
        if section is not None:
            yield from look(section, runs)
    yield from check_cell_runs(beamline, runs)
    yield from _edges(beamline, runs)
    yield from _named_runs(beamline, source)


def _looked_at(beamline: Beamline) -> dict[str, Role]:
    """Return what is read for its range: energies, the mesh, temperatures, ion currents."""
    looked_at = {
        name: role
        for name, role in beamline.roles("heating").items()
        if name == "temperature_c" or name.startswith("ion_")
    }
    for section in SCANS:
        roles = beamline.roles(section)
        looked_at |= {
            f"{section}.{name}": roles[name] for name in ("energy_ev", "i0") if name in roles
        }
    return looked_at


def _section(
    section: str, roles: Mapping[str, Role], runs: Sequence[Surveyed]
) -> Iterator[Finding]:
    fitting = [run for run in runs if _fits(section, roles, run)]
    keys = {name: key for run in runs for name, key in run.keys.items()}
    if fitting:
        yield ok(f"[{section}]", f"fits {len(fitting)} of {len(runs)} runs")
    enough = {name for way in ENOUGH[section] for name in way}
    for name, role in roles.items():
        is_needed = not fitting and _unnumbered(name) in enough
        yield _role(f"[{section}] {name}", name, role, keys, is_needed=is_needed)


def _files(section: str, roles: Mapping[str, Role], runs: Sequence[Surveyed]) -> Iterator[Finding]:
    """Name the files that hold what plays a role and cannot be read."""
    keys = {role.key for role in roles.values()}
    for run in runs:
        for key, why in run.unreadable.items():
            message, _, remedy = why.partition("; ")
            remedy = remedy or "see that it is there and readable"
            if key in keys:
                yield error(f"[{section}] {run.name}", f"'{key}': {message}", remedy)


def _fits(section: str, roles: Mapping[str, Role], run: Surveyed) -> bool:
    held = {_unnumbered(name) for name, role in roles.items() if role.key in run.keys}
    return any(held.issuperset(way) for way in ENOUGH[section])


def _unnumbered(role: str) -> str:
    return re.sub(r"_\d+$", "", role)


def _role(
    where: str, name: str, role: Role, keys: Mapping[str, DataKey], *, is_needed: bool
) -> Finding:
    if role.key not in keys:
        close = nearest(role.key, list(keys), count=3)
        remedy = f"the nearest are {', '.join(close)}" if close else f"there are {_few(list(keys))}"
        judge = error if is_needed else warning
        return judge(where, f"no run has the data key '{role.key}'", remedy)
    if role.factor is not None:
        return ok(where, f"'{role.key}', {role.factor:g} {role.unit} a count")
    recorded = keys[role.key].unit if role.recorded_unit is None else role.recorded_unit
    try:
        conversion(recorded, unit_for(role, recorded), key=role.key, role=name)
    except ReadingError as problem:
        message, _, remedy = str(problem).partition("; ")
        return error(where, message, remedy)
    unit = f" in {recorded}" if recorded else ""
    return ok(where, f"'{role.key}'{unit}")


def _few(names: list[str], count: int = 12) -> str:
    return ", ".join(names[:count]) + (", …" if len(names) > count else "")


def _edges(beamline: Beamline, runs: Sequence[Surveyed]) -> Iterator[Finding]:
    scans: dict[Edge, list[Surveyed]] = {}
    for run in runs:
        edge = edge_of(run.start)
        if edge is not None and _energies_ev(run) is not None:
            scans.setdefault(edge, []).append(run)
    for edge, of_edge in scans.items():
        energy_ev, _ = edge_energy_ev(edge)
        for run in of_edge:
            first, last = _energies_ev(run) or (0.0, 0.0)
            if not first < energy_ev < last:
                message = f"its energies, {first:g} to {last:g} eV, are not those of {edge}"
                remedy = "correct energy_ev, energy_unit or the run's edge"
                if first < energy_ev / 1000.0 < last:
                    remedy = 'these are keV: write energy_unit = "keV"'
                yield error(run.name, message, remedy)
        if beamline.references_of(edge):
            yield ok(f"references of {edge}", f"there; runs of this edge: {len(of_edge)}")
        else:
            message = (
                f"none (runs: {len(of_edge)}): edges from the scan's own derivative, no fraction"
            )
            yield warning(
                f"references of {edge}", message, f"add [[reference]] with edge = '{edge}'"
            )


def _energies_ev(run: Surveyed) -> tuple[float, float] | None:
    found = (run.readings.get(f"{section}.energy_ev", Readings()).values for section in SCANS)
    return next((energies_ev for energies_ev in found if energies_ev is not None), None)


def _named_runs(beamline: Beamline, source: Source) -> Iterator[Finding]:
    named = {
        reference.label: reference.run
        for reference in beamline.reference
        if reference.run is not None
    }
    if beamline.xanes is not None and isinstance(beamline.xanes.dark, str):
        named["[xanes] dark"] = beamline.xanes.dark
    if beamline.xrf is not None and beamline.xrf.sensitivity_run is not None:
        named["[xrf] sensitivity"] = beamline.xrf.sensitivity_run
    for where, uid in named.items():
        try:
            run = source.find(uid)
        except SourceError as problem:
            yield error(where, str(problem), "name a run of this source")
        else:
            yield ok(where, f"run {run.start.get('scan_id', '')} ({run.uid[:8]})")
