"""Samples as physical truths: which atoms, in which valences, how thick and how warm."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.spectra import ELEMENTS, shapes

SHAPE_OF_VALENCE: Mapping[str, Mapping[int, str]] = {
    "Ni": {0: "Ni", 2: "NiO", 3: "LiNiO2", 4: "NiO2"},
    "Mn": {0: "Mn", 2: "MnO", 3: "Mn2O3", 4: "MnO2"},
    "Co": {0: "Co", 2: "CoO", 3: "LiCoO2"},
    "Fe": {0: "Fe"},
}


@dataclass(frozen=True)
class Sample:
    """What stands in the beam.

    Parameters
    ----------
    name
        As it stands in the run's metadata.
    atoms
        Atoms of each element in a formula unit.
    valences
        For each element with a K edge in reach, the share of each of its valences; they add up to
        1.
    areal_density_g_cm2
        Mass in a square centimetre of the beam's cross-section.
    temperature_k
        It damps the oscillations beyond the edge.

    Examples
    --------
    >>> nmc = MATERIALS["gradient, pristine"]
    >>> nmc.valences["Ni"], round(nmc.mean_valence("Ni"), 2)
    ({2: 0.33, 3: 0.67}, 2.67)
    """

    name: str
    atoms: Mapping[str, float] = field(default_factory=dict)
    valences: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    areal_density_g_cm2: float = 0.0
    temperature_k: float = 300.0

    def __post_init__(self) -> None:
        for element in self.atoms:
            if element not in ELEMENTS:
                raise ValueError(f"{self.name}: {element!r} is not one of {', '.join(ELEMENTS)}")
        for element, shares in self.valences.items():
            known = SHAPE_OF_VALENCE.get(element, {})
            if unknown := set(shares) - set(known):
                raise ValueError(
                    f"{self.name}: no spectrum for {element} of valence {sorted(unknown)}; "
                    f"there are {sorted(known)}"
                )
            if abs(sum(shares.values()) - 1) > 1e-9:
                raise ValueError(
                    f"{self.name}: shares of {element}'s valences add up to "
                    f"{sum(shares.values())}; let them add up to 1"
                )

    def mean_valence(self, element: str) -> float:
        """Mean valence of an element."""
        return sum(valence * share for valence, share in self.valences[element].items())

    def edge_step(self, element: str) -> float:
        """Rise of the absorption at an element's K edge, without unit."""
        per_density = self._mass_fraction(element) * ELEMENTS[element].jump_cm2_g
        return per_density * self.areal_density_g_cm2

    def with_edge_step(self, element: str, edge_step: float) -> "Sample":
        """Return the same sample, as thick as this edge step takes."""
        per_density = self._mass_fraction(element) * ELEMENTS[element].jump_cm2_g
        return replace(self, areal_density_g_cm2=edge_step / per_density)

    def absorption(self, energy_ev: NDArray[np.float64]) -> NDArray[np.float64]:
        """Absorption µ·thickness by everything in the sample.

        Parameters
        ----------
        energy_ev
            True photon energies, shape `(n,)`.

        Returns
        -------
        NDArray[np.float64]
            Shape `(n,)`, without unit.
        """
        total = np.zeros_like(energy_ev)
        for element in self.atoms:
            background = ELEMENTS[element].background_cm2_g(energy_ev)
            total += self._mass_fraction(element) * self.areal_density_g_cm2 * background
            total += self.k_absorption(element, energy_ev)
        return total

    def k_absorption(self, element: str, energy_ev: NDArray[np.float64]) -> NDArray[np.float64]:
        """Absorption by one element's K shell, shape `(n,)`, without unit."""
        total = np.zeros_like(energy_ev)
        for valence, share in self.valences.get(element, {}).items():
            shape = shapes()[SHAPE_OF_VALENCE[element][valence]]
            total += share * shape(energy_ev, self.temperature_k)
        one_step = ELEMENTS[element].k_shell_cm2_g(energy_ev)
        return self._mass_fraction(element) * self.areal_density_g_cm2 * one_step * total

    def truth(self) -> dict[str, object]:
        """Give what is true of the sample, as a run's metadata can carry it."""
        return {
            "atoms": dict(self.atoms),
            "valences": {
                element: {str(valence): share for valence, share in shares.items()}
                for element, shares in self.valences.items()
            },
            "mean_valence": {element: self.mean_valence(element) for element in self.valences},
            "edge_step": {element: self.edge_step(element) for element in self.valences},
            "temperature_k": self.temperature_k,
        }

    def _mass_fraction(self, element: str) -> float:
        masses = {name: n * ELEMENTS[name].atomic_weight for name, n in self.atoms.items()}
        return masses[element] / sum(masses.values())


@cache
def foil(element: str, edge_step: float = 1.2) -> Sample:
    """Give a metal foil of one element.

    Parameters
    ----------
    element
        Its element.
    edge_step
        How thick it is, as the rise of its absorption at the edge.

    Returns
    -------
    Sample
        The foil, at room temperature.
    """
    return Sample(element, {element: 1.0}, {element: {0: 1.0}}).with_edge_step(element, edge_step)


def _oxide(name: str, metal: str, valence: int, **atoms: float) -> Sample:
    return Sample(name, atoms, {metal: {valence: 1.0}}).with_edge_step(metal, 1.0)


def _nmc622(name: str, ni2: float) -> Sample:
    atoms = {"Li": 1.0, "Ni": 0.6, "Mn": 0.2, "Co": 0.2, "O": 2.0}
    valences = {"Ni": {2: ni2, 3: round(1 - ni2, 9)}, "Mn": {4: 1.0}, "Co": {3: 1.0}}
    return Sample(name, atoms, valences).with_edge_step("Ni", 0.8)


def _catalogue() -> dict[str, Sample]:
    samples = [
        Sample("empty"),
        _nmc622("conventional, pristine", 0.33),
        _nmc622("conventional, 100 cycles", 0.45),
        _nmc622("gradient, pristine", 0.33),
        _nmc622("gradient, 100 cycles", 0.33),
        _oxide("NiO", "Ni", 2, Ni=1.0, O=1.0),
        _oxide("LiNiO2", "Ni", 3, Li=1.0, Ni=1.0, O=2.0),
        _oxide("NiO2", "Ni", 4, Ni=1.0, O=2.0),
        _oxide("MnO", "Mn", 2, Mn=1.0, O=1.0),
        _oxide("Mn2O3", "Mn", 3, Mn=2.0, O=3.0),
        _oxide("MnO2", "Mn", 4, Mn=1.0, O=2.0),
        _oxide("CoO", "Co", 2, Co=1.0, O=1.0),
        _oxide("LiCoO2", "Co", 3, Li=1.0, Co=1.0, O=2.0),
        *(foil(element) for element in SHAPE_OF_VALENCE),
    ]
    return {sample.name: sample for sample in samples}


MATERIALS: Mapping[str, Sample] = MappingProxyType(_catalogue())
"""Samples at hand, by name. "100 cycles" are in the discharged state: the conventional material
has lost valence at nickel, the gradient one has not; manganese stays at 4 and cobalt at 3 in
both."""
