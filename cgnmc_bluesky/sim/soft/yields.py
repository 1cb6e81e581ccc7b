"""Electrons and fluorescence of a sample, integrated over depth.

Light that comes in under the angle α is at depth z weaker by `exp(-∫µ dz / sin α)`. Of what it sets
free there, electrons reach the surface as `exp(-z/λ)`, fluorescence under the angle β as
`exp(-∫µ' dz / sin β)` with the absorption µ' at its own energy. In a layer of one kind all these
are one exponential, whose integral is exact.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.soft.matter import EDGES_NM, OXYGEN_YIELD, Matter, reduced
from cgnmc_bluesky.sim.soft.sample import ESCAPE_DEPTH_NM, SoftSample
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS

ELECTRONS_PER_EV = 0.003
"""Electrons that leave, for each eV absorbed right at the surface."""
LINE_RANGE_EV = (-3.0, 10.0)
"""The L3 white line, from the edge's table energy."""


@dataclass(frozen=True)
class Geometry:
    """How light comes in and goes out.

    Parameters
    ----------
    incidence_deg
        Angle of the beam with the surface.
    exit_deg
        The same of what the fluorescence detector sees.
    escape_depth_nm
        Depth from which 1/e of the electrons get out.
    """

    incidence_deg: float = 60.0
    exit_deg: float = 30.0
    escape_depth_nm: float = ESCAPE_DEPTH_NM

    def __post_init__(self) -> None:
        for name in ("incidence_deg", "exit_deg"):
            if not 0 < getattr(self, name) <= 90:
                raise ValueError(f"{name} is {getattr(self, name)}; give above 0 and up to 90")
        if not self.escape_depth_nm > 0:
            raise ValueError(f"escape_depth_nm is {self.escape_depth_nm}; give a depth above 0")

    @property
    def sine_in(self) -> float:
        """Sine of the angle of incidence."""
        return math.sin(math.radians(self.incidence_deg))

    @property
    def sine_out(self) -> float:
        """Sine of the exit angle."""
        return math.sin(math.radians(self.exit_deg))


class Target:
    """A sample in the beam.

    Parameters
    ----------
    sample
        The sample.
    geometry
        How it stands.
    """

    def __init__(self, sample: SoftSample, geometry: Geometry) -> None:
        self.sample = sample
        self.geometry = geometry
        self._matter = Matter(sample)
        emitters = (*sample.bulk, *(["O"] if "O" in sample.atoms else []))
        self._out_per_nm = {
            name: self._matter.out_per_nm(name) / geometry.sine_out for name in emitters
        }

    def yields(self, energy_ev: float, left: float = 1.0) -> tuple[float, Mapping[str, float]]:
        """Electrons and fluorescence photons for each photon that comes in.

        Parameters
        ----------
        energy_ev
            True photon energy.
        left
            Part of all atoms that the beam has not reduced.

        Returns
        -------
        tuple[float, Mapping[str, float]]
            The electrons that leave; the photons of each emitting element, in all directions and
            as weak as they are towards the detector.
        """
        layers = self._matter.layers(energy_ev, left)
        in_per_nm = layers.total_per_nm / self.geometry.sine_in
        escaping = in_per_nm * _reached(in_per_nm + 1 / self.geometry.escape_depth_nm)
        photons = {
            name: _fluorescence_yield(name)
            * float(np.sum(shell / self.geometry.sine_in * _reached(in_per_nm + self._out(name))))
            for name, shell in layers.shells_per_nm.items()
        }
        return ELECTRONS_PER_EV * energy_ev * float(np.sum(escaping)), photons

    def over_absorption(self, element: str) -> float:
        """Edge step of the bulk's absorption over all else that weakens its fluorescence.

        With this k, a normalised absorption s comes out as s / (1 + k s) but for a factor.
        """
        edge_ev = L_SHELLS[element].energy_ev
        layers = self._matter.layers(edge_ev)
        step = self._matter.step_per_nm(element)
        rest = float((layers.total_per_nm - layers.shells_per_nm[element])[-1])
        return step / (rest + self.geometry.sine_in * self._out(element))

    def shares(self, element: str, mode: str, left: float = 1.0) -> dict[int, float]:
        """Share of each valence that a yield sees.

        Electrons come from the escape depth. How deep fluorescence is from depends on the energy:
        it is averaged over the white line, by what the bulk absorbs there.

        Parameters
        ----------
        element
            Whose valences.
        mode
            "tey" or "pfy".
        left
            Part of all atoms that the beam has not reduced.

        Returns
        -------
        dict[int, float]
            By valence; they add up to 1.
        """
        sample = self.sample
        depths_nm, weights = self._depths_nm(element, mode)
        shares = {}
        for valence in sample.valences(element):
            seen = [sample.mean_share(element, valence, depth_nm) for depth_nm in depths_nm]
            shares[valence] = float(np.average(seen, weights=weights))
        return reduced(element, shares, left)

    def _depths_nm(self, element: str, mode: str) -> tuple[list[float], NDArray[np.float64]]:
        """Depths from which 1/e gets out, and what each counts for."""
        if mode == "tey":
            return [self.geometry.escape_depth_nm], np.ones(1)
        energies_ev = L_SHELLS[element].energy_ev + np.arange(*LINE_RANGE_EV, 0.25)
        layers = [self._matter.layers(energy_ev) for energy_ev in energies_ev.tolist()]
        absorbed = np.array([one.shells_per_nm[element][-1] for one in layers])
        per_nm = [one.total_per_nm[-1] / self.geometry.sine_in for one in layers]
        return [float(1 / (one + self._out(element))) for one in per_nm], absorbed

    def _out(self, element: str) -> float:
        return self._out_per_nm[element]


def _fluorescence_yield(element: str) -> float:
    return OXYGEN_YIELD if element == "O" else L_SHELLS[element].fluorescence_yield


def _reached(per_nm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral over each layer of what is left, in nm, where it falls off by so much a nm."""
    depths = per_nm[:-1] * np.diff(EDGES_NM)
    above = np.exp(-np.append(0.0, np.cumsum(depths)))
    within = np.append(-np.expm1(-depths), 1.0)
    reached: NDArray[np.float64] = above * within / per_nm
    return reached
