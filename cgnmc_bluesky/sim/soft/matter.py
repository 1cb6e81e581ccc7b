"""What absorbs soft X-rays in a sample, depth by depth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.soft.sample import SHAPE_OF_VALENCE, SoftSample
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS, LIGHT_ELEMENTS, edge_steps

NM_PER_CM = 1e7
OXYGEN_K_EV = 543.1
OXYGEN_EMISSION_EV = 524.9
OXYGEN_YIELD = 0.0058


EDGES_NM: NDArray[np.float64] = np.append(0.0, np.geomspace(0.1, 60.0, 63))
"""Depths between layers; the last one goes on for ever."""


@dataclass(frozen=True)
class Layers:
    """Absorption in a sample's layers at one energy.

    Parameters
    ----------
    total_per_nm
        Of all, shape `(n,)`.
    shells_per_nm
        Of the shell whose emission is seen, by its element, of shape `(n,)`.
    """

    total_per_nm: NDArray[np.float64]
    shells_per_nm: Mapping[str, NDArray[np.float64]]


class Matter:
    """A sample's absorption.

    Parameters
    ----------
    sample
        The sample.
    """

    def __init__(self, sample: SoftSample) -> None:
        self.sample = sample
        weights = {
            name: number * (LIGHT_ELEMENTS.get(name) or L_SHELLS[name]).atomic_weight
            for name, number in sample.atoms.items()
        }
        total = sum(weights.values())
        self._g_cm3 = {
            name: sample.density_g_cm3 * weight / total for name, weight in weights.items()
        }
        self._shares = {
            metal: {
                valence: sample.layer_shares(metal, valence, EDGES_NM)
                for valence in SHAPE_OF_VALENCE[metal]
            }
            for metal in sample.bulk
        }

    def layers(self, energy_ev: float, left: float = 1.0) -> Layers:
        """Absorption in each layer.

        Parameters
        ----------
        energy_ev
            True photon energy.
        left
            Part of all atoms that the beam has not reduced to the lowest valence of an oxide.

        Returns
        -------
        Layers
            Between and below `EDGES_NM`.
        """
        shells = {metal: self._metal(metal, energy_ev, left) for metal in self._shares}
        rest = sum(self._g_cm3[metal] * L_SHELLS[metal].below(energy_ev) for metal in shells)
        rest += sum(
            g_cm3 * _light_cm2_g(name, energy_ev)
            for name, g_cm3 in self._g_cm3.items()
            if name in LIGHT_ELEMENTS
        )
        total = rest / NM_PER_CM + sum(shells.values())
        if "O" in self._g_cm3 and energy_ev > OXYGEN_K_EV:
            oxygen = self._g_cm3["O"] * _light_cm2_g("O", energy_ev) / NM_PER_CM
            shells["O"] = np.full_like(EDGES_NM, oxygen)
        return Layers(np.broadcast_to(total, EDGES_NM.shape), shells)

    def out_per_nm(self, element: str) -> float:
        """Absorption of an element's own emission, far below the surface."""
        energy_ev = OXYGEN_EMISSION_EV if element == "O" else L_SHELLS[element].emission_ev
        return float(self.layers(energy_ev).total_per_nm[-1])

    def step_per_nm(self, metal: str) -> float:
        """Rise of the absorption at a metal's edges together, at the lower one."""
        return self._g_cm3[metal] * L_SHELLS[metal].jump_cm2_g / NM_PER_CM

    def _metal(self, metal: str, energy_ev: float, left: float) -> NDArray[np.float64]:
        step_per_nm = self._g_cm3[metal] * L_SHELLS[metal].step(energy_ev) / NM_PER_CM
        steps = edge_steps(energy_ev)
        seen = np.zeros_like(EDGES_NM)
        for valence, share in reduced(metal, self._shares[metal], left).items():
            seen += share * steps[SHAPE_OF_VALENCE[metal][valence]]
        return np.asarray(step_per_nm * seen)


def reduced(metal: str, shares: Mapping[int, Any], left: float) -> dict[int, Any]:
    """Give the shares of a metal's valences after the beam has reduced some atoms.

    Parameters
    ----------
    metal
        Whose shares.
    shares
        Before, by valence; numbers or arrays.
    left
        Part of all atoms that the beam has not reduced to the lowest valence of an oxide.

    Examples
    --------
    >>> reduced("Ni", {2: 0.5, 3: 0.5}, 0.5)
    {2: 0.75, 3: 0.25}
    """
    if left == 1.0:
        return dict(shares)
    lowest = min(valence for valence in SHAPE_OF_VALENCE[metal] if valence > 0)
    kept = {v: share * left if v > lowest else share for v, share in shares.items()}
    lost = (1 - left) * sum(share for v, share in shares.items() if v > lowest)
    return {**kept, lowest: kept.get(lowest, 0.0) + lost}


def _light_cm2_g(name: str, energy_ev: float) -> float:
    element = LIGHT_ELEMENTS[name]
    is_below = element.below_cm2_g is not None and energy_ev <= OXYGEN_K_EV
    at_800 = element.below_cm2_g if is_below and element.below_cm2_g else element.cm2_g
    return float(at_800 * (energy_ev / 800.0) ** element.power)
