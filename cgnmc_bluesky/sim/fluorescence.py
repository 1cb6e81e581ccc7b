"""What a fluorescence detector makes of photons: line shapes, noise and dead time of its own."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from cgnmc_bluesky.sim.emission import Emission, Source

ElementFault = Literal["dead", "noisy", "gain"]

CHANNELS = 4096
FWHM = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a normal distribution, in standard deviations."""
PAIR_EV = 3.63
"""Energy spent for each electron-hole pair in cold silicon."""
SILICON_K_EV = 1739.9
SILICON_EDGE_EV = 1839.0
SILICON_K_CM2_G = 357.0
"""Absorption of silicon's own K photons in silicon."""
SILICON_AT_8_KEV_CM2_G = 63.7
"""Absorption at 8 keV; it falls with the power 2.9 of the energy."""
ESCAPING = 0.5 * 0.046 * 0.92
"""Half of the photons go out; fluorescence yield of silicon; K shell's share of its absorption."""
NEGLIGIBLE = 1e-14
"""Probability of a count below which there is none, so that few channels have to be drawn."""
NOISE_COUNTS_PER_S = 3e5
NOISE_DECAY_EV = 2500.0


class Recording(NamedTuple):
    """What a detector element writes.

    Attributes
    ----------
    counts
        Spectra, shape `(n, 4096)`, uint32 where they were counted.
    dead_time_factor
        True over recorded counts, shape `(n,)`.
    """

    counts: NDArray[Any]
    dead_time_factor: NDArray[np.float64]


@dataclass(frozen=True)
class DetectorElement:
    """One element of a silicon drift detector, with its electronics.

    A line is a Gaussian with an exponential tail and a flat shelf on its low side (Phillips and
    Marlow, Nucl. Instrum. Methods 137 (1976) 525), and the same once more where a silicon K photon
    escapes (Reed and Ware, J. Phys. E 5 (1972) 582). All of a photon's counts are in one of these:
    there is no window, no air, and no photon that goes through.

    Parameters
    ----------
    share
        Part of the detector's photons that this element receives.
    gain_ev
        Width of a channel.
    offset_ev
        Energy at the middle of channel 0.
    drift_per_h
        Relative growth of the gain in an hour.
    noise_ev
        FWHM at no energy.
    fano
        Fano factor: FWHM² = noise² + 2.355² · 3.63 eV · fano · energy.
    tail, tail_ev
        Part of a line's counts in its tail, and over how many eV that decays.
    shelf
        Part of a line's counts in its shelf.
    dead_time_s
        For each photon.
    paralysable
        Whether a photon in the dead time prolongs it.
    threshold_ev
        Nothing is recorded below.
    fault
        `dead`: it counts nothing; `noisy`: it counts its own noise on top; `gain`: a channel is a
        fifth wider than it should be. `None`: it is well.

    Examples
    --------
    >>> round(DetectorElement().fwhm_ev(5895.0))
    137
    """

    share: float = 1.0
    gain_ev: float = 10.0
    offset_ev: float = 0.0
    drift_per_h: float = 0.0
    noise_ev: float = 62.0
    fano: float = 0.125
    tail: float = 0.012
    tail_ev: float = 160.0
    shelf: float = 0.004
    dead_time_s: float = 2.5e-7
    paralysable: bool = True
    threshold_ev: float = 600.0
    fault: ElementFault | None = None

    def __post_init__(self) -> None:
        if self.fault not in (None, *get_args(ElementFault)):
            known = ", ".join(get_args(ElementFault))
            raise ValueError(f"no fault {self.fault!r} of a detector element; there are {known}")
        if not (self.gain_ev > 0 and self.share >= 0):
            raise ValueError(
                f"gain_ev is {self.gain_ev} and share {self.share}; give a channel's width above 0 "
                "and a part of the photons"
            )

    def fwhm_ev(self, energy_ev: float) -> float:
        """Full width at half maximum of a line at an energy."""
        return math.hypot(self.noise_ev, FWHM * math.sqrt(PAIR_EV * self.fano * energy_ev))

    def response(self, sources: tuple[Source, ...], elapsed_s: float = 0.0) -> NDArray[np.float64]:
        """Spectra of one photon from each source.

        Parameters
        ----------
        sources
            Where the photons come from, k of them.
        elapsed_s
            Time for which the gain has drifted.

        Returns
        -------
        NDArray[np.float64]
            Probabilities of a count in each channel, shape `(k, 4096)`; read-only.
        """
        # Steps of the drift so small that no line moves by a hundredth of a channel.
        gain = 1 + round(self.drift_per_h * elapsed_s / 3600 / 1e-5) * 1e-5
        return _response(self, sources, gain * (1.2 if self.fault == "gain" else 1.0))

    def record(
        self,
        emission: Emission,
        dwell_s: float | NDArray[np.float64],
        rng: np.random.Generator,
        *,
        elapsed_s: float = 0.0,
    ) -> Recording:
        """Count.

        Parameters
        ----------
        emission
            What reaches the detector in n pixels.
        dwell_s
            How long they last, all alike or shape `(n,)`.
        rng
            Where the noise comes from.
        elapsed_s
            Time for which the gain has drifted.

        Returns
        -------
        Recording
            Poisson counts about what is expected to be recorded, and the factor by which the dead
            time has reduced that.
        """
        counts = np.zeros((len(emission.photons), CHANNELS), np.uint32)
        if self.fault == "dead":
            return Recording(counts, np.ones(len(counts)))
        response = self.response(emission.sources, elapsed_s)
        if self.fault == "noisy":
            response = np.vstack([response, self._own_noise()])
        reached = np.flatnonzero(response.any(axis=0))
        used = slice(reached[0], reached[-1] + 1)
        received = self._received(emission, dwell_s, rng)
        expected, factor = self._expected(received, response[:, used], dwell_s)
        counts[:, used] = rng.poisson(expected)
        return Recording(counts, factor)

    def expected(self, emission: Emission, dwell_s: float) -> Recording:
        """Give what would be counted on average, of a detector element that is well.

        Parameters
        ----------
        emission
            What reaches the detector in n pixels.
        dwell_s
            How long they last.

        Returns
        -------
        Recording
            Counts that need not be whole, and the factor by which the dead time has reduced them.
        """
        response = self.response(emission.sources)
        return Recording(*self._expected(self.share * emission.photons, response, dwell_s))

    def _expected(
        self,
        received: NDArray[np.float64],
        response: NDArray[np.float64],
        dwell_s: float | NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expected counts in each channel after dead time, and its factor."""
        # Not `@`: threads of a matrix product would make the last bit depend on the machine's load.
        expected = np.einsum("ij,jk->ik", received, response)
        factor = self._dead_time_factor(expected.sum(axis=1) / dwell_s)
        return expected / factor[:, None], factor

    def _received(
        self, emission: Emission, dwell_s: float | NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Expected counts of each source, with its own noise, which comes in bursts, last."""
        photons = self.share * emission.photons
        if self.fault != "noisy":
            return photons
        bursts = NOISE_COUNTS_PER_S * dwell_s * rng.gamma(0.5, 2.0, len(photons))
        return np.column_stack([photons, bursts])

    def _dead_time_factor(self, rate_per_s: NDArray[np.float64]) -> NDArray[np.float64]:
        load = rate_per_s * self.dead_time_s
        factor: NDArray[np.float64] = np.exp(load) if self.paralysable else 1 + load
        return factor

    def _own_noise(self) -> NDArray[np.float64]:
        """Spectrum of what it counts without any photon."""
        energy_ev = self.offset_ev + self.gain_ev * np.arange(CHANNELS)
        spectrum = np.exp(-energy_ev / NOISE_DECAY_EV) * (energy_ev > self.threshold_ev)
        noise: NDArray[np.float64] = spectrum / spectrum.sum()
        return noise


@lru_cache(maxsize=32)
def _response(
    element: DetectorElement, sources: tuple[Source, ...], gain: float
) -> NDArray[np.float64]:
    edges_ev = element.offset_ev + gain * element.gain_ev * (np.arange(CHANNELS + 1.0) - 0.5)
    spectra = np.zeros((len(sources), CHANNELS))
    for number, source in enumerate(sources):
        for energy_ev, share in zip(source.energies_ev, source.shares, strict=True):
            escaping = share * escape_share(energy_ev)
            spectra[number] += (share - escaping) * _line(element, energy_ev, source, edges_ev)
            if escaping:
                escaped_ev = energy_ev - SILICON_K_EV
                spectra[number] += escaping * _line(element, escaped_ev, source, edges_ev)
    spectra[:, edges_ev[1:] < element.threshold_ev] = 0.0
    spectra[spectra < NEGLIGIBLE] = 0.0
    spectra.flags.writeable = False
    return spectra


def escape_share(energy_ev: float) -> float:
    """Part of the photons whose silicon K photon leaves the detector through its face.

    Parameters
    ----------
    energy_ev
        Energy of the photon that comes in.

    Returns
    -------
    float
        0 below silicon's K edge.
    """
    if energy_ev <= SILICON_EDGE_EV:
        return 0.0
    ratio = SILICON_K_CM2_G / (SILICON_AT_8_KEV_CM2_G * (energy_ev / 8000.0) ** -2.9)
    return float(ESCAPING * (1 - ratio * math.log1p(1 / ratio)))


def _line(
    element: DetectorElement, energy_ev: float, source: Source, edges_ev: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of each channel, from the differences of the cumulative distribution."""
    sigma_ev = math.hypot(element.fwhm_ev(energy_ev) / FWHM, source.width_ev)
    u = (edges_ev - energy_ev) / sigma_ev
    slope = sigma_ev / element.tail_ev
    below = ndtr(u)
    tail = below + np.exp(slope * u + slope**2 / 2 + log_ndtr(-u - slope))
    reach = energy_ev / sigma_ev
    shelf = (_ramp(u + reach) - _ramp(u)) / reach
    whole = 1 - element.tail - element.shelf
    cumulative = whole * below + element.tail * tail + element.shelf * shelf
    probabilities: NDArray[np.float64] = np.diff(cumulative)
    return probabilities


def _ramp(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of the normal distribution's cumulative one."""
    ramp: NDArray[np.float64] = u * ndtr(u) + np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)
    return ramp
