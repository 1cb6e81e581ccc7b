"""Images one after the other, each with its energy, whatever order their rows come in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block, named_rows

Image = NDArray[np.float32]

AWAITED = 4
"""So many later images wait for one that has not come."""


@dataclass(frozen=True)
class Frame:
    """An image with what was recorded along.

    Parameters
    ----------
    number
        Number of its row, from 1.
    time_s
        Time of the row.
    image
        Shape `(rows, columns)`.
    energy_ev, i0
        NaN where they were not recorded.
    """

    number: int
    time_s: float
    image: Image
    energy_ev: float
    i0: float


@dataclass
class Remarks:
    """What is wrong with some rows, by data key."""

    _rows: dict[str, set[int]] = field(default_factory=dict)

    def __call__(self, what: str, number: int) -> None:
        """Note it of one row."""
        self._rows.setdefault(what, set()).add(number)

    def __iter__(self) -> Iterator[str]:
        return (f"{what} in {named_rows(rows)}" for what, rows in sorted(self._rows.items()))

    @property
    def n_rows(self) -> int:
        """How many rows there is something wrong with."""
        return len(set().union(*self._rows.values())) if self._rows else 0


class Frames:
    """Gives images in the order of their numbers, each once.

    Parameters
    ----------
    keys
        Data key of each role, for the remarks.
    remarks
        Takes what is wrong with rows.

    Notes
    -----
    An image waits until the next one is there, since a scan that was paused measures its last point
    again: then the later counts. What comes out of order is put into it, as far as `AWAITED` images
    allow; that is also how much memory the waiting takes.
    """

    def __init__(self, keys: Mapping[str, str], remarks: Remarks) -> None:
        self._keys = keys
        self._remarks = remarks
        self._waiting: dict[int, Frame] = {}
        self._last = 0

    def add(self, block: Block) -> Iterator[Frame]:
        """Take in rows, and give the images whose turn has come."""
        images = block.values["image"]
        nothing = np.full(len(block), np.nan)
        energies_ev, i0 = (
            np.reshape(block.values.get(role, nothing), len(block)) for role in ("energy_ev", "i0")
        )
        for at, number in enumerate(block.seq_num.tolist()):
            image = images[at].reshape(-1, *images.shape[-2:])
            frame = Frame(
                number,
                float(block.time_s[at]),
                image[0] if len(image) == 1 else image.mean(axis=0, dtype=np.float32),
                float(energies_ev[at]),
                float(i0[at]),
            )
            self._take(frame)
            yield from self._due(AWAITED)

    def rest(self) -> Iterator[Frame]:
        """Give the images that have waited for others."""
        yield from self._due(0)

    def _take(self, frame: Frame) -> None:
        before = self._waiting.get(frame.number)
        if frame.number <= self._last:
            key = self._keys.get("image", "image")
            self._remarks(f"{key} came too late", frame.number)
        elif before is None or frame.time_s >= before.time_s:
            self._waiting[frame.number] = frame

    def _due(self, may_wait: int) -> Iterator[Frame]:
        while self._waiting:
            first = min(self._waiting)
            is_next = first == self._last + 1 and len(self._waiting) > 1
            if not is_next and len(self._waiting) <= may_wait:
                return
            self._last = first
            yield self._waiting.pop(first)
