"""Is a sample table right, before a beamline is there to move anything."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cgnmc_bluesky.beamline import Beamline, ConfigurationError, Edge, nearest
from cgnmc_bluesky.beamline.samples import COMMENT, REMEDIES, Sample, read_samples
from cgnmc_bluesky.beamline.tables import Row, read_rows
from cgnmc_bluesky.check.findings import Finding, error, ok, warning

TELLING = 2
"""A table with so many columns of a sample table is meant as one."""


def is_sample_table(source: Any) -> bool:
    """Tell whether what a user named is a sample table."""
    if not isinstance(source, str | Path) or not Path(source).is_file():
        return False
    suffix = Path(source).suffix.lower()
    if suffix != ".csv":
        return suffix == ".toml"
    text = Path(source).read_text(encoding="utf-8", errors="replace")
    lines = (line.lower() for line in text.splitlines() if line.strip() and line[0] != "#")
    header = re.split(r"[,;\t]\s*", next(lines, ""))
    return len(REMEDIES.keys() & set(header)) >= TELLING


def check_table(table: str | Path, beamline: Beamline | None = None) -> Iterator[Finding]:
    """Look at every row of a sample table.

    Parameters
    ----------
    table
        Its path.
    beamline
        The configuration, which may have references for its edges.
    """
    try:
        _, source, rows = read_rows(table)
        places = _places(rows)
        read = read_samples(table, places)
    except ConfigurationError as problem:
        for line in problem.args:
            where, _, why = str(line).partition(": ")
            yield error(str(table), where, why)
        return
    for line in read.problems:
        where, _, why = line.partition(": ")
        yield error(where, *_two(why))
    if not places:
        message = "no column says where the samples stand"
        yield error(source, message, "add position, or a column for each axis, such as x_mm")
    _check_places(read.rows, places)
    for row in read.rows:
        for line in row.problems:
            what, _, why = line.removeprefix(f"{row.where}, ").partition(": ")
            yield error(row.where, what, why)
    if not any(row.problems for row in read.rows):
        samples = [sample for sample in read.samples if sample is not None]
        yield ok(source, _counted(samples))
        yield from _edges(source, samples, beamline)


def _places(rows: Sequence[Row]) -> list[str]:
    """Columns that are none of the others, and not one of them misspelt: those of axes."""
    known = [*REMEDIES, COMMENT]
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    return [column for column in columns if column not in known and not nearest(column, known)]


def _check_places(rows: Sequence[Row], places: Sequence[str]) -> None:
    taken: dict[tuple[Any, ...], int] = {}
    for number, row in enumerate(rows, 1):
        there = tuple(row.cells.get(column) for column in places)
        if places and None in there:
            column = places[there.index(None)]
            row.refuse(column, "say where the sample stands")
        elif places and there in taken:
            row.refuse(places[0], f"row {taken[there]} stands there too, give each its own place")
        taken.setdefault(there, number)


def _counted(samples: Sequence[Sample]) -> str:
    scans = sum(len(sample.at_its_edges()) for sample in samples)
    materials = ", ".join(dict.fromkeys(sample.material for sample in samples))
    return f"samples: {len(samples)} ({materials}), scans: {scans}"


def _edges(source: str, samples: Sequence[Sample], beamline: Beamline | None) -> Iterator[Finding]:
    """Tell edges that the configuration has no references of."""
    for name in dict.fromkeys(edge for sample in samples for edge in sample.edges):
        if beamline is not None and not beamline.references_of(Edge.parse(name)):
            message = f"{name} has no reference in the configuration: no fraction"
            yield warning(source, message, f"add [[reference]] with edge = '{name}'")


def _two(text: str) -> tuple[str, str]:
    message, _, remedy = text.partition("; ")
    return message, remedy
