"""Absorption at L2,3 edges as the simulated beamline has it: shapes of its own.

A spectrum in edge steps is, over two rounded steps (L3 holds two thirds, as it holds four of the
six 2p electrons), a sum of Voigt lines as multiplets have them. The lines stand in `spectra.toml`;
two laws give them their strength:

- their area over both edges is `LINE_EV_PER_HOLE` for each empty 3d state (the charge sum rule of
  Thole and van der Laan, Phys. Rev. A 38 (1988) 1943);
- what part of it is at L3 is the compound's branching ratio: 2/3 where spin and orbit are not
  coupled, more for high spin (Thole and van der Laan, Phys. Rev. B 38 (1988) 3158).

The L2 lines are broader: their hole also decays by a Coster-Kronig transition to L3.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import voigt_profile

LINE_EV_PER_HOLE = 5.0
"""Area of the lines for each 3d hole, in eV times the edge step of L2 and L3 together."""
L3_SHARE = 2 / 3
"""Part of the step at L3."""
HALF_WIDTH_EV: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"Mn": (0.16, 0.32), "Co": (0.20, 0.38), "Ni": (0.24, 0.42)}
)
"""Half width at half maximum by the core hole's lifetime, at L3 and at L2."""
STEP_WIDTH_EV = 0.8
"""Half width of a step's arctangent."""


@dataclass(frozen=True)
class LShell:
    """An element's L2,3 absorption and emission.

    Parameters
    ----------
    atomic_weight
        In g/mol.
    energy_ev
        Table value of the L3 edge: the first inflection of the metal.
    l2_ev
        The same of the L2 edge.
    below_cm2_g, below_power
        Absorption just below the L3 edge in cm²/g, which goes with this power of the energy.
    jump_cm2_g, jump_power
        What both edges add, in cm²/g at the L3 edge, with its power of the energy.
    emission_ev
        Energy of the L emission.
    fluorescence_yield
        Photons for each hole.
    """

    atomic_weight: float
    energy_ev: float
    l2_ev: float
    below_cm2_g: float
    below_power: float
    jump_cm2_g: float
    jump_power: float
    emission_ev: float
    fluorescence_yield: float

    def below(self, energy_ev: float) -> float:
        """Absorption without L2 and L3, in cm²/g."""
        return float(self.below_cm2_g * (energy_ev / self.energy_ev) ** self.below_power)

    def step(self, energy_ev: float) -> float:
        """Absorption that one edge step stands for, in cm²/g."""
        return float(self.jump_cm2_g * (energy_ev / self.energy_ev) ** self.jump_power)


L_SHELLS: Mapping[str, LShell] = MappingProxyType(
    {
        "Mn": LShell(54.938, 638.7, 649.9, 2176.0, -2.028, 17195.0, -1.925, 636.7, 0.0050),
        "Co": LShell(58.933, 778.1, 793.2, 1786.6, -2.012, 12684.5, -1.649, 775.1, 0.0077),
        "Ni": LShell(58.693, 852.7, 870.0, 1723.7, -2.028, 12578.3, -2.502, 848.7, 0.0093),
    }
)
"""Power laws through the tables of C. T. Chantler (J. Phys. Chem. Ref. Data 24 (1995) 71) between
480 and 1000 eV; fluorescence yields of M. O. Krause (J. Phys. Chem. Ref. Data 8 (1979) 307)."""


@dataclass(frozen=True)
class LightElement:
    """An element without an edge of interest.

    Parameters
    ----------
    atomic_weight
        In g/mol.
    cm2_g, power
        Absorption at 800 eV in cm²/g, which goes with this power of the energy.
    below_cm2_g
        The same below its K edge, where that is in reach.
    """

    atomic_weight: float
    cm2_g: float
    power: float
    below_cm2_g: float | None = None


LIGHT_ELEMENTS: Mapping[str, LightElement] = MappingProxyType(
    {
        "Li": LightElement(6.94, 405.7, -2.952),
        "O": LightElement(15.999, 7788.3, -2.461, 467.0),
    }
)
"""Power laws through Chantler's tables between 450 and 1000 eV."""


@dataclass(frozen=True)
class LShape:
    """One compound's L2,3 edges, in edge steps.

    Parameters
    ----------
    name
        The compound, or the element for a metal.
    element
        Which element's edges they are.
    holes
        Empty 3d states of an atom.
    branching
        Part of the lines' strength at L3.
    steps_ev
        Where the steps are.
    l3, l2
        Energy, share of the edge's strength and Gaussian standard deviation of each line.
    """

    name: str
    element: str
    holes: float
    branching: float
    steps_ev: tuple[float, float]
    l3: tuple[tuple[float, float, float], ...]
    l2: tuple[tuple[float, float, float], ...]

    def __call__(self, energy_ev: NDArray[np.float64]) -> NDArray[np.float64]:
        """Absorption in edge steps.

        Parameters
        ----------
        energy_ev
            True photon energies, shape `(n,)`.

        Returns
        -------
        NDArray[np.float64]
            Shape `(n,)`; 0 far before L3 and 1 far after L2.
        """
        energy_ev = np.asarray(energy_ev, float)
        at_l3, at_l2 = (
            0.5 + np.arctan((energy_ev - step_ev) / STEP_WIDTH_EV) / np.pi
            for step_ev in self.steps_ev
        )
        line_ev, area_ev, sigma_ev, half_width_ev = self.lines
        lines = voigt_profile(energy_ev[:, None] - line_ev, sigma_ev, half_width_ev)
        white: NDArray[np.float64] = np.einsum("ij,j->i", lines, area_ev)
        return white + L3_SHARE * at_l3 + (1 - L3_SHARE) * at_l2

    @cached_property
    def lines(self) -> NDArray[np.float64]:
        """Energy, area, Gaussian standard deviation and Lorentzian half width of every line.

        In eV, the area times one edge step; shape `(4, n)`.
        """
        strength = LINE_EV_PER_HOLE * self.holes
        rows = [
            (line_ev, strength * part * share, sigma_ev, half_width_ev)
            for lines, part, half_width_ev in zip(
                (self.l3, self.l2),
                (self.branching, 1 - self.branching),
                HALF_WIDTH_EV[self.element],
                strict=True,
            )
            for line_ev, share, sigma_ev in lines
        ]
        return np.array(rows).T


@cache
def l_shapes() -> Mapping[str, LShape]:
    """Every shape there is, by its name."""
    text = files("cgnmc_bluesky.sim.soft").joinpath("spectra.toml").read_text(encoding="utf-8")
    return {name: _shape(name, numbers) for name, numbers in tomllib.loads(text).items()}


@lru_cache(maxsize=16)
def edge_steps(energy_ev: float) -> Mapping[str, float]:
    """Absorption of every shape at one energy, in edge steps, by the shape's name."""
    lines = _all_lines()
    white = voigt_profile(energy_ev - lines.energy_ev, lines.sigma_ev, lines.half_width_ev)
    rounded = 0.5 + np.arctan((energy_ev - lines.steps_ev) / STEP_WIDTH_EV) / np.pi
    total = np.einsum("ij,j->i", lines.areas_ev, white)
    total += L3_SHARE * rounded[:, 0] + (1 - L3_SHARE) * rounded[:, 1]
    return MappingProxyType(dict(zip(lines.names, total.tolist(), strict=True)))


class _Lines(NamedTuple):
    """The lines of all k shapes, n of them, and each shape's areas, `(k, n)`."""

    names: tuple[str, ...]
    steps_ev: NDArray[np.float64]
    energy_ev: NDArray[np.float64]
    sigma_ev: NDArray[np.float64]
    half_width_ev: NDArray[np.float64]
    areas_ev: NDArray[np.float64]


@cache
def _all_lines() -> _Lines:
    shapes = l_shapes()
    of_each = [shape.lines for shape in shapes.values()]
    energy_ev, area_ev, sigma_ev, half_width_ev = np.concatenate(of_each, axis=1)
    owner = np.repeat(np.arange(len(of_each)), [lines.shape[1] for lines in of_each])
    return _Lines(
        names=tuple(shapes),
        steps_ev=np.array([shape.steps_ev for shape in shapes.values()]),
        energy_ev=energy_ev,
        sigma_ev=sigma_ev,
        half_width_ev=half_width_ev,
        areas_ev=np.where(owner == np.arange(len(of_each))[:, None], area_ev, 0.0),
    )


def _shape(name: str, numbers: Mapping[str, object]) -> LShape:
    rows = {key: _frozen(value) for key, value in numbers.items()}
    return LShape(name=name, **rows)  # type: ignore[arg-type]


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
