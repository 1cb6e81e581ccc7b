"""Tables of cyclers: MACCOR's text export, CSV against time, and curves against charge."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.spectra.clocks import SECONDS, elapsed_s, epoch_s, is_clock, is_dated
from cgnmc_bluesky.spectra.names import standard_names
from cgnmc_bluesky.spectra.record import (
    Clock,
    MeasuredRecord,
    roles_in,
    split_unit,
    stem,
    unit_of,
)
from cgnmc_bluesky.spectra.spectrum import Columns, Keys, SpectrumError
from cgnmc_bluesky.spectra.tables import Table, cells_of, numbers_in, table_in

EPOCH_S = 1e9
"""Numbers above this are seconds since the epoch, of 2001 and later."""

HEADER = 20_000
"""Characters among which a header names a voltage."""

_VOLTAGE = re.compile(r"volt|ewe|ecell|potential|ocp", re.IGNORECASE)
_STATE = {"C": 1.0, "D": -1.0}
"""Sign of the current in what MACCOR calls the state of a row; none in the others."""
_DAYS = re.compile(r"\s*(\d+)d\s+(\d+):(\d\d):(\d\d(?:[.,]\d+)?)\s*")
_HEAT = re.compile(r"temp|furnace|heater|thermocouple", re.IGNORECASE)
_BESIDE = {
    "date": {"dpt time", "date_time", "realtime", "timestamp", "date time", "datetime"},
    "state": {"state", "md"},
}
"""Names of columns that tell when a row was recorded, and what its step does."""


def cycler_table(
    path: Path, text: str, content_hash: str, columns: Columns, known: Keys
) -> MeasuredRecord | None:
    """Read a table with a voltage, and a current or a charge, as a record; `None` if it is none.

    Parameters
    ----------
    path, text, content_hash
        The file, its content and the hash of that.
    columns
        Column of a role, by its number from 1 or its name, for files without a usable header.
    known
        Data keys by role, which the header may use.

    Raises
    ------
    SpectrumError
        Where a column that is asked for is not there.
    """
    if not (columns or _VOLTAGE.search(text[:HEADER]) or any(k in text for k in known.values())):
        return None
    lines = text.splitlines()
    grouped = _groups(lines)
    if grouped is not None:
        return _curves(path, grouped, content_hash, known)
    table = table_in(path, lines)
    if table is None:
        return None
    width = len(table.rows[0])
    headers = _headers(table, width)
    roles = _roles(path, headers, columns, known)
    is_asked_for = bool(columns) or sum(key in headers for key in known.values()) > 1
    if not _is_record(roles) or not (is_asked_for or _is_of_cell(headers, roles)):
        return None
    return _record(path, table, headers, roles, content_hash)


def _is_record(roles: Mapping[str, int]) -> bool:
    timed = "time_s" in roles or "date" in roles
    has_current = "current_a" in roles or "mean_current_a" in roles
    counted = any(role.startswith("capacity") or role == "x_li" for role in roles)
    return "voltage_v" in roles and ((timed and has_current) or (counted and not has_current))


def _is_of_cell(headers: Sequence[str], roles: Mapping[str, int]) -> bool:
    """Whether a voltage and a current are a cell's, not those of a scan's ring or of a heater."""
    counted = "cycle" in roles or any(role.startswith(("capacity", "x_li")) for role in roles)
    is_heated = any(_HEAT.search(header) for header in headers)
    # what a cycler calls energy is in watt hours
    others = [name for name in headers if not split_unit(name)[1].lower().startswith(("wh", "mwh"))]
    return "energy" not in standard_names(others).values() and (counted or not is_heated)


def _headers(table: Table, width: int) -> list[str]:
    for line in reversed(table.headings):
        cells = cells_of(line.lstrip("#% "), table.separator, width)
        if cells is None and line.count(table.separator) == width:
            # a name too many is that of a column behind the last separator
            cells = line.split(table.separator)[:width]
        if cells is not None and any(re.search(r"[A-Za-z]", cell) for cell in cells):
            return cells
    return [""] * width


def _roles(path: Path, headers: Sequence[str], columns: Columns, known: Keys) -> dict[str, int]:
    roles = roles_in(headers, known)
    lowered = [split_unit(header)[0].lower() for header in headers]
    for role, names in _BESIDE.items():
        index = next((at for at, name in enumerate(lowered) if name in names), None)
        if index is not None:
            roles[role] = index
    for role, wanted in columns.items():
        if isinstance(wanted, int):
            index = wanted - 1
        else:
            index = next(
                (at for at, name in enumerate(headers) if wanted in (name, lowered[at])), -1
            )
        if not 0 <= index < len(headers):
            raise SpectrumError(
                f"{path.name} has no column {wanted!r} for {role}; it has {len(headers)}: "
                + ", ".join(filter(None, headers))
            )
        roles[role] = index
    return roles


def _record(
    path: Path, table: Table, headers: Sequence[str], roles: Mapping[str, int], content_hash: str
) -> MeasuredRecord:
    cells = list(zip(*table.rows, strict=True))
    names = {
        role: split_unit(headers[index])[0] or role
        for role, index in roles.items()
        if role not in {"date", "state", "time_s"}
    }
    read = {role: _numbers(cells[roles[role]]) for role in names}
    if "current_a" in read and "state" in roles and not (read["current_a"] < 0.0).any():
        signs = [_STATE.get(cell.strip().upper()[:1], 0.0) for cell in cells[roles["state"]]]
        read["current_a"] = read["current_a"] * np.array(signs)
    time_s, clock = _times(cells, headers, roles)
    return MeasuredRecord(
        name=stem(path),
        time_s=time_s,
        columns={names[role]: values for role, values in read.items()},
        units={names[role]: unit_of(role, headers[roles[role]]) for role in names},
        roles=names,
        clock=clock,
        content_hash=content_hash,
        notes=tuple(table.notes),
    )


def _numbers(cells: Sequence[str]) -> NDArray[np.float64]:
    numbers = numbers_in(cells)
    return np.full(len(cells), np.nan) if numbers is None else numbers


def _times(
    cells: Sequence[Sequence[str]], headers: Sequence[str], roles: Mapping[str, int]
) -> tuple[NDArray[np.float64], Clock]:
    """Times of the rows: what has passed, from the moment that a date beside it tells."""
    dated = _dates(cells, roles)
    if "time_s" not in roles:
        return (np.arange(len(cells[0]), dtype=np.float64), "") if dated is None else dated
    of_column = cells[roles["time_s"]]
    if is_dated(of_column[0]):
        return epoch_s(of_column), _clock_of(of_column[0])
    passed_s = _passed(of_column, split_unit(headers[roles["time_s"]])[1])
    if dated is not None:
        return passed_s + np.nanmin(dated[0] - passed_s), dated[1]
    is_epoch = np.nanmin(passed_s, initial=np.inf) > EPOCH_S
    return passed_s, "utc" if is_epoch else ""


def _dates(
    cells: Sequence[Sequence[str]], roles: Mapping[str, int]
) -> tuple[NDArray[np.float64], Clock] | None:
    if "date" not in roles or not is_dated(cells[roles["date"]][0]):
        return None
    of_column = cells[roles["date"]]
    return epoch_s(of_column), _clock_of(of_column[0])


def _clock_of(text: str) -> Clock:
    return "utc" if text.strip().upper().endswith(("Z", "UTC")) else "local"


def _passed(cells: Sequence[str], unit: str) -> NDArray[np.float64]:
    """Times that have passed, in seconds: numbers, `1d 02:03:04.5`, or hours and minutes."""
    if all(_DAYS.fullmatch(cell) for cell in cells[:1]):
        found = [_DAYS.fullmatch(cell) for cell in cells]
        return np.array([_of_days(one) if one else np.nan for one in found])
    if is_clock(cells[0]):
        return elapsed_s(cells)
    named = unit.lower()
    return _numbers(cells) * (SECONDS.get(named) or SECONDS.get(named.removesuffix("s"), 1.0))


def _of_days(found: re.Match[str]) -> float:
    days, hours, minutes = (int(part) for part in found.groups()[:3])
    return 86400.0 * days + 3600.0 * hours + 60.0 * minutes + float(found[4].replace(",", "."))


def _groups(lines: Sequence[str]) -> tuple[list[str], list[str], list[list[str]]] | None:
    """Names that repeat, the labels of each group, and the rows, of curves side by side."""
    if len(lines) < 3 or "," not in lines[0]:
        return None
    rows = list(csv.reader(lines))
    headers = [cell.strip() for cell in rows[0]]
    n_names = next((at for at in range(1, len(headers)) if headers[at] == headers[0]), 0)
    if not n_names or headers != headers[:n_names] * (len(headers) // n_names):
        return None
    has_labels = not any(_is_number(cell) for cell in rows[1])
    labels = rows[1][::n_names] if has_labels else [""] * (len(headers) // n_names)
    return headers[:n_names], [label.strip() for label in labels], rows[1 + has_labels :]


def _curves(
    path: Path,
    grouped: tuple[list[str], list[str], list[list[str]]],
    content_hash: str,
    known: Keys,
) -> MeasuredRecord | None:
    """Join curves that stand side by side, one after another."""
    headers, labels, rows = grouped
    roles = roles_in(headers, known)
    if not _is_record({role: index for role, index in roles.items() if role != "time_s"}):
        return None
    width = len(headers)
    parts: list[NDArray[np.float64]] = []
    cycles: list[NDArray[np.float64]] = []
    for group, label in enumerate(labels):
        cells = [row[group * width : (group + 1) * width] for row in rows]
        curve = np.array([list(map(float, row)) for row in cells if _are_numbers(row, width)])
        if not curve.size:
            continue
        number = re.search(r"\d+", label)
        parts.append(curve)
        cycles.append(np.full(len(curve), float(number[0]) if number else np.nan))
    joined = np.concatenate(parts)
    names = {role: split_unit(headers[index])[0] for role, index in roles.items()}
    columns = {names[role]: joined[:, index] for role, index in roles.items()}
    if "cycle" not in roles:
        names["cycle"] = "cycle"
        columns["cycle"] = np.concatenate(cycles)
    return MeasuredRecord(
        name=stem(path),
        time_s=np.arange(len(joined), dtype=np.float64),
        columns=columns,
        units={names[role]: unit_of(role, headers[index]) for role, index in roles.items()},
        roles=names,
        clock="",
        content_hash=content_hash,
    )


def _are_numbers(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width and all(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?\s*", cell) is not None
