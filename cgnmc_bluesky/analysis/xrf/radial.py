"""Core, shell and gradient from the annuli of a particle, whatever the gradient's shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.descent import misfit_of
from cgnmc_bluesky.analysis.xrf.annuli import Annuli
from cgnmc_bluesky.analysis.xrf.composition import Composition, Measured, fractions_of
from cgnmc_bluesky.analysis.xrf.coreshell import CoreShell, CoreShellFit, Projected
from cgnmc_bluesky.analysis.xrf.gradient import SHAPES, ErrorFunction
from cgnmc_bluesky.analysis.xrf.projection import Radii
from cgnmc_bluesky.analysis.xrf.ratio import ratio_of

Floats = NDArray[np.float64]

SATURATED = 0.96
"""A gradient that gets less far than this shortly before the surface, or the centre, has no end
there: its asymptote cannot be known."""

_SHORTLY = 0.1

_RELATIVE_STEP = 1e-4


@dataclass(frozen=True)
class Radial:
    """A core–shell sphere, averaged over the shapes that its gradient may have.

    Parameters
    ----------
    projected
        The annuli it was fitted to.
    covariance
        Covariance of each annulus, as foretold by the fit, shape `(m, k, k)`.
    fits
        The fit with each shape.
    shares
        How likely the data make each shape, shape `(shapes,)`; they add up to one.
    misfit
        Reduced sum of squares of the likeliest, at least one.
    values
        Fractions of the core and of the shell, radius, centre and 10–90 % width of the gradient in
        µm, shape `(2 k + 3,)`.
    value_covariance
        Their covariance: of each fit, scaled with the misfit, and of the shapes among each other.
    finest
        One standard deviation of how much a metal's fraction differs between core and shell, for a
        gradient in the outer third of the radius.
    """

    projected: Projected
    covariance: Floats
    fits: tuple[CoreShell, ...]
    shares: Floats
    misfit: float
    values: Floats
    value_covariance: Floats
    finest: float

    @property
    def best(self) -> CoreShell:
        """The fit with the likeliest shape."""
        return self.fits[int(np.argmax(self.shares))]

    @property
    def contrast(self) -> float:
        """By how much the sum of squares, in units of the misfit, favours two compositions."""
        return self.best.contrast / self.misfit

    @property
    def open_ends(self) -> tuple[bool, bool]:
        """Whether the gradient goes on at the centre, and at the surface."""
        ends = np.array([_reached(fit) for fit in self.fits])
        at_centre, at_surface = np.einsum("s,se->e", self.shares, ends) < SATURATED
        return bool(at_centre), bool(at_surface)

    def end(self, metals: tuple[str, ...], *, core: bool) -> Composition:
        """Composition of the core, or of the shell."""
        k = len(metals)
        part = slice(0, k) if core else slice(k, 2 * k)
        return Composition(metals, self.values[part], self.value_covariance[part, part])

    def length_um(self, at: int) -> Measured:
        """Radius (-3), centre (-2) or width (-1), in µm."""
        return Measured(float(self.values[at]), float(np.sqrt(self.value_covariance[at, at])))


def radial_of(annuli: Annuli, rings: Radii, radius_um: float, blur_um: float) -> Radial:
    """Fit core–shell spheres to annuli.

    Parameters
    ----------
    annuli
        What was measured.
    rings
        The rings of the model.
    radius_um
        About the radius of the sphere, in µm.
    blur_um
        One standard deviation of the beam, in µm.
    """
    projected = Projected(annuli, rings, blur_um)
    flat = np.stack([annuli.pixels, projected.whole(radius_um)], axis=1)
    centre_um, width_um = CoreShellFit(projected, annuli.foretold_covariance(flat)).scan(radius_um)
    bases = projected.bases(ErrorFunction(), radius_um, centre_um, width_um)
    covariance = annuli.foretold_covariance(np.column_stack([annuli.pixels, bases]))
    fit = CoreShellFit(projected, covariance)
    start = (radius_um, centre_um, width_um)
    fits: list[CoreShell] = []
    for shape in SHAPES:
        found = fit.fit(shape, (start[0], start[1], start[2] * shape.relative_width))
        fits.append(found)
        if len(fits) == 1:
            start = (found.radius_um, found.centre_um, found.width_um)
    chi2 = np.array([found.chi2 for found in fits])
    misfit = misfit_of(float(np.min(chi2)), fit.degrees_of_freedom)
    shares = np.exp(-0.5 * (chi2 - np.min(chi2)) / misfit)
    shares = shares / np.add.reduce(shares)
    finest = fit.finest(radius_um) * np.sqrt(misfit)
    return _averaged(projected, covariance, tuple(fits), shares, misfit, finest)


def _averaged(
    projected: Projected,
    covariance: Floats,
    fits: tuple[CoreShell, ...],
    shares: Floats,
    misfit: float,
    finest: float,
) -> Radial:
    values, spreads = zip(*(_quantities(fit) for fit in fits), strict=True)
    each = np.array(values)
    mean = np.einsum("s,sv->v", shares, each)
    apart = each - mean
    spread = misfit * np.einsum("s,svw->vw", shares, np.array(spreads))
    spread = spread + np.einsum("s,sv,sw->vw", shares, apart, apart)
    return Radial(projected, covariance, fits, shares, misfit, mean, spread, finest)


def _quantities(fit: CoreShell) -> tuple[Floats, Floats]:
    """Fractions, radius, centre and width of a fit, with their covariance by the delta method."""
    here = np.concatenate(
        [[fit.radius_um, fit.centre_um, np.log(fit.width_um)], fit.core, fit.shell]
    )
    size = np.maximum(np.abs(here), 1e-3 * np.max(np.abs(here[3:])))
    size[:3] = 1.0
    steps = _RELATIVE_STEP * np.diag(size)
    found = _evaluate(fit, np.concatenate([here[None], here + steps, here - steps]))
    p = len(here)
    slopes = (found[1 : p + 1] - found[p + 1 :]) / (2 * np.diagonal(steps)[:, None])
    return found[0], np.einsum("pv,pq,qw->vw", slopes, fit.covariance, slopes)


def _reached(fit: CoreShell) -> Floats:
    """How much of its way a gradient covers towards the centre, and towards the surface."""
    inset_um = _SHORTLY * fit.width_um
    inner, outer = fit.outer(np.array([inset_um, fit.radius_um - inset_um]))
    return np.array([1.0 - inner, outer])


def _evaluate(fit: CoreShell, parameters: Floats) -> Floats:
    """Quantities for parameters of shape `(n, p)`, shape `(n, 2 k + 3)`.

    The fractions go their way with the gradient weighted by the density of metal on either side.
    """
    k = len(fit.core)
    radius_um, centre_um, width_um = parameters[:, 0], parameters[:, 1], np.exp(parameters[:, 2])
    scale = width_um / fit.shape.unit_width
    core, shell = parameters[:, 3 : 3 + k], parameters[:, 3 + k :]
    ends = fit.shape.height((np.stack([0 * radius_um, radius_um]) - centre_um) / scale)
    reached_in, reached_out = _reached(fit)
    inner = np.where(reached_in < SATURATED, ends[0], 0.0)[:, None]
    outer = np.where(reached_out < SATURATED, ends[1], 1.0)[:, None]
    first = core * (1 - inner) + shell * inner
    last = core * (1 - outer) + shell * outer
    inside, outside = np.add.reduce(core, axis=1), np.add.reduce(shell, axis=1)
    share = np.array([0.1, 0.5, 0.9])[:, None]
    height = share * inside / (share * inside + (1 - share) * outside)
    low, mid, high = centre_um + scale * fit.shape.place(np.clip(height, 1e-6, 1 - 1e-6))
    return np.column_stack(
        [
            first / np.add.reduce(first, axis=1)[:, None],
            last / np.add.reduce(last, axis=1)[:, None],
            radius_um,
            mid,
            high - low,
        ]
    )


def curves_of(radial: Radial, metals: tuple[str, ...]) -> dict[str, Floats]:
    """Fractions by annulus, measured and fitted, and those of the sphere at the same radii.

    Parameters
    ----------
    radial
        The fit.
    metals
        Symbols of the metals; the arrays have their names in small letters.
    """
    annuli, best = radial.projected.annuli, radial.best
    inside = annuli.radius_um < best.radius_um
    atoms, covariance = annuli.atoms[inside], radial.covariance[inside]
    bases = radial.projected.bases(best.shape, best.radius_um, best.centre_um, best.width_um)
    fitted = np.einsum("mb,bk->mk", bases[inside], np.stack([best.core, best.shell]))
    radius_um = annuli.radius_um[inside]
    fractions, spread = fractions_of(atoms, covariance)
    kinds = {
        "": fractions,
        "_sigma": np.sqrt(np.diagonal(spread, axis1=1, axis2=2)),
        "_fit": fractions_of(fitted, 0 * covariance)[0],
        "_radial": best.fractions(radius_um),
    }
    names = [metal.lower() for metal in metals]
    curves = {"radius_um": radius_um}
    for kind, values in kinds.items():
        curves |= {name + kind: values[:, at] for at, name in enumerate(names)}
    if {"Mn", "Ni"} <= set(metals):
        pair = [metals.index("Mn"), metals.index("Ni")]
        top, bottom = atoms[:, pair].T
        curves["mn_ni"], curves["mn_ni_sigma"] = ratio_of(
            top, bottom, covariance[:, pair][:, :, pair]
        )
        curves["mn_ni_fit"] = fitted[:, pair[0]] / fitted[:, pair[1]]
    return curves
