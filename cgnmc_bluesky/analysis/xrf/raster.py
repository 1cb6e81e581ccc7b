"""Pixels wherever the encoders found them, laid on a grid of cells."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.atoms import AtomMap

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

_OUTLYING = 3.0


@dataclass(frozen=True)
class Raster:
    """Cells as large as pixels.

    Parameters
    ----------
    pixels
        Numbers of the map's pixels that lie in a cell, shape `(p,)`.
    row, column
        Cell of each, shape `(p,)`.
    steps_um
        Height and width of a cell, in µm.
    corner_um
        y and x of the middle of the first cell, in µm.
    """

    pixels: Integers
    row: Integers
    column: Integers
    steps_um: tuple[float, float]
    corner_um: tuple[float, float]

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return int(self.row.max()) + 1, int(self.column.max()) + 1

    def sums(self, values: Floats) -> Floats:
        """Sum over each cell of values of the map's pixels, shape of the raster."""
        rows, columns = self.shape
        cell = self.row * columns + self.column
        sums = np.bincount(cell, values[self.pixels], minlength=rows * columns)
        return np.asarray(sums, dtype=np.float64).reshape(self.shape)

    def place_um(self, row: float, column: float) -> tuple[float, float]:
        """Where a cell lies: x and y, in µm."""
        return (
            self.corner_um[1] + column * self.steps_um[1],
            self.corner_um[0] + row * self.steps_um[0],
        )

    def flags(self, cells: Flags, n_pixels: int) -> Flags:
        """Which of a map's pixels lie in marked cells, shape `(n_pixels,)`."""
        found = np.zeros(n_pixels, dtype=np.bool_)
        found[self.pixels] = cells[self.row, self.column]
        return found


def raster_of(atom_map: AtomMap) -> Raster | None:
    """Lay a map's measured pixels on a grid; `None` where there are none.

    Notes
    -----
    The cells are as far apart as neighbouring pixels of a line, and as the lines, whichever way the
    lines run. Positions far outside of all others are left out.
    """
    pixels = np.flatnonzero(atom_map.measured)
    for position in (atom_map.x_um, atom_map.y_um):
        if pixels.size:
            low, high = np.percentile(position[pixels], [25, 75])
            reach = _OUTLYING * max(high - low, 1e-9)
            inside = (position[pixels] >= low - reach) & (position[pixels] <= high + reach)
            pixels = pixels[inside]
    if not pixels.size:
        return None
    x_um, y_um, line = atom_map.x_um[pixels], atom_map.y_um[pixels], atom_map.line[pixels]
    within = line[1:] == line[:-1]
    along = [_typical(np.diff(position)[within]) for position in (y_um, x_um)]
    across = [_between_lines(position, line) for position in (y_um, x_um)]
    fast = int(along[1] >= along[0])
    steps = [across[0], along[1]] if fast else [along[0], across[1]]
    height, width = (step or max(steps) or 1.0 for step in steps)
    corner = float(np.min(y_um)), float(np.min(x_um))
    row = np.rint((y_um - corner[0]) / height).astype(np.int64)
    column = np.rint((x_um - corner[1]) / width).astype(np.int64)
    return Raster(pixels, row, column, (height, width), corner)


def _typical(steps: Floats) -> float:
    sizes = np.abs(steps)
    sizes = sizes[sizes > 0]
    return float(np.median(sizes)) if sizes.size else 0.0


def _between_lines(position: Floats, line: Integers) -> float:
    number, index = np.unique(line, return_inverse=True)
    if len(number) < 2:
        return 0.0
    means = np.bincount(index, position) / np.bincount(index)
    return _typical(np.diff(means) / np.diff(number))
