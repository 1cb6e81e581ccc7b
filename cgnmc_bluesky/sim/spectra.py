"""Absorption at K edges as the simulated beamline has it: shapes of its own.

They are fitted to measured spectra, which are not part of the simulator.

A spectrum in edge steps is a rounded step (part arctangent, part error function), Gaussians for the
pre-edge peak, the white line and the near-edge structure, and damped waves in the photoelectron's
wave number for the oscillations beyond. The parameters stand in `shapes.toml` with what each was
fitted to; the misfit from 25 eV before to 80 eV after the edge, rms in edge steps:

=========  ==================================================================  ==============
shape      fitted to                                                           misfit
=========  ==================================================================  ==============
Ni, Mn     metal foils, LISA BM08                                              0.0004, 0.0010
Co, Fe     metal foils, LISA BM08                                              0.0008, 0.0010
NiO        NiO, LISA BM08                                                      0.0011
LiNiO2     LiNiO2 electrode before its first charge, SOLEIL ROCK               0.0007
NiO2       the same electrode charged to x(Li) = 0.16, SOLEIL ROCK             0.0009
MnO        MnO, LISA BM08, without its glitch 8 eV before the edge             0.0016
Mn2O3      Mn2O3, SSRL 4-3, which ends 90 eV above the edge                    0.0015
MnO2       MnO2, LISA BM08                                                     0.0012
CoO        CoO at 80 K, LISA BM08                                              0.0016
LiCoO2     LiCoO2 at 80 K, LISA BM08                                           0.0016
=========  ==================================================================  ==============

The first inflection of each foil is put on its table value. The analysis has no part in any of
this.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

K_SQUARED_PER_EV = 0.262468
"""Square of a photoelectron's wave number for each eV above the edge, in 1/A^2."""
ONSET_EV = 50.0
"""Where the waves take over from the peaks, above the table value."""
EINSTEIN_A2_PER_K = 1.2e-5
"""Growth of a neighbour's mean square displacement with temperature, in A^2 for each K."""


@dataclass(frozen=True)
class Element:
    """How an element absorbs, as power laws around its K edge (values of Elam's tables).

    Parameters
    ----------
    atomic_weight
        In g/mol.
    energy_ev
        The K edge; for light elements the energy at which `below_cm2_g` holds.
    below_cm2_g
        Absorption at that energy by all but the K shell, with exponent `below_power` in energy.
    jump_cm2_g
        Absorption by the K shell just above the edge, with exponent `jump_power`.
    fluorescence_yield
        Kα and Kβ photons for each K hole.
    emission_ev
        Energy of the Kα line.
    """

    atomic_weight: float
    energy_ev: float
    below_cm2_g: float
    below_power: float
    jump_cm2_g: float = 0.0
    jump_power: float = 0.0
    fluorescence_yield: float = 0.0
    emission_ev: float = 0.0

    def background_cm2_g(self, energy_ev: NDArray[np.float64]) -> NDArray[np.float64]:
        """Absorption without the K shell, in cm²/g."""
        return self.below_cm2_g * np.power(energy_ev / self.energy_ev, self.below_power)

    def k_shell_cm2_g(self, energy_ev: NDArray[np.float64]) -> NDArray[np.float64]:
        """Absorption that one edge step stands for, in cm²/g."""
        return self.jump_cm2_g * np.power(energy_ev / self.energy_ev, self.jump_power)


ELEMENTS: Mapping[str, Element] = {
    "Li": Element(6.94, 8000.0, 0.514, -2.14),
    "O": Element(15.999, 8000.0, 11.64, -3.01),
    "Mn": Element(54.938, 6539.0, 58.03, -2.747, 394.87, -2.457, 0.319, 5899.0),
    "Fe": Element(55.845, 7112.0, 53.19, -2.742, 355.78, -2.452, 0.351, 6404.0),
    "Co": Element(58.933, 7709.0, 47.11, -2.737, 309.38, -2.468, 0.382, 6930.0),
    "Ni": Element(58.693, 8333.0, 44.28, -2.739, 285.35, -2.451, 0.412, 7478.0),
}


@dataclass(frozen=True)
class Shape:
    """One compound's K edge, in edge steps over energies relative to the element's table value.

    Parameters
    ----------
    name
        The compound, or the element for a metal.
    element
        Which element's edge it is.
    fitted_to
        The measured spectrum behind the numbers.
    rms_misfit
        How well they reproduce it near the edge, in edge steps.
    temperature_k
        Temperature of that measurement.
    step
        Centre and width in eV, and the arctangent's share.
    peaks
        Centre and width in eV and height of each Gaussian.
    waves
        Distance in A, mean square displacement in A², sine and cosine amplitude of each wave.
    """

    name: str
    element: str
    fitted_to: str
    rms_misfit: float
    temperature_k: float
    step: tuple[float, float, float]
    peaks: tuple[tuple[float, float, float], ...]
    waves: tuple[tuple[float, float, float, float], ...]

    def __call__(
        self, energy_ev: NDArray[np.float64], temperature_k: float = 300.0
    ) -> NDArray[np.float64]:
        """Absorption in edge steps.

        Parameters
        ----------
        energy_ev
            True photon energies, shape `(n,)`.
        temperature_k
            The sample's temperature, which damps the waves.

        Returns
        -------
        NDArray[np.float64]
            Shape `(n,)`; 0 far before and 1 far after the edge.
        """
        x_ev = np.asarray(energy_ev, float) - ELEMENTS[self.element].energy_ev
        centre_ev, width_ev, arctan = self.step
        u = (x_ev - centre_ev) / width_ev
        steps: NDArray[np.float64] = 0.5 + 0.5 * (1 - arctan) * erf(u)
        steps += arctan * np.arctan(u) / np.pi
        for centre_ev, width_ev, height in self.peaks:
            steps += height * np.exp(-0.5 * ((x_ev - centre_ev) / width_ev) ** 2)
        return steps + self._oscillations(x_ev, temperature_k - self.temperature_k)

    def _oscillations(self, x_ev: NDArray[np.float64], warmer_k: float) -> NDArray[np.float64]:
        wave_number = np.sqrt(K_SQUARED_PER_EV * np.clip(x_ev, 0, None))
        after_ev = np.clip(x_ev, 0, None)
        onset = after_ev**4 / (after_ev**4 + ONSET_EV**4) * (4 / (1 + wave_number)) ** 2
        total = np.zeros_like(x_ev)
        for distance_a, displacement_a2, sine, cosine in self.waves:
            phase = 2 * distance_a * wave_number
            spread_a2 = max(displacement_a2 + EINSTEIN_A2_PER_K * warmer_k, 0.0)
            damping = np.exp(-2 * spread_a2 * wave_number**2)
            total += damping * (sine * np.sin(phase) + cosine * np.cos(phase))
        return onset * total


@cache
def shapes() -> Mapping[str, Shape]:
    """Every shape there is, by its name."""
    text = files("cgnmc_bluesky.sim").joinpath("shapes.toml").read_text(encoding="utf-8")
    return {name: _shape(name, numbers) for name, numbers in tomllib.loads(text).items()}


def _shape(name: str, numbers: Mapping[str, object]) -> Shape:
    rows = {key: _frozen(value) for key, value in numbers.items()}
    return Shape(name=name, **rows)  # type: ignore[arg-type]


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
