"""Photons that a particle under the beam sends to a detector: lines, scatter and a continuum."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.spectra import ELEMENTS

K_LINES_EV: Mapping[str, tuple[float, float, float, float]] = {
    "Mn": (5898.8, 5887.7, 6490.5, 6535.2),
    "Co": (6930.4, 6915.4, 7649.4, 7706.0),
    "Ni": (7478.3, 7461.0, 8264.7, 8328.6),
}
"""Kα1, Kα2, Kβ1,3 and Kβ5 (Bearden, Rev. Mod. Phys. 39 (1967) 78), in eV."""
BETA_TO_ALPHA: Mapping[str, float] = {"Mn": 0.1385, "Co": 0.1400, "Ni": 0.1400}
"""Kβ over Kα photons: a few per cent less than in the tables that analyses use, as measurements
also scatter."""
ALPHA2 = 0.338
"""Part of Kα."""
BETA5 = 0.008
"""Part of Kβ."""
AVOGADRO = 6.02214e23
CM_PER_UM = 1e-4
ELECTRON_MASS_EV = 510_999.0
COMPTON_WIDTH_EV = 70.0
CONTINUUM_STEP_EV = 80.0
STRAY_DECAY_EV = 1600.0
STRAY = 0.6
"""Stray light relative to bremsstrahlung, in photons."""


@dataclass(frozen=True)
class Source:
    """Photons of one origin, as they are spread over energy.

    Parameters
    ----------
    name
        Where they come from, "Ni Ka".
    energies_ev
        Energies of its lines.
    shares
        Part of the photons in each; they add up to 1.
    width_ev
        Standard deviation of each line before it reaches the detector.
    """

    name: str
    energies_ev: tuple[float, ...]
    shares: tuple[float, ...]
    width_ev: float = 0.0


@dataclass(frozen=True)
class Emission:
    """Photons that reach a detector, pixel by pixel.

    Parameters
    ----------
    sources
        Where they come from, k of them.
    photons
        Expected photons of each source in each pixel's dwell, shape `(n, k)`.
    """

    sources: tuple[Source, ...]
    photons: NDArray[np.float64]

    def of(self, element: str) -> NDArray[np.float64]:
        """Expected K photons of an element, shape `(n,)`."""
        named = [source.name.split()[0] == element for source in self.sources]
        total: NDArray[np.float64] = self.photons[:, named].sum(axis=1)
        return total

    def scaled(self, factor: NDArray[np.float64] | float) -> "Emission":
        """Return what another flux gives: a factor for all pixels, or of shape `(n,)` for each."""
        return Emission(self.sources, self.photons * np.reshape(factor, (-1, 1)))


@dataclass(frozen=True)
class KShell:
    """What makes an element's K photons.

    Parameters
    ----------
    photoabsorption_cm2_g
        At 9000 eV.
    jump_ratio
        Absorption above over below the K edge.
    fluorescence_yield
        Photons for each hole.
    """

    photoabsorption_cm2_g: float
    jump_ratio: float
    fluorescence_yield: float

    def photons_um2(self, element: str, incident_energy_ev: float) -> float:
        """K photons of one atom for each photon in a square micrometre, in µm²."""
        k_cm2_g = self.photoabsorption_cm2_g * (1 - 1 / self.jump_ratio)
        k_cm2_g *= (incident_energy_ev / 9000.0) ** ELEMENTS[element].jump_power
        per_atom_cm2 = k_cm2_g * ELEMENTS[element].atomic_weight / AVOGADRO
        return float(per_atom_cm2 * self.fluorescence_yield / CM_PER_UM**2)


K_SHELLS: Mapping[str, KShell] = {
    "Mn": KShell(199.5, 8.00, 0.319),
    "Co": KShell(240.3, 7.80, 0.382),
    "Ni": KShell(270.6, 7.71, 0.412),
}


def k_lines(element: str) -> tuple[Source, Source]:
    """Give an element's Kα and Kβ, each as a source of its own: they are absorbed unlike."""
    alpha1_ev, alpha2_ev, beta13_ev, beta5_ev = K_LINES_EV[element]
    return (
        Source(f"{element} Ka", (alpha1_ev, alpha2_ev), (1 - ALPHA2, ALPHA2)),
        Source(f"{element} Kb", (beta13_ev, beta5_ev), (1 - BETA5, BETA5)),
    )


def scatter(incident_energy_ev: float) -> tuple[Source, Source]:
    """Give what is scattered by a right angle: elastic, and Compton with its Doppler width."""
    compton_ev = incident_energy_ev / (1 + incident_energy_ev / ELECTRON_MASS_EV)
    return (
        Source("elastic", (incident_energy_ev,), (1.0,)),
        Source("Compton", (compton_ev,), (1.0,), COMPTON_WIDTH_EV),
    )


def continuum(incident_energy_ev: float) -> Source:
    """Give bremsstrahlung of photoelectrons (Kramers' law) over an exponential of stray light."""
    energies_ev = np.arange(500.0, incident_energy_ev, CONTINUUM_STEP_EV)
    kramers = (incident_energy_ev - energies_ev) / energies_ev
    stray = np.exp(-energies_ev / STRAY_DECAY_EV)
    shares = kramers / kramers.sum() + STRAY * stray / stray.sum()
    shares /= shares.sum()
    return Source(
        "continuum", tuple(energies_ev.tolist()), tuple(shares.tolist()), CONTINUUM_STEP_EV
    )


ARGON_K = Source("Ar K", (2957.7, 3190.5), (0.895, 0.105))
"""From the air."""
