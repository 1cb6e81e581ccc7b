"""Text that mass spectrometers and furnaces export: columns against time."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.spectra.clocks import (
    DAY_S,
    SECONDS,
    elapsed_s,
    epoch_in,
    epoch_s,
    is_clock,
    is_date,
    is_dated,
)
from cgnmc_bluesky.spectra.names import standard_names
from cgnmc_bluesky.spectra.spectrum import Keys
from cgnmc_bluesky.spectra.tables import Table, cells_of, numbers_in, table_in

EPOCH_S = 1e9
"""Numbers above this are seconds since the epoch, of 2001 and later."""
STARTS = (r"start|acquired|begin", r"date(?!.*export)", r"^\W*\d")
"""What stands in a line of the header that tells when the measurement began, the surest first."""

TIMES = frozenset({"s", "sec", "min", "h", "hr", "ms"})
TEMPERATURES = frozenset({"k", "c", "°c", "ºc", "degc", "deg_c", "celsius"})
CURRENTS = frozenset({"a", "ma", "ua", "µa", "na", "pa", "torr", "mbar", "bar", "cps", "counts"})
OTHERS = frozenset({"v", "mv", "g", "mg", "%", "ppm", "w", "mw", "sccm", "ml/min"})
UNITS = TIMES | TEMPERATURES | CURRENTS | OTHERS
"""What is a unit in brackets behind a name, or in a line of its own, in small letters."""

_UNIT = re.compile(r"\s*(?:[(\[]([^()\[\]]+)[)\]]|/\s*(\S+))\s*$")
_MASS = re.compile(r"(m(ass|/z|z)?\W*)?\d{1,3}(\.\d+)?(\W*amu)?|.*[(\[]\W*\d{1,3}(\.\d+)?\W*[)\]]")
_TIME = re.compile(r"(?i:time|elapsed|^(s|sec|seconds?|min|minutes?|ms)$)|^t$")
_HEAT = re.compile(r"temp|furnace|heater|thermocouple|^t[ _/]")


@dataclass(frozen=True)
class MeasuredTrace:
    """Columns against time.

    Parameters
    ----------
    name
        Stem of the file's name.
    time_s
        Time of each row, shape `(n,)`: since the epoch where the file tells, else as it counts.
    columns
        Arrays of shape `(n,)` by their names in the header; NaN where no number was measured.
    units
        Unit of each column as the file gives it, empty where it does not.
    stamps_s
        Time of each reading of a column, shape `(n,)`.
    content_hash
        SHA-256 of the uncompressed content.
    notes
        What was left out, in words.
    """

    name: str
    time_s: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float64]]
    units: Mapping[str, str]
    stamps_s: Mapping[str, NDArray[np.float64]]
    content_hash: str
    notes: tuple[str, ...] = field(default=())


class _Column(NamedTuple):
    name: str
    unit: str
    cells: tuple[str, ...]


class _Names:
    """Gives columns the names that the configuration has for them, else ones that data keys may
    have, each once.
    """

    def __init__(self, known: Keys) -> None:
        self._known = frozenset(known.values())
        self._spelled = {_plain(key): key for key in known.values()}
        self._given: Counter[str] = Counter()

    def __call__(self, name: str) -> str:
        """Name a column by what stands in the header."""
        wanted = name if name in self._known else self._spelled.get(_plain(name))
        wanted = wanted or re.sub(r"[./]", "_", name)
        self._given[wanted] += 1
        n_given = self._given[wanted]
        return wanted if n_given == 1 else f"{wanted}_{n_given}"


class _Clock(NamedTuple):
    time_s: NDArray[np.float64]
    is_absolute: bool


class _Readings(NamedTuple):
    name: str
    unit: str
    values: NDArray[np.float64]
    stamp_s: NDArray[np.float64]


def trace_in(path: Path, text: str, content_hash: str, known: Keys) -> MeasuredTrace | None:
    """Read text in columns as a trace, if it is one.

    It must have times, and no energy unless some of the keys that are looked for stand beside it.
    Without such keys its header must name masses or a temperature.

    Parameters
    ----------
    path, text, content_hash
        The file, its content and the hash of that.
    known
        Data keys by role. A column that is named so, but for case, unit and points, is given under
        that name.
    """
    table = table_in(path, text.splitlines())
    if table is None:
        return None
    columns = [(column, _clock(column)) for column in _columns(table)]
    if not any(clock for _, clock in columns) or not _is_trace([c for c, _ in columns], known):
        return None
    readings = list(_readings(columns, _Names(known), _start_s(table.headings)))
    if not readings:
        return None
    time_s = readings[0].stamp_s
    is_timed = np.isfinite(time_s)
    notes = [*table.notes]
    if not is_timed.all():
        notes.append(f"{np.count_nonzero(~is_timed)} rows of {path.name} have no time")
    return MeasuredTrace(
        path.name.removesuffix(".gz").rsplit(".", 1)[0],
        time_s[is_timed],
        {reading.name: reading.values[is_timed] for reading in readings},
        {reading.name: reading.unit for reading in readings},
        {reading.name: reading.stamp_s[is_timed] for reading in readings},
        content_hash,
        tuple(notes),
    )


def _readings(
    columns: Iterable[tuple[_Column, _Clock | None]], called: _Names, start_s: float | None
) -> Iterator[_Readings]:
    """Give the columns of numbers, each with the times that stand before it, else the first."""
    in_order = list(columns)
    leading = list(takewhile(lambda pair: pair[1] is None, in_order))
    first = list(takewhile(lambda pair: pair[1] is not None, in_order[len(leading) :]))
    in_order = [*first, *leading, *in_order[len(leading) + len(first) :]]
    clocks: list[_Clock] = []
    stamp_s: NDArray[np.float64] | None = None
    for column, clock in in_order:
        if clock is not None:
            clocks.append(clock)
            continue
        values = numbers_in(column.cells)
        if values is None:
            continue
        if clocks:
            stamp_s, clocks = _time_of(clocks, start_s), []
        if stamp_s is not None:
            yield _Readings(called(column.name), column.unit, values, stamp_s)


def _columns(table: Table) -> list[_Column]:
    """Columns with their names and units; a date and a time of day beside it become one."""
    cells = list(zip(*table.rows, strict=True))
    names, units = _names(table, len(cells))
    columns: list[_Column] = []
    for index, (name, unit, of_column) in enumerate(zip(names, units, cells, strict=True), 1):
        if columns and is_date(columns[-1].cells[0]) and is_clock(of_column[0]):
            date = columns.pop()
            joined = map(" ".join, zip(date.cells, of_column, strict=True))
            columns.append(_Column(date.name, "", tuple(joined)))
        else:
            called = _bare(name) or f"column {index}"
            columns.append(_Column(called, unit or _unit_in(name), of_column))
    return columns


def _names(table: Table, width: int) -> tuple[list[str], list[str]]:
    """Names of the columns in the header, and units where these have a line of their own."""
    units = [""] * width
    above = [line.lstrip("#% ") for line in table.headings if line.strip()]
    while above:
        names = cells_of(above.pop(), table.separator, width)
        if names is None:
            continue
        bare = [re.sub(r"[()\[\]]", "", name).strip() for name in names]
        if all(unit.lower() in UNITS for unit in bare if unit) and any(bare):
            units = bare
            continue
        groups = cells_of(above[-1], table.separator, width) if above else None
        return (_grouped(names, groups) if groups else names), units
    return [""] * width, units


def _grouped(names: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Names of columns that repeat, each group under a heading such as its mass."""
    starts = [index for index, name in enumerate(names) if name == names[0]]
    if len(starts) < 2 or not any(groups):
        return list(names)
    found = list(names)
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        heading = next(filter(None, groups[start:end]), "")
        for index in range(start, end):
            if heading and not _TIME.search(names[index]):
                unit = _unit_in(names[index])
                found[index] = f"{heading} [{unit}]" if unit else heading
    return found


def _bare(name: str) -> str:
    found = _UNIT.search(name)
    return name[: found.start()] if found and _unit_in(name) else name


def _unit_in(name: str) -> str:
    found = _UNIT.search(name)
    unit = (found[1] or found[2]).strip() if found else ""
    return unit if unit.lower() in UNITS else ""


def _plain(name: str) -> str:
    """A name without what differs between spellings; a mass as a plain number."""
    words = re.sub(r"[\s_./]+", " ", _bare(name)).strip().casefold()
    number = re.fullmatch(r"(\d+) (\d+)", words)
    return f"{float(f'{number[1]}.{number[2]}'):g}" if number else words


def _is_trace(columns: Sequence[_Column], known: Keys) -> bool:
    names = [column.name for column in columns]
    if "energy" in standard_names(names).values():
        wanted = {_plain(key) for key in known.values()}
        return sum(_plain(name) in wanted for name in names) > 1
    is_mass = any(_MASS.fullmatch(name.lower()) for name in names)
    is_heat = any(_HEAT.search(name.lower()) for name in names)
    has_unit = any(column.unit.lower() in TEMPERATURES | CURRENTS for column in columns)
    return bool(known) or is_mass or is_heat or has_unit


def _clock(column: _Column) -> _Clock | None:
    """Times in a column, if it holds any."""
    sample = next((cell for cell in column.cells if cell), "")
    if is_dated(sample):
        return _Clock(epoch_s(column.cells), True)
    if is_clock(sample):
        return _Clock(elapsed_s(column.cells), False)
    unit = (column.unit or column.name).lower()
    is_named = _TIME.search(column.name) and unit not in UNITS - TIMES
    if not is_named or (numbers := numbers_in(column.cells)) is None:
        return None
    seconds = SECONDS.get(unit) or SECONDS.get(unit.removesuffix("s"), 1.0)
    times = numbers * seconds
    return _Clock(times, bool(np.nanmin(times, initial=np.inf) > EPOCH_S))


def _time_of(clocks: Sequence[_Clock], start_s: float | None) -> NDArray[np.float64]:
    """Times of rows by the finest clock, from the time that another tells or the file's start."""
    finest = max(clocks, key=lambda clock: _fineness(clock.time_s))
    absolute = next((clock.time_s for clock in clocks if clock.is_absolute), None)
    if finest.is_absolute:
        return finest.time_s
    if absolute is not None:
        return finest.time_s + np.nanmin(absolute - finest.time_s)
    if start_s is None:
        return finest.time_s
    is_time_of_day = abs(finest.time_s[0] - start_s % DAY_S) < SECONDS["h"] < finest.time_s[0]
    return finest.time_s + start_s - (start_s % DAY_S if is_time_of_day else 0.0)


def _fineness(time_s: NDArray[np.float64]) -> tuple[int, bool]:
    return len(np.unique(time_s)), bool((time_s % 1.0 > 0.0).any())


def _start_s(headings: Iterable[str]) -> float | None:
    lines = list(headings)
    for words in STARTS:
        for line in lines:
            if re.search(words, line, re.IGNORECASE) and (found := epoch_in(line)) is not None:
                return found
    return None
