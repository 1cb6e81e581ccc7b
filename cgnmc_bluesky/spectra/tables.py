"""Text in columns: how it is separated, where its rows begin, and what numbers are in it."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.spectra.clocks import is_clock, is_date, is_dated

SEPARATORS = ("\t", ";", ",", r"\s+", r"\s{2,}")
SAMPLE = 100
"""Lines from the middle of a file that tell how it is written."""

NOTHING = frozenset({"", "-", "--", "---", "n/a", "na", "null", "none", "-nan(ind)", "#n/a"})
"""What stands where no number was measured, in small letters."""

_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)", re.I)


class Table(NamedTuple):
    """Rows of cells, the lines above them, and what was left out between them."""

    headings: list[str]
    rows: list[list[str]]
    separator: str
    notes: list[str]


def table_in(path: Path, lines: Sequence[str]) -> Table | None:
    """Find the rows that have as many cells as most, and what stands above them."""
    separator, width = _separation(lines)
    if not separator:
        return None
    split = list(_split(lines, separator))
    is_row = [len(row) == width and _starts_data(row) for row in split]
    # a header may hold a table of its own; each begins behind a line with names for its columns.
    # Names that come again are those of a file that was appended to
    names = {lines[number]: number for number in reversed(range(len(lines))) if not is_row[number]}
    starts = [
        number
        for number in range(1, len(lines) + 1)
        if number == len(lines)
        or (len(split[number]) == width and names.get(lines[number]) == number)
    ]
    parts = zip([0, *starts[:-1]], starts, strict=True)
    begin, end = max(parts, key=lambda part: (sum(is_row[slice(*part)]), part))
    first = begin + is_row[begin:end].index(True)
    notes = [
        f"row left out: line {number} of {path.name}, {line.strip()[:40]!r}"
        for number, line in enumerate(lines[first:end], first + 1)
        if not is_row[number - 1] and line.strip()
    ]
    rows = [split[number] for number in range(first, end) if is_row[number]]
    return Table(list(lines[:first]), rows, separator, notes)


def _separation(lines: Sequence[str]) -> tuple[str, int]:
    """What separates cells, and how many a row has; of what serves alike the first."""
    middle = len(lines) // 2
    sample = lines[max(0, middle - SAMPLE // 2) : middle + SAMPLE // 2]
    found, n_most, width = "", 0, 0
    for separator in SEPARATORS:
        widths = Counter(len(row) for row in _split(sample, separator) if _is_data(row))
        n_cells, n_rows = widths.most_common(1)[0] if widths else (0, 0)
        if n_cells > 1 and n_rows > n_most:
            found, n_most, width = separator, n_rows, n_cells
    return found, width


def _split(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    if len(separator) == 1:
        for row in csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t"):
            yield [cell.strip().strip("'\"") for cell in row]
    else:
        for line in lines:
            yield re.split(separator, line.strip())


def _starts_data(row: Sequence[str]) -> bool:
    first = row[0]
    return bool(_NUMBER.fullmatch(first)) or is_clock(first) or is_dated(first) or is_date(first)


def _is_data(row: Sequence[str]) -> bool:
    """Tell whether a row is one of readings: it starts with a number or a time, and half of it are
    numbers.
    """
    if not row or not _starts_data(row):
        return False
    return 2 * sum(map(_is_reading, row)) > len(row)


def _is_reading(cell: str) -> bool:
    is_number = _NUMBER.fullmatch(cell) is not None or cell.lower() in NOTHING
    return is_number or is_clock(cell) or is_dated(cell) or is_date(cell)


def cells_of(line: str, separator: str, width: int) -> list[str] | None:
    """Cells of a line of the header; some at its end may be missing."""
    separators = (separator,) if len(separator) == 1 else (r"\s{2,}", r"\s+")
    for one in separators:
        [cells] = list(_split([line], one)) or [[]]
        cells = cells[:width] if not any(cells[width:]) else cells
        if len(cells) == width or (one == "\t" and 1 < len(cells) < width):
            return cells + [""] * (width - len(cells))
    return None


def numbers_in(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Numbers in a column, NaN where there is none; `None` where all it holds is text."""
    try:
        return np.array(list(map(float, cells)))
    except ValueError:
        numbers = np.array([_number(cell) for cell in cells])
    is_text = np.isnan(numbers).all() and any(_is_text(cell) for cell in cells)
    return None if is_text else numbers


def _number(cell: str) -> float:
    decimal = cell.replace(".", "").replace(",", ".") if "," in cell else cell
    return float(decimal) if _NUMBER.fullmatch(decimal) else np.nan


def _is_text(cell: str) -> bool:
    return cell.lower() not in NOTHING and not _NUMBER.fullmatch(cell)
