"""What a silicon detector makes of lines: peaks with tails, escape peaks, scatter, background."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, erfcx

from cgnmc_bluesky.analysis.xrf.lines import Emitter

Floats = NDArray[np.float64]
Numbers = Mapping[str, Floats]
"""Each number of m responses, shape `(m, 1, 1)`."""

BACKGROUND = ("constant", "slope", "bend")
"""Curves that the background is made of."""
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
        Elements first, then "elastic" and "compton" as far as there are, then the background.
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
    names = [emitter.element for emitter in emitters]
    names += ["elastic"] * bool(response.elastic_ev) + ["compton"] * bool(response.compton_ev)
    return Components((*names, *BACKGROUND), curves([response], emitters, channels)[0])


def curves(
    responses: Sequence[Response], emitters: Sequence[Emitter], channels: NDArray[np.integer]
) -> Floats:
    """Compute the known curves for several responses that have the same scatter, at one go.

    Returns
    -------
    NDArray[np.float64]
        Columns of the components, shape `(responses, channels, k)`.
    """
    of = {
        field.name: np.array([getattr(one, field.name) for one in responses])[:, None, None]
        for field in fields(Response)
    }
    energies_ev = of["zero_ev"] + of["gain_ev"] * channels
    parts = [_elements(of, emitters, energies_ev)]
    if responses[0].elastic_ev:
        parts.append(_lines(of, of["elastic_ev"], energies_ev))
    if responses[0].compton_ev:
        parts.append(_lines(of, of["compton_ev"], energies_ev, of["compton_sigma_ev"]))
    across = np.linspace(-1.0, 1.0, len(channels))
    background = np.stack([np.ones(len(channels)), across, across**2 - 1.0 / 3.0])
    parts.append(np.broadcast_to(background, (len(responses), *background.shape)))
    return np.ascontiguousarray(np.concatenate(parts, axis=1).swapaxes(1, 2))


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


def _elements(of: Numbers, emitters: Sequence[Emitter], energies_ev: Floats) -> Floats:
    """Curve of each element, its lines and their escape peaks together, `(m, k, channels)`."""
    peaks = [peak for emitter in emitters for peak in emitter.peaks]
    lines_ev = np.array([[peak.energy_ev] for peak in peaks])
    spread_ev = np.array([[peak.spread_ev] for peak in peaks])
    shares = np.concatenate([_shares(of, emitter) for emitter in emitters], axis=1)
    escaping = np.array([[escape_share(peak.energy_ev)] for peak in peaks])
    found = shares * (1.0 - escaping) * _lines(of, lines_ev, energies_ev, spread_ev)
    escape_ev = lines_ev - ESCAPE_EV
    sigma_ev = np.hypot(_sigma_ev(of, escape_ev), spread_ev)
    deviations = (energies_ev - escape_ev) / sigma_ev
    height = shares * escaping * of["gain_ev"] / (np.sqrt(2.0 * np.pi) * sigma_ev)
    found += height * np.exp(-0.5 * deviations**2)
    first = np.cumsum([0, *(len(emitter.peaks) for emitter in emitters[:-1])])
    return np.asarray(np.add.reduceat(found, first, axis=1))


def _shares(of: Numbers, emitter: Emitter) -> Floats:
    """Part of an element's counts in each of its peaks, shape `(m, peaks, 1)`."""
    is_beta = np.array([[peak.is_beta] for peak in emitter.peaks])
    shares = np.array([[peak.share] for peak in emitter.peaks])
    shares = shares * np.where(is_beta, of["beta_scale"], 1.0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _sigma_ev(of: Numbers, energies_ev: Floats) -> Floats:
    noise = (of["noise_ev"] / _FWHM) ** 2
    return np.asarray(np.sqrt(noise + of["fano"] * PAIR_EV * np.maximum(energies_ev, 0.0)))


def _lines(
    of: Numbers, lines_ev: Floats, energies_ev: Floats, wider_ev: Floats | float = 0.0
) -> Floats:
    """Counts a channel of one count in a line and what hangs on it, `(m, lines, channels)`."""
    sigma_ev = np.hypot(_sigma_ev(of, lines_ev), wider_ev)
    x = (energies_ev - lines_ev) / (np.sqrt(2.0) * sigma_ev)
    gaussian = np.exp(-(x**2))
    peak = (1.0 - of["tail_share"] - of["step_share"]) / (np.sqrt(2.0 * np.pi) * sigma_ev)
    tail = of["tail_share"] * _tail(x, gaussian, sigma_ev, of["tail_ev"])
    shelf = of["step_share"] * erfc(x) / (2.0 * lines_ev)
    return np.asarray(of["gain_ev"] * (peak * gaussian + tail + shelf))


def _tail(x: Floats, gaussian: Floats, sigma_ev: Floats, tail_ev: Floats) -> Floats:
    """Exponential below a line, broadened like it, of unit area."""
    y = x + sigma_ev / (np.sqrt(2.0) * tail_ev)
    # exp(-x²) erfcx(y) is exp(y² - x²) erfc(y); far below the line erfc is 2 and erfcx too large
    near = gaussian * erfcx(np.maximum(y, -5.0))
    far = 2.0 * np.exp(np.minimum(y, -5.0) ** 2 - x**2)
    return np.asarray(np.where(y > -5.0, near, far) / (2.0 * tail_ev))
