"""The rows of one stream whose readings are all in its events."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.documents.columns import Column, Layout
from cgnmc_bluesky.documents.faults import Notes
from cgnmc_bluesky.documents.repeats import Repeats
from cgnmc_bluesky.documents.shapes import Readings, Shapes, recorded_shape
from cgnmc_bluesky.documents.slab import Slab

PIXELS_TOGETHER = 128
"""Parts of a row begin at multiples of this, so that what is computed of a pixel does not depend on
how much of its row was read at once."""

NUMBERS_A_BLOCK = 2**22
"""Blocks are cut so that they hold about this many numbers, 16 MB of spectra."""

PLAIN_NUMBERS = frozenset({float, int, np.float64, np.int64})


@dataclass(frozen=True, slots=True)
class Identity:
    """Which rows they are, and when they were measured.

    Parameters
    ----------
    numbers
        Number of each in its stream.
    times
        Time that each is known by.
    events
        Time of the event of each.
    stamps
        Newest timestamp of the readings of each, NaN where they have none.
    stale
        Roles whose readings in a row are old ones, by the row's place; no place where none are.
    """

    numbers: Sequence[int]
    times: Sequence[float]
    events: Sequence[float]
    stamps: Sequence[float]
    stale: Sequence[Collection[str]] = ()

    def part(self, rows: slice) -> "Identity":
        """Give some neighbours of the rows."""
        times = self.times[rows], self.events[rows], self.stamps[rows]
        return Identity(self.numbers[rows], *times, self.stale[rows])

    def block(self, stream: str, values: Mapping[str, NDArray[Any]], first_pixel: int = 0) -> Block:
        """Give the rows with their values, NaN for old ones."""
        for row, roles in enumerate(self.stale):
            for role in roles:
                values[role][row] = np.nan
        number = np.array(self.numbers, dtype=np.int64)
        times = np.array((self.times, self.events, self.stamps), dtype=np.float64)
        return Block(stream, number, times[0], values, first_pixel, times[1], times[2])


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
        self._repeats = Repeats(notes)

    def event(self, layout: Layout, doc: Mapping[str, Any]) -> Iterable[Block]:
        """Take in an event and give its row, unless that was given before or holds nothing new."""
        data, timestamps = doc["data"], doc.get("timestamps", {})
        readings = [data.get(key) for key in layout.keys]
        stamps = [timestamps.get(key) for key in layout.keys]
        event_s = doc["time"]
        known = self._known(doc["seq_num"], event_s, stamps, doc.get("uid", ""))
        if known is None:
            return ()
        number, time_s = known
        stale = self._repeats.of_event(layout, doc, number) if layout.once else ()
        if len(stale) == len(layout.columns):
            return ()
        are_plain = not stale and PLAIN_NUMBERS.issuperset(map(type, readings))
        if are_plain and self._shapes.are_scalar(layout.keys) and not isnan(sum(readings)):
            return (self._scalars(layout, readings, number, time_s, event_s, newest(stamps)),)
        identity = Identity([number], [time_s], [event_s], [newest(stamps)], [stale])
        return self._blocks(layout, [[reading] for reading in readings], identity)

    def page(self, layout: Layout, page: Mapping[str, Any]) -> Iterable[Block]:
        """Take in an event page and give its rows, but for those given before or without news."""
        times = page["time"]
        timestamps = page.get("timestamps", {})
        nothing = [None] * len(times)
        stamps = list(zip(*(timestamps.get(key, nothing) for key in layout.keys), strict=True))
        known = list(map(self._known, page["seq_num"], times, stamps, _uids_of(page)))
        new = [(row, *identity) for row, identity in enumerate(known) if identity is not None]
        stale = self._repeats.of_page(layout, page, new) if layout.once else [()] * len(new)
        fresh = [
            (*of_row, roles)
            for of_row, roles in zip(new, stale, strict=True)
            if len(roles) < len(layout.columns)
        ]
        if not fresh:
            return ()
        rows, numbers, new_times, of_old = zip(*fresh, strict=True)
        of_rows = [times[row] for row in rows], [newest(stamps[row]) for row in rows]
        identity = Identity(numbers, new_times, *of_rows, of_old)
        data = page["data"]
        readings = [
            [data[key][row] for row in rows] if key in data else [None] * len(rows)
            for key in layout.keys
        ]
        if not layout.is_large:
            return (self._block(layout, readings, identity),)
        return self._in_parts(layout, readings, identity)

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
        self,
        layout: Layout,
        readings: Sequence[float],
        number: int,
        time_s: float,
        event_s: float,
        stamp_s: float,
    ) -> Block:
        """Make a row of single numbers out of one array, which is the way of nearly every event."""
        array = np.array([*readings, time_s, stamp_s], dtype=np.float64).reshape(-1, 1)
        values = dict(zip(layout.roles, array, strict=False))
        for role, conversion in layout.converted:
            values[role] = conversion(values[role])
        time, stamp = array[-2], array[-1]
        event = time if event_s == time_s else np.array([event_s])
        return Block(self.name, np.array([number]), time, values, 0, event, stamp)

    def _in_parts(
        self, layout: Layout, readings: Sequence[Sequence[Any]], identity: Identity
    ) -> Iterator[Block]:
        size = rows_a_block(layout, [recorded_shape(of_column[0]) for of_column in readings])
        for first in range(0, len(identity.numbers), size):
            part = slice(first, first + size)
            of_columns = [of_column[part] for of_column in readings]
            yield from self._blocks(layout, of_columns, identity.part(part))

    def _blocks(
        self, layout: Layout, readings: Sequence[Readings], identity: Identity
    ) -> Iterable[Block]:
        """Make one block of some rows, or several of one that is too large."""
        if layout.is_large and len(identity.numbers) == 1:
            firsts = [_first(of_column) for of_column in readings]
            if numbers_a_row(layout, map(recorded_shape, firsts)) > NUMBERS_A_BLOCK:
                return self._pieces(layout, firsts, identity)
        return (self._block(layout, readings, identity),)

    def _block(self, layout: Layout, readings: Sequence[Readings], identity: Identity) -> Block:
        values = {
            column.role: self._shapes.of(column, of_column, identity.numbers)
            for column, of_column in zip(layout.columns, readings, strict=True)
        }
        return identity.block(self.name, values)

    def _pieces(
        self, layout: Layout, readings: Sequence[Any], identity: Identity
    ) -> Iterator[Block]:
        """Cut a row along its pixels; what holds for the whole of it comes with the first."""
        spectra: list[tuple[Column, Any]] = []
        whole: dict[str, NDArray[Any]] = {}
        [number] = identity.numbers
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
            yield identity.block(self.name, values, first)


def rows_a_block(layout: Layout, shapes: Iterable[tuple[int, ...]]) -> int:
    """How many rows a block has at most, by the shapes of the readings in one of them."""
    return max(1, NUMBERS_A_BLOCK // max(1, numbers_a_row(layout, shapes)))


def numbers_a_row(layout: Layout, shapes: Iterable[tuple[int, ...]]) -> int:
    """How many numbers are read of a row."""
    return sum(prod(c.cut(shape)) for c, shape in zip(layout.columns, shapes, strict=True))


def newest(stamps: Sequence[float | None]) -> float:
    """Newest of some timestamps, NaN where there is none.

    Examples
    --------
    >>> newest([3.0, 4.0]), newest([nan, 3.0]), newest([None])
    (4.0, 3.0, nan)
    """
    try:
        found: float = max(stamps)  # type: ignore[type-var,assignment]
        if not isnan(found):
            return found
    except (TypeError, ValueError):
        pass
    return max((stamp for stamp in stamps if stamp is not None and not isnan(stamp)), default=nan)


def _first(readings: Readings) -> Any:
    return next(readings.rows()) if isinstance(readings, Slab) else readings[0]


def _has_pixels(column: Column, reading: Any) -> bool:
    return column.channels is not None and len(recorded_shape(reading)) > 1


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
