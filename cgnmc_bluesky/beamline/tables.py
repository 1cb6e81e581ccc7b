"""Tables of samples as they stand in CSV and TOML files."""

import csv
import re
import tomllib
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from cgnmc_bluesky.beamline.errors import ConfigurationError, suggestion

TableSpec = str | Path | Sequence[Mapping[str, Any]]
"""Path of a CSV or TOML file, or the rows themselves."""

FORM = "give the path of a CSV or TOML file, or a list of rows"


class SampleTableError(ConfigurationError):
    """A sample table that cannot be used; its text has a line for each thing that is wrong."""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.args)


class Row:
    """A row as it stands in a table.

    Parameters
    ----------
    where
        The table's name and the row's number from 1 (in a file of lines, its line too).
    cells
        What it holds, by column; empty cells are left out.

    Attributes
    ----------
    problems
        What is wrong with it, a line each.
    is_whole
        Whether its cells are known to stand in their columns.
    """

    def __init__(self, where: str, cells: Mapping[str, Any]) -> None:
        stripped = {
            key: value.strip() if isinstance(value, str) else value for key, value in cells.items()
        }
        self.where = where
        self.cells = {key: value for key, value in stripped.items() if value not in ("", None)}
        self.problems: list[str] = []
        self.is_whole = True

    def refuse(self, column: str, why: str) -> None:
        """Note what is wrong with a cell."""
        shown = repr(self.cells[column]) if column in self.cells else "missing"
        self.problems.append(f"{self.where}, {column} is {shown}: {why}")


def read_rows(table: TableSpec) -> tuple[str, str, list[Row]]:
    """Read the rows of a table.

    Parameters
    ----------
    table
        Path of a CSV file with a header, or of a TOML file with a block `[[sample]]` for each; or
        the rows, as mappings. Lines of a CSV file that begin with # are passed over.

    Returns
    -------
    tuple[str, str, list[Row]]
        What the series is called (what a TOML file says under `series`, else the file's name
        without its ending, empty for rows), what the table is called, and its rows.

    Raises
    ------
    SampleTableError
        If there is no such table, or it holds no rows.
    """
    if isinstance(table, str | Path):
        path = Path(table).expanduser()
        text = _text_of(path)
        is_toml = path.suffix.lower() == ".toml"
        try:
            series, rows = _from_toml(path, text) if is_toml else (path.stem, _from_csv(path, text))
        except csv.Error as error:
            raise SampleTableError(f"{path.name} is no table: {error}; {FORM}") from error
        source = path.name
    else:
        series, source = "", "the sample table"
        rows = _from_mappings(source, table)
    if not rows:
        raise SampleTableError(f"{source} holds no sample: give a row for each")
    return series, source, rows


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SampleTableError(f"{path} is not there: {FORM}") from error
    except OSError as error:
        raise SampleTableError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SampleTableError(
            f"{path.name} is no text in UTF-8 (byte {error.start}): save it as CSV in UTF-8"
        ) from error


def _from_toml(path: Path, text: str) -> tuple[str, list[Row]]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SampleTableError(f"{path.name} is no TOML: {error}") from error
    for key in content:
        if key not in {"series", "sample"}:
            raise SampleTableError(
                f"{path.name} has no key '{key}'; {suggestion(key, ('series', 'sample'))}"
            )
    series = content.get("series", path.stem)
    if not isinstance(series, str) or not series.strip():
        raise SampleTableError(f"{path.name}, series is {series!r}: give the series a name")
    return series, _from_mappings(path.name, content.get("sample", []))


def _from_mappings(source: str, blocks: Any) -> list[Row]:
    if not isinstance(blocks, list | tuple) or not all(isinstance(row, Mapping) for row in blocks):
        raise SampleTableError(f"{source} is {blocks!r}: {FORM}, in TOML a block [[sample]] each")
    return [Row(f"{source} row {number}", block) for number, block in enumerate(blocks, 1)]


def _from_csv(path: Path, text: str) -> list[Row]:
    rows: list[Row] = []
    header: list[str] = []
    lines = csv.reader(StringIO(text), delimiter=_delimiter(text), skipinitialspace=True)
    for cells in lines:
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        if not header:
            header = [re.sub(r"\W+", "_", cell.strip().lower()) for cell in cells]
            continue
        where = f"{path.name} row {len(rows) + 1} (line {lines.line_num})"
        rows.append(Row(where, dict(zip(header, cells, strict=False))))
        if len(cells) > len(header):
            rows[-1].is_whole = False
            rows[-1].problems.append(
                f"{where} has {len(cells)} cells under {len(header)} columns: put a cell that "
                "holds a comma between quotation marks"
            )
    twice = [column for column in header if column and header.count(column) > 1]
    if twice:
        raise SampleTableError(
            f"{path.name} has {header.count(twice[0])} columns '{twice[0]}': one is enough"
        )
    return rows


def _delimiter(text: str) -> str:
    """What parts the columns of the header: a comma, or what spreadsheets elsewhere write."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    header = next(lines, "")
    return max(",;\t", key=header.count)
