"""Samples as physical truths: what their metals are at the surface, and what they are below."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.soft.spectra import LIGHT_ELEMENTS

SHAPE_OF_VALENCE: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "Ni": {0: "Ni", 2: "NiO", 3: "LiNiO2"},
        "Mn": {0: "Mn", 2: "MnO", 3: "Mn2O3", 4: "MnO2"},
        "Co": {0: "Co", 2: "CoO", 3: "LiCoO2"},
    }
)
ESCAPE_DEPTH_NM = 3.0
"""Depth from which 1/e of the electrons get out."""
LAYER_NM = 3.0
"""Depth at which 1/e is left of the difference between surface and bulk."""
NMC_G_CM3 = 4.7

Shares = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class SoftSample:
    """Matter below a plane surface, thicker than any light reaches.

    The share of a valence goes from the surface's to the bulk's as exp(-depth / `layer_nm`); the
    composition is the same at all depths that soft X-rays see.

    Parameters
    ----------
    name
        As it stands in the run's metadata.
    atoms
        Atoms of each element in a formula unit.
    bulk
        For each metal, the share of each of its valences far below; they add up to 1.
    surface
        The same at the surface, of the metals that are different there.
    density_g_cm3
        Density.
    layer_nm
        How deep the surface goes.
    metadata
        What a run of it says besides: `material`, `cycles`.

    Examples
    --------
    >>> aged = MATERIALS["conventional, 100 cycles"]
    >>> round(aged.mean_share("Ni", 2, ESCAPE_DEPTH_NM), 3), round(aged.share("Ni", 2, 1000.0), 3)
    (0.62, 0.33)
    """

    name: str
    atoms: Mapping[str, float] = field(default_factory=dict)
    bulk: Shares = field(default_factory=dict)
    surface: Shares = field(default_factory=dict)
    density_g_cm3: float = NMC_G_CM3
    layer_nm: float = LAYER_NM
    metadata: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.layer_nm > 0 and self.density_g_cm3 > 0):
            raise ValueError(
                f"{self.name}: layer_nm is {self.layer_nm} and density_g_cm3 "
                f"{self.density_g_cm3}; give both above 0"
            )
        if unknown := [name for name in self.atoms if name not in {*self.bulk, *LIGHT_ELEMENTS}]:
            raise ValueError(
                f"{self.name}: {unknown[0]} is neither one of {', '.join(LIGHT_ELEMENTS)} nor a "
                "metal whose valences are given in bulk"
            )
        for where, shares in (("bulk", self.bulk), ("surface", self.surface)):
            for element, of_valences in shares.items():
                self._check(f"{where} {element}", element, of_valences)

    def valences(self, element: str) -> tuple[int, ...]:
        """Valences that a metal has at the surface, below, or in any oxide."""
        of_oxides = {valence for valence in SHAPE_OF_VALENCE[element] if valence > 0}
        return tuple(sorted({*self.bulk[element], *self._at_surface(element), *of_oxides}))

    def share(self, element: str, valence: int, depth_nm: float) -> float:
        """Share of a valence among a metal's atoms at a depth."""
        bulk = self.bulk[element].get(valence, 0.0)
        excess = self._at_surface(element).get(valence, 0.0) - bulk
        return float(bulk + excess * np.exp(-depth_nm / self.layer_nm))

    def mean_share(self, element: str, valence: int, depth_nm: float) -> float:
        """Share as a probe sees it whose sensitivity falls as exp(-depth / `depth_nm`)."""
        bulk = self.bulk[element].get(valence, 0.0)
        excess = self._at_surface(element).get(valence, 0.0) - bulk
        return float(bulk + excess * self.layer_nm / (self.layer_nm + depth_nm))

    def layer_shares(
        self, element: str, valence: int, edges_nm: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Mean share of a valence in layers.

        Parameters
        ----------
        element, valence
            Whose share.
        edges_nm
            Depths between the layers from 0 on, shape `(n,)`; below the last one is another layer.

        Returns
        -------
        NDArray[np.float64]
            Shape `(n,)`, the last one that of the bulk.
        """
        bulk = self.bulk[element].get(valence, 0.0)
        excess = self._at_surface(element).get(valence, 0.0) - bulk
        left = np.exp(-edges_nm / self.layer_nm)
        means = excess * self.layer_nm * -np.diff(left) / np.diff(edges_nm)
        return bulk + np.append(means, 0.0)

    def _at_surface(self, element: str) -> Mapping[int, float]:
        return self.surface.get(element, self.bulk[element])

    def _check(self, where: str, element: str, shares: Mapping[int, float]) -> None:
        known = SHAPE_OF_VALENCE.get(element, {})
        if element not in self.atoms or element not in self.bulk:
            raise ValueError(f"{self.name}: {where} is of an element that is not in its formula")
        if unknown := set(shares) - set(known):
            raise ValueError(
                f"{self.name}: no spectrum for {where} of valence {sorted(unknown)}; "
                f"there are {sorted(known)}"
            )
        if abs(sum(shares.values()) - 1) > 1e-9 or min(shares.values()) < 0:
            raise ValueError(
                f"{self.name}: shares in {where} are {dict(shares)}; "
                "let them be 0 or more and add up to 1"
            )


def aged(name: str, atoms: Mapping[str, float], seen: Shares, **metadata: object) -> SoftSample:
    """Give a layered oxide whose electron yield shows these shares.

    Parameters
    ----------
    name
        Its name.
    atoms
        Its composition.
    seen
        For each metal, the share of each valence as electrons from `ESCAPE_DEPTH_NM` show it.
    **metadata
        What its runs say besides.

    Returns
    -------
    SoftSample
        As much of it at the surface as that takes; below it is `BULK`.
    """
    stretch = (LAYER_NM + ESCAPE_DEPTH_NM) / LAYER_NM
    surface = {
        element: {
            valence: BULK[element].get(valence, 0.0)
            + stretch * (share - BULK[element].get(valence, 0.0))
            for valence, share in shares.items()
        }
        for element, shares in seen.items()
    }
    return SoftSample(name, atoms, BULK, surface, metadata=metadata)


BULK: Shares = MappingProxyType({"Ni": {2: 0.33, 3: 0.67}, "Mn": {4: 1.0}, "Co": {3: 1.0}})
"""A layered oxide after discharge, nickel at +2.67: below the surface it stays so."""
CYCLES = (0, 1, 50, 100)
NI2: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"conventional": (0.42, 0.45, 0.53, 0.62), "gradient": (0.42, 0.41, 0.38, 0.35)}
)
"""Share of Ni2+ that electrons show after each of `CYCLES`."""
MN2 = (0.05, 0.10, 0.22, 0.35)
MN3 = (0.03, 0.04, 0.06, 0.08)
CO2 = (0.02, 0.03, 0.06, 0.10)
"""Likewise Mn2+, Mn3+ and Co2+, in both materials."""
SURFACE_ATOMS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "conventional": {"Li": 1.0, "Ni": 0.6, "Mn": 0.2, "Co": 0.2, "O": 2.0},
        "gradient": {"Li": 1.0, "Ni": 0.4, "Mn": 0.4, "Co": 0.2, "O": 2.0},
    }
)
"""Composition of the outer micrometre, which is all that soft X-rays see."""


def _series(material: str) -> list[SoftSample]:
    samples = []
    for cycles, ni2, mn2, mn3, co2 in zip(CYCLES, NI2[material], MN2, MN3, CO2, strict=True):
        age = {0: "pristine", 1: "1 cycle"}.get(cycles, f"{cycles} cycles")
        seen = {
            "Ni": {2: ni2, 3: 1 - ni2},
            "Mn": {2: mn2, 3: mn3, 4: 1 - mn2 - mn3},
            "Co": {2: co2, 3: 1 - co2},
        }
        name = f"{material}, {age}"
        atoms = SURFACE_ATOMS[material]
        samples.append(aged(name, atoms, seen, material=material, cycles=cycles))
    return samples


def _pure(name: str, metal: str, valence: int, density: float, **atoms: float) -> SoftSample:
    return SoftSample(name, atoms, {metal: {valence: 1.0}}, density_g_cm3=density)


def _catalogue() -> dict[str, SoftSample]:
    samples = [
        *_series("conventional"),
        *_series("gradient"),
        _pure("NiO", "Ni", 2, 6.67, Ni=1.0, O=1.0),
        _pure("LiNiO2", "Ni", 3, 4.78, Li=1.0, Ni=1.0, O=2.0),
        _pure("MnO", "Mn", 2, 5.37, Mn=1.0, O=1.0),
        _pure("Mn2O3", "Mn", 3, 4.89, Mn=2.0, O=3.0),
        _pure("MnO2", "Mn", 4, 5.03, Mn=1.0, O=2.0),
        _pure("CoO", "Co", 2, 6.44, Co=1.0, O=1.0),
        _pure("LiCoO2", "Co", 3, 5.06, Li=1.0, Co=1.0, O=2.0),
        _pure("Ni", "Ni", 0, 8.91, Ni=1.0),
        _pure("Mn", "Mn", 0, 7.21, Mn=1.0),
        _pure("Co", "Co", 0, 8.90, Co=1.0),
    ]
    return {sample.name: sample for sample in samples}


MATERIALS: Mapping[str, SoftSample] = MappingProxyType(_catalogue())
"""Samples at hand, by name: both materials after each of `CYCLES`, and the standards."""
