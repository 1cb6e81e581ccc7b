"""What a silicon detector makes of lines: peaks with tails, escape peaks, scatter, background."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, erfcx

from cgnmc_bluesky.analysis.xrf.lines import Emitter

Floats = NDArray[np.float64]

PAIR_EV = 3.65
"""Energy that an electron-hole pair in silicon takes."""
ESCAPE_EV = 1739.5
"""Mean energy of silicon's own K line, which may leave the detector."""
ELECTRON_EV = 511_000.0

_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
_SILICON_AT_8_KEV = 64.7
_SILICON_AT_ITS_LINE = 360.0
"""Mass attenuation coefficients of silicon, in cm²/g (Hubbell and Seltzer)."""


@dataclass(frozen=True)
class Response:
    """How one detector element answers.

    Parameters
    ----------
    gain_ev, zero_ev
        Energy of channel n is `zero_ev + gain_ev * n`, in eV.
    noise_ev
        Full width at half maximum of the electronic noise, in eV.
    fano
        Fano factor of silicon here.
    tail_share, tail_ev
        Part of a line's counts in its exponential tail, and the tail's decay length, in eV.
    step_share
        Part of a line's counts in the shelf below it.
    beta_scale
        Factor on the tabulated shares of the lines above the alpha group.
    compton_ev, compton_sigma_ev
        Centre and own width of inelastic scatter, in eV; 0 where there is none.
    elastic_ev
        Energy of elastic scatter, in eV; 0 where there is none.
    """

    gain_ev: float
    zero_ev: float = 0.0
    noise_ev: float = 90.0
    fano: float = 0.115
    tail_share: float = 0.01
    tail_ev: float = 250.0
    step_share: float = 0.005
    beta_scale: float = 1.0
    compton_ev: float = 0.0
    compton_sigma_ev: float = 60.0
    elastic_ev: float = 0.0

    def energies_ev(self, channels: NDArray[np.integer]) -> Floats:
        """Energies of channels, in eV."""
        return np.asarray(self.zero_ev + self.gain_ev * channels, dtype=np.float64)

    def sigma_ev(self, energies_ev: Floats) -> Floats:
        """Standard deviation of peaks, in eV."""
        noise = (self.noise_ev / _FWHM) ** 2
        return np.asarray(np.sqrt(noise + self.fano * PAIR_EV * np.maximum(energies_ev, 0.0)))


@dataclass(frozen=True)
class Components:
    """Known curves that a spectrum is a sum of.

    Parameters
    ----------
    names
        Elements first, then "elastic", "compton", "constant" and "slope" as far as there are.
    columns
        Counts in each channel for one count in all (lines, scatter) or for one a channel
        (background), shape `(channels, k)`.
    """

    names: tuple[str, ...]
    columns: Floats


def components(
    response: Response, emitters: Sequence[Emitter], channels: NDArray[np.integer]
) -> Components:
    """Compute the known curves of a spectrum.

    Parameters
    ----------
    response
        The detector element.
    emitters
        What emits.
    channels
        Numbers of the channels, shape `(n,)`.

    Notes
    -----
    A line is a Gaussian with an exponential tail and a shelf below it, both broadened as the line
    is (Campbell et al., X-Ray Spectrom. 30, 230, 2001), and an escape peak of the share that
    photoabsorption near the surface gives (Reed and Ware, J. Phys. E 5, 582, 1972). An element's
    lines are one curve; it counts every photon detected, wherever it was recorded.
    """
    energies_ev = response.energies_ev(channels)
    curves = dict(
        zip(
            (emitter.element for emitter in emitters),
            _elements(response, emitters, energies_ev),
            strict=True,
        )
    )
    if response.elastic_ev:
        curves["elastic"] = _lines(response, np.array([response.elastic_ev]), energies_ev)[0]
    if response.compton_ev:
        wider_ev = response.compton_sigma_ev
        curves["compton"] = _lines(
            response, np.array([response.compton_ev]), energies_ev, wider_ev=wider_ev
        )[0]
    across = np.linspace(-1.0, 1.0, len(channels))
    curves |= {"constant": np.ones(len(channels)), "slope": across}
    return Components(tuple(curves), np.stack(list(curves.values()), axis=1))


def compton_ev(incident_ev: float, angle_deg: float = 90.0) -> float:
    """Energy of a photon scattered inelastically, in eV."""
    recoil = incident_ev / ELECTRON_EV * (1.0 - np.cos(np.radians(angle_deg)))
    return float(incident_ev / (1.0 + recoil))


def escape_share(energy_ev: float) -> float:
    """Part of a line's photons whose silicon K photon leaves through the surface they came by."""
    if energy_ev < 1839.0:
        return 0.0
    attenuation = _SILICON_AT_8_KEV * (8000.0 / energy_ev) ** 2.87
    ratio = attenuation / _SILICON_AT_ITS_LINE
    k_share, fluorescence_yield = 0.908, 0.043
    leaving = 0.5 * k_share * fluorescence_yield
    return float(leaving * (1.0 - np.log1p(ratio) / ratio))


def _elements(response: Response, emitters: Sequence[Emitter], energies_ev: Floats) -> Floats:
    """Curve of each element, its lines and their escape peaks together, shape `(k, channels)`."""
    peaks = [peak for emitter in emitters for peak in emitter.peaks]
    lines_ev = np.array([peak.energy_ev for peak in peaks])
    spread_ev = np.array([peak.spread_ev for peak in peaks])
    shares = np.concatenate([_shares(response, emitter) for emitter in emitters])
    escaping = np.array([escape_share(line_ev) for line_ev in lines_ev.tolist()])
    curves = (shares * (1.0 - escaping))[:, None] * _lines(
        response, lines_ev, energies_ev, wider_ev=spread_ev
    )
    escape_ev = lines_ev - ESCAPE_EV
    sigma_ev = np.hypot(response.sigma_ev(escape_ev), spread_ev)[:, None]
    deviations = (energies_ev - escape_ev[:, None]) / sigma_ev
    height = (shares * escaping * response.gain_ev)[:, None] / (np.sqrt(2.0 * np.pi) * sigma_ev)
    curves += height * np.exp(-0.5 * deviations**2)
    first = np.cumsum([0, *(len(emitter.peaks) for emitter in emitters[:-1])])
    return np.asarray(np.add.reduceat(curves, first, axis=0))


def _shares(response: Response, emitter: Emitter) -> Floats:
    shares = np.array(
        [peak.share * (response.beta_scale if peak.is_beta else 1.0) for peak in emitter.peaks]
    )
    return np.asarray(shares / shares.sum())


def _lines(
    response: Response, lines_ev: Floats, energies_ev: Floats, *, wider_ev: Floats | float = 0.0
) -> Floats:
    """Counts a channel of one count in a line and what hangs on it, shape `(lines, channels)`."""
    sigma_ev = np.hypot(response.sigma_ev(lines_ev), wider_ev)[:, None]
    x = (energies_ev - lines_ev[:, None]) / (np.sqrt(2.0) * sigma_ev)
    gaussian = np.exp(-(x**2))
    peak = (1.0 - response.tail_share - response.step_share) / (np.sqrt(2.0 * np.pi) * sigma_ev)
    tail = response.tail_share * _tail(x, gaussian, sigma_ev, response.tail_ev)
    shelf = response.step_share * erfc(x) / (2.0 * lines_ev[:, None])
    return np.asarray(response.gain_ev * (peak * gaussian + tail + shelf))


def _tail(x: Floats, gaussian: Floats, sigma_ev: Floats, tail_ev: float) -> Floats:
    """Exponential below a line, broadened like it, of unit area."""
    y = x + sigma_ev / (np.sqrt(2.0) * tail_ev)
    # exp(-x²) erfcx(y) is exp(y² - x²) erfc(y); far below the line erfc is 2 and erfcx too large
    near = gaussian * erfcx(np.maximum(y, -5.0))
    far = 2.0 * np.exp(np.minimum(y, -5.0) ** 2 - x**2)
    return np.asarray(np.where(y > -5.0, near, far) / (2.0 * tail_ev))
