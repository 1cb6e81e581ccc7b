"""Measured rows on their way into an accumulator."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
        Time of each row, shape `(n,)`, in seconds since the epoch.
    values
        For each role an array of shape `(n, ...)`; a reading that is missing is NaN.
    """

    stream: str
    seq_num: NDArray[np.int64]
    time_s: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.seq_num)


class Table:
    """The rows of one stream so far, in the order of their time.

    Of two rows with one sequence number the later counts (a scan that was paused measures its point
    again), so the table is the same however the rows were cut into blocks and in whatever order they came.

    Examples
    --------
    >>> table = Table()
    >>> table.add(Block("primary", np.array([1, 2]), np.array([0.0, 1.0]), {"i0": np.array([5.0, 6.0])}))
    >>> table.add(Block("primary", np.array([2]), np.array([3.0]), {"i0": np.array([7.0])}))
    >>> table.column("i0")
    array([5., 7.])
    """

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._merged: Block | None = None

    def __len__(self) -> int:
        return len(self.merged())

    def add(self, block: Block) -> None:
        """Take in more rows."""
        if len(block):
            self._blocks.append(block)
            self._merged = None

    def roles(self) -> set[str]:
        """Roles that any row holds."""
        return {role for block in self._blocks for role in block.values}

    def column(self, role: str) -> NDArray[np.float64]:
        """Values of one role, one row each, shape `(n, ...)`."""
        return self.merged().values[role]

    def time_s(self) -> NDArray[np.float64]:
        """Times of the rows, shape `(n,)`, ascending."""
        return self.merged().time_s

    def merged(self) -> Block:
        """All rows as one block."""
        if self._merged is None:
            self._merged = _merge(self._blocks)
            self._blocks = [self._merged] if len(self._merged) else []
        return self._merged


def _merge(blocks: list[Block]) -> Block:
    if not blocks:
        return Block("", np.empty(0, np.int64), np.empty(0), {})
    seq_num = np.concatenate([block.seq_num for block in blocks])
    time_s = np.concatenate([block.time_s for block in blocks])
    order = np.lexsort((time_s, seq_num))
    is_last = np.append(seq_num[order][1:] != seq_num[order][:-1], True)
    kept = order[is_last]
    kept = kept[np.lexsort((seq_num[kept], time_s[kept]))]
    roles = {role: block.values[role].shape[1:] for block in blocks for role in block.values}
    columns = {role: _column(blocks, role, shape)[kept] for role, shape in roles.items()}
    return Block(blocks[0].stream, seq_num[kept], time_s[kept], columns)


def _column(blocks: list[Block], role: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    missing = np.full(shape, np.nan)
    parts = [
        block.values.get(role, np.broadcast_to(missing, (len(block), *shape))) for block in blocks
    ]
    return np.concatenate(parts)
