"""What the trend figure's axis is: scan numbers, times, the state of charge, or a column."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives
from cgnmc_bluesky.views.statements import STATE_OF_CHARGE

HOUR_S = 3600.0
STATES: Mapping[str, str] = {
    "x_li": "x(Li), from the charge passed",
    "voltage_v": "voltage of the cell (V)",
    "capacity_mah_per_g": "charge passed (mAh/g)",
    "capacity_mah": "charge passed (mAh)",
}
"""Values of a state of charge that may be the axis."""


@dataclass
class Axis:
    """Where each run stands along the axis of the trend.

    Parameters
    ----------
    label
        What the axis is, with its unit.
    of_file
        Place of each measured file, by its name; `None` where something else is the axis.
    state
        The value of each run's state of charge that is the axis; empty where something else is.
    """

    label: str
    of_file: Mapping[str, float] | None = None
    state: str = ""
    places: dict[str, float] = field(default_factory=dict)
    _first_s: float | None = None

    @classmethod
    def of(cls, wanted: str) -> Self:
        """Read what the user wrote: "time", a state of charge's value, or "FILE.csv:COLUMN".

        Raises
        ------
        ValueError
            If it is none, or the file has no such column of numbers.
        """
        if wanted == "time":
            return cls("time since the first scan (h)")
        if wanted in STATES:
            return cls(STATES[wanted], state=wanted)
        name, colon, column = wanted.rpartition(":")
        if not colon:
            raise ValueError(
                f"--x {wanted!r} is no axis; write time, {', '.join(STATES)}, or FILE.csv:COLUMN"
            )
        return cls(column.replace("_", " "), _column(Path(name), column))

    def place(self, start: Mapping[str, Any], results: Iterable[Result] = ()) -> None:
        """Find the place of a run from its start document or its results; one that has none stays
        without.
        """
        if self.state:
            for result in results:
                value = result.values.get(self.state)
                if result.analysis == STATE_OF_CHARGE and gives(result, self.state):
                    self.places[start["uid"]] = float(value or 0.0)
        elif self.of_file is not None:
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
