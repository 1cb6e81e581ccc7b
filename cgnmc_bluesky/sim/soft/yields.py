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
from cgnmc_bluesky.sim.soft.sample import ESCAPE_DEPTH_NM, SHAPE_OF_VALENCE, SoftSample
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS, edge_steps

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
    electrons_saturate
        Whether electrons from below are fewer where light is absorbed above. Of the sharpest lines
        of a plane oxide that is a tenth; a powder's grains show less of it.
    """

    incidence_deg: float = 60.0
    exit_deg: float = 30.0
    escape_depth_nm: float = ESCAPE_DEPTH_NM
    electrons_saturate: bool = False

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
        shells = layers.shells_per_nm
        out_per_nm = [
            1 / self.geometry.escape_depth_nm,
            *(self._out_per_nm[name] for name in shells),
        ]
        per_nm = in_per_nm + np.array(out_per_nm)[:, None]
        if not self.geometry.electrons_saturate:
            per_nm[0] = out_per_nm[0]
        depths_nm = _reached(per_nm)
        electrons = float(np.sum(in_per_nm * depths_nm[0]))
        photons = {
            name: _fluorescence_yield(name)
            * float(np.sum(shell * depths_nm[number]))
            / self.geometry.sine_in
            for number, (name, shell) in enumerate(shells.items(), 1)
        }
        return ELECTRONS_PER_EV * energy_ev * electrons, photons

    def over_absorption(self, element: str) -> float:
        """Edge step of the bulk's absorption over all else that weakens its fluorescence.

        With this k, a normalised absorption s comes out as s / (1 + k s) but for a factor.
        """
        edge_ev = L_SHELLS[element].energy_ev
        layers = self._matter.layers(edge_ev)
        step = self._matter.step_per_nm(element)
        rest = float((layers.total_per_nm - layers.shells_per_nm[element])[-1])
        return step / (rest + self.geometry.sine_in * self._out_per_nm[element])

    def shares(self, element: str, mode: str, left: float = 1.0) -> dict[int, float]:
        """Share of each valence that a yield sees.

        Electrons come from the escape depth. How deep fluorescence is from depends on the energy:
        for each valence the depth is averaged over the white line, by the square of what that
        valence absorbs there, as a least-squares fit weighs its points.

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
        shares = {
            valence: self.sample.mean_share(element, valence, depth_nm)
            for valence, depth_nm in self.depths_nm(element, mode).items()
        }
        total = sum(shares.values())
        return reduced(element, {valence: n / total for valence, n in shares.items()}, left)

    def depths_nm(self, element: str, mode: str) -> dict[int, float]:
        """Depth from which 1/e gets out, for each valence of an element.

        Parameters
        ----------
        element
            Which emits.
        mode
            "tey" or "pfy".
        """
        valences = self.sample.valences(element)
        if mode == "tey":
            return dict.fromkeys(valences, self.geometry.escape_depth_nm)
        energies_ev = (L_SHELLS[element].energy_ev + np.arange(*LINE_RANGE_EV, 0.25)).tolist()
        layers = [self._matter.layers(energy_ev) for energy_ev in energies_ev]
        in_per_nm = np.array([one.total_per_nm[-1] for one in layers]) / self.geometry.sine_in
        steps = [edge_steps(energy_ev) for energy_ev in energies_ev]
        names = {valence: SHAPE_OF_VALENCE[element][valence] for valence in valences}
        return {
            valence: float(
                np.average(
                    1 / (in_per_nm + self._out_per_nm[element]),
                    weights=[step[name] ** 2 for step in steps],
                )
            )
            for valence, name in names.items()
        }


def _fluorescence_yield(element: str) -> float:
    return OXYGEN_YIELD if element == "O" else L_SHELLS[element].fluorescence_yield


def _reached(per_nm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral over each layer of what is left, in nm, where it falls off by so much a nm.

    Layers are along the last axis.
    """
    depths = per_nm[..., :-1] * np.diff(EDGES_NM)
    above, within = np.ones_like(per_nm), np.ones_like(per_nm)
    above[..., 1:] = np.exp(-np.cumsum(depths, axis=-1))
    within[..., :-1] = -np.expm1(-depths)
    return above * within / per_nm
