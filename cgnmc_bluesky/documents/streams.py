"""The rows of one stream whose readings are all in its events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.documents.columns import Column, Layout
from cgnmc_bluesky.documents.faults import Notes
from cgnmc_bluesky.documents.shapes import Readings, Shapes, recorded_shape
from cgnmc_bluesky.documents.slab import Slab

PIXELS_TOGETHER = 128
"""Parts of a row begin at multiples of this, so that what is computed of a pixel does not depend on
how much of its row was read at once."""

NUMBERS_A_BLOCK = 2**22
"""Blocks are cut so that they hold about this many numbers, 16 MB of spectra."""

PLAIN_NUMBERS = frozenset({float, int, np.float64, np.int64})


class Stream:
    """Rows of a stream that is known by sequence numbers and the times of its events.

    Parameters
    ----------
    name
        Name of the stream.
    notes
        Takes what was left out.
    """

    def __init__(self, name: str, notes: Notes) -> None:
        self.name = name
        self._notes = notes
        self._shapes = Shapes(notes)
        self._seen: set[tuple[float | str, ...]] = set()

    def event(self, layout: Layout, doc: Mapping[str, Any]) -> Iterable[Block]:
        """Take in an event and give its row, unless that was given before."""
        data, timestamps = doc["data"], doc.get("timestamps", {})
        readings = [data.get(key) for key in layout.keys]
        stamps = map(timestamps.get, layout.keys)
        known = self._known(doc["seq_num"], doc["time"], stamps, doc.get("uid", ""))
        if known is None:
            return ()
        number, time_s = known
        are_plain = PLAIN_NUMBERS.issuperset(map(type, readings))
        if are_plain and self._shapes.are_scalar(layout.keys) and not isnan(sum(readings)):
            return (self._scalars(layout, readings, number, time_s),)
        return self._blocks(layout, [[reading] for reading in readings], [number], [time_s])

    def page(self, layout: Layout, page: Mapping[str, Any]) -> Iterable[Block]:
        """Take in an event page and give its rows, without those that were given before."""
        times = page["time"]
        timestamps = page.get("timestamps", {})
        stamps = zip(*(timestamps.get(key, times) for key in layout.keys), strict=True)
        known = list(map(self._known, page["seq_num"], times, stamps, _uids_of(page)))
        rows = [row for row, identity in enumerate(known) if identity is not None]
        if not rows:
            return ()
        numbers, new_times = zip(*(identity for identity in known if identity), strict=True)
        data = page["data"]
        readings = [
            [data[key][row] for row in rows] if key in data else [None] * len(rows)
            for key in layout.keys
        ]
        if not layout.has_spectra:
            return (self._block(layout, readings, numbers, new_times),)
        return self._in_parts(layout, readings, numbers, new_times)

    def note_missing_rows(self, n_made: int) -> None:
        """Note the rows that never came, of `n_made` or of those before the last that came."""
        came = self._numbers()
        for seq_num in set(range(1, max(n_made, *came, 0) + 1)) - came:
            self._notes.row(self.name, "row missing", seq_num)

    def _numbers(self) -> set[int]:
        return {int(seq_num) for seq_num, *_ in self._seen}

    def _known(
        self, seq_num: int, time_s: float, _stamps: Iterable[float | None], uid: str
    ) -> tuple[int, float] | None:
        """Number and time of a row; `None` if its very event is known already.

        Another event of the same number and time is the point measured again, by a clock that is
        too coarse to tell.
        """
        if (seq_num, time_s, uid) in self._seen:
            return None
        self._seen.add((seq_num, time_s, uid))
        return seq_num, time_s

    def _scalars(
        self, layout: Layout, readings: Sequence[float], number: int, time_s: float
    ) -> Block:
        """Make a row of single numbers out of one array, which is the way of nearly every event."""
        array = np.array(readings, dtype=np.float64).reshape(-1, 1)
        values = dict(zip(layout.roles, array, strict=True))
        for role, conversion in layout.converted:
            values[role] = conversion(values[role])
        return Block(self.name, np.array([number]), np.array([time_s]), values)

    def _in_parts(
        self,
        layout: Layout,
        readings: Sequence[Sequence[Any]],
        numbers: Sequence[int],
        times: Sequence[float],
    ) -> Iterator[Block]:
        size = rows_a_block(layout, [recorded_shape(of_column[0]) for of_column in readings])
        for first in range(0, len(numbers), size):
            part = slice(first, first + size)
            of_columns = [of_column[part] for of_column in readings]
            yield from self._blocks(layout, of_columns, numbers[part], times[part])

    def _blocks(
        self,
        layout: Layout,
        readings: Sequence[Readings],
        numbers: Sequence[int],
        times: Sequence[float],
    ) -> Iterable[Block]:
        """Make one block of some rows, or several of one that is too large."""
        if layout.has_spectra and len(numbers) == 1:
            firsts = [_first(of_column) for of_column in readings]
            if numbers_a_row(layout, map(recorded_shape, firsts)) > NUMBERS_A_BLOCK:
                return self._pieces(layout, firsts, numbers[0], times[0])
        return (self._block(layout, readings, numbers, times),)

    def _block(
        self,
        layout: Layout,
        readings: Sequence[Readings],
        numbers: Sequence[int],
        times: Sequence[float],
    ) -> Block:
        values = {
            column.role: self._shapes.of(column, of_column, numbers)
            for column, of_column in zip(layout.columns, readings, strict=True)
        }
        time_s = np.array(times, dtype=np.float64)
        return Block(self.name, np.array(numbers, dtype=np.int64), time_s, values)

    def _pieces(
        self, layout: Layout, readings: Sequence[Any], number: int, time_s: float
    ) -> Iterator[Block]:
        """Cut a row along its pixels; what holds for the whole of it comes with the first."""
        spectra: list[tuple[Column, Any]] = []
        whole: dict[str, NDArray[Any]] = {}
        for column, reading in zip(layout.columns, readings, strict=True):
            if _has_pixels(column, reading) and self._shapes.admitted(column, reading, number):
                spectra.append((column, reading))
            else:
                whole[column.role] = self._shapes.of(column, [reading], [number])
        shapes = [column.cut(recorded_shape(reading)) for column, reading in spectra]
        n_pixels = max((shape[0] for shape in shapes), default=1)
        fitting = NUMBERS_A_BLOCK // max(1, sum(prod(shape[1:]) for shape in shapes))
        size = max(1, fitting // PIXELS_TOGETHER) * PIXELS_TOGETHER
        for first in range(0, n_pixels, size):
            values = whole if first == 0 else {}
            values |= {
                column.role: self._shapes.part(column, reading, (first, first + size), number)
                for (column, reading), shape in zip(spectra, shapes, strict=True)
                if first < shape[0]
            }
            yield Block(self.name, np.array([number]), np.array([time_s]), values, first)


def rows_a_block(layout: Layout, shapes: Iterable[tuple[int, ...]]) -> int:
    """How many rows a block has at most, by the shapes of the readings in one of them."""
    return max(1, NUMBERS_A_BLOCK // max(1, numbers_a_row(layout, shapes)))


def numbers_a_row(layout: Layout, shapes: Iterable[tuple[int, ...]]) -> int:
    """How many numbers are read of a row."""
    return sum(prod(c.cut(shape)) for c, shape in zip(layout.columns, shapes, strict=True))


def _first(readings: Readings) -> Any:
    return next(readings.rows()) if isinstance(readings, Slab) else readings[0]


def _has_pixels(column: Column, reading: Any) -> bool:
    return column.channels is not None and len(recorded_shape(reading)) > 1


class Monitor(Stream):
    """Rows of a monitor, known by the timestamps of their readings.

    A pause sets the sequence numbers of all streams back, and a suspension subscribes monitors
    anew, which repeats their last reading. So rows with timestamps seen before are left out and the
    others are numbered as they come; their time is that of their reading, not of the event.
    """

    def note_missing_rows(self, n_made: int) -> None:
        """Leave it: of a monitor's readings nobody knows how many there were."""

    def _known(
        self, seq_num: int, time_s: float, stamps: Iterable[float | None], uid: str
    ) -> tuple[int, float] | None:
        known = tuple(time_s if stamp is None else stamp for stamp in stamps)
        if known in self._seen:
            return None
        self._seen.add(known)
        return len(self._seen), max(known)


def events_of(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the events of a page one by one."""
    identities = zip(page["seq_num"], page["time"], _uids_of(page), strict=True)
    for row, (seq_num, time_s, uid) in enumerate(identities):
        columns = ("data", "timestamps", "filled")
        of_row = {name: {k: v[row] for k, v in page.get(name, {}).items()} for name in columns}
        identity = {"uid": uid, "seq_num": seq_num, "time": time_s}
        yield {"descriptor": page["descriptor"], **identity, **of_row}


def _uids_of(page: Mapping[str, Any]) -> Sequence[str]:
    return page.get("uid") or [""] * len(page["seq_num"])
