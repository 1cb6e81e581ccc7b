"""A nanobeam on particles: K photons, scatter and self-absorption, by integrals over the volume."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RectBivariateSpline, make_interp_spline
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

from cgnmc_bluesky.sim.attenuation import Matter
from cgnmc_bluesky.sim.emission import (
    ARGON_K,
    BETA_TO_ALPHA,
    K_SHELLS,
    Emission,
    continuum,
    k_lines,
    scatter,
)
from cgnmc_bluesky.sim.particle import METALS, CoreShell
from cgnmc_bluesky.sim.spectra import ELEMENTS

FWHM = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a normal distribution, in standard deviations."""


LINES = tuple(line for metal in METALS for line in k_lines(metal))
LINES_EV = tuple(line.energies_ev[0] for line in LINES)
LINE_METALS = tuple(metal for metal in METALS for _ in range(2))
ELASTIC = 0.03
COMPTON = 0.02
BREMSSTRAHLUNG = 0.02
"""What particles scatter, for each of their K photons: little, since the light is polarised towards
the detector."""
ARGON = 5e-4
STRAY_ELASTIC = 4e-4
STRAY_CONTINUUM = 4e-4
"""What comes without a particle, for each incident photon and into all directions."""
THETAS = 49
LIMB_POINTS = 6
PHI = np.linspace(-np.pi, np.pi, 73)
"""Angles for which the absorption is integrated; between them it is interpolated."""


class Nanobeam:
    """A focused beam over particles in one plane, and a detector at a right angle to it.

    The beam goes along z. The detector stands towards +x: before a photon reaches it, it passes all
    the matter that lies there, its own particle's and its neighbours'. What is emitted along the
    beam is integrated through each sphere with the absorption on both ways; there is no secondary
    fluorescence.

    Parameters
    ----------
    particles
        What lies in the plane, without overlap.
    beam_fwhm_um
        Diameter of the Gaussian beam; 0 for a needle.
    incident_energy_ev
        Energy of its photons, above nickel's edge.
    flux_ph_s
        Photons a second.
    solid_angle
        The whole detector's, as a part of all directions.
    self_absorption
        Whether matter absorbs at all.

    Attributes
    ----------
    sources
        Where photons come from; what `emission` counts.

    Examples
    --------
    >>> from cgnmc_bluesky.sim.particle import PARTICLES
    >>> beam = Nanobeam([PARTICLES["gradient"]], self_absorption=False)
    >>> middle = beam.emission([0.0], [0.0], dwell_s=0.01)
    >>> outside = beam.emission([6.0], [0.0], dwell_s=0.01)
    >>> bool(middle.of("Ni")[0] > 1000 > 1e-9 > outside.of("Ni")[0])
    True
    """

    def __init__(
        self,
        particles: Sequence[CoreShell],
        *,
        beam_fwhm_um: float = 0.1,
        incident_energy_ev: float = 9000.0,
        flux_ph_s: float = 2.7e8,
        solid_angle: float = 0.01,
        self_absorption: bool = True,
    ) -> None:
        if not ELEMENTS["Ni"].energy_ev < incident_energy_ev < 20_000.0:
            raise ValueError(
                f"incident_energy_ev is {incident_energy_ev}; give one above the K edge of Ni, "
                f"{ELEMENTS['Ni'].energy_ev} eV, and below 20 keV"
            )
        if beam_fwhm_um < 0:
            raise ValueError(f"beam_fwhm_um is {beam_fwhm_um}; give a diameter, or 0 for a needle")
        _refuse_overlaps(particles)
        self.particles = tuple(particles)
        self.beam_fwhm_um = beam_fwhm_um
        self.incident_energy_ev = incident_energy_ev
        self.flux_ph_s = flux_ph_s
        self.solid_angle = solid_angle
        elastic, compton = scatter(incident_energy_ev)
        self.sources = (*LINES, elastic, compton, ARGON_K, continuum(incident_energy_ev))
        matter = Matter(self.particles, incident_energy_ev, absorbs=self_absorption)
        needles = [_Needle(matter, particle) for particle in self.particles]
        self._seen: list[_Needle | _Blurred] = [
            _Blurred(needle, beam_fwhm_um) if beam_fwhm_um else needle for needle in needles
        ]

    def emission(
        self, x_um: ArrayLike, y_um: ArrayLike, dwell_s: float | NDArray[np.float64]
    ) -> Emission:
        """Give what reaches the detector while the beam is on each pixel.

        Parameters
        ----------
        x_um
            Where the beam is on the sample, shape `(n,)`, or `(n, m)` for m positions that it
            passes during a pixel.
        y_um
            Likewise.
        dwell_s
            Time on a pixel, one for all or shape `(n,)`.

        Returns
        -------
        Emission
            Expected photons from each of `sources`.
        """
        x_um, y_um = np.broadcast_arrays(np.atleast_1d(x_um), np.atleast_1d(y_um))
        lines = np.zeros((*x_um.shape, len(LINES)))
        for particle in self._seen:
            lines += particle.at(x_um, y_um)
        if lines.ndim == 3:
            lines = lines.mean(axis=1)
        all_k = lines.sum(axis=1, keepdims=True)
        elastic, compton = ELASTIC * all_k + STRAY_ELASTIC, COMPTON * all_k
        continuous = BREMSSTRAHLUNG * all_k + STRAY_CONTINUUM
        argon = np.full_like(all_k, ARGON)
        photons = np.hstack([lines, elastic, compton, argon, continuous])
        incident = self.flux_ph_s * self.solid_angle * np.reshape(dwell_s, (-1, 1))
        return Emission(self.sources, photons * incident)


class _Needle:
    """One particle's photons as a beam without width sees them.

    Everything is smooth in the angle at which the beam meets the surface, up to the limb: what is
    integrated at a few angles is interpolated.
    """

    def __init__(self, matter: Matter, particle: CoreShell) -> None:
        self.particle = particle
        theta = np.linspace(0.0, np.pi / 2, THETAS)
        thin = _thin_photons(particle, matter.incident_energy_ev, theta)
        self._thin = [make_interp_spline(theta, photons) for photons in thin]
        left = _left(matter, particle, theta)
        self._left = [RectBivariateSpline(theta, PHI, part) for part in left]

    def at(self, x_um: NDArray[np.float64], y_um: NDArray[np.float64]) -> NDArray[np.float64]:
        """Photons for each incident one of each of `LINES`, shape `(*x_um.shape, 6)`."""
        dx_um, dy_um = x_um - self.particle.x_um, y_um - self.particle.y_um
        sine = np.hypot(dx_um, dy_um) / self.particle.radius_um
        inside = sine < 1
        theta, phi = np.arcsin(sine[inside]), np.arctan2(dy_um, dx_um)[inside]
        photons = np.zeros((*x_um.shape, len(LINES)))
        for number, (thin, left) in enumerate(zip(self._thin, self._left, strict=True)):
            photons[inside, number] = thin(theta) * left.ev(theta, phi)
        return photons


class _Blurred:
    """The same as a Gaussian beam sees it, from a fine grid."""

    def __init__(self, needle: _Needle, beam_fwhm_um: float) -> None:
        particle, sigma_um = needle.particle, beam_fwhm_um / FWHM
        radius_um = particle.radius_um
        self._step_um = float(np.clip(sigma_um / 2, radius_um / 400, radius_um / 150))
        reach = math.ceil((radius_um + 5 * sigma_um) / self._step_um) + 2
        offsets_um = self._step_um * np.arange(-reach, reach + 1.0)
        self._origin_um = particle.x_um + offsets_um[0], particle.y_um + offsets_um[0]
        x_um, y_um = np.meshgrid(
            particle.x_um + offsets_um, particle.y_um + offsets_um, indexing="ij"
        )
        photons = needle.at(x_um, y_um)
        # A point does not stand for its cell where the limb goes through.
        limb = np.abs(np.hypot(*np.meshgrid(offsets_um, offsets_um)) - radius_um) < self._step_um
        within_um = self._step_um * ((np.arange(LIMB_POINTS) + 0.5) / LIMB_POINTS - 0.5)
        sub_x_um, sub_y_um = (sub.ravel() for sub in np.meshgrid(within_um, within_um))
        around = needle.at(x_um[limb][:, None] + sub_x_um, y_um[limb][:, None] + sub_y_um)
        photons[limb] = around.mean(axis=1)
        # Means over cells are blurred already.
        sigma = math.sqrt((sigma_um / self._step_um) ** 2 - 1 / 12)
        self._planes = [
            spline_filter(gaussian_filter(plane, sigma, truncate=5.0), order=3)
            for plane in np.moveaxis(photons, -1, 0)
        ]

    def at(self, x_um: NDArray[np.float64], y_um: NDArray[np.float64]) -> NDArray[np.float64]:
        """Photons for each incident one of each of `LINES`, shape `(*x_um.shape, 6)`."""
        where = [
            (position_um - origin_um) / self._step_um
            for position_um, origin_um in zip((x_um, y_um), self._origin_um, strict=True)
        ]
        seen = [
            map_coordinates(plane, where, order=3, mode="constant", prefilter=False)
            for plane in self._planes
        ]
        photons: NDArray[np.float64] = np.clip(np.stack(seen, axis=-1), 0.0, None)
        return photons


def _thin_photons(
    particle: CoreShell, incident_energy_ev: float, theta: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Photons of each of `LINES` for each incident one, without absorption, by the angle."""
    x_um = particle.x_um + particle.radius_um * np.sin(theta)
    atoms_um2 = particle.atoms_per_um2(x_um, particle.y_um)
    photons = []
    for metal in METALS:
        k_photons = atoms_um2[metal] * K_SHELLS[metal].photons_um2(metal, incident_energy_ev)
        alpha = 1 / (1 + BETA_TO_ALPHA[metal])
        photons += [k_photons * alpha, k_photons * (1 - alpha)]
    return photons


def _left(
    matter: Matter, particle: CoreShell, theta: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Part of the photons of each of `LINES` that absorption leaves, by the angle and `PHI`."""
    # At the limb itself there are no atoms to take the mean over.
    distance_um = particle.radius_um * np.sin(np.minimum(theta, np.pi / 2 - 1e-4))
    z_um, weight_um = (values[:, None] for values in particle.along_beam(distance_um))
    x_um = distance_um[:, None, None] * np.cos(PHI)[:, None]
    y_um = distance_um[:, None, None] * np.sin(PHI)[:, None]
    x_um, y_um, z_um = np.broadcast_arrays(x_um, y_um, z_um)
    transmissions = matter.transmissions(x_um + particle.x_um, y_um + particle.y_um, z_um, LINES_EV)
    radius_um = np.hypot(distance_um[:, None, None], z_um)
    left = []
    for metal, transmission in zip(LINE_METALS, transmissions, strict=True):
        atoms = particle.fractions(radius_um)[metal] * weight_um
        left.append((atoms * transmission).sum(-1) / atoms.sum(-1))
    return left


def _refuse_overlaps(particles: Sequence[CoreShell]) -> None:
    for one, other in combinations(particles, 2):
        apart_um = math.hypot(one.x_um - other.x_um, one.y_um - other.y_um)
        if apart_um < (one.radius_um + other.radius_um) * (1 - 1e-9):
            raise ValueError(
                f"particles at ({one.x_um}, {one.y_um}) and ({other.x_um}, {other.y_um}) µm are "
                f"{apart_um:.3g} µm apart and overlap; touching is as near as they can be"
            )
