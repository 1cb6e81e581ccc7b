"""Readings that are still in an HDF5 data set."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Range = tuple[int, int]
"""The first of some neighbours, and the one behind the last."""


class Elements:
    """Detector elements in one data set, the second axis being theirs.

    Where they share its chunks they are read together, since a compressed chunk is unpacked as a
    whole; the last that was read is kept for the element that is asked for next.

    Parameters
    ----------
    dataset
        The open data set.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._are_together = bool(dataset.chunks) and dataset.chunks[1] > 1
        self._last: tuple[tuple[Any, ...], NDArray[Any]] | None = None

    def read(self, element: int, rows: slice, within: Sequence[Any]) -> NDArray[Any]:
        """Read some rows of one element."""
        found: NDArray[Any]
        if not self._are_together:
            found = self._dataset[(rows, element, *within)]
            return found
        selection = (rows, slice(None), *within)
        if self._last is None or self._last[0] != selection:
            self._last = selection, self._dataset[selection]
        found = self._last[1][:, element]
        return found


class Element:
    """The part of a data set that is of one detector element.

    Parameters
    ----------
    dataset
        The open data set.
    elements
        Reads it.
    number
        Index of the element.
    """

    def __init__(self, dataset: Any, elements: Elements, number: int) -> None:
        self._elements = elements
        self._number = number
        self.shape = (dataset.shape[0], *dataset.shape[2:])

    def __getitem__(self, selection: tuple[Any, ...]) -> NDArray[Any]:
        """Read as from a data set without that axis."""
        rows, *within = selection
        return self._elements.read(self._number, rows, within)


class Slab:
    """Readings in a data set, one a row, of which as much is read as is asked for.

    Reading i is the rows i·n … (i+1)·n of the data set.

    Parameters
    ----------
    dataset
        The open data set.
    indices
        Index of each reading.
    rows
        Rows of the data set a reading, n.
    declared
        Shape of a reading as its descriptor declares it; it holds where the size agrees.
    """

    def __init__(
        self, dataset: Any, indices: Sequence[int], rows: int, declared: tuple[int, ...]
    ) -> None:
        self._dataset = dataset
        self._indices = indices
        self._rows = rows
        within = dataset.shape[1:]
        if rows * prod(within) != prod(declared):
            declared = within if rows == 1 else (rows, *within)
        self.shape = (len(indices), *declared)

    def rows(self) -> Iterator["Slab"]:
        """Give every reading as a slab of its own."""
        for index in self._indices:
            yield Slab(self._dataset, [index], self._rows, self.shape[1:])

    def read(self, channels: Range | None = None, pixels: Range | None = None) -> NDArray[Any]:
        """Read some channels, the last axis, and pixels, the first of a reading; else all.

        Returns
        -------
        NDArray
            As it is stored, shape `(n, ...)`.
        """
        stored, wanted = self._dataset.shape, self.shape[1:]
        is_cut = channels is not None and len(stored) > 1 and stored[-1:] == wanted[-1:]
        within: tuple[Any, ...] = (..., slice(*channels)) if channels and is_cut else ()
        runs = [(first * self._rows, end * self._rows) for first, end in _runs(self._indices)]
        if pixels is not None:
            n_pixels = wanted[0]
            pixels = min(pixels[0], n_pixels), min(pixels[1], n_pixels)
            wanted = (pixels[1] - pixels[0], *wanted[1:])
            if n_pixels == self._rows:
                runs = [(runs[0][0] + pixels[0], runs[0][0] + pixels[1])]
            elif stored[1:2] == (n_pixels,):
                within = (slice(*pixels), *(within or (...,)))
            else:
                return self.read(channels)[:, slice(*pixels)]
        parts = [self._dataset[(slice(*run), *within)] for run in runs]
        array = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if is_cut:
            wanted = (*wanted[:-1], array.shape[-1])
        array = np.reshape(array, (len(self._indices), *wanted))
        return array[..., slice(*channels)] if channels and wanted and not is_cut else array


def _runs(indices: Sequence[int]) -> list[Range]:
    """Cut indices into runs without gaps."""
    breaks = [i for i in range(1, len(indices)) if indices[i] != indices[i - 1] + 1]
    starts, ends = [0, *breaks], [*breaks, len(indices)]
    return [(indices[i], indices[j - 1] + 1) for i, j in zip(starts, ends, strict=True)]
