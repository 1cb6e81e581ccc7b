"""A sphere whose composition changes from core to shell, fitted to its projection."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.descent import Local, covariance_of, descend, misfit_of
from cgnmc_bluesky.analysis.xrf.annuli import Annuli
from cgnmc_bluesky.analysis.xrf.composition import fractions_of
from cgnmc_bluesky.analysis.xrf.gradient import ErrorFunction, Shape, gradient_of
from cgnmc_bluesky.analysis.xrf.projection import Radii

Floats = NDArray[np.float64]

_CENTRES = np.linspace(0.15, 0.97, 14)
_WIDTHS = np.array([0.05, 0.15, 0.3, 0.6])
_ALTERNATIONS = 6


@dataclass(frozen=True)
class CoreShell:
    """A fitted core–shell sphere.

    Parameters
    ----------
    shape
        Of the gradient.
    radius_um, centre_um, width_um
        Radius of the sphere, middle of the gradient and its 10–90 % width, in µm.
    core, shell
        Atoms of each metal in a pixel for each µm of thickness, far inside and far outside of the
        gradient, shape `(k,)`.
    covariance
        Of radius, centre, logarithm of the width, core and shell, shape `(3 + 2 k, 3 + 2 k)`.
    chi2
        Sum of squared residuals over their variances.
    normal
        Normal matrix of core and shell, shape `(2 k, 2 k)`.
    """

    shape: Shape
    radius_um: float
    centre_um: float
    width_um: float
    core: Floats
    shell: Floats
    covariance: Floats
    chi2: float
    normal: Floats

    @cached_property
    def contrast(self) -> float:
        """By how much the sum of squares would grow were core and shell of one composition."""
        k = len(self.core)
        amounts = np.stack([self.core, self.shell])
        tensor = self.normal.reshape(2, k, 2, k)
        pulled = np.einsum("bkcl,cl->bk", tensor, amounts)
        composition = np.add.reduce(amounts, axis=0)
        for _ in range(_ALTERNATIONS):
            by_part = np.einsum("bkcl,k,l->bc", tensor, composition, composition)
            share = np.linalg.solve(by_part, np.einsum("bk,k->b", pulled, composition))
            by_metal = np.einsum("bkcl,b,c->kl", tensor, share, share)
            composition = np.linalg.solve(by_metal, np.einsum("bk,b->k", pulled, share))
        apart = amounts - share[:, None] * composition
        return float(np.einsum("bk,bkcl,cl->", apart, tensor, apart))

    def fractions(self, radius_um: Floats) -> Floats:
        """Atomic fractions of the metals at radii, shape `(…, k)` for `(…,)`."""
        outer = self.outer(radius_um)[..., None]
        core, shell = (part / np.add.reduce(part) for part in (self.core, self.shell))
        fractions: Floats = core * (1 - outer) + shell * outer
        return fractions

    def outer(self, radius_um: Floats) -> Floats:
        """Share of the shell's material at radii, shape `(…,)`."""
        return self.shape.height(
            (radius_um - self.centre_um) * self.shape.unit_width / self.width_um
        )


class Projected:
    """The annuli of a particle, and what core and shell add to each of them.

    Parameters
    ----------
    annuli
        What was measured.
    rings
        The rings of the model.
    blur_um
        One standard deviation of the beam, in µm.
    """

    def __init__(self, annuli: Annuli, rings: Radii, blur_um: float) -> None:
        self.annuli = annuli
        self.rings = rings
        blurred = rings.blur(blur_um).onto(annuli.placing)
        self._of_rings = blurred
        self._of_shells = np.einsum("mn,ns->ms", blurred, rings.shell_chords_um)

    def whole(self, radius_um: float) -> Floats:
        """Thickness of the sphere, summed over each annulus, shape `(m,)`."""
        whole: Floats = np.einsum("mn,n->m", self._of_rings, self.rings.chord_um(radius_um))
        return whole

    def of_shells(self, density: Floats) -> Floats:
        """Thickness of spherical shells of a density each, shape `(…, n)`, by annulus."""
        held: Floats = np.einsum("ms,...s->...m", self._of_shells, density)
        return held

    def inside(self, radius_um: float) -> Floats:
        """Share of each shell that lies inside the sphere, shape `(n,)`."""
        share: Floats = np.clip((radius_um - self.rings.edges_um[:-1]) / self.rings.step_um, 0, 1)
        return share

    def bases(self, shape: Shape, radius_um: float, centre_um: float, width_um: float) -> Floats:
        """Thickness of core and of shell material by annulus, shape `(m, 2)`."""
        outer = gradient_of(shape, self.rings.edges_um, centre_um, width_um)
        core = self.of_shells((1 - outer) * self.inside(radius_um))
        return np.stack([core, self.whole(radius_um) - core], axis=1)


class CoreShellFit:
    """The least squares of a core–shell sphere.

    Parameters
    ----------
    projected
        The annuli.
    covariance
        Covariance of each annulus that the weights come from, shape `(m, k, k)`.
    """

    def __init__(self, projected: Projected, covariance: Floats) -> None:
        self.projected = projected
        atoms = projected.annuli.atoms
        self._weights = np.linalg.inv(covariance)
        self._weighted = np.einsum("mkl,ml->mk", self._weights, atoms)
        self._squares = float(np.einsum("mk,mk->", atoms, self._weighted))
        self._metals = atoms.shape[1]

    @property
    def degrees_of_freedom(self) -> int:
        """Number of measured amounts over that of parameters."""
        parameters: int = 3 + 2 * self._metals
        return self.projected.annuli.n_amounts - parameters

    def scan(self, radius_um: float) -> tuple[float, float]:
        """Centre and width of the gradient, in µm, that fit best of some that span all."""
        centres, widths = (
            grid.ravel() for grid in np.meshgrid(_CENTRES * radius_um, _WIDTHS * radius_um)
        )
        edges = self.projected.rings.edges_um
        scale = (widths / ErrorFunction.unit_width)[:, None]
        rise = ErrorFunction().integral((edges - centres[:, None]) / scale)
        outer = np.diff(rise, axis=1) * scale / np.diff(edges)
        core = self.projected.of_shells((1 - outer) * self.projected.inside(radius_um))
        bases = np.stack([core, self.projected.whole(radius_um) - core], axis=-1)
        best = int(np.argmin(self._linear(bases)[0]))
        return float(centres[best]), float(widths[best])

    def finest(self, radius_um: float) -> float:
        """Standard deviation of the difference of the fractions of core and shell, at most.

        It is that for a gradient at 0.7 of the radius, whatever the compositions.
        """
        bases = self.projected.bases(ErrorFunction(), radius_um, 0.7 * radius_um, 0.2 * radius_um)
        k = self._metals
        normal = np.einsum("mb,mc,mkl->bkcl", bases, bases, self._weights)
        spread = covariance_of(normal.reshape(2 * k, 2 * k))
        _, (core, shell) = self._linear(bases)
        if not np.all(np.isfinite(spread)) or np.sum(core) <= 0 or np.sum(shell) <= 0:
            return float("inf")
        parts = spread.reshape(2, k, 2, k)
        _, inner = fractions_of(core[None], parts[None, 0, :, 0])
        _, outer = fractions_of(shell[None], parts[None, 1, :, 1])
        return float(np.sqrt(np.max(np.diagonal(inner[0] + outer[0]))))

    def fit(self, shape: Shape, start: tuple[float, float, float]) -> CoreShell:
        """Fit radius, gradient and both compositions.

        Parameters
        ----------
        shape
            Of the gradient.
        start
            Radius, centre and width to begin with, in µm.
        """
        radius_um, centre_um, width_um = start
        step_um = self.projected.rings.step_um
        first = np.array([radius_um, centre_um, np.log(width_um)])
        lower = np.array([0.5 * radius_um, 0.0, np.log(0.5 * step_um)])
        upper = np.array([1.5 * radius_um, 1.3 * radius_um, np.log(3 * radius_um)])
        found, _ = descend(lambda values: self._at(shape, values)[0], first, lower, upper)
        local, amounts, full = self._at(shape, found)
        core, shell = amounts
        return CoreShell(
            shape,
            float(found[0]),
            float(found[1]),
            float(np.exp(found[2])),
            core,
            shell,
            covariance_of(full),
            local.chi2,
            full[3:, 3:],
        )

    def _linear(self, bases: Floats) -> tuple[Floats, Floats]:
        """Least sum of squares and amounts, shapes `(…)` and `(…, 2, k)`, for given bases."""
        k = self._metals
        pairs = bases[..., :, None] * bases[..., None, :]
        normal = np.einsum("...mbc,mkl->...bkcl", pairs, self._weights)
        normal = normal.reshape(*bases.shape[:-2], 2 * k, 2 * k)
        right = np.einsum("...mb,mk->...bk", bases, self._weighted).reshape(*normal.shape[:-1])
        ridge = 1e-10 * np.einsum("...ii->...", normal)[..., None, None] * np.eye(2 * k)
        amounts = np.linalg.solve(normal + ridge, right[..., None])[..., 0]
        squares = self._squares - 2 * np.einsum("...i,...i->...", right, amounts)
        squares = squares + np.einsum("...i,...ij,...j->...", amounts, normal, amounts)
        return squares, amounts.reshape(*bases.shape[:-2], 2, k)

    def _at(self, shape: Shape, values: Floats) -> tuple[Local, Floats, Floats]:
        """Surroundings in radius, centre and log width; the amounts; and the full normal matrix."""
        bases, slopes = self._bases(shape, values)
        chi2, amounts = self._linear(bases)
        k = self._metals
        bent = np.einsum("pmb,bk->pmk", slopes, amounts)
        flat = np.einsum("mb,kl->bkml", bases, np.eye(k)).reshape(2 * k, len(bases), k)
        jacobian = np.concatenate([bent, flat])
        weighted = np.einsum("pml,mkl->pmk", jacobian, self._weights)
        full = np.einsum("pmk,qmk->pq", weighted, jacobian)
        residual = self.projected.annuli.atoms - np.einsum("mb,bk->mk", bases, amounts)
        slope = np.einsum("pmk,mk->p", weighted, residual)
        across = full[:3, 3:]
        inner = full[3:, 3:] + 1e-10 * np.trace(full[3:, 3:]) * np.eye(2 * k)
        taken = np.linalg.solve(inner, across.T)
        misfit = misfit_of(float(chi2), self.degrees_of_freedom)
        reduced = full[:3, :3] - np.einsum("ij,jk->ik", across, taken)
        return (
            Local(float(chi2), slope[:3] - np.einsum("jp,j->p", taken, slope[3:]), reduced, misfit),
            amounts,
            full,
        )

    def _bases(self, shape: Shape, values: Floats) -> tuple[Floats, Floats]:
        """Bases, shape `(m, 2)`, and their slopes by radius, centre and log width."""
        radius_um, centre_um, width_um = values[0], values[1], np.exp(values[2])
        d_um, d_log = 0.2 * self.projected.rings.step_um, 0.01
        edges, inside = self.projected.rings.edges_um, self.projected.inside(radius_um)
        here, further, wider = (
            1 - gradient_of(shape, edges, centre, width)
            for centre, width in (
                (centre_um, width_um),
                (centre_um + d_um, width_um),
                (centre_um, width_um * np.exp(d_log)),
            )
        )
        larger = self.projected.inside(radius_um + d_um)
        core, with_radius, with_centre, with_width = self.projected.of_shells(
            np.stack(
                [
                    here * inside,
                    here * (larger - inside) / d_um,
                    (further - here) * inside / d_um,
                    (wider - here) * inside / d_log,
                ]
            )
        )
        whole = self.projected.whole(radius_um)
        grown = (self.projected.whole(radius_um + d_um) - whole) / d_um
        slopes = np.stack(
            [
                np.stack([with_radius, grown - with_radius], axis=1),
                np.stack([with_centre, -with_centre], axis=1),
                np.stack([with_width, -with_width], axis=1),
            ]
        )
        return np.stack([core, whole - core], axis=1), slopes
