"""Maps as pictures: which pixel of a map is seen where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

PICTURE_POINTS = 300
"""Points that a picture of an irregular map has along its longer side, at least."""
_MOST_POINTS = 600
_ALONG, _ACROSS = (0.5, 0.75), (0.1, 0.5)
"""How far from a grid pixels may lie along and across the lines: all together (rms) and at most, as
shares of its pitch."""
_OBLIQUE = 0.01
_REACH = 0.75
"""How far a pixel of an irregular map is seen, as a share of the pitch; half of it would leave
cracks."""


@dataclass(frozen=True)
class Raster:
    """Which pixel of a map is seen at each place of a picture.

    Parameters
    ----------
    index
        Number of the pixel, −1 where nothing was measured, shape `(rows, columns)`.
    x_um, y_um
        Where the columns and the rows are, evenly spaced, in µm.
    """

    index: NDArray[np.int64]
    x_um: _Floats
    y_um: _Floats

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, lower and upper edge, in µm."""
        x_step = _step(self.x_um, _step(self.y_um, 1.0))
        x_half, y_half = x_step / 2, _step(self.y_um, x_step) / 2
        return (
            self.x_um[0] - x_half,
            self.x_um[-1] + x_half,
            self.y_um[0] - y_half,
            self.y_um[-1] + y_half,
        )

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Whether there is a pixel, shape `(rows, columns)`."""
        return self.index >= 0

    def of(self, values: NDArray[np.float64]) -> _Floats:
        """Lay out one number a pixel, NaN where there is none.

        Parameters
        ----------
        values
            In the order of the map's pixels, shape `(n,)`.

        Returns
        -------
        numpy.ndarray
            Shape `(rows, columns)`.
        """
        return np.where(self.is_measured, values[self.index], np.nan)


def raster_of(x_um: _Floats, y_um: _Floats, line: _Floats) -> Raster:
    """Lay out a map: a grid cell by cell, any other map by the pixel that is nearest.

    Parameters
    ----------
    x_um, y_um
        Where the pixels are, in µm, shape `(n,)`; NaN where that is not known.
    line
        Number of each pixel's line.

    Raises
    ------
    ValueError
        If no pixel has a position.
    """
    return grid_of(x_um, y_um, line) or _nearest(x_um, y_um, line)


def grid_of(x_um: _Floats, y_um: _Floats, line: _Floats) -> Raster | None:
    """Lay out a map as a grid, `None` where it is none.

    Lines may be of different lengths, run to and fro, and lack pixels. A pixel may lie off its
    place by three quarters of the pitch along its line, as encoders lag behind.

    Parameters
    ----------
    x_um, y_um
        Where the pixels are, in µm, shape `(n,)`; NaN where that is not known.
    line
        Number of each pixel's line.

    Examples
    --------
    >>> x_um, y_um = np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 2.0])
    >>> grid_of(x_um, y_um, np.array([0, 0, 1])).index
    array([[ 0,  1],
           [-1,  2]])
    """
    placed = np.flatnonzero(np.isfinite(x_um) & np.isfinite(y_um))
    if not len(placed):
        return None
    place, line = np.stack([x_um, y_um])[:, placed], line[placed]
    fast = _fast_axis(place, line)
    columns, column = _steps(place[fast], line, along=True)
    rows, row = _steps(place[1 - fast], line, along=False)
    if columns is None or rows is None or len(np.unique(row * len(columns) + column)) < len(row):
        return None
    index = np.full((len(rows), len(columns)), -1)
    index[row, column] = placed
    return Raster(index, columns, rows) if fast == 0 else Raster(index.T, rows, columns)


def along_line(x_um: _Floats, y_um: _Floats, line: _Floats) -> _Floats | None:
    """Distance of each pixel along a straight line, `None` for a map.

    Parameters
    ----------
    x_um, y_um
        Where the pixels are, in µm, shape `(n,)`.
    line
        Number of each pixel's line.

    Returns
    -------
    numpy.ndarray or None
        x where the line runs along x, y along y, else the distance from its middle, in µm.
    """
    placed = np.isfinite(x_um) & np.isfinite(y_um)
    place = np.stack([x_um, y_um])
    if len(np.unique(line[placed])) != 1:
        return None
    centred = place - place[:, placed].mean(axis=1, keepdims=True)
    direction = np.linalg.svd(centred[:, placed])[0][:, 0]
    direction = direction * np.sign(direction[np.argmax(np.abs(direction))])
    along, across = direction @ centred, direction[::-1] * [1, -1] @ centred
    if np.ptp(across[placed]) > 2 * _pitch(along[placed]):
        return None
    if np.abs(direction).min() > _OBLIQUE:
        return np.asarray(along)
    return np.asarray(place[np.argmax(np.abs(direction))])


def _steps(
    position: _Floats, line: _Floats, *, along: bool
) -> tuple[_Floats | None, NDArray[np.int64]]:
    """Evenly spaced places along an axis, and the number of each pixel's one."""
    lines, number, count = np.unique(line, return_inverse=True, return_counts=True)
    if along:
        whole = lines[count == count.max()]
        found = np.mean([np.sort(position[line == each]) for each in whole], axis=0)
    else:
        found = np.sort([np.median(position[line == each]) for each in lines])
    even = np.linspace(found[0], found[-1], len(found))
    step = _step(even, np.inf)
    if not step > 0:
        return None, number
    nearest = np.clip(np.round((position - even[0]) / step), 0, len(even) - 1).astype(int)
    if along and count.min() == count.max():
        # encoders lag behind to and fro, so that the nearest place may be a neighbour's
        nearest[np.lexsort((position, number))] = np.tile(np.arange(len(even)), len(lines))
    off = np.abs(position - even[nearest]) / step
    together, most = _ALONG if along else _ACROSS
    is_even = off.max() < most and np.sqrt(np.mean(off**2)) < together
    return (even if is_even else None), nearest


def _nearest(x_um: _Floats, y_um: _Floats, line: _Floats) -> Raster:
    from scipy.spatial import cKDTree

    placed = np.flatnonzero(np.isfinite(x_um) & np.isfinite(y_um))
    if not len(placed):
        raise ValueError("no pixel of the map has a position")
    place, line = np.stack([x_um, y_um])[:, placed], line[placed]
    pitch = _pitches(place, line)
    lowest, highest = place.min(axis=1) - pitch / 2, place.max(axis=1) + pitch / 2
    across = (highest - lowest) / pitch
    finer = np.ceil(PICTURE_POINTS / across.max())
    size = np.clip(np.round(across * finer), 1, _MOST_POINTS).astype(int)
    x, y = (
        low + (np.arange(n) + 0.5) * (high - low) / n
        for low, high, n in zip(lowest, highest, size, strict=True)
    )
    seen = np.stack(np.meshgrid(x, y), axis=-1) / pitch
    tree = cKDTree(place.T / pitch)
    _, found = tree.query(seen, p=np.inf, distance_upper_bound=_REACH)
    return Raster(np.append(placed, -1)[found], x, y)


def _fast_axis(place: _Floats, line: _Floats) -> int:
    """Which of two coordinates goes along the lines."""
    same = np.diff(line) == 0
    return int(np.argmax(np.abs(np.diff(place)[:, same]).sum(axis=1)))


def _pitches(place: _Floats, line: _Floats) -> _Floats:
    """About the distances of pixels along x and y; the same where there are no lines."""
    fast = _fast_axis(place, line)
    lines = np.unique(line)
    along = _pitch(place[fast][line == line[0]])
    if len(lines) > 1 and len(lines) <= len(line) / 2:
        centres = np.sort([np.median(place[1 - fast][line == each]) for each in lines])
        across = _pitch(centres)
    else:
        along = across = np.sqrt(max(np.ptp(place, axis=1).prod(), along**2) / len(line))
    return np.array([along, across] if fast == 0 else [across, along])


def _pitch(position: _Floats) -> float:
    steps = np.abs(np.diff(position))
    return float(np.median(steps)) if np.any(steps > 0) else 1.0


def _step(even: _Floats, alone: float) -> float:
    return float(even[1] - even[0]) if len(even) > 1 else alone
