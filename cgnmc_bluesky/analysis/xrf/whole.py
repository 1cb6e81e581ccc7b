"""All of a particle, from the part of it that was measured."""

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.atoms import AtomMap
from cgnmc_bluesky.analysis.xrf.raster import Raster, raster_of
from cgnmc_bluesky.analysis.xrf.sphere import Sphere

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LACKING = 0.01
"""A particle that lacks no more than this part of its pixels is all there."""


def stand_ins(atom_map: AtomMap, sphere: Sphere, pixels: Flags, reach_um: float) -> Floats | None:
    """How many pixels each of a particle stands for: a sphere looks alike all around its centre.

    Parameters
    ----------
    atom_map
        The map.
    sphere
        The particle.
    pixels
        Its measured pixels, shape `(n,)`.
    reach_um
        How far from the centre it holds pixels, in µm.

    Returns
    -------
    array or None
        Shape `(n,)`, zero elsewhere; `None` where the particle is all there, and where it cannot be
        told from the pixels what the rest is.

    Notes
    -----
    Rows that were masked, the edge of the map, and neighbours that are in the way take away more of
    the shell than of the core, or more of the core: the sum of what is left has another
    composition. On a single line a shell would count by its width rather than by its area.
    """
    raster = raster_of(atom_map)
    if raster is None or not pixels.any():
        return None
    distance_um = sphere.distance_um(atom_map.x_um, atom_map.y_um)
    width_um = sphere.step_um
    ring = (distance_um[pixels] / width_um).astype(np.int64)
    wanted = _whole_rings(raster, sphere, reach_um)
    found = np.bincount(ring, minlength=len(wanted)).astype(np.float64)
    inside = np.arange(len(wanted)) * width_um < sphere.radius_um - width_um
    if found.sum() >= (1.0 - LACKING) * wanted.sum() or np.any(inside & (found == 0)):
        return None
    stands_for = np.zeros(len(distance_um))
    stands_for[pixels] = (wanted / np.maximum(found, 1.0))[ring]
    return stands_for


def _whole_rings(raster: Raster, sphere: Sphere, reach_um: float) -> Floats:
    """How many pixels each ring would hold if the map went on for ever, shape `(rings,)`."""
    offsets = []
    for corner_um, step_um, centre_um in zip(
        raster.corner_um, raster.steps_um, (sphere.y_um, sphere.x_um), strict=True
    ):
        first = np.ceil((centre_um - reach_um - corner_um) / step_um)
        cells = first + np.arange(2.0 * reach_um // step_um + 1)
        offsets.append(corner_um + step_um * cells - centre_um)
    distance_um = np.hypot(offsets[0][:, None], offsets[1])
    ring = (distance_um[distance_um < reach_um] / sphere.step_um).astype(np.int64)
    return np.bincount(ring, minlength=int(reach_um / sphere.step_um) + 1).astype(np.float64)
