"""The field of a stack of images as a whole: its spectrum, and what that is a sum of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.imaging.bands import Band
from cgnmc_bluesky.analysis.soft.fraction import YieldAccumulator
from cgnmc_bluesky.analysis.xanes.absorption import Spectrum
from cgnmc_bluesky.analysis.xanes.scan import Said

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Image = NDArray[np.float32]

CELLS = 64
"""Cells that a side of the field is cut into, about."""


class Field(YieldAccumulator):
    """Fractions in the spectrum of the field, as in an electron yield that no foil calibrates."""

    def of(self, spectrum: Spectrum, *, ended: bool) -> Said:
        """Say what a spectrum is a sum of.

        Raises
        ------
        NotYet, Unusable
            If there is nothing to say.
        """
        axis = self._without_foil("no image of a foil")
        return self._say(spectrum, axis, ended=ended)

    @property
    def shift_ev(self) -> float:
        """What is added to calibrated energies, by the last spectrum."""
        moved = self.composition.shift_ev if self.composition is not None else None
        return 0.0 if moved is None else moved[0]

    @property
    def reach_of_fit_ev(self) -> tuple[float, float]:
        """First and last energy that is fitted."""
        return self._range_ev

    def columns(self, energy_ev: Floats) -> Floats:
        """Standards and baseline at energies, shape `(n, k)`."""
        return np.concatenate([self._known(energy_ev), self._baseline(energy_ev)], axis=1)


class Cells:
    """Means over the cells of every image: enough to draw a spectrum of any part of the field.

    Parameters
    ----------
    shape
        Rows and columns of an image.

    Notes
    -----
    An image takes 16 kB.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.side = max(1, round(max(shape) / CELLS))
        self.shape = (shape[0] // self.side, shape[1] // self.side)
        self._n_columns = shape[1]
        self._means: list[Image] = []

    def add(self, parts: Sequence[Band]) -> None:
        """Take in an image; cells that are not wholly in its parts are not to be looked at."""
        means = np.zeros(self.shape, np.float32)
        used = self.shape[1] * self.side
        for rows, columns, values in parts:
            first, last = rows.start // self.side, -(-rows.stop // self.side)
            whole = np.zeros(((last - first) * self.side, self._n_columns), np.float32)
            top = rows.start - first * self.side
            whole[top : top + len(values), columns] = values
            summed = whole[:, :used].reshape(last - first, self.side, used).sum(axis=1)
            last = min(last, self.shape[0])
            cells = summed[: last - first].reshape(last - first, self.shape[1], self.side)
            means[first:last] += cells.sum(axis=2) / np.float32(self.side**2)
        self._means.append(means)

    def spectrum(self, chosen: Flags) -> Floats:
        """Mean over some cells in each image, shape `(n,)`."""
        return np.array([np.mean(means[chosen], dtype=np.float64) for means in self._means])

    def chosen(self, pixels: Flags, step: int, common: tuple[slice, slice]) -> Flags:
        """Cells in the common part of the field of which half the pixels are marked, or else all
        in that part.

        Parameters
        ----------
        pixels
            Marks, of every so many pixels.
        step
            How many; a divisor of `side`.
        common
            Rows and columns that all images have in common.
        """
        inside = np.zeros(self.shape, dtype=bool)
        rows, columns = (
            slice(-(-part.start // self.side), part.stop // self.side) for part in common
        )
        inside[rows, columns] = True
        inside &= np.isfinite(np.sum(self._means, axis=0, dtype=np.float64))
        side = self.side // step
        n_rows, n_columns = self.shape
        whole = pixels[: n_rows * side, : n_columns * side]
        share = whole.reshape(n_rows, side, n_columns, side).mean(axis=(1, 3))
        marked: Flags = inside & (share >= 0.5)
        return marked if np.any(marked) else inside
