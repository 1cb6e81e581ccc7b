"""The readings of one stream as arrays, of one shape for each key."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.documents.columns import Column
from cgnmc_bluesky.documents.faults import READ_ERRORS, Notes
from cgnmc_bluesky.documents.slab import Range, Slab

Readings = Sequence[Any] | Slab
"""Readings of one key, one a row; a slab stands for readings that are still in their file."""


class Shapes:
    """Brings readings into arrays.

    A key's shape is that of its first reading, descriptors being wrong about it often; but where
    the first is shorter than declared, it is the reading that is wrong. What does not fit becomes
    NaN and is noted.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._shapes: dict[str, tuple[int, ...]] = {}

    def are_scalar(self, keys: Iterable[str]) -> bool:
        """Tell whether the readings of all these keys are known to be single numbers."""
        return all(self._shapes.get(key) == () for key in keys)

    def of(self, column: Column, readings: Readings, seq_nums: Sequence[int]) -> NDArray[Any]:
        """Bring readings, one a row, into one array in the role's unit, shape `(n, ...)`."""
        array = self._all_alike(column, readings)
        if array is None:
            array = self._one_by_one(column, readings, seq_nums)
        return array if column.conversion is None else column.conversion(array)

    def admitted(self, column: Column, reading: Any, seq_num: int) -> bool:
        """Tell whether a reading is of the key's shape; what is not is noted."""
        found = recorded_shape(reading)
        if len(found) > 1 and found == self._shape(column, found):
            return True
        self.of(column, [reading], [seq_num])
        return False

    def part(self, column: Column, reading: Any, pixels: Range, seq_num: int) -> NDArray[Any]:
        """Some pixels of one reading of the key's shape, in the role's unit, shape `(1, n, ...)`;
        what cannot be read is NaN and noted.
        """
        array = self._numbers(column, reading, seq_num, pixels)
        if array is None:
            n_pixels, *within = column.cut(recorded_shape(reading))
            shape = len(range(n_pixels)[slice(*pixels)]), *within
            return np.full((1, *shape), np.nan, column.dtype)
        self._look_for_channels(column, array)
        array = array[np.newaxis]
        return array if column.conversion is None else column.conversion(array)

    def _shape(self, column: Column, found: tuple[int, ...]) -> tuple[int, ...]:
        shape = self._shapes.get(column.key)
        if shape is None:
            declared = column.shape
            is_alike = len(found) == len(declared) and found[1:] == declared[1:]
            shape = declared if is_alike and found < declared else found
            self._shapes[column.key] = shape
        return shape

    def _all_alike(self, column: Column, readings: Readings) -> NDArray[Any] | None:
        """All readings in one array; `None` if they are not all of the key's shape."""
        if isinstance(readings, Slab):
            found = readings.shape[1:]
            if found != self._shape(column, found):
                return None
            array = readings.read(column.channels).astype(column.dtype, copy=False)
            if _any_without_numbers(array):
                return None
        else:
            try:
                found, array = _together(column, readings)
            except (TypeError, ValueError):
                return None
            if _any_without_numbers(array):
                return None
            if found != self._shape(column, found):
                return None
        self._look_for_channels(column, array)
        return array

    def _one_by_one(
        self, column: Column, readings: Readings, seq_nums: Sequence[int]
    ) -> NDArray[Any]:
        rows: dict[int, NDArray[Any]] = {}
        singly = readings.rows() if isinstance(readings, Slab) else readings
        for index, (reading, seq_num) in enumerate(zip(singly, seq_nums, strict=True)):
            row, found = self._numbers(column, reading, seq_num), recorded_shape(reading)
            if row is None:
                continue
            if found != (shape := self._shape(column, found)):
                fault = f"row of shape {found} instead of {shape}"
                self._notes.row(column.key, fault, seq_num)
            else:
                self._look_for_channels(column, row)
                rows[index] = row
        shape = column.cut(self._shapes.setdefault(column.key, column.shape))
        array = np.full((len(seq_nums), *shape), np.nan, column.dtype)
        for index, row in rows.items():
            array[index] = row
        return array

    def _numbers(
        self, column: Column, reading: Any, seq_num: int, pixels: Range | None = None
    ) -> NDArray[Any] | None:
        """Numbers in a reading of any shape; `None` for anything else and for a lone NaN, which is
        noted, as is a row of nothing but NaN.
        """
        fault = "row missing" if column.is_external else "no number"
        row: NDArray[Any] | None
        try:
            if isinstance(reading, Slab):
                row = reading.read(column.channels, pixels)[0].astype(column.dtype, copy=False)
            else:
                row = np.asarray(_cut(reading, column.channels, pixels), dtype=column.dtype)
        except READ_ERRORS as error:
            row = None
            if isinstance(reading, Slab):
                fault = f"row cannot be read: {error}"
        if row is None or (row.ndim == 0 and np.isnan(row)):
            self._notes.row(column.key, fault, seq_num)
            return None
        if _any_without_numbers(row[np.newaxis]):
            self._notes.row(column.key, fault, seq_num)
        return row

    def _look_for_channels(self, column: Column, array: NDArray[Any]) -> None:
        if column.channels is None or not array.ndim:
            return
        first, end = column.channels
        if array.shape[-1] < end - first:
            there = first + array.shape[-1]
            self._notes.key(column.key, f"channels {there} to {end - 1} are not there")


def recorded_shape(reading: Any) -> tuple[int, ...]:
    """Shape of one reading, of nested lists by what comes first in each.

    Examples
    --------
    >>> recorded_shape([[1, 2, 3], [4, 5, 6]])
    (2, 3)
    >>> recorded_shape(7.0)
    ()
    """
    if isinstance(reading, Slab):
        return reading.shape[1:]
    if isinstance(reading, list | tuple):
        return (len(reading), *(recorded_shape(reading[0]) if reading else ()))
    return np.shape(reading)


def _together(column: Column, readings: Sequence[Any]) -> tuple[tuple[int, ...], NDArray[Any]]:
    """Shape of the readings as recorded, and all of them in one array."""
    if column.channels is None:
        array = np.asarray(readings, dtype=column.dtype)
        return array.shape[1:], array
    shapes = {recorded_shape(reading) for reading in readings}
    if len(shapes) != 1:
        raise ValueError(f"readings of {len(shapes)} shapes")
    [shape] = shapes
    array = np.asarray([_cut(reading, column.channels) for reading in readings], column.dtype)
    return (shape if array.shape[1:] == column.cut(shape) else array.shape[1:]), array


def _any_without_numbers(array: NDArray[Any]) -> bool:
    """Whether any row holds nothing but NaN."""
    if not array.size:
        return False
    rows = array.reshape(len(array), -1)
    # most rows begin with a number: only the others need be looked through
    return any(bool(np.isnan(rows[at]).all()) for at in np.flatnonzero(np.isnan(rows[:, 0])))


def _cut(reading: Any, channels: Range | None, pixels: Range | None = None) -> Any:
    """Some pixels and channels of a reading, before its numbers are looked at."""
    if pixels is not None:
        reading = reading[slice(*pixels)]
    if channels is None:
        return reading
    if isinstance(reading, np.ndarray):
        return reading[..., slice(*channels)] if reading.ndim else reading
    if not isinstance(reading, list | tuple):
        return reading
    if reading and isinstance(reading[0], list | tuple | np.ndarray):
        return [_cut(part, channels) for part in reading]
    return reading[slice(*channels)]
