"""The light's way through ion chambers, sample and foil."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Fault, FaultKind
from cgnmc_bluesky.sim.light import Curve, Light, Spectrum
from cgnmc_bluesky.sim.ring import StorageRing
from cgnmc_bluesky.sim.sample import Sample, foil
from cgnmc_bluesky.sim.spectra import ELEMENTS

GAS_ABSORBS: Mapping[str, float] = {"i0": 0.13, "it": 0.7, "ir": 2.0}
"""Absorption of each chamber's gas at 8333 eV; it falls with the third power of the energy."""
FLUORESCENCE_SEEN = 0.01
"""Share of the fluorescence photons that the detector sees."""
SCATTER_SEEN = 2e-5
"""Photons scattered into the fluorescence detector, of those that reach the sample."""
GLITCH_LEAVES: Mapping[str, float] = {"i0": 0.6, "it": 0.57, "ir": 0.55, "if": 0.58}
"""Light left in each channel at a glitch; unlike in each, so that it does not cancel in ratios."""


class Endstation(Light):
    """Everything behind the monochromator, as light meets it.

    Parameters
    ----------
    clock
        The simulation's clock.
    ring
        Where the light comes from.
    true_energy_ev
        Photon energy as it really is.
    sample
        What stands in the beam first.
    foil_element
        The foil between the second and third chamber; `None` for none.
    flux_ph_s
        Photons a second before the first chamber, at a full ring.
    faults
        What goes wrong.
    """

    def __init__(
        self,
        clock: Clock,
        ring: StorageRing,
        true_energy_ev: Callable[[], float],
        *,
        sample: Sample,
        foil_element: str | None,
        flux_ph_s: float,
        faults: Iterable[Fault] = (),
    ) -> None:
        super().__init__(clock, ring, true_energy_ev, faults=faults, glitch_leaves=GLITCH_LEAVES)
        self.sample = sample
        self.foil_element = foil_element
        self.flux_ph_s = flux_ph_s
        self._curves: dict[tuple[str, str], Curve] = {}

    def _photons_s(
        self, energy_ev: float, ring_ma: float, struck: Mapping[FaultKind, Fault]
    ) -> dict[str, float]:
        flux_ph_s = self.flux_ph_s * ring_ma / self.ring.full_ma * _undulation(energy_ev)
        foil_element = struck["foil"].element if "foil" in struck else self.foil_element
        gas = (energy_ev / 8333.0) ** -3
        sample = self.sample
        absorption = self._curve("absorption", sample.name, sample.absorption)
        fluorescence = self._curve("fluorescence", sample.name, partial(_fluorescence, sample))
        i0, left = _absorbed(flux_ph_s, GAS_ABSORBS["i0"] * gas)
        seen = {"i0": i0, "if": left * fluorescence.at(energy_ev)}
        left *= np.exp(-absorption.at(energy_ev))
        seen["it"], left = _absorbed(left, GAS_ABSORBS["it"] * gas)
        if foil_element is not None:
            behind = self._curve("foil", foil_element, foil(foil_element).absorption)
            left *= np.exp(-behind.at(energy_ev))
        seen["ir"], _ = _absorbed(left, GAS_ABSORBS["ir"] * gas)
        return seen

    def _curve(self, kind: str, name: str, function: Spectrum) -> Curve:
        if (kind, name) not in self._curves:
            self._curves[kind, name] = Curve(function)
        return self._curves[kind, name]


def _absorbed(photons_s: float, absorption: float) -> tuple[float, float]:
    left = photons_s * np.exp(-absorption)
    return photons_s - left, left


def _undulation(energy_ev: float) -> float:
    """Flux against energy: it falls, with the slow ripple of mirrors."""
    ripple = 1 + 0.01 * np.sin(energy_ev / 60.0)
    return float((energy_ev / 8000.0) ** -1.5 * ripple)


def _fluorescence(sample: Sample, energy_ev: NDArray[np.float64]) -> NDArray[np.float64]:
    """Photons seen for each that reaches the sample, at 45° in and out, with self-absorption."""
    into = sample.absorption(energy_ev)
    total = np.full_like(energy_ev, SCATTER_SEEN)
    for element in sample.valences:
        out = sample.absorption(np.array([ELEMENTS[element].emission_ev]))[0]
        made = sample.k_absorption(element, energy_ev) * ELEMENTS[element].fluorescence_yield
        path = np.sqrt(2) * (into + out)
        escapes = np.where(path > 1e-9, -np.expm1(-path) / np.maximum(path, 1e-9), 1.0)
        total += FLUORESCENCE_SEEN * np.sqrt(2) * made * escapes
    return total
