"""What absorbs on the way in and out: spheres of changing composition."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from cgnmc_bluesky.sim.emission import AVOGADRO, CM_PER_UM
from cgnmc_bluesky.sim.particle import FORMULA_UNITS_PER_UM3, CoreShell
from cgnmc_bluesky.sim.spectra import ELEMENTS


class Matter:
    """Spheres in one plane, seen by a beam along z and a detector towards +x.

    Parameters
    ----------
    particles
        The spheres.
    incident_energy_ev
        Energy of the beam's photons.
    absorbs
        `False` lets everything through.
    """

    def __init__(
        self, particles: tuple[CoreShell, ...], incident_energy_ev: float, *, absorbs: bool
    ) -> None:
        self.particles = particles
        self.incident_energy_ev = incident_energy_ev
        self.absorbs = absorbs
        self.paths = [_Paths(particle) for particle in particles]

    def transmissions(
        self,
        x_um: NDArray[np.float64],
        y_um: NDArray[np.float64],
        z_um: NDArray[np.float64],
        energies_ev: Sequence[float],
    ) -> NDArray[np.float64]:
        """Part of the photons that is left on the way to a point and from there to the detector.

        Parameters
        ----------
        x_um, y_um, z_um
            Points, all of one shape; the centres of the spheres are at z = 0.
        energies_ev
            Of the photons that come out, k of them.

        Returns
        -------
        NDArray[np.float64]
            Shape `(k, *x_um.shape)`.
        """
        depths = np.zeros((len(energies_ev), *x_um.shape))
        if not self.absorbs:
            return np.exp(depths)
        for particle, paths in zip(self.particles, self.paths, strict=True):
            dx_um, dy_um = x_um - particle.x_um, y_um - particle.y_um
            way_in = paths.beyond(np.hypot(dx_um, dy_um), -z_um)
            way_out = paths.beyond(np.hypot(dy_um, z_um), dx_um)
            per_um = attenuations_per_um(particle, self.incident_energy_ev)
            depths += np.tensordot(per_um, way_in, 1)
            for number, energy_ev in enumerate(energies_ev):
                per_um = attenuations_per_um(particle, energy_ev)
                depths[number] += np.tensordot(per_um, way_out, 1)
        return np.exp(-depths)


class _Paths:
    """Lengths of ways through one sphere, in matter as in its core and in its shell."""

    STEPS = 240

    def __init__(self, particle: CoreShell) -> None:
        self.radius_um = particle.radius_um
        # By angle and part of the half chord: in lengths it would be worst at the surface.
        angle = np.linspace(0.0, np.pi / 2, self.STEPS)[:, None]
        distance_um, half_um = self.radius_um * np.sin(angle), self.radius_um * np.cos(angle)
        fine = np.linspace(0.0, 1.0, 8 * self.STEPS - 7)
        share = particle.shell_share(np.hypot(distance_um, half_um * fine))
        middles = (share[:, 1:] + share[:, :-1]) / 2 * np.diff(fine)
        self._shell_part = np.pad(np.cumsum(middles, axis=1), ((0, 0), (1, 0)))[:, ::8]

    def beyond(
        self, distance_um: NDArray[np.float64], along_um: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Ways in core and in shell matter from a point on a line to infinity.

        Parameters
        ----------
        distance_um
            How far from the centre the line passes.
        along_um
            Where on the line the way begins; the centre's foot is at 0.

        Returns
        -------
        NDArray[np.float64]
            Lengths in µm, shape `(2, *distance_um.shape)`.
        """
        ways_um = np.zeros((2, *distance_um.shape))
        met = distance_um < self.radius_um
        sine = distance_um[met] / self.radius_um
        half_um = self.radius_um * np.sqrt(1 - sine**2)
        part = np.clip(along_um[met] / half_um, -1.0, 1.0)
        last = self.STEPS - 1
        rows = np.arcsin(sine) / (np.pi / 2) * last
        to_surface, to_here = (
            map_coordinates(self._shell_part, [rows, parts * last], order=1)
            for parts in (np.ones_like(part), np.abs(part))
        )
        shell_um = half_um * (to_surface - np.sign(part) * to_here)
        ways_um[:, met] = half_um * (1 - part) - shell_um, shell_um
        return ways_um


def attenuations_per_um(particle: CoreShell, energy_ev: float) -> tuple[float, float]:
    """Attenuation in a micrometre of the core's and of the shell's matter."""
    energy = np.array([energy_ev])

    def per_um(fractions: Mapping[str, float]) -> float:
        formula = {"Li": 1.0, **fractions, "O": 2.0}
        cm2 = 0.0
        for name, atoms in formula.items():
            element = ELEMENTS[name]
            cm2_g = element.background_cm2_g(energy)[0]
            if energy_ev > element.energy_ev:
                cm2_g += element.k_shell_cm2_g(energy)[0]
            cm2 += atoms * element.atomic_weight / AVOGADRO * cm2_g
        return FORMULA_UNITS_PER_UM3 * cm2 / CM_PER_UM**2

    return per_um(particle.core), per_um(particle.shell or particle.core)
