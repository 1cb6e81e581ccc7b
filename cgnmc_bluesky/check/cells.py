"""Are the sections of cycling and of the cell in the beam right, and is the cell's clock."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cgnmc_bluesky.beamline import CellSection, ConfigurationError, CyclingRoles
from cgnmc_bluesky.check.findings import Finding, error, ok, warning
from cgnmc_bluesky.check.survey import Range, Surveyed
from cgnmc_bluesky.spectra import MeasuredRecord, SpectrumError, read_record

HOUR_S = 3600.0
"""Clocks in two time zones are apart by whole hours."""


def check_cycling_section(cycling: CyclingRoles) -> Iterator[Finding]:
    """Look at what needs no run: the mass."""
    if cycling.active_mass_mg is None:
        message = "none: capacities in mAh/g only where a file tells the mass"
        yield warning("[cycling] active_mass_mg", message, "give the active material's mass")


def check_cell_section(cell: CellSection) -> Iterator[Finding]:
    """Look at the cell's record, and at what its charge means."""
    if cell.record is None:
        yield warning("[cell] record", "none: no state of charge", "name the cycler's file")
        return
    record = _read(cell)
    if isinstance(record, Finding):
        yield record
        return
    yield ok("[cell] record", f"{cell.record.name}, {len(record.time_s)} rows")
    if cell.active_mass_mg is None and not record.metadata.get("active_mass_mg"):
        message = "none, here or in the record: no capacity in mAh/g, no x"
        yield warning("[cell] active_mass_mg", message, "give the active material's mass")
    if cell.mah_per_g is None and "x_li" not in record.roles:
        message = "none, nor theoretical_mah_per_g: no x in Li(x)"
        yield warning("[cell] formula", message, 'give one, such as "LiNi0.6Mn0.2Co0.2O2"')
    if record.clock == "" and not cell.clock_offset_s:
        message = "its times count from a moment that it does not tell"
        remedy = "give that moment, in seconds since 1970, as clock_offset_s"
        yield error("[cell] record", message, remedy)
    elif record.clock == "local" and cell.time_zone is None:
        message = "none, nor in the record: its times are taken as UTC"
        remedy = 'give the zone of the cycler\'s clock, such as "Europe/Paris"'
        yield warning("[cell] time_zone", message, remedy)


def _read(cell: CellSection) -> MeasuredRecord | Finding:
    """Read the cell's record, or say why that cannot be done."""
    try:
        path = cell.record_path
        assert path is not None
        record = read_record(path)
    except (ConfigurationError, SpectrumError) as problem:
        message, _, remedy = str(problem).removeprefix("[cell] record ").partition("; ")
        return error("[cell] record", message, remedy or "name the file of the cell's cycler")
    if record is None:
        message = f"{path.name} has no voltage with a current or a charge"
        return error("[cell] record", message, "name the file of the cell's cycler")
    return record


def check_cell_runs(cell: CellSection, runs: Sequence[Surveyed]) -> Iterator[Finding]:
    """Tell whether runs were made while the cell was recorded."""
    record = _read(cell) if cell.record is not None else None
    began_s = [run.start["time"] for run in runs if run.start.get("time")]
    if not isinstance(record, MeasuredRecord) or not began_s:
        return
    first_s, last_s = _span_s(cell, record)
    inside = sum(first_s <= time_s <= last_s for time_s in began_s)
    if inside:
        yield ok("[cell] record", f"runs within it: {inside} of {len(began_s)}")
        return
    message = f"it lasts from {_written(first_s)} to {_written(last_s)}, and the runs were made "
    message += f"from {_written(min(began_s))} to {_written(max(began_s))} (UTC)"
    yield error("[cell] record", message, _shift((first_s, last_s), began_s))


def _shift(span_s: Range, began_s: Sequence[float]) -> str:
    """Say what would bring a clock to the runs: some hours of another zone, where that will do."""
    for hours in sorted(range(-14, 15), key=abs):
        first_s, last_s = (time_s + HOUR_S * hours for time_s in span_s)
        if all(first_s <= time_s <= last_s for time_s in began_s):
            zone = f"a time_zone {abs(hours)} h further {'west' if hours > 0 else 'east'}"
            return f"{zone} would fit, or clock_offset_s = {HOUR_S * hours:g}"
    return "set clock_offset_s to what is missing, or name the record of this cell"


def _span_s(cell: CellSection, record: MeasuredRecord) -> Range:
    """First and last time of a record on the clock of the scans, since the epoch."""
    first_s, last_s = float(record.time_s[0]), float(record.time_s[-1])
    zone_s = 0.0
    if record.clock == "local" and cell.time_zone is not None:
        noted = datetime.fromtimestamp(first_s, UTC).replace(tzinfo=ZoneInfo(cell.time_zone))
        zone_s = noted.timestamp() - first_s
    return first_s + zone_s + cell.clock_offset_s, last_s + zone_s + cell.clock_offset_s


def _written(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M")
