"""Fluorescence maps as a nanoprobe would record them, of a simulated particle."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xrf.accumulator import MapAccumulator, MapModel
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.sim.emission import Emission
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import PARTICLES
from cgnmc_bluesky.standards import fluorescence_of
from cgnmc_bluesky.standards.maps import map_model

Counts = NDArray[np.float32]
Floats = NDArray[np.float64]

INCIDENT_EV = 9000.0
GAIN_EV = 10.0
CHANNELS = np.arange(525, 935)
"""From below nickel's escape peak to above the elastic one: 410 of 4096."""
AT_ONCE = 1024
BEAM_FWHM_UM = 0.1
DWELL_S = 0.01
PASSED = 4
SECTION = {
    "spectra": "xs_channel1",
    "channel_ev": {"gain": GAIN_EV},
    "dead_time_factor": "xs_channel1_dt",
    "i0": "sclr_i0",
    "x_um": "stage_x",
    "y_um": "stage_y",
    "incident_energy_ev": INCIDENT_EV,
    "beam_fwhm_um": BEAM_FWHM_UM,
}


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

    @property
    def pitch_um(self) -> float:
        """From one pixel's centre to the next one's."""
        return 2 * self.half_um / (self.n_pixels - 1)

    def positions_um(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions x and y of all pixels, row by row, shape `(n_pixels²,)`."""
        along = np.linspace(-self.half_um, self.half_um, self.n_pixels)
        y_um, x_um = np.meshgrid(along, along, indexing="ij")
        return x_um.ravel(), y_um.ravel()


def spectra(
    raster: Raster,
    random: np.random.Generator,
    *,
    channels: NDArray[np.int64] = CHANNELS,
) -> Counts:
    """Count the spectra of a map of the gradient particle.

    Parameters
    ----------
    raster
        Where the pixels are.
    random
        Gives the noise.
    channels
        Which channels are kept.

    Returns
    -------
    NDArray[np.float32]
        Shape `(n_pixels², channels)`.
    """
    beam = _beam("gradient", self_absorption=True)
    element = DetectorElement(gain_ev=GAIN_EV)
    x_um, y_um = raster.positions_um()
    counts = np.empty((len(x_um), len(channels)), np.float32)
    for first in range(0, len(x_um), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        emission = beam.emission(x_um[part], y_um[part], DWELL_S)
        counts[part] = element.record(emission, DWELL_S, random).counts[:, channels]
    return counts


@dataclass(frozen=True)
class CountedMap:
    """A map as one detector element has counted it, and what there was to count.

    Parameters
    ----------
    raster
        Where the pixels are.
    counts
        Spectra in the fitted channels, shape `(pixels, channels)`.
    dead_time_factor
        True over recorded counts, shape `(pixels,)`.
    emission
        Expected photons at the detector.
    element
        The detector element.
    self_absorption
        Whether the particle absorbs, and is known to.
    """

    raster: Raster
    counts: Counts
    dead_time_factor: Floats
    emission: Emission
    element: DetectorElement
    self_absorption: bool

    def estimate(self) -> Estimate:
        """Analyse it as the last result of a run does."""
        side = self.raster.n_pixels
        values = {
            "spectra_1": self.counts,
            "dead_time_factor_1": self.dead_time_factor,
            "i0": np.ones(side**2),
            **dict(zip(("x_um", "y_um"), self.raster.positions_um(), strict=True)),
        }
        by_row = {role: one.reshape(side, side, *one.shape[1:]) for role, one in values.items()}
        accumulator = MapAccumulator(model(self.raster, self_absorption=self.self_absorption))
        accumulator.add(Block("primary", np.arange(1, side + 1), np.arange(float(side)), by_row))
        [estimate, *_] = accumulator.results(ended=True)
        return estimate


def model(raster: Raster, *, self_absorption: bool) -> MapModel:
    """What the analysis knows of such a map before its rows come."""
    absorption = {} if self_absorption else {"density_g_cm3": 1e-9}
    xrf = Beamline.from_dict({"xrf": {**SECTION, "absorption": absorption}}).xrf
    assert xrf is not None
    shape = [raster.n_pixels, raster.n_pixels]
    return map_model(xrf, fluorescence_of(xrf, INCIDENT_EV), {"shape": shape})


def counted(
    raster: Raster,
    random: np.random.Generator,
    *,
    ni_counts: float,
    particle: str = "gradient",
    self_absorption: bool = False,
) -> CountedMap:
    """Count a map of a particle.

    Parameters
    ----------
    raster
        Where the pixels are.
    random
        Gives the noise.
    ni_counts
        Mean K counts of nickel in a pixel of the particle.
    particle
        Which, of `PARTICLES`.
    self_absorption
        Whether it absorbs.
    """
    x_um, y_um = raster.positions_um()
    inside = np.hypot(x_um, y_um) < PARTICLES[particle].radius_um
    # A pixel is what the beam passes on the way.
    passed_um = x_um[:, None] + raster.pitch_um * ((np.arange(PASSED) + 0.5) / PASSED - 0.5)
    beam = _beam(particle, self_absorption=self_absorption)
    emission = beam.emission(passed_um, y_um[:, None], DWELL_S)
    emission = emission.scaled(ni_counts / float(emission.of("Ni")[inside].mean()))
    element = DetectorElement(gain_ev=GAIN_EV)
    recording = element.record(emission, DWELL_S, random)
    known = model(raster, self_absorption=self_absorption)
    counts = recording.counts[:, known.spectrum.channels].astype(np.float32)
    factor = recording.dead_time_factor
    return CountedMap(raster, counts, factor, emission, element, self_absorption)


@lru_cache
def _beam(particle: str, *, self_absorption: bool) -> Nanobeam:
    particles = [PARTICLES[particle]]
    return Nanobeam(particles, beam_fwhm_um=BEAM_FWHM_UM, self_absorption=self_absorption)
