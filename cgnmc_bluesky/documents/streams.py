"""The rows of one stream, from its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.documents.faults import Notes
from cgnmc_bluesky.documents.units import Conversion


@dataclass(frozen=True, slots=True)
class Column:
    """Where a role is found in the events of one descriptor.

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
    external
        The descriptor's mark for readings kept in files; empty for readings kept in the events.
    """

    role: str
    key: str
    shape: tuple[int, ...]
    conversion: Conversion | None
    external: str


class Shapes:
    """Readings of one stream as arrays of one shape for each key.

    A key's shape is that of its first reading, descriptors being wrong about it often; but where the first
    is shorter than declared, it is the reading that is wrong.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._shapes: dict[str, tuple[int, ...]] = {}

    def missing(self, column: Column, n_rows: int) -> NDArray[np.float64]:
        """Rows of which nothing is known, NaN throughout."""
        shape = self._shapes.get(column.key, column.shape)
        return np.full((n_rows, *shape), np.nan)

    def of(
        self, column: Column, readings: Sequence[Any] | NDArray[Any], seq_nums: Sequence[int]
    ) -> NDArray[np.float64]:
        """Bring readings, one a row, into one array in the role's unit, shape `(n, ...)`."""
        try:
            array = np.asarray(readings, dtype=np.float64)
        except (TypeError, ValueError):
            array = None
        if array is None or array.shape[1:] != self._shape(column, array.shape[1:]):
            array = self._one_by_one(column, readings, seq_nums)
        # A NaN anywhere makes the product NaN; this is much cheaper than asking each number.
        elif array.ndim == 1 and not array @ array >= 0:
            for row in np.flatnonzero(np.isnan(array)):
                self._notes.row(column.key, "no number", seq_nums[row])
        return array if column.conversion is None else column.conversion(array)

    def _shape(self, column: Column, found: tuple[int, ...]) -> tuple[int, ...]:
        shape = self._shapes.get(column.key)
        if shape is None:
            is_short = column.shape[1:] == found[1:] and found[:1] < column.shape[:1] and len(found) == len(column.shape)
            shape = self._shapes[column.key] = column.shape if is_short else found
        return shape

    def _one_by_one(
        self, column: Column, readings: Iterable[Any], seq_nums: Sequence[int]
    ) -> NDArray[np.float64]:
        rows = []
        for reading, seq_num in zip(readings, seq_nums, strict=True):
            try:
                row = np.asarray(reading, dtype=np.float64)
            except (TypeError, ValueError):
                row = None
            if row is None or (reading is None and column.shape):
                self._notes.row(column.key, "no number", seq_num)
                row = self.missing(column, 1)[0]
            elif row.shape != (shape := self._shape(column, row.shape)):
                self._notes.row(column.key, f"row of shape {row.shape} instead of {shape}", seq_num)
                row = self.missing(column, 1)[0]
            elif row.ndim == 0 and np.isnan(row):
                self._notes.row(column.key, "no number", seq_num)
            rows.append(row)
        return np.stack(rows)


class Stream:
    """Rows whose readings are all in the events.

    Parameters
    ----------
    name
        Name of the stream.
    notes
        Takes what was left out.
    """

    def __init__(self, name: str, notes: Notes) -> None:
        self.name = name
        self._shapes = Shapes(notes)
        self._seen: set[tuple[int, float]] = set()

    def rows(self, columns: Sequence[Column], page: Mapping[str, Any]) -> list[Block]:
        """Take in an event page and give its rows, those left out that were there before."""
        seq_nums, times = page["seq_num"], page["time"]
        new = []
        for row, known in enumerate(zip(seq_nums, times, strict=True)):
            if known not in self._seen:
                self._seen.add(known)
                new.append(row)
        if not new:
            return []
        return [self._block(columns, page["data"], seq_nums, times, new)]

    def _block(
        self,
        columns: Sequence[Column],
        data: Mapping[str, Sequence[Any]],
        seq_nums: Sequence[int],
        times: Sequence[float],
        new: Sequence[int],
    ) -> Block:
        is_whole = len(new) == len(seq_nums)
        numbers = seq_nums if is_whole else [seq_nums[row] for row in new]
        values = {}
        for column in columns:
            readings = data.get(column.key)
            if readings is None:
                readings = [None] * len(numbers)
            elif not is_whole:
                readings = [readings[row] for row in new]
            values[column.role] = self._shapes.of(column, readings, numbers)
        time_s = np.asarray(times if is_whole else [times[row] for row in new], dtype=np.float64)
        return Block(self.name, np.asarray(numbers, dtype=np.int64), time_s, values)


class Monitor(Stream):
    """Rows of a monitor, known by the timestamps of their readings.

    A pause sets the sequence numbers of a run's streams back, and a suspension subscribes monitors anew,
    which repeats their last reading. So rows with timestamps seen before are left out and the others are
    numbered as they come; their time is that of their reading, not of the event.
    """

    def rows(self, columns: Sequence[Column], page: Mapping[str, Any]) -> list[Block]:
        """Take in an event page and give its rows, those left out that were there before."""
        times = page["time"]
        stamps = [page["timestamps"].get(column.key, times) for column in columns]
        n_before = len(self._seen)
        new = []
        for row, known in enumerate(zip(*stamps, strict=True)):
            if known not in self._seen:
                self._seen.add(known)
                new.append(row)
        if not new:
            return []
        read = [max(known) for known in zip(*stamps, strict=True)]
        numbers = [0] * len(times)
        for count, row in enumerate(new, n_before + 1):
            numbers[row] = count
        return [self._block(columns, page["data"], numbers, read, new)]
