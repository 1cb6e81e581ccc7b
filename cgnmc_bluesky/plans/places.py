"""Where samples stand: columns of a table, and the devices that bring a sample into the beam."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from bluesky.protocols import NamedMovable, Readable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.beamline.errors import suggestion
from cgnmc_bluesky.beamline.tables import Row
from cgnmc_bluesky.plans.checks import (
    LENGTHS_UM,
    check_mover,
    check_value,
    described,
)

POSITION = "position"
NUMBERS = ("number", "integer")

Holder = NamedMovable[Any] | Sequence[NamedMovable[Any]]
"""What a table's `position` is of, or several axes with a column each."""


@dataclass(frozen=True)
class Axis:
    """A device that a column of a table is of.

    Parameters
    ----------
    mover
        The device.
    columns
        What its column may be called, and the size of that column's unit in the device's own; a
        device that tells no unit is taken to have the column's.
    names
        Names of the positions that it has, where it tells.
    is_numeric
        Whether it goes to numbers.
    """

    mover: NamedMovable[Any]
    columns: Mapping[str, float]
    names: Sequence[str] = ()
    is_numeric: bool = True

    def place(self, row: Row) -> MsgGenerator[Any]:
        """Where a row says that this is to go; what is wrong with that is noted in the row."""
        given = [column for column in self.columns if column in row.cells]
        if len(given) != 1:
            why = f"say where {self.mover.name} is to go"
            row.refuse((given or [*self.columns])[0], f"{why} only once" if given else why)
            return None
        (column,) = given
        try:
            place = self._read(row.cells[column], self.columns[column])
            yield from check_value(self.mover, place)
        except ValueError as error:
            row.refuse(column, str(error))
            return None
        return place

    def _read(self, cell: Any, factor: float) -> Any:
        name = self.mover.name
        if self.names:
            text = str(cell)
            if text not in self.names:
                raise ValueError(f"{name} has no such position; {suggestion(text, self.names)}")
            return text
        if not self.is_numeric:
            return str(cell)
        try:
            number = math.nan if isinstance(cell, bool) else float(cell)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"{name} goes to numbers, give one")
        return number * factor


def axes_of(holder: Holder) -> MsgGenerator[list[Axis]]:
    """Find which columns of a table a holder, or several axes, are moved by.

    Parameters
    ----------
    holder
        What the user gave.

    Raises
    ------
    ValueError
        If it cannot be moved, or two axes would share a column.
    """
    movers: list[Any] = list(holder) if isinstance(holder, list | tuple) else [holder]
    if not movers:
        raise ValueError("holder is empty: give what brings a sample into the beam")
    axes: list[Axis] = []
    for mover in movers:
        check_mover(mover, "holder")
        axes.append((yield from _axis(mover)))
    if len(axes) == 1:
        axes = [replace(axes[0], columns={POSITION: 1.0, **axes[0].columns})]
    columns = [column for axis in axes for column in axis.columns]
    for column in columns:
        if columns.count(column) > 1:
            raise ValueError(f"two axes of the holder are called {column!r}: give each once")
    return axes


def _axis(mover: NamedMovable[Any]) -> MsgGenerator[Axis]:
    keys = yield from described(cast("Readable[Any]", mover))
    first: Mapping[str, Any] = next(iter(keys.values()), {})
    names = first.get("choices") or first.get("enum_strs") or getattr(mover, "positions", ())
    names = [str(name) for name in names] if isinstance(names, list | tuple) else []
    is_numeric = not names and first.get("dtype", "number") in NUMBERS
    unit = str(getattr(mover, "egu", "") or first.get("units") or "")
    columns: dict[str, float] = {}
    for label in (getattr(mover, "attr_name", ""), mover.name):
        if label:
            columns |= _columns(str(label).lower(), unit if is_numeric else None)
    return Axis(mover, columns, names, is_numeric)


def _columns(label: str, unit: str | None) -> dict[str, float]:
    """What an axis' column may be called: its name, or that with a unit of length or its own."""
    if unit is None:
        return {label: 1.0}
    own_um = LENGTHS_UM.get(unit)
    lengths = {
        f"{label}_{length}": 1.0 if own_um is None else size_um / own_um
        for length, size_um in LENGTHS_UM.items()
        if length.isascii() and (own_um is not None or not unit)
    }
    return {
        label: 1.0,
        **lengths,
        **({f"{label}_{unit.lower()}": 1.0} if unit.isascii() and unit else {}),
    }
