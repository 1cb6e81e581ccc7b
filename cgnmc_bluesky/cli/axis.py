"""What the trend figure's axis is: scan numbers, times, or a column that somebody measured."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

HOUR_S = 3600.0


@dataclass
class Axis:
    """Where each run stands along the axis of the trend.

    Parameters
    ----------
    label
        What the axis is, with its unit.
    of_file
        Place of each measured file, by its name; `None` where the time is the axis.
    """

    label: str
    of_file: Mapping[str, float] | None = None
    places: dict[str, float] = field(default_factory=dict)
    _first_s: float | None = None

    @classmethod
    def of(cls, wanted: str) -> Self:
        """Read what the user wrote: "time", or "FILE.csv:COLUMN".

        Raises
        ------
        ValueError
            If it is neither, or the file has no such column of numbers.
        """
        if wanted == "time":
            return cls("time since the first scan (h)")
        name, colon, column = wanted.rpartition(":")
        if not colon:
            raise ValueError(f"--x {wanted!r} is no axis; write time, or FILE.csv:COLUMN")
        return cls(column.replace("_", " "), _column(Path(name), column))

    def place(self, start: Mapping[str, Any]) -> None:
        """Find the place of a run from its start document; a run that has none stays without."""
        if self.of_file is not None:
            if start.get("file") in self.of_file:
                self.places[start["uid"]] = self.of_file[start["file"]]
        elif "time" in start:
            if self._first_s is None:
                self._first_s = float(start["time"])
            self.places[start["uid"]] = (start["time"] - self._first_s) / HOUR_S


def _column(path: Path, column: str) -> dict[str, float]:
    if not path.is_file():
        raise ValueError(f"--x names {path}, which is no file; write FILE.csv:COLUMN")
    with path.open(newline="", encoding="utf-8") as lines:
        table = csv.DictReader(lines)
        if column not in (table.fieldnames or ()):
            there = ", ".join(table.fieldnames or ())
            raise ValueError(f"--x: {path} has no column {column!r}; it has {there}")
        rows = list(table)
    places: dict[str, float] = {}
    for row in rows:
        try:
            value = float(row[column])
        except (TypeError, ValueError):
            continue
        places |= {cell: value for name, cell in row.items() if cell and name != column}
    return places
