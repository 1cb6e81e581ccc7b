"""A sphere seen in projection through a beam of finite size."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, ndtr

Floats = NDArray[np.float64]

FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
"""Full width at half maximum of a Gaussian, in standard deviations."""

_REACH = 4.5
_LEAST_BLUR = 0.3
_BENT = 3.0


@dataclass(frozen=True)
class Radii:
    """Rings of equal width around a centre, and a Gaussian beam that blurs them.

    Parameters
    ----------
    step_um
        Width of a ring, in µm.
    n
        Number of rings.
    """

    step_um: float
    n: int

    @cached_property
    def edges_um(self) -> Floats:
        """Inner edges of the rings and the last outer one, shape `(n + 1,)`, in µm."""
        return np.arange(self.n + 1, dtype=np.float64) * self.step_um

    @cached_property
    def middle_um(self) -> Floats:
        """Middle radii of the rings, shape `(n,)`, in µm."""
        return (np.arange(self.n, dtype=np.float64) + 0.5) * self.step_um

    @cached_property
    def shell_chords_um(self) -> Floats:
        """Mean thickness over each ring (rows) of each spherical shell (columns), shape `(n, n)`.

        Shells have the rings' radii.
        """
        edges = np.arange(self.n + 1, dtype=float)
        inside = np.maximum(edges[None, :] ** 2 - edges[:, None] ** 2, 0.0)
        ball = inside * np.sqrt(inside)
        balls = (ball[:-1] - ball[1:]) / (edges[1:] ** 2 - edges[:-1] ** 2)[:, None]
        chords: Floats = np.diff(balls, axis=1) * (4.0 / 3.0 * self.step_um)
        return chords

    def chord_um(self, radius_um: float) -> Floats:
        """Mean thickness of a sphere over each ring, shape `(n,)`, in µm."""
        inside = np.maximum(radius_um**2 - self.edges_um**2, 0.0)
        ball = inside * np.sqrt(inside)
        chord: Floats = (ball[:-1] - ball[1:]) / np.diff(self.edges_um**2) * (4.0 / 3.0)
        return chord

    def between(self, rings: Floats, distance_um: Floats) -> Floats:
        """Values of the rings, shape `(…, n)`, at distances from the centre, shape `(m,)`."""
        place = np.clip(distance_um / self.step_um - 0.5, 0.0, self.n - 1.001)
        low = place.astype(np.int64)
        share = place - low
        found: Floats = rings[..., low] * (1 - share) + rings[..., low + 1] * share
        return found

    def blur(self, sigma_um: float) -> "Blur":
        """A round Gaussian beam on these rings.

        Parameters
        ----------
        sigma_um
            One standard deviation of the beam, in µm.

        Notes
        -----
        A Gaussian in two dimensions, averaged over the angle, is a Gaussian of the radii's
        difference with a Bessel function for the curvature of the rings. It is integrated over
        each ring, so that a beam narrower than a ring does no harm.
        """
        sigma = max(sigma_um / self.step_um, _LEAST_BLUR)
        reach = int(np.ceil(_REACH * sigma)) + 1
        offsets = np.arange(-reach, reach + 1)
        plane = ndtr((offsets + 0.5) / sigma) - ndtr((offsets - 0.5) / sigma)
        here = np.arange(self.n)[:, None] + 0.5
        there = here + offsets
        z = np.maximum(here * there, 0.25) / sigma**2
        # the Bessel function far from the centre, where its series is exact to 1e-5
        bent = 1.0 + (0.125 + 0.0703125 / z) / z
        near = min(self.n, int(_BENT * sigma) + reach + 1)
        bent[:near] = np.sqrt(2 * np.pi * z[:near]) * i0e(z[:near])
        weights = plane * bent * np.sqrt(np.maximum(there, 0.0) / here)
        return Blur(weights / np.add.reduce(weights, axis=1)[:, None])


@dataclass(frozen=True)
class Blur:
    """A beam's weights on rings: each row holds those of the neighbouring rings.

    Parameters
    ----------
    weights
        Shape `(n, 2 m + 1)`, from m rings further in to m rings further out.
    """

    weights: Floats

    def __call__(self, rings: Floats) -> Floats:
        """Blur values of the rings, shape `(n, …)`, zero beyond the last."""
        reach = self.weights.shape[1] // 2
        padded = np.pad(rings, [(reach, reach)] + [(0, 0)] * (rings.ndim - 1))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.weights.shape[1], axis=0)
        blurred: Floats = np.einsum("im,i...m->i...", self.weights, windows)
        return blurred

    def onto(self, placing: Floats) -> Floats:
        """Blur and place in one: `placing @ blur`, shape `(m, n)`."""
        n, span = self.weights.shape
        reach = span // 2
        found = np.zeros((len(placing), n + 2 * reach))
        for at in range(span):
            found[:, at : at + n] += placing * self.weights[:, at]
        return found[:, reach : reach + n]
