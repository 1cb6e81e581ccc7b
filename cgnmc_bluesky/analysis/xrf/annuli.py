"""A particle's map, summed over rings around its centre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.projection import Radii

Floats = NDArray[np.float64]

_FLOOR = 1e-3


@dataclass(frozen=True)
class Annuli:
    """Sums of pixels that lie equally far from the centre.

    Parameters
    ----------
    radius_um
        Mean distance of an annulus' pixels from the centre, shape `(m,)`, in µm, ascending.
    pixels
        How many pixels it holds, shape `(m,)`.
    atoms
        Sum of their atoms, shape `(m, k)`.
    covariance
        Exact covariance of that sum, shape `(m, k, k)`.
    placing
        How its pixels lie on the finer rings of the model, shape `(m, n)`: an annulus holds
        `placing @ rings` of what is known by ring.
    """

    radius_um: Floats
    pixels: Floats
    atoms: Floats
    covariance: Floats
    placing: Floats

    @property
    def n_amounts(self) -> int:
        """How many amounts were measured."""
        return len(self.pixels) * int(self.atoms.shape[1])

    def foretold_covariance(self, bases: Floats) -> Floats:
        """Covariance of each annulus as a smooth model foretells it.

        Parameters
        ----------
        bases
            What the counts are made of, by annulus, shape `(m, b)`: number of pixels, thickness of
            the core, thickness of the shell.

        Returns
        -------
        array
            Shape `(m, k, k)`, positive definite.

        Notes
        -----
        Poisson covariances are linear in what was expected, so the observed ones are regressed on
        it, with weights that do not depend on the counts. An annulus' own counts as weights would
        favour those that are low by chance.
        """
        weight = 1.0 / self.pixels
        normal = np.einsum("mb,mc,m->bc", bases, bases, weight)
        right = np.einsum("mb,mkl,m->bkl", bases, self.covariance, weight)
        size = np.sqrt(np.maximum(np.diagonal(normal), 1e-300))
        k = right.shape[1]
        scaled = (right / size[:, None, None]).reshape(len(size), k * k)
        parts = np.linalg.lstsq(normal / np.outer(size, size), scaled, rcond=1e-9)[0]
        smooth = np.einsum("mb,bv->mv", bases / size, parts).reshape(-1, k, k)
        mean = np.add.reduce(self.covariance, axis=0) / np.add.reduce(self.pixels)
        least = _FLOOR * self.pixels * np.add.reduce(np.diagonal(mean)) / k
        values, vectors = np.linalg.eigh(smooth)
        values = np.maximum(values, least[:, None])
        foretold: Floats = np.einsum("mij,mj,mkj->mik", vectors, values, vectors)
        return foretold


def annuli_of(
    distance_um: Floats, atoms: Floats, covariance: Floats, rings: Radii, width_um: float
) -> Annuli:
    """Sum pixels over annuli.

    Parameters
    ----------
    distance_um
        Distance of each pixel from the centre, shape `(p,)`, in µm; those beyond the rings are left
        out.
    atoms, covariance
        Atoms of each pixel with their covariance, shapes `(p, k)` and `(p, k, k)`.
    rings
        Rings of the model.
    width_um
        Width of an annulus, in µm.
    """
    kept = distance_um < (rings.n - 1) * rings.step_um
    distance, atoms, covariance = distance_um[kept], atoms[kept], covariance[kept]
    number = (distance / width_um).astype(np.int64)
    m = int(number.max()) + 1 if number.size else 0
    count = np.bincount(number, minlength=m).astype(float)
    filled = count > 0
    k = atoms.shape[1]
    sums = np.empty((m, k))
    spread = np.empty((m, k, k))
    for i in range(k):
        sums[:, i] = np.bincount(number, atoms[:, i], minlength=m)
        for j in range(i, k):
            spread[:, i, j] = np.bincount(number, covariance[:, i, j], minlength=m)
            spread[:, j, i] = spread[:, i, j]
    place = np.maximum(distance / rings.step_um - 0.5, 0.0)
    low = place.astype(np.int64)
    share = place - low
    cell = number * rings.n + low
    placing: Floats = np.zeros(m * rings.n + 1)
    placing += np.bincount(cell, 1 - share, minlength=len(placing))
    placing[1:] += np.bincount(cell, share, minlength=len(placing))[:-1]
    middle = np.bincount(number, distance, minlength=m)
    return Annuli(
        middle[filled] / count[filled],
        count[filled],
        sums[filled],
        spread[filled],
        placing[:-1].reshape(m, rings.n)[filled],
    )
