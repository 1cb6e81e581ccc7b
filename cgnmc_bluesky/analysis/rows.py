"""Measured rows on their way into an accumulator."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.int64, np.float64)

ROOM = 64
"""Rows that the first array has room for."""
ROWS_NAMED = 5
"""Rows that are named by their numbers; more are counted."""


@dataclass(frozen=True)
class Block:
    """Some consecutive rows of one stream, by role.

    Parameters
    ----------
    stream
        Name of the stream the rows were recorded in.
    seq_num
        Number of each row in its stream, shape `(n,)`, from 1.
    time_s
        Time of each row, shape `(n,)`, in seconds since the epoch: that of its event, for a monitor
        that of its reading.
    values
        For each role an array of shape `(n, ...)`; a reading that is missing is NaN.
    first_pixel
        Where the block is a part of one row whose spectra are too large: how many of its pixels
        came before. The part from pixel 0 holds all roles, the others hold spectra alone.
    event_s, stamp_s
        The two clocks that a row may have been timed by, shape `(n,)` each: that of the program
        that made its event, and that of its devices, of whose timestamps the newest counts. NaN
        where a row has no event, or no timestamp; `None` where nothing is known of that clock.
    """

    stream: str
    seq_num: NDArray[np.int64]
    time_s: NDArray[np.float64]
    values: Mapping[str, NDArray[Any]]
    first_pixel: int = 0
    event_s: NDArray[np.float64] | None = None
    stamp_s: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.seq_num)


class Table:
    """The rows of one stream so far, in the order of their time.

    Of two rows with one sequence number the later counts (a scan that was paused measures its
    point again), so the table is the same however the rows were cut into blocks and in whatever
    order they came. Rows that come in order cost the same however many there are already.

    Arrays given out are read-only, and stay as they are while the table grows. Its rows have one
    time, that of their blocks: of `event_s` and `stamp_s` nothing is kept.

    Examples
    --------
    >>> table = Table()
    >>> numbers, time_s = np.array([1, 2]), np.array([0.0, 1.0])
    >>> table.add(Block("primary", numbers, time_s, {"i0": np.array([5.0, 6.0])}))
    >>> table.add(Block("primary", numbers[1:], time_s[1:] + 2.0, {"i0": np.array([7.0])}))
    >>> table.column("i0")
    array([5., 7.])
    """

    def __init__(self) -> None:
        self._rows = _Rows()
        self._late: list[Block] = []
        self._merged: Block | None = None

    def __len__(self) -> int:
        return len(self.merged())

    def add(self, block: Block) -> None:
        """Take in more rows."""
        if not len(block):
            return
        self._merged = None
        if self._late or not self._rows.are_followed_by(block):
            self._late.append(block)
        else:
            self._rows.append(block)

    def roles(self) -> set[str]:
        """Roles that any row holds."""
        return {role for block in (self._rows.block(), *self._late) for role in block.values}

    def column(self, role: str) -> NDArray[np.float64]:
        """Values of one role, one row each, shape `(n, ...)`."""
        return self.merged().values[role]

    def time_s(self) -> NDArray[np.float64]:
        """Times of the rows, shape `(n,)`, ascending."""
        return self.merged().time_s

    def merged(self) -> Block:
        """All rows as one block."""
        if self._late:
            merged = _merge([self._rows.block(), *self._late])
            self._rows, self._late = _Rows(), []
            self._rows.append(merged)
        if self._merged is None:
            self._merged = self._rows.block()
        return self._merged


class _Rows:
    """Rows in order of time, with room for more behind them."""

    def __init__(self) -> None:
        self._stream = ""
        self._last_seq_num = 0
        self._last_time_s = -np.inf
        self._seq_num = _Growing(np.empty(0, np.int64))
        self._time_s = _Growing(np.empty(0))
        self._values: dict[str, _Growing[np.float64]] = {}

    def are_followed_by(self, block: Block) -> bool:
        """Tell whether a block's rows are all new, in order, and later than the rows here."""
        seq_num, time_s = block.seq_num, block.time_s
        if seq_num[0] <= self._last_seq_num or not time_s[0] >= self._last_time_s:
            return False
        if len(block) == 1:
            return True
        return bool((np.diff(seq_num) > 0).all() and (np.diff(time_s) >= 0).all())

    def append(self, block: Block) -> None:
        """Put a block's rows behind the others; a role that either lacks is NaN there."""
        if not len(block):
            return
        for role, values in block.values.items():
            if role not in self._values:
                before = np.full((len(self._seq_num), *values.shape[1:]), np.nan, values.dtype)
                self._values[role] = _Growing(before)
        for role, column in self._values.items():
            is_here = role in block.values
            column.append(block.values[role] if is_here else _nan(len(block), column.shape))
        self._stream = block.stream
        self._seq_num.append(block.seq_num)
        self._time_s.append(block.time_s)
        self._last_seq_num = max(self._last_seq_num, *block.seq_num.tolist())
        self._last_time_s = block.time_s[-1]

    def block(self) -> Block:
        """Give the rows so far."""
        values = {role: column.array() for role, column in self._values.items()}
        return Block(self._stream, self._seq_num.array(), self._time_s.array(), values)


class _Growing(Generic[Number]):
    """An array with room behind it, doubled when it is used up, so that appending stays cheap."""

    def __init__(self, array: NDArray[Number]) -> None:
        self._buffer: NDArray[Number] = array
        self._n = len(array)

    def __len__(self) -> int:
        return self._n

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return self._buffer.shape[1:]

    def array(self) -> NDArray[Number]:
        """Give the rows so far, read-only; rows that follow do not change them."""
        view: NDArray[Number] = self._buffer[: self._n]
        view.flags.writeable = False
        return view

    def append(self, rows: NDArray[Number]) -> None:
        """Put rows behind the others."""
        if rows.shape[1:] != self.shape:
            raise ValueError(
                f"rows of shape {rows.shape[1:]} cannot follow rows of shape {self.shape}"
            )
        end = self._n + len(rows)
        if end > len(self._buffer):
            grown = np.empty((max(end, 2 * self._n, ROOM), *self.shape), self._buffer.dtype)
            grown[: self._n] = self._buffer[: self._n]
            self._buffer = grown
        self._buffer[self._n : end] = rows
        self._n = end


def _merge(blocks: Sequence[Block]) -> Block:
    seq_num = np.concatenate([block.seq_num for block in blocks])
    time_s = np.concatenate([block.time_s for block in blocks])
    order = np.lexsort((time_s, seq_num))
    is_last = np.append(seq_num[order][1:] != seq_num[order][:-1], True)
    kept = order[is_last]
    kept = kept[np.lexsort((seq_num[kept], time_s[kept]))]
    shapes = {role: block.values[role].shape[1:] for block in blocks for role in block.values}
    columns = {role: _column(blocks, role, shape)[kept] for role, shape in shapes.items()}
    return Block(blocks[-1].stream, seq_num[kept], time_s[kept], columns)


def _column(blocks: Sequence[Block], role: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.concatenate([block.values.get(role, _nan(len(block), shape)) for block in blocks])


def _nan(n_rows: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.broadcast_to(np.nan, (n_rows, *shape))


def counted(n: int, what: str) -> str:
    """Return how many of something there are, in words.

    Examples
    --------
    >>> counted(1, "row"), counted(3, "pixel")
    ('1 row', '3 pixels')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def named_rows(numbers: Iterable[int]) -> str:
    """Return rows by their numbers, or how many they are where these are many.

    Examples
    --------
    >>> named_rows([3]), named_rows([9, 3]), named_rows(range(9))
    ('row 3', 'rows 3, 9', '9 rows')
    """
    ordered = sorted(numbers)
    if len(ordered) > ROWS_NAMED:
        return counted(len(ordered), "row")
    return ("row " if len(ordered) == 1 else "rows ") + ", ".join(map(str, ordered))
