"""The record of the cell that is in the beam, as the configuration names it."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from cgnmc_bluesky.analysis.cycling.cell import CellRecord
from cgnmc_bluesky.analysis.cycling.charge import Unusable, count
from cgnmc_bluesky.analysis.cycling.halves import check_direction, halves_of
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import CYCLING_UNITS, Beamline, ConfigurationError, CyclingRoles, Role
from cgnmc_bluesky.documents import ReadingError
from cgnmc_bluesky.documents.units import conversion
from cgnmc_bluesky.spectra import MeasuredRecord, SpectrumError, read_record


@dataclass(frozen=True)
class Cell:
    """The record of a cell, ready to be asked.

    Parameters
    ----------
    record
        What it tells at any time, on its own clock.
    clock
        "utc", "local" where its times name no zone, or empty where it has no date.
    name, sha256
        The file, and the hash of its content.
    notes
        What was left out, in words.
    """

    record: CellRecord
    clock: str
    name: str
    sha256: str
    notes: tuple[str, ...]


def cell_of(beamline: Beamline) -> Cell:
    """Read the record that `[cell]` names, once while it does not change.

    Raises
    ------
    ConfigurationError
        Where it is not there, or is no record of a cell; the message names it.
    """
    path = beamline.cell.record_path if beamline.cell else None
    if path is None:
        raise ConfigurationError("[cell] names no record; give its file")
    told = path.stat()
    return _read(path, (beamline.cycling or CyclingRoles()).model_dump_json(), told.st_mtime_ns)


def zone_shift_s(zone: str, time_s: float) -> float:
    """What is added to a local time that was read as UTC to make it the true one, in s.

    Examples
    --------
    >>> zone_shift_s("Europe/Paris", 1658875110.0)
    -7200.0
    """
    local = datetime.fromtimestamp(time_s, UTC).replace(tzinfo=ZoneInfo(zone))
    offset = local.utcoffset()
    return -offset.total_seconds() if offset is not None else 0.0


@lru_cache(maxsize=4)
def _read(path: Path, cycling: str, _changed_ns: int) -> Cell:
    roles = CyclingRoles.model_validate_json(cycling)
    known = {role: key for role in CYCLING_UNITS if (key := getattr(roles, role)) is not None}
    try:
        measured = read_record(path, roles.columns, known)
        if measured is None:
            raise SpectrumError(
                f"{path.name} holds no voltage with a current: name its columns with [cycling] "
                "columns"
            )
        cell = count(_block(measured, roles), measured.roles, charge_sign=roles.charge_sign)
        check_direction(halves_of(cell), cell, measured.roles)
        if not cell.is_timed:
            raise SpectrumError(f"{path.name} has no current and no times")
    except (SpectrumError, Unusable, ReadingError) as fault:
        raise ConfigurationError(f"[cell] record: {fault}") from fault
    record = CellRecord(cell)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Cell(record, measured.clock, path.name, sha256, (*measured.notes, *cell.notes))


def _block(measured: MeasuredRecord, cycling: CyclingRoles) -> Block:
    """Rows of a record, each role in its unit."""
    values = {}
    named = {role: Role(key, CYCLING_UNITS[role]) for role, key in measured.roles.items()}
    for name, role in cycling.recorded(named).items():
        recorded = role.recorded_unit or measured.units.get(role.key, "")
        convert = conversion(recorded, role.unit, key=role.key, role=name)
        column = measured.columns[role.key]
        values[name] = convert(column) if convert is not None else column
    n_rows = len(measured.time_s)
    order = np.argsort(measured.time_s, kind="stable")
    ordered = {name: column[order] for name, column in values.items()}
    return Block("primary", np.arange(1, n_rows + 1), measured.time_s[order], ordered)
