"""What the lines of the three phases are expected to give for one metal atom, by their structures.

The layered phase is MO2 with its lithium gone (R-3m), the spinel M2O4 with a little of its metal on
the octahedra and tetrahedra that it should leave empty (Fd-3m, origin at the centre), the rock salt
MO (Fm-3m); M is 60 % Ni, 20 % Mn and 20 % Co.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.cells import Index, Reflections

Floats = NDArray[np.float64]

# Cromer and Mann's four Gaussians, a then b (in Å²), and the constant: International Tables for
# Crystallography C, table 6.1.1.4
_CROMER_MANN = {
    "Ni": (12.8376, 7.2920, 4.4438, 2.3800, 3.8785, 0.2565, 12.1763, 66.3421, 1.0341),
    "Co": (12.2841, 7.3409, 4.0034, 2.3488, 4.2791, 0.2784, 13.5359, 71.1692, 1.0118),
    "Mn": (11.2819, 7.3573, 3.0193, 2.2441, 5.3409, 0.3432, 17.8674, 83.7543, 1.0896),
    "O": (3.0485, 2.2868, 1.5463, 0.8670, 13.2771, 5.7011, 0.3239, 32.9089, 0.2508),
}
_METAL = {"Ni": 0.6, "Mn": 0.2, "Co": 0.2}

LONGEST_D_A = 5.3
SHORTEST_D_A = 1.34
"""Lines are looked for between these distances: from before (003) to behind (113)."""
FAINT = 1e-3
"""Lines of a smaller part of their phase's strongest are left out."""
_LARGEST_INDEX = 11


@dataclass(frozen=True, eq=False)
class Site:
    """Atoms of one kind in a cell.

    Parameters
    ----------
    element
        "O" or "M".
    occupancy
        Share of the places that are taken.
    places
        In parts of the cell's edges, shape `(n, 3)`, with all that symmetry makes of them.
    """

    element: str
    occupancy: float
    places: Floats


@dataclass(frozen=True, eq=False)
class Structure:
    """A phase's cell and what is in it.

    Parameters
    ----------
    phase
        "layered", "spinel" or "rock_salt".
    cell_a
        a, or a and c, in ångström: about where lines stand.
    sites
        What is in the cell.
    """

    phase: str
    cell_a: tuple[float, ...]
    sites: tuple[Site, ...]

    @property
    def volume_a3(self) -> float:
        """Volume of the cell in Å³."""
        if len(self.cell_a) == 1:
            return self.cell_a[0] ** 3
        return float(np.sqrt(0.75)) * self.cell_a[0] ** 2 * self.cell_a[1]

    @property
    def n_metal(self) -> float:
        """Metal atoms in the cell."""
        return sum(site.occupancy * len(site.places) for site in self.sites if site.element == "M")


def scattering_factor(element: str, s2: Floats) -> Floats:
    """Electrons that an atom scatters as.

    Parameters
    ----------
    element
        "Ni", "Co", "Mn", "O", or "M" for the mean metal.
    s2
        (sin θ / λ)² in 1/Å², shape `(n,)`.

    Examples
    --------
    >>> scattering_factor("Ni", np.zeros(1)).round(1)
    array([28.])
    """
    if element == "M":
        parts = [share * scattering_factor(metal, s2) for metal, share in _METAL.items()]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)
    coefficients = np.array(_CROMER_MANN[element])
    gaussians = np.exp(-np.outer(s2, coefficients[4:8]))
    found: Floats = np.einsum("ng,g->n", gaussians, coefficients[:4])
    return np.asarray(found + coefficients[8], dtype=np.float64)


def _with(places: Floats, centring: tuple[tuple[float, ...], ...]) -> Floats:
    found: Floats = places[:, None] + np.array(centring)[None]
    return found.reshape(-1, 3)


_HEXAGONAL = ((0.0, 0.0, 0.0), (2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3))
_FACES = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))


@cache
def layered() -> Structure:
    """The layered phase without lithium."""
    z = 0.262
    oxygen = np.array([[0.0, 0.0, z], [0.0, 0.0, -z]])
    return Structure(
        "layered",
        (2.82, 14.40),
        (
            Site("M", 1.0, _with(np.zeros((1, 3)), _HEXAGONAL)),
            Site("O", 1.0, _with(oxygen, _HEXAGONAL)),
        ),
    )


@cache
def spinel() -> Structure:
    """The disordered spinel."""
    u = 0.2625
    octahedra = np.array([[2, 2, 2], [1, 3, 0], [3, 0, 1], [0, 1, 3]]) / 4
    empty = np.array([[0, 0, 0], [3, 1, 2], [1, 2, 3], [2, 3, 1]]) / 4
    tetrahedra = np.array([[1, 1, 1], [7, 3, 3]]) / 8
    quarter, half, most = 0.25, 0.5, 0.75
    oxygen = np.array(
        [
            [u, u, u],
            [most - u, quarter - u, half + u],
            [quarter - u, half + u, most - u],
            [half + u, most - u, quarter - u],
        ]
    )
    return Structure(
        "spinel",
        (8.15,),
        (
            Site("M", 0.9, _with(octahedra, _FACES)),
            Site("M", 0.05, _with(empty, _FACES)),
            Site("M", 0.1, _with(tetrahedra, _FACES)),
            Site("O", 1.0, _with(np.concatenate([oxygen, -oxygen]), _FACES)),
        ),
    )


@cache
def rock_salt() -> Structure:
    """The rock salt, with its metal sites full."""
    return Structure(
        "rock_salt",
        (4.14,),
        (
            Site("M", 1.0, _with(np.zeros((1, 3)), _FACES)),
            Site("O", 1.0, _with(np.full((1, 3), 0.5), _FACES)),
        ),
    )


@dataclass(frozen=True)
class Expected:
    """Lines of a phase with what a metal atom in it gives them.

    Parameters
    ----------
    lines
        The lines, by their distances.
    strength
        Integrated intensity of each for one metal atom without the angles' part, electrons² / Å³,
        shape `(n,)`.
    """

    lines: Reflections
    strength: Floats


@cache
def expected(structure: Structure) -> Expected:
    """Find the lines of a structure, and how strong they are.

    Parameters
    ----------
    structure
        The structure.

    Notes
    -----
    The integrated intensity of a powder's line is that of all the planes that share it,
    `n V sum |F|² / V²` for n cells of volume V; for one metal atom `sum |F|² / (z V)` with z metal
    atoms a cell.
    """
    span = range(-_LARGEST_INDEX, _LARGEST_INDEX + 1)
    reach = range(-3, 4) if structure.phase == "layered" else span
    indices = np.array(list(product(reach, reach, span)), dtype=np.float64)
    quadratic = Reflections(structure.phase, ()).quadratic_of(indices)
    inverse_d2 = quadratic @ np.array(structure.cell_a) ** -2.0
    near = (inverse_d2 > LONGEST_D_A**-2.0) & (inverse_d2 < SHORTEST_D_A**-2.0)
    indices, quadratic, inverse_d2 = indices[near], quadratic[near], inverse_d2[near]
    power = np.abs(_structure_factor(structure, indices, inverse_d2)) ** 2
    _, line = np.unique(np.round(quadratic, 6), axis=0, return_inverse=True)
    summed = np.bincount(line.ravel(), weights=power)
    order = np.argsort([inverse_d2[line.ravel() == n][0] for n in range(len(summed))])
    kept = [n for n in order if summed[n] > FAINT * summed.max()]
    names = tuple(_name(indices[(line.ravel() == n) & (power > 0.1)]) for n in kept)
    strength = summed[kept] / (structure.n_metal * structure.volume_a3)
    return Expected(Reflections(structure.phase, names), strength)


def _structure_factor(
    structure: Structure, indices: Floats, inverse_d2: Floats
) -> NDArray[np.complex128]:
    total = np.zeros(len(indices), np.complex128)
    for site in structure.sites:
        phases = np.exp(2j * np.pi * (indices @ site.places.T)).sum(axis=1)
        total += site.occupancy * scattering_factor(site.element, inverse_d2 / 4.0) * phases
    return total


def _name(planes: Floats) -> Index:
    """Indices that a line is known by: none negative, the first the largest."""
    h, k, l = max(tuple(plane) for plane in planes.tolist() if min(plane) >= 0)  # noqa: E741
    return int(h), int(k), int(l)


def lorentz(angle_deg: Floats) -> Floats:
    """Share of a powder's rings that a detector sees, for an unpolarised or corrected pattern.

    Parameters
    ----------
    angle_deg
        2θ, any shape.
    """
    theta = np.radians(angle_deg) / 2.0
    found: Floats = 1.0 / (np.sin(theta) ** 2 * np.cos(theta))
    return found
