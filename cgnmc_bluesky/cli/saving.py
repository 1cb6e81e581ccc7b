"""Results as files: figures, tables and arrays."""

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgnmc_bluesky.results import CONDITIONS
from cgnmc_bluesky.views import RunFigure, TrendFigure, write_nexus
from cgnmc_bluesky.views.statements import YIELDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cgnmc_bluesky.catalogs.source import Document
    from cgnmc_bluesky.cli.axis import Axis
    from cgnmc_bluesky.results import Result

    Row = tuple[Mapping[str, object], Mapping[str, float | None], Mapping[str, float | None]]

_COLUMNS = ("trace", "release", "series", "sweeps", "cycles", "voltage", "dqdv", "peaks")
"""Groups of arrays that are tables of their own: what is measured and found during a ramp, by
sweeps, and in a cell."""
_HEAD = ("run_uid", "scan_id", "plan_name", "sample", "mode", "status", "reason")


class ResultFolder:
    """A folder that takes the results of one run after the other.

    Parameters
    ----------
    path
        The folder; made where it is not there.
    axis
        Axis of the trend figure; the scan number without it.
    """

    def __init__(self, path: Path, axis: "Axis | None" = None) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._axis = axis
        places = (axis.places, axis.label) if axis else ()
        self._figure = RunFigure()
        self._trend = TrendFigure(*places)
        self._tables: dict[str, list[Result]] = {}

    def add(
        self, start: Mapping[str, Any], documents: "Iterable[Document]", results: "list[Result]"
    ) -> dict[str, str]:
        """Write the figure and the arrays of one run.

        Parameters
        ----------
        start
            Start document of the raw run.
        documents
            Documents of all its results.
        results
            The same as results.

        Returns
        -------
        dict[str, str]
            The files written, by what they hold.
        """
        if self._axis is not None:
            self._axis.place(start, results)
        for name, doc in documents:
            self._figure(name, doc)
            self._trend(name, doc)
        for result in results:
            self._tables.setdefault(result.analysis, []).append(result)
        if not any(result.curves for result in results):
            return {}
        stem = self.path / _stem(start)
        self._figure.run_uid = str(start["uid"])
        figure = self._figure.save(stem.with_name(f"{stem.name}.png"))
        arrays = write_nexus(stem.with_name(f"{stem.name}.nxs"), results)
        tables = {
            name: str(_write_columns(stem.with_name(f"{stem.name}_{name}.csv"), curves))
            for result in results
            for group, curves in result.curves.items()
            if group in _COLUMNS or (group == "spectrum" and result.mode in YIELDS)
            for name in ("_".join(filter(None, (group, result.mode))),)
        }
        return {"figure": str(figure), "arrays": str(arrays), **tables}

    def finish(self) -> list[Path]:
        """Write the tables and the trend figure.

        Returns
        -------
        list[Path]
            What was written.
        """
        written = [
            _write_table(self.path / f"{analysis}.csv", results, self._axis)
            for analysis, results in self._tables.items()
        ]
        if written and not self._trend.is_blank:
            written.append(self._trend.save(self.path / "trend.png"))
        return written


def _stem(start: Mapping[str, Any]) -> str:
    number = start.get("scan_id")
    scan = f"scan{number:04d}_" if isinstance(number, int) else ""
    return f"{scan}{re.sub(r'[^A-Za-z0-9-]', '_', str(start['uid'])[:8])}"


def _write_table(path: Path, results: "list[Result]", axis: "Axis | None") -> Path:
    has_particles = any(result.particle is not None for result in results)
    head = (*_HEAD, "particle") if has_particles else _HEAD
    conditions = [name for name in CONDITIONS if any(name in each.conditions for each in results)]

    def of_result(result: "Result") -> dict[str, object]:
        told = {key: getattr(result, key) for key in head}
        told |= {name: result.conditions.get(name) for name in conditions}
        return told | ({axis.label: axis.places.get(result.run_uid)} if axis else {})

    return write_table(path, [(of_result(each), each.values, each.sigmas) for each in results])


def write_table(path: Path, rows: "Sequence[Row]") -> Path:
    """Write values with their sigmas, a line for each row.

    Parameters
    ----------
    path
        File to write.
    rows
        Of each what stands before its values, by heading (all rows have the same), then values and
        sigmas by name.
    """
    names = list(dict.fromkeys(name for _, values, _ in rows for name in values))
    head = list(rows[0][0]) if rows else []
    pairs = [heading for name in names for heading in (name, f"{name}_sigma")]
    with path.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        table.writerow([*head, *pairs])
        for before, values, sigmas in rows:
            numbers = [_cell(of.get(name)) for name in names for of in (values, sigmas)]
            told = (_cell(cell) if isinstance(cell, float) else cell for cell in before.values())
            table.writerow([*told, *numbers])
    return path


def _write_columns(path: Path, columns: "Mapping[str, NDArray[np.float64]]") -> Path:
    with path.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        table.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            table.writerow([_cell(number) for number in row])
    return path


def _cell(number: float | None) -> str:
    return "" if number is None or math.isnan(number) else repr(float(number))
