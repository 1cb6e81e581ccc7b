"""Particles as physical truths: spheres of LiMO2 whose metals change from core to shell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

METALS = ("Mn", "Co", "Ni")
FORMULA_UNITS_PER_UM3 = 2.92e10
"""LiMO2 in a µm³: 4.7 g/cm³ for NMC 60/20/20, on a lattice that hardly changes with the metals."""
RAMP_10_TO_90 = 0.8
"""Part of a linear ramp that lies between 10 and 90 %."""
NORMAL_10_TO_90 = 2.5631
"""The same for an error function, in its standard deviations."""
NODES = 10
"""Gauss-Legendre nodes between two radii where the composition has a kink."""


def _nmc(ni: float, mn: float, co: float) -> Mapping[str, float]:
    return MappingProxyType({"Mn": mn, "Co": co, "Ni": ni})


@dataclass(frozen=True)
class CoreShell:
    """A sphere with a core, a shell, and a gradient between them.

    Parameters
    ----------
    radius_um
        Radius of the sphere.
    core
        Atomic fractions of the metals in the core; they add up to 1.
    shell
        The same for the shell; `None` for a homogeneous sphere.
    gradient_centre_um
        Radius at which the composition is half way.
    gradient_width_um
        Distance over which the fractions go through 10 to 90 % of their change.
    shape
        How they go: `linear` is a ramp with two corners, `erf` an error function.
    x_um
        Where the centre is.
    y_um
        Likewise.

    Examples
    --------
    >>> particle = PARTICLES["gradient"]
    >>> {metal: float(n) for metal, n in particle.fractions(0.0).items()}
    {'Mn': 0.15, 'Co': 0.15, 'Ni': 0.7}
    >>> round(particle.truth()["mn_ni_shell"], 3)
    1.0
    """

    radius_um: float = 5.0
    core: Mapping[str, float] = field(default_factory=lambda: _nmc(0.70, 0.15, 0.15))
    shell: Mapping[str, float] | None = field(default_factory=lambda: _nmc(0.40, 0.40, 0.20))
    gradient_centre_um: float = 4.3
    gradient_width_um: float = 0.8
    shape: Literal["linear", "erf"] = "linear"
    x_um: float = 0.0
    y_um: float = 0.0

    def __post_init__(self) -> None:
        for name in ("radius_um", "gradient_centre_um", "gradient_width_um"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a length above 0")
        for name, fractions in (("core", self.core), ("shell", self.shell or self.core)):
            if set(fractions) != set(METALS) or abs(sum(fractions.values()) - 1) > 1e-9:
                raise ValueError(
                    f"{name} is {dict(fractions)}; give fractions of {', '.join(METALS)} "
                    "that add up to 1"
                )

    def shell_share(self, radius_um: ArrayLike) -> NDArray[np.float64]:
        """How far the composition is on its way to the shell's.

        Parameters
        ----------
        radius_um
            Distance from the centre, of any shape.

        Returns
        -------
        NDArray[np.float64]
            0 in the core, 1 in the shell, of the same shape.
        """
        beyond_um = np.asarray(radius_um, float) - self.gradient_centre_um
        if self.shell is None:
            return np.zeros_like(beyond_um)
        widths = beyond_um / self.gradient_width_um
        if self.shape == "linear":
            return np.clip(0.5 + RAMP_10_TO_90 * widths, 0.0, 1.0)
        share: NDArray[np.float64] = ndtr(NORMAL_10_TO_90 * widths)
        return share

    def fractions(self, radius_um: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Atomic fractions of the metals at a distance from the centre.

        Parameters
        ----------
        radius_um
            Distance from the centre, of any shape.

        Returns
        -------
        dict[str, NDArray[np.float64]]
            By metal, of the same shape.
        """
        share = self.shell_share(radius_um)
        return {metal: self._mixed(metal, 1 - share, share) for metal in METALS}

    def atoms_per_um2(self, x_um: ArrayLike, y_um: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Atoms in a square micrometre of the projection along the beam.

        Parameters
        ----------
        x_um
            Positions across the beam; they broadcast against each other.
        y_um
            Likewise.

        Returns
        -------
        dict[str, NDArray[np.float64]]
            By metal; 0 outside of the sphere.
        """
        x_um, y_um = np.broadcast_arrays(x_um, y_um)
        z_um, weight_um = self.along_beam(np.hypot(x_um - self.x_um, y_um - self.y_um))
        radius_um = np.sqrt(
            (x_um - self.x_um)[..., None] ** 2 + (y_um - self.y_um)[..., None] ** 2 + z_um**2
        )
        share = self.shell_share(radius_um)
        chord_um, shell_um = weight_um.sum(-1), (weight_um * share).sum(-1)
        return {
            metal: FORMULA_UNITS_PER_UM3 * self._mixed(metal, chord_um - shell_um, shell_um)
            for metal in METALS
        }

    def along_beam(
        self, distance_um: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Nodes and weights of an integral through the sphere, along the beam.

        Parameters
        ----------
        distance_um
            How far from the centre the beam passes, of any shape.

        Returns
        -------
        tuple[NDArray[np.float64], NDArray[np.float64]]
            Positions along the beam from the plane of the centre, and weights that add up to the
            chord, in µm, with one axis more. Pieces end where the composition has a corner.
        """
        ends_um = self._half_chords(distance_um)
        edges_um = np.concatenate([-ends_um[..., ::-1], ends_um], axis=-1)
        node, weight = np.polynomial.legendre.leggauss(NODES)
        middle_um = (edges_um[..., 1:] + edges_um[..., :-1])[..., None] / 2
        half_um = np.diff(edges_um)[..., None] / 2
        shape = (*distance_um.shape, -1)
        return (middle_um + half_um * node).reshape(shape), (half_um * weight).reshape(shape)

    def atoms(self) -> dict[str, float]:
        """Atoms of each metal in the whole sphere."""
        corners_um = np.concatenate([[0.0], self._corners_um()])
        node, weight = np.polynomial.legendre.leggauss(NODES)
        half_um = np.diff(corners_um)[:, None] / 2
        r_um = half_um * (1 + node) + corners_um[:-1, None]
        shells_um3 = 4 * np.pi * r_um**2 * half_um * weight
        return {
            metal: FORMULA_UNITS_PER_UM3 * float((fraction * shells_um3).sum())
            for metal, fraction in self.fractions(r_um).items()
        }

    def truth(self) -> dict[str, Any]:
        """Give what is true of the particle, as a run's metadata can carry it.

        Returns
        -------
        dict[str, Any]
            Named as the values of the analysis are; the gradient is `None` in a homogeneous
            sphere.
        """
        atoms = self.atoms()
        shell = self.shell or self.core
        graded = self.shell is not None
        return {
            "mn_ni": atoms["Mn"] / atoms["Ni"],
            "mn_ni_core": self.core["Mn"] / self.core["Ni"],
            "mn_ni_shell": shell["Mn"] / shell["Ni"],
            **{f"core_{metal.lower()}": self.core[metal] for metal in METALS},
            **{f"shell_{metal.lower()}": shell[metal] for metal in METALS},
            "particle_radius_um": self.radius_um,
            "gradient_centre_um": self.gradient_centre_um if graded else None,
            "gradient_width_um": self.gradient_width_um if graded else None,
            "particle_x_um": self.x_um,
            "particle_y_um": self.y_um,
        }

    def _mixed(
        self, metal: str, of_core: NDArray[np.float64], of_shell: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return self.core[metal] * of_core + (self.shell or self.core)[metal] * of_shell

    def _corners_um(self) -> NDArray[np.float64]:
        """Radii up to the surface between which the composition is smooth."""
        if self.shell is None:
            return np.array([self.radius_um])
        edge = 0.5 / RAMP_10_TO_90
        widths = np.array([-edge, edge] if self.shape == "linear" else [-1.0, -0.5, 0.0, 0.5, 1.0])
        corners_um = self.gradient_centre_um + self.gradient_width_um * widths
        return np.append(corners_um, self.radius_um).clip(0.0, self.radius_um)

    def _half_chords(self, distance_um: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = self._corners_um() ** 2 - np.square(distance_um)[..., None]
        return np.sqrt(np.clip(squares, 0.0, None))


PARTICLES: Mapping[str, CoreShell] = MappingProxyType(
    {"gradient": CoreShell(), "conventional": CoreShell(core=_nmc(0.60, 0.20, 0.20), shell=None)}
)
"""Particles at hand. The gradient region of "gradient" is 1 µm wide from corner to corner, which is
0.8 µm from 10 to 90 %; its metals are near NMC 60/20/20 on the whole, as those of
"conventional" are everywhere."""
