"""Fluorescence maps as a nanoprobe would record them, of a simulated particle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import PARTICLES

Counts = NDArray[np.float32]

INCIDENT_EV = 9000.0
GAIN_EV = 10.0
CHANNELS = np.arange(525, 935)
"""From below nickel's escape peak to above the elastic one: 410 of 4096."""
AT_ONCE = 1024


@dataclass(frozen=True)
class Raster:
    """A square of pixels about a particle.

    Parameters
    ----------
    n_pixels
        Pixels of a side.
    half_um
        Half of the side, from the particle's centre to the outermost pixels' centres.
    """

    n_pixels: int
    half_um: float = 6.5

    def positions_um(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions x and y of all pixels, row by row, shape `(n_pixels²,)`."""
        along = np.linspace(-self.half_um, self.half_um, self.n_pixels)
        y_um, x_um = np.meshgrid(along, along, indexing="ij")
        return x_um.ravel(), y_um.ravel()


def spectra(
    raster: Raster,
    random: np.random.Generator,
    *,
    dwell_s: float = 0.01,
    channels: NDArray[np.int64] = CHANNELS,
) -> Counts:
    """Count the spectra of a map of the gradient particle.

    Parameters
    ----------
    raster
        Where the pixels are.
    random
        Gives the noise.
    dwell_s
        Time on a pixel.
    channels
        Which channels are kept.

    Returns
    -------
    NDArray[np.float32]
        Shape `(n_pixels², channels)`.
    """
    beam = Nanobeam([PARTICLES["gradient"]])
    element = DetectorElement(gain_ev=GAIN_EV)
    x_um, y_um = raster.positions_um()
    counts = np.empty((len(x_um), len(channels)), np.float32)
    for first in range(0, len(x_um), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        emission = beam.emission(x_um[part], y_um[part], dwell_s)
        counts[part] = element.record(emission, dwell_s, random).counts[:, channels]
    return counts
