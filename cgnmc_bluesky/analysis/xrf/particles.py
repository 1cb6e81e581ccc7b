"""Which pixels of a map belong to which particle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cgnmc_bluesky.analysis.xrf.atoms import AtomMap
from cgnmc_bluesky.analysis.xrf.raster import Raster, raster_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_SIGNIFICANCE = 6.0
"""The metal around a pixel stands out from this many standard deviations on."""

LEAST_SHARE = 0.05
"""A particle is where there is at least this share of the metal of the map's thickest places."""

_WINDOWS = (3, 7)
_FEWEST_CELLS = 6
_FEW_CELLS_ACROSS = 2.0
_WIDEST_GAP = 5
_NECK = 0.85
_MOST_PARTS = 30
_NEAR_CELLS = 3.0
_AROUND = 1.3
_AROUND_CELLS = 8.0


@dataclass(frozen=True)
class Particle:
    """A particle in a map.

    Parameters
    ----------
    pixels
        Which pixels are this particle's own, shape `(n,)`; those where it overlaps another one
        belong to neither.
    field
        Which pixels say something about it, shape `(n,)`: its own and those around it that no other
        particle reaches.
    x_um, y_um
        About its centre, in µm.
    radius_um
        About its radius, in µm.
    touches
        Numbers, from 1, of the particles that it touches.
    cut
        Whether it reaches the edge of what was measured.
    """

    pixels: Flags
    field: Flags
    x_um: float
    y_um: float
    radius_um: float
    touches: tuple[int, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class _Part:
    """A round part of the cells that stand out."""

    body: int
    x_um: float
    y_um: float
    radius_um: float
    cells: Flags

    def depth_um(self, x_um: Floats, y_um: Floats) -> Floats:
        """How far places lie within the rim, in µm; negative outside."""
        depth: Floats = self.radius_um - np.hypot(x_um - self.x_um, y_um - self.y_um)
        return depth


def particles_of(atom_map: AtomMap) -> list[Particle]:
    """Tell the particles of a map apart, that with most atoms first.

    Parameters
    ----------
    atom_map
        The map, or as much of it as there is.

    Notes
    -----
    A particle is a connected stretch of cells whose metal, summed with the neighbours', stands out
    of the noise. A stretch with a neck is two particles that touch: the distance to its rim has a
    maximum in each, and is smaller by 15 % or more on the way from one to the other. Cells that two
    of them reach belong to neither.
    """
    raster = raster_of(atom_map)
    if raster is None:
        return []
    standing = _standing_out(raster, atom_map)
    bodies, count = ndimage.label(standing, structure=np.ones((3, 3)))
    fewest = min(_FEWEST_CELLS, len(raster.pixels))
    sizes = np.bincount(bodies.ravel(), minlength=count + 1)
    parts = [
        part
        for body in range(1, count + 1)
        if sizes[body] >= fewest
        for part in _parts(raster, bodies == body, body)
    ]
    found = [_particle(atom_map, raster, parts, part) for part in parts]
    atoms = [float(np.sum(atom_map.total[one.pixels])) for one in found]
    order = sorted(range(len(found)), key=lambda at: (-atoms[at], at))
    place = {at: number for number, at in enumerate(order, start=1)}
    return [
        replace(found[at], touches=tuple(sorted(place[other] for other in found[at].touches)))
        for at in order
    ]


def _standing_out(raster: Raster, atom_map: AtomMap) -> Flags:
    """Cells whose surroundings hold more metal than noise makes."""
    total, variance = raster.sums(atom_map.total), raster.sums(atom_map.total_variance)
    count = raster.sums(np.ones(len(atom_map.line)))
    floor = 1e-3 * np.add.reduce(variance, axis=None) / np.add.reduce(count, axis=None)
    standing = np.zeros(raster.shape, dtype=np.bool_)
    for window in _WINDOWS:
        around, noise, pixels = (_boxed(values, window) for values in (total, variance, count))
        height = around / np.maximum(pixels, 1)
        sigma = np.sqrt(np.maximum(noise, floor * np.maximum(pixels, 1)))
        significant = (around > LEAST_SIGNIFICANCE * sigma) & (pixels > 0)
        if significant.any():
            thick = np.percentile(height[significant], 95)
            standing = significant & (height > LEAST_SHARE * thick)
            break
    return _bridged(standing, count > 0)


def _boxed(values: Floats, window: int) -> Floats:
    """Sum over a square of cells."""
    ones = np.ones(window)
    summed = ndimage.convolve1d(values, ones, axis=0, mode="constant")
    boxed: Floats = ndimage.convolve1d(summed, ones, axis=1, mode="constant")
    return boxed


def _bridged(standing: Flags, measured: Flags) -> Flags:
    """Cells without a pixel are as the nearest one with a pixel, if that is near."""
    if measured.all():
        return standing
    distance, nearest = ndimage.distance_transform_edt(~measured, return_indices=True)
    bridged: Flags = standing[tuple(nearest)] & (distance <= _WIDEST_GAP)
    return bridged


def _parts(raster: Raster, body: Flags, number: int) -> list[_Part]:
    """Round parts of a connected stretch of cells, the largest first."""
    filled = ndimage.binary_fill_holes(body)
    if filled.all():
        rows, columns = raster.shape
        radius_um = max(rows * raster.steps_um[0], columns * raster.steps_um[1]) / 2
        x_um, y_um = raster.place_um((rows - 1) / 2, (columns - 1) / 2)
        return [_Part(number, x_um, y_um, radius_um, body)]
    depth = ndimage.distance_transform_edt(filled, sampling=raster.steps_um)
    peaks = _peaks(depth, min(raster.steps_um))
    parts = [
        _Part(number, *raster.place_um(row, column), float(depth[row, column]), body)
        for row, column in peaks
    ]
    if len(parts) == 1:
        return parts
    of_row, of_column = np.indices(raster.shape)
    corner_um, steps_um = raster.corner_um, raster.steps_um
    all_y, all_x = corner_um[0] + of_row * steps_um[0], corner_um[1] + of_column * steps_um[1]
    power = np.stack(
        [(all_x - one.x_um) ** 2 + (all_y - one.y_um) ** 2 - one.radius_um**2 for one in parts]
    )
    nearest = np.argmin(power, axis=0)
    return [replace(part, cells=body & (nearest == at)) for at, part in enumerate(parts)]


def _peaks(depth: Floats, step_um: float) -> list[tuple[int, int]]:
    """Cells farthest from the rim, each behind a neck from all others."""
    summit = (depth == ndimage.maximum_filter(depth, size=5)) & (depth > 0)
    row, column = np.nonzero(summit)
    height = depth[row, column]
    order = np.lexsort((column, row, -height))
    found: list[tuple[int, int]] = []
    for at in order:
        here = (int(row[at]), int(column[at]))
        if found and height[at] < _FEW_CELLS_ACROSS * step_um:
            break
        if all(_has_neck(depth, here, other) for other in found):
            found.append(here)
        if len(found) == _MOST_PARTS:
            break
    return found


def _has_neck(depth: Floats, here: tuple[int, int], there: tuple[int, int]) -> bool:
    """Whether the way from a lower summit to a higher one leads through less depth."""
    steps = 2 * int(max(abs(here[0] - there[0]), abs(here[1] - there[1]))) + 1
    rows = np.rint(np.linspace(here[0], there[0], steps)).astype(int)
    columns = np.rint(np.linspace(here[1], there[1], steps)).astype(int)
    return bool(np.min(depth[rows, columns]) < _NECK * depth[here])


def _particle(atom_map: AtomMap, raster: Raster, parts: Sequence[_Part], part: _Part) -> Particle:
    """A particle from its part, clear of what the others reach."""
    n, step_um = len(atom_map.line), max(raster.steps_um)
    near_um = _NEAR_CELLS * step_um
    x_um, y_um = atom_map.x_um, atom_map.y_um
    pixels = raster.flags(part.cells, n)
    around_um = (_AROUND - 1) * part.radius_um + _AROUND_CELLS * step_um
    own_depth = part.depth_um(x_um, y_um)
    field = atom_map.measured & ((own_depth > -around_um) | pixels)
    touches = []
    for at, other in enumerate(parts):
        if other is part:
            continue
        depth = other.depth_um(x_um, y_um)
        if other.body == part.body:
            gap_um = np.hypot(part.x_um - other.x_um, part.y_um - other.y_um)
            if gap_um < part.radius_um + other.radius_um + near_um:
                touches.append(at)
            pixels &= ~((depth > -step_um) & (own_depth > -step_um))
        widened = ndimage.binary_dilation(other.cells, iterations=int(_NEAR_CELLS))
        reached = raster.flags(widened & ~part.cells, n) | raster.flags(other.cells, n)
        field &= ~(reached | (depth > -near_um))
    return Particle(
        pixels & atom_map.measured,
        field,
        part.x_um,
        part.y_um,
        part.radius_um,
        tuple(touches),
        _reaches_edge(part.cells),
    )


def _reaches_edge(cells: Flags) -> bool:
    """Whether marked cells lie at the edge of the raster, across each direction it extends in."""
    across = [axis for axis in (0, 1) if cells.shape[axis] > 1]
    return any(bool(cells.take([0, -1], axis=axis).any()) for axis in across)
