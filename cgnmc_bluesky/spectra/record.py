"""What a cycler recorded of a cell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.spectra.spectrum import Keys

Clock = Literal["utc", "local", ""]
"""How far a record's times are known: with their zone, by date alone, or not at all."""

CAPACITIES = {"ah": "capacity_ah", "mah": "capacity_mah", "mah/g": "capacity_mah_per_g"}
"""Role of a capacity by its unit."""

RESTART = 2.0
"""A time that falls back to within so many usual steps of the first is counted anew."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "time_s": (
        *("time", "test time", "test_time", "testtime", "test"),
        *("total time", "total_time", "elapsed time", "elapsed_time"),
    ),
    "voltage_v": (
        *("ewe", "<ewe>", "ecell", "ewe-ece"),
        *("voltage", "volts", "cell voltage", "potential", "ocp"),
    ),
    "mean_current_a": ("<i>",),
    "current_a": ("i", "current", "amps", "mamps", "cur"),
    "capacity": ("(q-qo)", "capacity", "amp-hr", "mamp-hr", "amphr", "q"),
    "x_li": ("x_li", "li", "sto", "stoichiometry"),
    "cycle": ("cycle number", "cyc#", "cycle", "cycle p", "cycle index", "cycle_index", "cycle id"),
}
"""What cyclers call each column, the most trusted first, in small letters and without unit."""

_UNITS_IN_NAMES = {
    "amps": "A",
    "mamps": "mA",
    "volts": "V",
    "amp-hr": "Ah",
    "amphr": "Ah",
    "mamp-hr": "mAh",
}
_SPELLINGS = {"ahr": "Ah", "mahr": "mAh", "ahr/g": "Ah/g", "mahr/g": "mAh/g"}
_OF_ROLES = {"time_s": "s", "voltage_v": "V", "current_a": "A", "mean_current_a": "A"}
_UNITS = (
    re.compile(r"(?P<name>.*\S)\s*[(\[](?P<unit>[^()\[\]]+)[)\]]"),
    re.compile(r"(?P<name>.*\S)/(?P<unit>[^/\s()]+)"),
)


@dataclass(frozen=True)
class MeasuredRecord:
    """What a cycler recorded of a cell, row by row.

    Parameters
    ----------
    name
        Stem of the file's name.
    time_s
        Time of each row, shape `(n,)`: since the epoch where the file tells its start, else as it
        counts; the number of the row where there is no time at all.
    columns
        Arrays of shape `(n,)` by their names in the header; NaN where no number was measured.
    units
        Unit of each column as the file gives it, empty where it does not.
    roles
        Column that plays each role: `{"voltage_v": "Ewe"}`.
    clock
        Whether the times are in a zone that the file names ("utc"), are dated without one
        ("local"), or count from an unknown moment (empty).
    metadata
        What the header says beside, such as the mass of the active material.
    content_hash
        SHA-256 of the uncompressed content.
    notes
        What was left out, in words.
    """

    name: str
    time_s: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float64]]
    units: Mapping[str, str]
    roles: Mapping[str, str]
    clock: Clock
    content_hash: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def timed(record: MeasuredRecord) -> MeasuredRecord:
    """Leave out the rows that have no time, and let time go on where it is counted anew."""
    return _continued(_with_times(record))


def _continued(record: MeasuredRecord) -> MeasuredRecord:
    """Let time go on where it falls back to where it began, as in each step or part of a file.

    Rows that are merely out of order fall back to somewhere between; they are sorted later.
    """
    steps = np.diff(record.time_s, prepend=record.time_s[:1])
    onward = steps[steps > 0.0]
    if not (steps < 0.0).any() or not len(onward):
        return record
    is_anew = (steps < 0.0) & (record.time_s <= record.time_s[0] + RESTART * np.median(onward))
    if not is_anew.any():
        return record
    passed_s = record.time_s - record.time_s[0]
    before_s = np.concatenate([passed_s[:1], passed_s[:-1]])
    time_s = record.time_s + np.cumsum(np.where(is_anew, before_s, 0.0))
    n_anew = int(np.count_nonzero(is_anew))
    often = "once" if n_anew == 1 else f"{n_anew} times"
    note = (
        f"time counts from its beginning again {often} (row {np.argmax(is_anew) + 1}): it goes on"
    )
    return replace(record, time_s=time_s, notes=(*record.notes, note))


def _with_times(record: MeasuredRecord) -> MeasuredRecord:
    is_timed = np.isfinite(record.time_s)
    if is_timed.all():
        return record
    n_left = int(np.count_nonzero(~is_timed))
    return replace(
        record,
        time_s=record.time_s[is_timed],
        columns={name: column[is_timed] for name, column in record.columns.items()},
        notes=(*record.notes, f"row left out: {n_left} without a time"),
    )


def stem(path: Path) -> str:
    """Name of a file without what tells its format."""
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def split_unit(header: str) -> tuple[str, str]:
    """Name and unit of a column, as its header gives them.

    Examples
    --------
    >>> split_unit("Ewe/V"), split_unit("Capacity (mAh/g)"), split_unit("Cyc#")
    (('Ewe', 'V'), ('Capacity', 'mAh/g'), ('Cyc#', ''))
    """
    header = header.strip()
    for pattern in _UNITS:
        if found := pattern.fullmatch(header):
            unit = found["unit"].strip()
            return found["name"], _SPELLINGS.get(unit.lower(), unit)
    return header, _UNITS_IN_NAMES.get(header.lower(), "")


def roles_in(headers: Sequence[str], known: Keys) -> dict[str, int]:
    """Find the columns whose role is plain, from their names or because a configuration names them.

    Parameters
    ----------
    headers
        Names of the columns, with their units.
    known
        Data keys by role.

    Returns
    -------
    dict
        Index of the column for each role.

    Examples
    --------
    >>> roles_in(["time/s", "Ewe/V", "<I>/mA", "(Q-Qo)/mA.h"], {})
    {'time_s': 0, 'voltage_v': 1, 'mean_current_a': 2, 'capacity_mah': 3}
    """
    split = [split_unit(header) for header in headers]
    found: dict[str, int] = {}
    for role, key in known.items():
        spelled = (_plain(key), _plain(split_unit(key)[0]))
        for index, (header, (name, _)) in enumerate(zip(headers, split, strict=True)):
            if _plain(header) in spelled or _plain(name) in spelled:
                found.setdefault(role, index)
    for role, index in _plain_roles(split):
        if role not in found and index not in found.values():
            found[role] = index
    if "mean_current_a" in found and "current_a" not in known:
        found.pop("current_a", None)
    return found


def unit_of(role: str, header: str) -> str:
    """Unit of a column that plays a role, where its header or the role's own name tells it."""
    name, unit = split_unit(header)
    return unit or (_OF_ROLES.get(role, "") if name.lower() == role else "")


def _plain_roles(split: Sequence[tuple[str, str]]) -> Iterator[tuple[str, int]]:
    names = [_plain(name) for name, _ in split]
    for index, name in enumerate(names):
        if name in _OF_ROLES or name in CAPACITIES.values():
            yield name, index
    for role, aliases in _NAMES.items():
        for alias in aliases:
            if alias not in names:
                continue
            index = names.index(alias)
            unit = re.sub(r"[.·*\s]", "", split[index][1]).lower()
            if role != "capacity":
                yield role, index
            elif unit in CAPACITIES:
                yield CAPACITIES[unit], index


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
