"""Are the sections of cycling and of the cell in the beam right, and is the cell's clock."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from cgnmc_bluesky.analysis.cycling.cell import whole_hours
from cgnmc_bluesky.beamline import Beamline, CellSection, ConfigurationError, CyclingRoles
from cgnmc_bluesky.check.findings import Finding, error, ok, warning
from cgnmc_bluesky.check.survey import Surveyed
from cgnmc_bluesky.standards import Cell, cell_of, zone_shift_s


def check_cycling_section(cycling: CyclingRoles) -> Iterator[Finding]:
    """Look at what needs no run: the mass."""
    if cycling.active_mass_mg is None:
        message = "none: capacities in mAh alone"
        yield warning("[cycling] active_mass_mg", message, "give the active material's mass")


def check_cell_section(beamline: Beamline) -> Iterator[Finding]:
    """Look at the cell's record, and at what its charge and its times mean."""
    cell = beamline.cell
    if cell is None:
        return
    if cell.record is None:
        yield warning("[cell] record", "none: no state of charge", "name the cycler's file")
        return
    try:
        record = cell_of(beamline)
    except ConfigurationError as problem:
        said = str(problem).removeprefix("[cell] record").removeprefix(":").strip()
        message, _, remedy = said.partition("; ")
        yield error("[cell] record", message, remedy or "name the file of the cell's cycler")
        return
    begin_s, end_s = record.record.span_s
    yield ok("[cell] record", f"{record.name}, {(end_s - begin_s) / 3600.0:.1f} h")
    if cell.active_mass_mg is None:
        message = "none: neither mAh/g nor x in Li(x)"
        yield warning("[cell] active_mass_mg", message, "give the active material's mass")
    elif cell.mah_per_g is None:
        message = "none, nor theoretical_mah_per_g: no x in Li(x)"
        yield warning("[cell] formula", message, 'give one, such as "LiNi0.6Mn0.2Co0.2O2"')
    if cell.clock_offset_s is not None:
        return
    if not record.clock:
        message = f"{record.name} tells no date"
        remedy = "give the time of its second 0 since 1970 as clock_offset_s"
        yield error("[cell] clock_offset_s", message, remedy)
    elif record.clock == "local" and cell.time_zone is None:
        message = f"{record.name} names no time zone: no state of charge in Bluesky's runs"
        remedy = 'give the zone of the cycler\'s clock, such as "Europe/Paris"'
        yield warning("[cell] time_zone", message, remedy)


def check_cell_runs(beamline: Beamline, runs: Sequence[Surveyed]) -> Iterator[Finding]:
    """Tell whether runs were made while the cell was recorded."""
    cell = beamline.cell
    if cell is None or cell.record is None:
        return
    try:
        record = cell_of(beamline)
    except ConfigurationError:
        return
    times_s = [
        run.start["time"] - _offset_s(cell, record, run.start.get("clock", "utc"))
        for run in runs
        if run.start.get("time")
    ]
    begin_s, end_s = record.record.span_s
    inside = sum(begin_s <= time_s <= end_s for time_s in times_s)
    if inside:
        yield ok("[cell] record", f"runs within it: {inside} of {len(times_s)}")
    elif times_s:
        message = f"on its clock it lasts from {_written(begin_s)} to {_written(end_s)}, and the "
        message += f"runs were made from {_written(min(times_s))} to {_written(max(times_s))}"
        remedy = "set clock_offset_s to what is missing, or name the record of this cell"
        hours = whole_hours(min(times_s), max(times_s), (begin_s, end_s))
        if hours:
            zone = f"a time_zone {abs(hours)} h further {'west' if hours > 0 else 'east'}"
            remedy = f"{zone} would fit, or clock_offset_s = "
            remedy += f"{cell.offset_s + 3600.0 * hours:g}"
        yield error("[cell] record", message, remedy)


def _offset_s(cell: CellSection, record: Cell, clock: str) -> float:
    """What is added to a record's times to put them on the clock of a run."""
    if record.clock == "local" and clock == "utc" and cell.time_zone is not None:
        return cell.offset_s + zone_shift_s(cell.time_zone, record.record.span_s[0])
    return cell.offset_s


def _written(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M")
