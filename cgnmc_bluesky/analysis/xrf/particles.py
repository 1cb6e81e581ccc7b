"""Which pixels of a map belong to which particle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


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
