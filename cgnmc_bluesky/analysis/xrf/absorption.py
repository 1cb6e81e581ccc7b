"""Self-absorption: what a particle keeps of the beam and of its own fluorescence."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.atoms import AtomMap

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attenuation:
    """What it takes to correct a particle of LiMO2 for its self-absorption.

    Parameters
    ----------
    metals
        Symbols of the metals M, `k` of them.
    atomic_weights
        Of Li, O and the metals, shape `(2 + k,)`, in g/mol.
    incident
        Mass attenuation of Li, O and the metals at the energy of the beam, shape `(2 + k,)`, in
        cm²/g.
    emitted
        Mass attenuation of Li, O and the metals (rows) at the K lines' energy of each metal
        (columns), shape `(2 + k, k)`, in cm²/g.
    density_g_cm3
        Density of the particle, in g/cm³.
    incidence_deg, takeoff_deg
        Angles of the beam and of the detector to the sample's plane, in degrees; their sum is the
        angle between the beam's direction and the detector's. The detector stands towards +x.
    """

    metals: tuple[str, ...]
    atomic_weights: Floats
    incident: Floats
    emitted: Floats
    density_g_cm3: float = 4.7
    incidence_deg: float = 45.0
    takeoff_deg: float = 45.0

    def linear(self, fractions: Floats) -> tuple[Floats, Floats]:
        """Linear attenuation of LiMO2 with these fractions of the metals, in 1/µm.

        Parameters
        ----------
        fractions
            Atomic fractions of the metals, shape `(…, k)`.

        Returns
        -------
        tuple
            At the energy of the beam, shape `(…,)`, and at each metal's K lines, shape `(…, k)`.
        """
        lithium_and_oxygen = np.broadcast_to([1.0, 2.0], (*fractions.shape[:-1], 2))
        share = np.concatenate([lithium_and_oxygen, fractions], axis=-1) * self.atomic_weights
        share /= np.add.reduce(share, axis=-1)[..., None]
        share *= self.density_g_cm3 * 1e-4
        incident = np.einsum("...e,e->...", share, self.incident)
        return incident, np.einsum("...e,ek->...k", share, self.emitted)

    @property
    def towards_detector(self) -> tuple[float, float]:
        """Direction to the detector: its parts along x and along the beam."""
        angle = np.radians(self.incidence_deg + self.takeoff_deg)
        return float(np.sin(angle)), float(np.cos(angle))


Composed = Callable[[Floats], Floats]
"""Atomic fractions of the metals at given radii, shape `(…, k)` for `(…,)`."""

_DEPTHS = 10
_TILTS = 13
_TURNS = 11
_ON_THE_WAY = 5
_SHADED = 1.2


def alike_everywhere(fractions: Floats) -> Composed:
    """The same atomic fractions, shape `(k,)`, at every radius."""

    def composed(radius_um: Floats) -> Floats:
        return np.broadcast_to(fractions, (*radius_um.shape, len(fractions)))

    return composed


def unshaded(
    atom_map: AtomMap,
    field: NDArray[np.bool_],
    ball: tuple[float, float, float],
    attenuation: Attenuation,
    composed: Composed,
) -> AtomMap:
    """Correct a map for the self-absorption of a particle.

    Parameters
    ----------
    atom_map
        The map.
    field
        Which measured pixels belong to the particle's surroundings, shape `(n,)`; others are left
        as they are.
    ball
        Centre and radius of the particle, in µm.
    attenuation
        What absorbs, and where the detector stands.
    composed
        Composition of the particle by radius.
    """
    x_um, y_um, radius_um = ball
    dx, dy = atom_map.x_um - x_um, atom_map.y_um - y_um
    reached = field & (dx * dx + dy * dy < (_SHADED * radius_um) ** 2)
    share = transmission_of(attenuation, radius_um, dx[reached], dy[reached], composed)
    atoms, covariance = atom_map.atoms.copy(), atom_map.covariance.copy()
    atoms[reached] /= share
    covariance[reached] /= share[:, :, None] * share[:, None, :]
    return replace(atom_map, atoms=atoms, covariance=covariance)


def transmission_of(
    attenuation: Attenuation,
    radius_um: float,
    x_um: Floats,
    y_um: Floats,
    composed: Composed,
) -> Floats:
    """Share of each metal's fluorescence that a sphere lets through to the detector.

    Parameters
    ----------
    attenuation
        What absorbs, and where the detector stands.
    radius_um
        Radius of the sphere, in µm.
    x_um, y_um
        Where the beam passes, from the centre of the sphere, shape `(p,)`, in µm; beyond the
        sphere the nearest place on its rim counts.
    composed
        Composition of the sphere by radius.

    Returns
    -------
    array
        Shape `(p, k)`, relative to atoms that are neither shaded nor shading.

    Notes
    -----
    Each depth along the beam is weighted with the atoms it holds: in a core–shell sphere the metal
    of the shell lies nearer to the surface than that of the core. What lies on the way in and out
    counts with the composition it has there: nickel's lines are above manganese's edge, and a shell
    rich in manganese takes more of them.
    """
    # evenly spaced in the angle whose sine is the distance from the centre: smooth at the rim
    tilts, turns = np.linspace(0, np.pi / 2, _TILTS), np.linspace(0, np.pi, _TURNS)
    table = _on_grid(attenuation, radius_um, (tilts, turns), composed)
    distance = np.sqrt(x_um * x_um + y_um * y_um)
    tilt = np.arcsin(np.minimum(distance / radius_um, 1.0)) * ((_TILTS - 1) / (np.pi / 2))
    turn = np.arctan2(np.abs(y_um), x_um) * ((_TURNS - 1) / np.pi)
    low, left = (
        np.minimum(place.astype(np.int64), count - 2)
        for place, count in ((tilt, _TILTS), (turn, _TURNS))
    )
    up, right = (tilt - low)[:, None], (turn - left)[:, None]
    below = table[low, left] * (1 - right) + table[low, left + 1] * right
    above = table[low + 1, left] * (1 - right) + table[low + 1, left + 1] * right
    found: Floats = below * (1 - up) + above * up
    return found


def _on_grid(
    attenuation: Attenuation,
    radius_um: float,
    angles: tuple[Floats, Floats],
    composed: Composed,
) -> Floats:
    """Transmission where the beam passes at given tilts and turns, shape `(tilts, turns, k)`."""
    nodes, weights = np.polynomial.legendre.leggauss(_DEPTHS)
    tilt, turn = angles
    half = radius_um * np.cos(tilt)[:, None]
    z = half * nodes
    x = radius_um * np.sin(tilt)[:, None, None] * np.cos(turn)[:, None]
    along_x, along_z = attenuation.towards_detector
    ahead = x * along_x + z[:, None, :] * along_z
    radius2 = (radius_um * np.sin(tilt)[:, None]) ** 2 + z**2
    room = np.maximum(radius_um**2 - radius2, 0.0)[:, None, :]
    out_um = np.sqrt(ahead**2 + room) - ahead
    # squared radius after a stretch s of a straight way: r² + 2 s (r · direction) + s²
    _, emitted = _on_the_way(attenuation, radius2[:, None, :], ahead, out_um, composed)
    incident, _ = _on_the_way(attenuation, radius2, -z, z + half, composed)
    through = np.exp(-incident[:, None, :, None] - emitted)
    atoms = np.maximum(composed(np.sqrt(radius2)), 0.0) * weights[:, None]
    share: Floats = np.einsum("tzk,tpzk->tpk", atoms, through)
    share /= np.add.reduce(atoms, axis=1)[:, None, :]
    return share


def _on_the_way(
    attenuation: Attenuation,
    radius2: Floats,
    ahead: Floats,
    length_um: Floats,
    composed: Composed,
) -> tuple[Floats, Floats]:
    """Attenuation between places in the sphere and its surface: of the beam, and of K lines."""
    nodes, weights = np.polynomial.legendre.leggauss(_ON_THE_WAY)
    stretch = length_um[..., None] * (0.5 + 0.5 * nodes)
    passed = radius2[..., None] + stretch * (2 * ahead[..., None] + stretch)
    metals = np.maximum(composed(np.sqrt(np.maximum(passed, 0.0))), 0.0)
    fractions = metals / np.add.reduce(metals, axis=-1)[..., None]
    incident, emitted = attenuation.linear(fractions)
    half = 0.5 * length_um
    return (
        np.einsum("...s,s->...", incident, weights) * half,
        np.einsum("...sk,s->...k", emitted, weights) * half[..., None],
    )
