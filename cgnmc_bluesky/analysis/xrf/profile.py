"""From a particle's map to the composition of its core and its shell."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.absorption import Attenuation, alike_everywhere, unshaded
from cgnmc_bluesky.analysis.xrf.annuli import annuli_of
from cgnmc_bluesky.analysis.xrf.atoms import AtomMap
from cgnmc_bluesky.analysis.xrf.composition import Composition, Measured, composition_of
from cgnmc_bluesky.analysis.xrf.particles import Particle
from cgnmc_bluesky.analysis.xrf.projection import FWHM
from cgnmc_bluesky.analysis.xrf.radial import Radial, curves_of, radial_of
from cgnmc_bluesky.analysis.xrf.sphere import Sphere, sphere_of
from cgnmc_bluesky.analysis.xrf.whole import stand_ins

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_CONTRAST = 25.0
"""Core and shell are two from this gain in the sum of squares on; a homogeneous particle gets there
once in a thousand maps."""

_LOOSEST_FRACTION = 0.1
_LOOSEST_WIDTH = 0.4
_NARROWEST = 1.2
_LOOSEST_CENTRE = 0.1
_CORE_WITHIN = 0.5
_TRUSTED = 0.3
_MARGIN_BLURS = 3.0
_NOT_MEASURED = "what was not measured of the particle counts as what lies as far from its centre"


@dataclass(frozen=True)
class Profile:
    """What a particle's map says of it; `None` where it does not say.

    Parameters
    ----------
    mean
        Composition of the whole particle.
    core, shell
        Composition at the two ends of the radial profile; the mean where no gradient is
        significant.
    radius_um
        Radius of the sphere, in µm.
    x_um, y_um
        Its centre, in µm.
    gradient_centre_um
        Radius of the mid composition, in µm.
    gradient_width_um
        Radial distance from 10 % to 90 % of the way between the compositions, in µm.
    corrected_mean, corrected_core, corrected_shell
        The compositions, corrected for self-absorption.
    notes
        What cannot be known, and what was assumed, in words.
    curves
        Arrays by annulus, all of one length.
    """

    mean: Composition | None = None
    core: Composition | None = None
    shell: Composition | None = None
    radius_um: Measured | None = None
    x_um: Measured | None = None
    y_um: Measured | None = None
    gradient_centre_um: Measured | None = None
    gradient_width_um: Measured | None = None
    corrected_mean: Composition | None = None
    corrected_core: Composition | None = None
    corrected_shell: Composition | None = None
    notes: tuple[str, ...] = ()
    curves: Mapping[str, Floats] = field(default_factory=dict)


def profile_of(
    atom_map: AtomMap,
    particle: Particle,
    *,
    beam_fwhm_um: float | None = None,
    attenuation: Attenuation | None = None,
) -> Profile:
    """Fit a core–shell sphere to a particle's map.

    Parameters
    ----------
    atom_map
        The map, or as much of it as there is.
    particle
        The particle in it.
    beam_fwhm_um
        Full width at half maximum of the beam, in µm; fitted where not given.
    attenuation
        What it takes to correct for self-absorption; without it nothing is corrected, and what
        self-absorption makes of a homogeneous particle may be taken for a gradient.

    Notes
    -----
    A map shows a sphere in projection. Each metal's share of a pixel is `core_k (T - G) +
    shell_k G`, with T the thickness of the sphere there and G that of its shell: the atoms are
    linear in the two compositions once radius, centre and width of the gradient are given. These
    come from the same least squares, on annuli around the centre, with the full covariance of the
    metals in each.

    Self-absorption makes the detector's side of a particle look thicker. Where the map shows that,
    the sphere and the gradient are those of the corrected map, and else of the map as it is.

    A gradient is reported where it is significant with and without the correction for
    self-absorption, which alone makes a homogeneous particle look poorer in manganese in the
    middle.
    """
    sphere, shaded = _sphere(atom_map, particle, beam_fwhm_um, attenuation)
    notes = ("the particle reaches the edge of the map",) if particle.cut else ()
    if sphere is None or not sphere.fixed:
        mean = _mean(atom_map, particle.pixels)
        return Profile(mean=mean, notes=("centre and radius cannot be known yet", *notes))
    if sphere.on_line:
        notes = ("on a single line: the centre is taken to lie on it", *notes)
    view = _View(atom_map, particle, sphere)
    if attenuation is None:
        return _told(view, None, notes)
    fractions = alike_everywhere(view.mean.fractions)
    if view.radial.contrast > LEAST_CONTRAST:
        fractions = view.radial.best.fractions
    full = unshaded(atom_map, view.field, sphere.ball, attenuation, fractions)
    return _told(view, replace(view, atom_map=full), notes, shaded=shaded)


def _sphere(
    atom_map: AtomMap,
    particle: Particle,
    beam_fwhm_um: float | None,
    attenuation: Attenuation | None,
) -> tuple[Sphere | None, bool]:
    """The sphere, and whether the map is better described with self-absorption than without."""
    as_seen = None
    if attenuation is None or particle.cut:
        as_seen = sphere_of(atom_map, particle, beam_fwhm_um=beam_fwhm_um)
    if attenuation is None:
        return as_seen, False
    even = _evened(atom_map, particle, as_seen, attenuation)
    evened = sphere_of(even, particle, beam_fwhm_um=beam_fwhm_um)
    if evened is None or evened.misfit <= 1.0:
        return evened, evened is not None
    as_seen = as_seen or sphere_of(atom_map, particle, beam_fwhm_um=beam_fwhm_um)
    if as_seen is None:
        return evened, True
    shaded = evened.misfit <= as_seen.misfit
    return (evened if shaded else as_seen), shaded


def _evened(
    atom_map: AtomMap, particle: Particle, as_seen: Sphere | None, attenuation: Attenuation
) -> AtomMap:
    """The map with about the right thickness: the detector's side of a particle looks thicker."""
    ball = particle.x_um, particle.y_um, particle.radius_um
    if particle.cut and as_seen is not None:
        ball = as_seen.ball
    fractions = alike_everywhere(_mean(atom_map, particle.pixels).fractions)
    field = particle.field & atom_map.measured
    return unshaded(atom_map, field, ball, attenuation, fractions)


@dataclass(frozen=True)
class _View:
    """A particle's sphere in a map, as measured or corrected."""

    atom_map: AtomMap
    particle: Particle
    sphere: Sphere

    @cached_property
    def field(self) -> Flags:
        """Pixels that the fit looks at."""
        field: Flags = self.particle.field & self.atom_map.measured
        return field

    @property
    def reach_um(self) -> float:
        """How far from its centre the particle's atoms are seen, in µm."""
        return self.sphere.radius_um + _MARGIN_BLURS * self.sphere.blur_um

    @cached_property
    def pixels(self) -> Flags:
        """Pixels that hold the particle's atoms, to just beyond its rim."""
        near = self.sphere.distance_um(self.atom_map.x_um, self.atom_map.y_um) < self.reach_um
        pixels: Flags = near & self.field
        return pixels

    @cached_property
    def mean(self) -> Composition:
        """Composition of all atoms of the particle, measured or not."""
        return _mean(self.atom_map, self.pixels, self.stands_for)

    @cached_property
    def stands_for(self) -> Floats | None:
        """How many pixels each stands for, where the map does not hold all of the particle."""
        return stand_ins(self.atom_map, self.sphere, self.pixels, self.reach_um)

    @cached_property
    def radial(self) -> Radial:
        """The fitted core–shell sphere."""
        atom_map, sphere, field = self.atom_map, self.sphere, self.field
        x_um, y_um = atom_map.x_um[field], atom_map.y_um[field]
        return radial_of(
            annuli_of(
                sphere.distance_um(x_um, y_um),
                atom_map.atoms[field],
                atom_map.covariance[field],
                sphere.rings,
                sphere.step_um,
            ),
            sphere.rings,
            sphere.radius_um,
            sphere.blur_um,
        )


def _mean(atom_map: AtomMap, pixels: Flags, stands_for: Floats | None = None) -> Composition:
    kept = pixels & atom_map.measured
    atoms, covariance = atom_map.atoms[kept], atom_map.covariance[kept]
    if stands_for is not None:
        atoms = atoms * stands_for[kept, None]
        covariance = covariance * stands_for[kept, None, None] ** 2
    return composition_of(
        atom_map.metals,
        np.add.reduce(atoms, axis=0),
        np.add.reduce(covariance, axis=0),
    )


def _told(
    view: _View, corrected: _View | None, notes: tuple[str, ...], *, shaded: bool = False
) -> Profile:
    """What there is to say of a particle whose sphere is fixed."""
    sphere = (corrected or view).sphere
    if view.stands_for is not None:
        notes = (*notes, _NOT_MEASURED)
    profile = Profile(
        mean=view.mean,
        corrected_mean=corrected.mean if corrected else None,
        radius_um=sphere.radius,
        x_um=None if sphere.across == 0 else sphere.x,
        y_um=None if sphere.across == 1 else sphere.y,
        curves=curves_of(view.radial, view.atom_map.metals),
    )
    if not _has_gradient(view, corrected):
        return _without_gradient(profile, view, notes)
    said = list(notes)
    core, corrected_core = _end(view, corrected, core=True)
    shell, corrected_shell = _end(view, corrected, core=False)
    unknown = [name for name, end in (("core", core), ("shell", shell)) if end is None]
    said += [f"the composition of the {name} cannot be known yet" for name in unknown]
    centre, width, doubts = _gradient(corrected if corrected and shaded else view)
    return replace(
        profile,
        core=core,
        shell=shell,
        corrected_core=corrected_core,
        corrected_shell=corrected_shell,
        gradient_centre_um=centre,
        gradient_width_um=width,
        notes=(*said, *doubts),
    )


def _end(
    view: _View, corrected: _View | None, *, core: bool
) -> tuple[Composition | None, Composition | None]:
    """Composition of the core or the shell, as seen and corrected, where it is known at all."""
    end = view.radial.end(view.atom_map.metals, core=core)
    if np.max(np.diagonal(end.covariance)) > _LOOSEST_FRACTION**2:
        return None, None
    return end, corrected.radial.end(view.atom_map.metals, core=core) if corrected else None


def _has_gradient(view: _View, corrected: _View | None) -> bool:
    """Whether core and shell are two, with and without the correction for self-absorption."""
    if view.radial.contrast < LEAST_CONTRAST:
        return False
    if corrected is None:
        return True
    if corrected.radial.contrast < LEAST_CONTRAST:
        return False
    metals = view.atom_map.metals
    as_seen, unshaded = (
        one.radial.end(metals, core=False).fractions - one.radial.end(metals, core=True).fractions
        for one in (view, corrected)
    )
    doubtful = _TRUSTED * np.max(np.abs(as_seen - unshaded))
    return bool(np.max(np.abs(unshaded)) > doubtful)


def _without_gradient(profile: Profile, view: _View, notes: tuple[str, ...]) -> Profile:
    """Core and shell are the mean, if the map would have shown them to differ."""
    if view.radial.finest > _LOOSEST_FRACTION:
        return replace(profile, notes=(*notes, "too few counts yet to tell core from shell"))
    profile = replace(profile, shell=profile.mean, corrected_shell=profile.corrected_mean)
    if view.sphere.nearest_um > _CORE_WITHIN * view.sphere.radius_um:
        return replace(profile, notes=(*notes, "the core is not in the map yet"))
    return replace(
        profile,
        core=profile.mean,
        corrected_core=profile.corrected_mean,
        curves=_level(profile),
        notes=(*notes, "homogeneous: no gradient is significant"),
    )


def _level(profile: Profile) -> dict[str, Floats]:
    """The curves of a particle that is the same all through."""
    level = dict(profile.curves)
    for metal in profile.mean.metals if profile.mean else ():
        name = f"{metal.lower()}_radial"
        fraction = profile.mean.fraction(metal).value if profile.mean else np.nan
        level[name] = np.where(np.isfinite(level[name]), fraction, np.nan)
    return level


def _gradient(view: _View) -> tuple[Measured | None, Measured | None, list[str]]:
    """Centre and width of the gradient, and why one of them cannot be given."""
    centre, width = view.radial.length_um(-2), view.radial.length_um(-1)
    at_centre, at_surface = view.radial.open_ends
    if at_surface:
        return None, None, ["the gradient reaches the surface: shell is the composition there"]
    if at_centre:
        return None, None, ["the gradient reaches the centre: core is the composition there"]
    sphere = view.sphere
    if centre.sigma > _LOOSEST_CENTRE * sphere.radius_um:
        return None, None, ["where the gradient lies cannot be known yet"]
    finest_um = _NARROWEST * max(sphere.step_um, FWHM * sphere.blur_um)
    limit_um = max(finest_um, width.value + 2 * width.sigma)
    narrow = width.value < max(finest_um, 2 * width.sigma)
    if narrow and limit_um < 0.5 * sphere.radius_um:
        return centre, None, [f"the gradient is narrower than {limit_um:.2g} µm"]
    if width.sigma > _LOOSEST_WIDTH * width.value:
        return centre, None, ["the gradient's width cannot be known yet"]
    return centre, width, []
