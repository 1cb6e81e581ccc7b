"""The rows of one stream of which some readings are in files."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import nan
from typing import Any

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.documents.columns import Column, Layout
from cgnmc_bluesky.documents.faults import READ_ERRORS, Notes
from cgnmc_bluesky.documents.frames import Frame, Source
from cgnmc_bluesky.documents.shapes import Readings, recorded_shape
from cgnmc_bluesky.documents.slab import Slab
from cgnmc_bluesky.documents.streams import Identity, Stream, newest, rows_a_block

ATTEMPTS = 3
"""So often a row that seems to be there is read before it waits for its file to grow further."""


@dataclass
class Row:
    """What is known of one row so far."""

    layout: Layout
    time_s: float | None = None
    stamp_s: float = nan
    stale: Collection[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    frames: dict[str, Frame] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    n_failures: int = 0
    is_given: bool = False

    def reading(self, key: str) -> Any:
        """What is known of a reading: the frame that it is in, or itself; `None` if nothing is."""
        frame = self.frames.get(key)
        return self.data.get(key) if frame is None else frame

    @property
    def is_announced(self) -> bool:
        """Whether all that is known is of one try, as far as streams tell: a row that is measured
        again is announced one key after the other.
        """
        keys = [column.key for column in self.layout.external]
        tries = {self.tries[key] for key in keys if key in self.tries}
        return len(tries) < 2 and all(self.reading(key) is not None for key in keys)


class Mixed(Stream):
    """Rows that are complete when their event and all their frames are there, in any order.

    A row that is measured again, or whose event follows when it was taken to need none, is given
    again.

    Parameters
    ----------
    name
        Name of the stream.
    notes
        Takes what was left out.
    sources
        The resources known so far, by their uid.
    start_s
        Time of rows that have no event.
    """

    def __init__(
        self, name: str, notes: Notes, sources: Mapping[str, Source], start_s: float
    ) -> None:
        super().__init__(name, notes)
        self._sources = sources
        self._start_s = start_s
        self._rows: dict[int, Row] = {}
        # Rows with news from documents, and rows that only wait for their files to grow.
        self._touched: set[int] = set()
        self._blocked: set[int] = set()
        self._unread: set[int] = set()
        self._dry: set[str] = set()

    def take_event(self, layout: Layout, doc: Mapping[str, Any]) -> None:
        """Take in an event, whose frames stand in its data."""
        seq_num, time_s, data = doc["seq_num"], doc["time"], doc["data"]
        if self._known(seq_num, time_s, (), doc.get("uid", "")) is None:
            return
        row = self._touch(seq_num, layout)
        if row.time_s is None or time_s >= row.time_s:
            row.layout, row.time_s = layout, time_s
            stamps = doc.get("timestamps", {})
            row.stamp_s = newest([stamps.get(key) for key in layout.keys])
            row.stale = self._repeats.of_event(layout, doc, seq_num) if layout.once else ()
            row.data = {key: data[key] for key in layout.keys if key in data}
            row.frames |= {key: it for key, it in row.data.items() if isinstance(it, Frame)}

    def take_frames(self, layout: Layout, key: str, doc: Mapping[str, Any]) -> None:
        """Take in a stream datum, whose resource is known."""
        indices, seq_nums = doc["indices"], doc["seq_nums"]
        places = range(indices["start"], indices["stop"])
        for seq_num, place in zip(range(seq_nums["start"], seq_nums["stop"]), places, strict=False):
            frame, before = Frame(doc["stream_resource"], place), None
            if seq_num in self._rows:
                before = self._rows[seq_num].frames.get(key)
            if before is None or _is_later(frame, before):
                row = self._touch(seq_num, layout)
                row.frames[key] = frame
                row.tries[key] = row.tries.get(key, 0) + 1

    @property
    def is_waiting(self) -> bool:
        """Whether rows wait for their files to grow."""
        return bool(self._blocked)

    def complete(self, *, is_final: bool = False) -> Iterator[Block]:
        """Give the rows that have become complete; finally all, with NaN for what never came."""
        waiting = self._waiting(is_final)
        states = [(seq_num, self._state(seq_num, is_final)) for seq_num in waiting]
        self._touched.clear()
        ready = [(seq_num, state) for seq_num, state in states if state is not None]
        for (_, in_files, _), group in groupby(ready, self._kind):
            rows = [seq_num for seq_num, _ in group]
            size = 1 if len(rows) == 1 else self._rows_a_block(self._rows[rows[0]], in_files)
            for first in range(0, len(rows), size):
                yield from self._read(rows[first : first + size], in_files, is_final)

    def _numbers(self) -> set[int]:
        return set(self._rows)

    def _touch(self, seq_num: int, layout: Layout) -> Row:
        row = self._rows.setdefault(seq_num, Row(layout))
        row.is_given = False
        self._touched.add(seq_num)
        return row

    def _waiting(self, is_final: bool) -> list[int]:
        """Rows worth a look: with news of them, with files that have grown, finally all."""
        have_grown = [self._sources[resource].refresh() for resource in self._dry]
        if is_final:
            self._blocked.clear()
            return sorted(seq_num for seq_num, row in self._rows.items() if not row.is_given)
        if any(have_grown):
            self._touched |= self._blocked
            self._blocked.clear()
            self._dry.clear()
        self._touched |= self._unread
        self._blocked -= self._unread
        self._unread.clear()
        return sorted(self._touched)

    def _state(self, seq_num: int, is_final: bool) -> tuple[bool, ...] | None:
        """Tell which external readings of a row are in files; `None` where the row must wait."""
        row = self._rows[seq_num]
        if row.time_s is None and (row.layout.has_events or self._seen):
            if is_final:
                self._notes.row(self.name, "row without its event", seq_num)
            return None
        external = row.layout.external
        if not is_final and not row.is_announced:
            return None
        in_files = []
        for column in external:
            frame = row.frames.get(column.key)
            is_there = frame is not None and self._is_visible(frame, column.shape)
            if frame is not None and not is_there:
                is_lost = self._is_lost(frame, column.key, is_final)
                if not is_lost and not is_final:
                    self._blocked.add(seq_num)
                    return None
            in_files.append(is_there)
        return tuple(in_files)

    def _is_visible(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        source = self._sources[frame.resource]
        if source.has(frame, shape):
            return True
        if frame.resource in self._dry:
            return False
        source.refresh()
        if source.has(frame, shape):
            return True
        self._dry.add(frame.resource)
        return False

    def _is_lost(self, frame: Frame, key: str, is_final: bool) -> bool:
        source = self._sources[frame.resource]
        fault = source.fault or (source.trouble if is_final else "")
        if fault:
            self._notes.key(key, fault)
        return bool(fault)

    def _kind(
        self, ready: tuple[int, tuple[bool, ...]]
    ) -> tuple[Layout, tuple[bool, ...], dict[str, str]]:
        """What rows must have in common to be read together."""
        row, in_files = self._rows[ready[0]], ready[1]
        resources = {key: frame.resource for key, frame in row.frames.items()}
        return row.layout, in_files, resources

    def _rows_a_block(self, row: Row, in_files: Sequence[bool]) -> int:
        is_in_file = _by_key(row.layout, in_files)

        def shape(column: Column) -> tuple[int, ...]:
            if not is_in_file.get(column.key):
                return recorded_shape(row.data.get(column.key))
            frame = row.frames[column.key]
            return self._sources[frame.resource].shape_of(frame, column.shape)

        return rows_a_block(row.layout, map(shape, row.layout.columns))

    def _read(
        self, seq_nums: Sequence[int], in_files: Sequence[bool], is_final: bool
    ) -> Iterator[Block]:
        rows = [self._rows[seq_num] for seq_num in seq_nums]
        layout = rows[0].layout
        is_in_file = _by_key(layout, in_files)
        identity = self._identity(seq_nums)

        def begun(of: Callable[[Column, Sequence[Row]], Readings]) -> tuple[Block, Iterator[Block]]:
            readings = [
                of(column, rows)
                if is_in_file.get(column.key)
                else [row.data.get(column.key) for row in rows]
                for column in layout.columns
            ]
            blocks = iter(self._blocks(layout, readings, identity))
            return next(blocks), blocks

        try:
            first, others = begun(self._together)
        except READ_ERRORS:
            if not is_final:
                self._put_off(seq_nums)
                return
            first, others = begun(self._singly)
        for row in rows:
            row.is_given = True
        yield first
        yield from others

    def _identity(self, seq_nums: Sequence[int]) -> Identity:
        rows = [self._rows[seq_num] for seq_num in seq_nums]
        return Identity(
            seq_nums,
            [self._start_s if row.time_s is None else row.time_s for row in rows],
            [nan if row.time_s is None else row.time_s for row in rows],
            [row.stamp_s for row in rows],
            [row.stale for row in rows],
        )

    def _put_off(self, seq_nums: Sequence[int]) -> None:
        """Let rows whose reading failed wait: for the next look, and after some for news."""
        self._blocked.update(seq_nums)
        for seq_num in seq_nums:
            row = self._rows[seq_num]
            row.n_failures += 1
            if row.n_failures < ATTEMPTS:
                self._unread.add(seq_num)
            self._dry.update(frame.resource for frame in row.frames.values())

    def _together(self, column: Column, rows: Sequence[Row]) -> Readings:
        frames = [row.frames[column.key] for row in rows]
        return self._sources[frames[0].resource].read(frames, column.shape)

    def _singly(self, column: Column, rows: Sequence[Row]) -> Readings:
        """Give each reading by itself, so that one that cannot be had costs its own row."""
        readings: list[Any] = []
        for row in rows:
            try:
                found = self._together(column, [row])
            except READ_ERRORS:
                found = [None]
            readings.append(found if isinstance(found, Slab) else found[0])
        return readings


def _by_key(layout: Layout, in_files: Sequence[bool]) -> dict[str, bool]:
    return dict(zip((column.key for column in layout.external), in_files, strict=True))


def _is_later(frame: Frame, before: Frame) -> bool:
    """Tell whether a frame was measured after another of the same row and key."""
    if frame.resource != before.resource or not isinstance(before.place, int):
        return frame != before
    return isinstance(frame.place, int) and frame.place > before.place
