"""Centre and radius of a particle, from the thickness of metal it shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.descent import Local, covariance_of, descend, misfit_of
from cgnmc_bluesky.analysis.xrf.atoms import AtomMap
from cgnmc_bluesky.analysis.xrf.composition import Measured
from cgnmc_bluesky.analysis.xrf.particles import Particle
from cgnmc_bluesky.analysis.xrf.projection import FWHM, Radii

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_RINGS_A_PIXEL = 4
_MOST_RINGS = 150
_AROUND = 1.08
_AROUND_PIXELS = 3.0
_AROUND_BLURS = 4.0
_FEWEST_PIXELS = 6
_COARSE = 4.0
_FINE = 0.02
_FINER = 6
_RINGS_KNOW = 0.005
_LOOSEST_GEOMETRY = 0.05
_FROM_WITHIN = 0.6
_LINE_WIDTH = 0.25


@dataclass(frozen=True)
class Sphere:
    """A sphere of metal oxide under a beam.

    Parameters
    ----------
    x_um, y_um, radius_um
        Centre and radius, in µm.
    blur_um
        One standard deviation of the beam, in µm.
    density
        Atoms in a pixel for each µm of thickness.
    covariance
        Covariance of these five, shape `(5, 5)`; zero for what was given.
    step_um
        Distance of neighbouring pixels, in µm.
    rings
        Rings around the centre, as far as the pixels reach, that models are computed on.
    nearest_um
        Distance of the nearest pixel from the centre, in µm.
    across
        Coordinate of the centre (0 for x, 1 for y) that was taken from the line that all pixels lie
        on; `None` where they lie on more than one.
    misfit
        What the pixels differ from it by, squared and over what counting gives, on average.
    """

    x_um: float
    y_um: float
    radius_um: float
    blur_um: float
    density: float
    covariance: Floats
    step_um: float
    rings: Radii
    nearest_um: float
    across: int | None
    misfit: float

    @property
    def on_line(self) -> bool:
        """Whether all pixels lie on one line, and the centre was taken to lie there."""
        return self.across is not None

    @property
    def x(self) -> Measured:
        """Centre, in µm."""
        return self._measured(0, self.x_um)

    @property
    def y(self) -> Measured:
        """Centre, in µm."""
        return self._measured(1, self.y_um)

    @property
    def radius(self) -> Measured:
        """Radius, in µm."""
        return self._measured(2, self.radius_um)

    @property
    def ball(self) -> tuple[float, float, float]:
        """Centre and radius, in µm."""
        return self.x_um, self.y_um, self.radius_um

    @property
    def fixed(self) -> bool:
        """Whether centre and radius are known to a twentieth of the radius, and that not from the
        rim alone: what is not quite a sphere would be far off.
        """
        loosest = np.max(np.diagonal(self.covariance)[:3])
        known = loosest < (_LOOSEST_GEOMETRY * self.radius_um) ** 2
        return bool(known and self.nearest_um < _FROM_WITHIN * self.radius_um)

    def distance_um(self, x_um: Floats, y_um: Floats) -> Floats:
        """Distance of points from the centre, in µm."""
        distance: Floats = np.sqrt((x_um - self.x_um) ** 2 + (y_um - self.y_um) ** 2)
        return distance

    def _measured(self, at: int, value: float) -> Measured:
        return Measured(value, float(np.sqrt(self.covariance[at, at])))


def sphere_of(
    atom_map: AtomMap, particle: Particle, *, beam_fwhm_um: float | None = None
) -> Sphere | None:
    """Fit a sphere to the thickness of metal that a particle shows.

    Parameters
    ----------
    atom_map
        The map.
    particle
        Which of its pixels to look at.
    beam_fwhm_um
        Full width at half maximum of the beam, in µm; fitted where not given, and how far it swept
        along each pixel in any case.

    Returns
    -------
    Sphere or None
        `None` where the pixels do not hold a sphere, as in the first lines of a map.

    Notes
    -----
    The square of a sphere's thickness is quadratic in the position, which gives a first centre and
    radius without a search, also where a map shows but a part of the sphere. The fit itself
    compares the blurred thickness with all pixels of the field, weighted by the variance that the
    thickness foretells: a pixel's own counts would favour those that are low by chance.

    Where all pixels lie on one line, the centre is taken to lie on it.
    """
    field = particle.field & atom_map.measured
    x_um, y_um = atom_map.x_um[field], atom_map.y_um[field]
    total, variance = atom_map.total[field], atom_map.total_variance[field]
    step_um = spacing_of(x_um, y_um)
    own = particle.pixels[field]
    if np.count_nonzero(own) < _FEWEST_PIXELS or step_um <= 0:
        return None
    across = _across(x_um, y_um, step_um)
    start = _first_guess(x_um[own], y_um[own], (total**2 - variance)[own], across)
    if start is None:
        start = np.array([particle.x_um, particle.y_um, particle.radius_um, 1.0])
        start[3] = np.mean(total[own]) / (4 / 3 * particle.radius_um)
    beam_um = (beam_fwhm_um or step_um) / FWHM
    blur_um = np.hypot(beam_um, step_um / np.sqrt(24.0))
    free = tuple(at for at in range(5) if at != across)
    values = np.array([*start[:3], blur_um, start[3]])
    extent_um = max(particle.radius_um, values[2])
    distance = np.sqrt((x_um - values[0]) ** 2 + (y_um - values[1]) ** 2)
    reach_um = _AROUND * extent_um + _AROUND_PIXELS * step_um + _AROUND_BLURS * blur_um
    near = distance < reach_um
    reach_um = min(reach_um, float(np.max(distance))) + extent_um * (_AROUND - 1)
    rings_um = max(step_um / _RINGS_A_PIXEL, reach_um / _MOST_RINGS)
    rings = Radii(rings_um, int(max(reach_um, extent_um) / rings_um) + 2)
    x_um, y_um, total, variance = x_um[near], y_um[near], total[near], variance[near]
    lower = np.array([-np.inf, -np.inf, step_um, 0.2 * step_um, 0.0])
    upper = np.array([np.inf, np.inf, 2.0 * extent_um, 0.5 * extent_um, np.inf])
    if beam_fwhm_um is not None:
        # the beam may have stood in the middle of each pixel, or swept along it
        lower[3], upper[3] = 0.9 * beam_um, 1.1 * np.hypot(beam_um, step_um / np.sqrt(12.0))
    model = _Thickness(x_um, y_um, total, variance, rings, free)
    values, _ = model.fit(values, lower, upper, tolerance=_COARSE)
    values, local = model.fit(values, lower, upper, tolerance=_FINE)
    covariance = np.zeros((5, 5))
    inside = np.ix_(free, free)
    covariance[inside] = covariance_of(local.normal) * local.misfit
    covariance[:3, :3] += np.diag([rings.step_um * _RINGS_KNOW] * 3) ** 2
    nearest_um = float(np.min(np.hypot(x_um - values[0], y_um - values[1])))
    x0_um, y0_um, radius_um, blur_um, density = values.tolist()
    return Sphere(
        x0_um,
        y0_um,
        radius_um,
        blur_um,
        density,
        covariance,
        step_um,
        rings,
        nearest_um,
        across,
        local.misfit,
    )


def spacing_of(x_um: Floats, y_um: Floats) -> float:
    """Typical distance of neighbouring pixels along the lines, in µm."""
    steps = np.hypot(np.diff(x_um), np.diff(y_um))
    steps = steps[steps > 0]
    return float(np.median(steps)) if steps.size else 0.0


def _across(x_um: Floats, y_um: Floats, step_um: float) -> int | None:
    """Coordinate that hardly changes, or less, on the one line that all pixels lie on."""
    places = np.stack([x_um - np.mean(x_um), y_um - np.mean(y_um)])
    spread = np.einsum("in,jn->ij", places, places) / places.shape[1]
    if np.linalg.eigvalsh(spread)[0] > (_LINE_WIDTH * step_um) ** 2:
        return None
    return int(np.argmin(np.diagonal(spread)))


def _first_guess(x_um: Floats, y_um: Floats, square: Floats, across: int | None) -> Floats | None:
    """Centre, radius and density from a paraboloid through the squared thickness, shape `(4,)`."""
    middle = np.array([np.mean(x_um), np.mean(y_um)])
    offset = np.stack([x_um, y_um]) - middle[:, None]
    known = [at for at in range(2) if at != across]
    columns = np.stack([np.ones_like(square), np.add.reduce(offset**2), *offset[known]])
    normal = np.einsum("in,jn->ij", columns, columns)
    level, bend, *along = np.linalg.lstsq(
        normal, np.einsum("in,n->i", columns, square), rcond=1e-12
    )[0]
    if not bend < 0:
        return None
    centre = np.zeros(2)
    centre[known] = -np.array(along) / (2 * bend)
    radius2 = level / -bend + np.add.reduce(centre**2)
    if not radius2 > 0:
        return None
    return np.array([*(centre + middle), np.sqrt(radius2), np.sqrt(-bend) / 2])


@dataclass(frozen=True)
class _Thickness:
    """Pixels of one particle, and the rings its model is computed on."""

    x_um: Floats
    y_um: Floats
    total: Floats
    variance: Floats
    rings: Radii
    free: tuple[int, ...]

    def fit(
        self, start: Floats, lower: Floats, upper: Floats, *, tolerance: float
    ) -> tuple[Floats, Local]:
        """Parameters of the least sum of squares, with weights as the start foretells."""
        free = list(self.free)
        distance = np.hypot(self.x_um - start[0], self.y_um - start[1])
        thickness = self.rings.blur(start[3])(self.rings.chord_um(start[2]))
        expected = start[4] * self.rings.between(thickness, distance)
        weight = 1.0 / _expected_variance(self.variance, expected)

        def values_of(few: Floats) -> Floats:
            values = start.copy()
            values[free] = few
            return values

        few, local = descend(
            lambda few: self._at(values_of(few), weight),
            start[free],
            lower[free],
            upper[free],
            tolerance=tolerance,
        )
        return values_of(few), local

    def _at(self, values: Floats, weight: Floats) -> Local:
        """Sum of squares and its surroundings, from sums over rings around the centre."""
        x_um, y_um, radius_um, blur_um, density = values
        dx, dy = self.x_um - x_um, self.y_um - y_um
        distance = np.sqrt(dx * dx + dy * dy)
        n_rings = _FINER * self.rings.n
        ring = np.minimum(distance * (_FINER / self.rings.step_um), n_rings - 1).astype(np.int64)

        def sums(values: Floats) -> Floats:
            return np.bincount(ring, values, minlength=n_rings).astype(np.float64)

        cosine, sine = (side / np.maximum(distance, 1e-9) for side in (dx, dy))
        weighted = np.stack([weight * cosine, weight * sine, weight])
        held = np.stack([sums(one) for one in weighted])
        found = np.stack([sums(one * self.total) for one in weighted])
        squares, crossed = sums(weighted[0] * cosine), sums(weighted[0] * sine)
        middle = sums(weight * distance) / np.where(held[2] > 0, held[2], 1.0)
        thickness, inward, wider, softer = self._model(middle, radius_um, blur_um)
        residual = found - density * thickness * held
        by_density = density * np.stack([inward, inward, wider, softer])
        slopes = np.concatenate([by_density, thickness[None]])
        # which sums meet for each pair of parameters: along x, along y, or neither
        pairs = np.empty((5, 5, n_rings))
        pairs[:] = held[2]
        pairs[0, 1:] = pairs[1:, 0] = held[0]
        pairs[1, 2:] = pairs[2:, 1] = held[1]
        pairs[0, 0], pairs[1, 1] = squares, held[2] - squares
        pairs[0, 1] = pairs[1, 0] = crossed
        normal = np.einsum("in,jn,ijn->ij", slopes, slopes, pairs)
        slope = np.einsum("in,in->i", slopes, residual[[0, 1, 2, 2, 2]])
        chi2 = np.einsum("n,n,n->", weight, self.total, self.total) - density * np.einsum(
            "n,n->", thickness, found[2] + residual[2]
        )
        free = list(self.free)
        misfit = misfit_of(float(chi2), len(weight) - len(free))
        return Local(float(chi2), slope[free], normal[np.ix_(free, free)], misfit)

    def _model(self, distance: Floats, radius_um: float, blur_um: float) -> Floats:
        """Thickness, and its slopes towards the centre, the radius and the blur, shape `(4, n)`."""
        rings = self.rings
        d_radius = 0.25 * rings.step_um
        chord = rings.chord_um(radius_um)
        wider = (rings.chord_um(radius_um + d_radius) - chord) / d_radius
        seen, seen_wider = rings.blur(blur_um)(np.stack([chord, wider], axis=1)).T
        inward = -np.gradient(seen, rings.step_um)
        # a Gaussian's width spreads as heat does
        softer = -blur_um * (np.gradient(inward, rings.step_um) + inward / rings.middle_um)
        return rings.between(np.stack([seen, inward, seen_wider, softer]), distance)


def _expected_variance(variance: Floats, expected: Floats) -> Floats:
    """Variance of pixels from what is expected in them, rather than from their own counts."""
    columns = np.stack([np.ones_like(expected), expected])
    normal = np.einsum("in,jn->ij", columns, columns)
    level, rise = np.linalg.lstsq(normal, np.einsum("in,n->i", columns, variance), rcond=1e-12)[0]
    floor = 1e-3 * np.mean(variance)
    smooth: Floats = np.maximum(level + rise * expected, max(float(floor), 1e-300))
    return smooth
