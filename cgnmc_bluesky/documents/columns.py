"""What a descriptor says of the roles, and the readings of one stream as arrays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.documents.faults import Notes
from cgnmc_bluesky.documents.units import Conversion


@dataclass(frozen=True)
class Column:
    """Where a role is found in the rows of one descriptor.

    Parameters
    ----------
    role
        Name of the role.
    key
        Its data key.
    shape
        Shape of one reading as the descriptor declares it.
    conversion
        How readings come into the role's unit; `None` leaves them as they are.
    is_external
        Whether the readings are kept in files.
    """

    role: str
    key: str
    shape: tuple[int, ...]
    conversion: Conversion | None
    is_external: bool


@dataclass(frozen=True)
class Layout:
    """The columns of one descriptor.

    Parameters
    ----------
    columns
        One for each role that the descriptor holds.
    has_events
        Whether its rows must have events; rows of stream datums alone need none.
    """

    columns: tuple[Column, ...]
    has_events: bool = True

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Data keys of the columns."""
        return tuple(column.key for column in self.columns)

    @cached_property
    def external(self) -> tuple[Column, ...]:
        """Columns whose readings are kept in files."""
        return tuple(column for column in self.columns if column.is_external)

    @cached_property
    def converted(self) -> tuple[tuple[str, Conversion], ...]:
        """Roles whose readings need a conversion."""
        return tuple((c.role, c.conversion) for c in self.columns if c.conversion is not None)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Roles of the columns."""
        return tuple(column.role for column in self.columns)


class Shapes:
    """Readings of one stream as arrays, of one shape for each key.

    A key's shape is that of its first reading, descriptors being wrong about it often; but where
    the first is shorter than declared, it is the reading that is wrong. What does not fit becomes
    NaN and is noted.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._shapes: dict[str, tuple[int, ...]] = {}

    def are_scalar(self, layout: Layout) -> bool:
        """Tell whether every column's readings are known to be single numbers."""
        return all(self._shapes.get(key) == () for key in layout.keys)

    def of(
        self, column: Column, readings: Sequence[Any] | NDArray[Any], seq_nums: Sequence[int]
    ) -> NDArray[np.float64]:
        """Bring readings, one a row, into one array in the role's unit, shape `(n, ...)`."""
        try:
            array = np.asarray(readings, dtype=np.float64)
        except (TypeError, ValueError):
            array = None
        if (
            array is None
            or (array.ndim == 1 and np.isnan(array).any())
            or array.shape[1:] != self._shape(column, array.shape[1:])
        ):
            array = self._one_by_one(column, readings, seq_nums)
        return array if column.conversion is None else column.conversion(array)

    def _shape(self, column: Column, found: tuple[int, ...]) -> tuple[int, ...]:
        shape = self._shapes.get(column.key)
        if shape is None:
            declared = column.shape
            is_alike = len(found) == len(declared) and found[1:] == declared[1:]
            shape = declared if is_alike and found < declared else found
            self._shapes[column.key] = shape
        return shape

    def _one_by_one(
        self, column: Column, readings: Iterable[Any], seq_nums: Sequence[int]
    ) -> NDArray[np.float64]:
        rows: dict[int, NDArray[np.float64]] = {}
        for index, (reading, seq_num) in enumerate(zip(readings, seq_nums, strict=True)):
            row = _numbers(reading)
            if row is None:
                fault = "row missing" if column.is_external else "no number"
                self._notes.row(column.key, fault, seq_num)
            elif row.shape != (shape := self._shape(column, row.shape)):
                fault = f"row of shape {row.shape} instead of {shape}"
                self._notes.row(column.key, fault, seq_num)
            else:
                rows[index] = row
        shape = self._shapes.setdefault(column.key, column.shape)
        array = np.full((len(seq_nums), *shape), np.nan)
        for index, row in rows.items():
            array[index] = row
        return array


def _numbers(reading: object) -> NDArray[np.float64] | None:
    """Numbers in a reading of any shape; `None` for anything else and for a lone NaN."""
    try:
        row = np.asarray(reading, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return None if row.ndim == 0 and np.isnan(row) else row


def layout_of(columns: Iterable[Column], data_keys: Mapping[str, Mapping[str, Any]]) -> Layout:
    """Put together what one descriptor says."""
    marks = [key.get("external") or "" for key in data_keys.values()]
    are_streamed = all(mark.startswith("STREAM:") for mark in marks)
    return Layout(tuple(columns), has_events=not are_streamed)
