"""Self-absorption: what a particle keeps of the beam and of its own fluorescence."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    def linear(self, fractions: Floats) -> tuple[float, Floats]:
        """Linear attenuation of LiMO2 with these fractions of the metals, in 1/µm.

        Parameters
        ----------
        fractions
            Atomic fractions of the metals, shape `(k,)`.

        Returns
        -------
        tuple
            At the energy of the beam, and at each metal's K lines, shape `(k,)`.
        """
        share = np.concatenate([[1.0, 2.0], fractions]) * self.atomic_weights
        share = share / np.add.reduce(share)
        per_um = self.density_g_cm3 * 1e-4
        incident = per_um * float(np.einsum("e,e->", share, self.incident))
        return incident, per_um * np.einsum("e,ek->k", share, self.emitted)

    @property
    def towards_detector(self) -> tuple[float, float]:
        """Direction to the detector: its parts along x and along the beam."""
        angle = np.radians(self.incidence_deg + self.takeoff_deg)
        return float(np.sin(angle)), float(np.cos(angle))


_DEPTHS = 16
_TILTS = 17
_TURNS = 17


def transmission_of(
    attenuation: Attenuation,
    fractions: Floats,
    radius_um: float,
    x_um: Floats,
    y_um: Floats,
    content: Callable[[Floats], Floats] | None = None,
) -> Floats:
    """Share of each metal's fluorescence that a sphere lets through to the detector.

    Parameters
    ----------
    attenuation
        What the sphere is made of, and where the detector stands.
    fractions
        Atomic fractions of the metals in it, shape `(k,)`.
    radius_um
        Its radius, in µm.
    x_um, y_um
        Where the beam passes, from the centre of the sphere, shape `(p,)`, in µm; beyond the
        sphere the nearest place on its rim counts.
    content
        Gives the metals' atoms in a volume at given radii, shape `(…, k)` for `(…,)`; the same
        everywhere where not given.

    Returns
    -------
    array
        Shape `(p, k)`, relative to atoms that are neither shaded nor shading.

    Notes
    -----
    Each depth along the beam is weighted with the atoms it holds: in a core–shell sphere the metal
    of the shell lies nearer to the surface than that of the core.
    """
    # evenly spaced in the angle whose sine is the distance from the centre: smooth at the rim
    tilts, turns = np.linspace(0, np.pi / 2, _TILTS), np.linspace(0, np.pi, _TURNS)
    table = _on_grid(attenuation, fractions, radius_um, (tilts, turns), content)
    distance = np.minimum(np.hypot(x_um, y_um) / radius_um, 1.0)
    tilt = np.arcsin(distance) * ((_TILTS - 1) / (np.pi / 2))
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
    fractions: Floats,
    radius_um: float,
    angles: tuple[Floats, Floats],
    content: Callable[[Floats], Floats] | None,
) -> Floats:
    """Transmission where the beam passes at given tilts and turns, shape `(tilts, turns, k)`."""
    incident, emitted = attenuation.linear(fractions)
    nodes, weights = np.polynomial.legendre.leggauss(_DEPTHS)
    tilt, turn = angles
    half = radius_um * np.cos(tilt)[:, None]
    z = half * nodes
    x = radius_um * np.sin(tilt)[:, None] * np.cos(turn)
    along_x, along_z = attenuation.towards_detector
    ahead = x[:, :, None] * along_x + z[:, None, :] * along_z
    radius2 = (radius_um * np.sin(tilt)[:, None]) ** 2 + z**2
    room = np.maximum(radius_um**2 - radius2, 0.0)[:, None, :]
    out = np.sqrt(ahead**2 + room) - ahead
    into = (z + half)[:, None, :]
    through = np.exp(-incident * into[..., None] - out[..., None] * emitted)
    atoms = np.ones((*z.shape, len(emitted)))
    if content is not None:
        atoms = np.maximum(content(np.sqrt(radius2)), 0.0)
    atoms = atoms * weights[:, None]
    share: Floats = np.einsum("tzk,tpzk->tpk", atoms, through)
    share /= np.add.reduce(atoms, axis=1)[:, None, :]
    return share
