"""Shapes of a gradient from one composition to another."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

Floats = NDArray[np.float64]


class Shape(Protocol):
    """A step of unit height around zero.

    Parameters
    ----------
    name
        In words.
    unit_width
        Its width from 10 % to 90 %.
    relative_width
        Its width over that of the error function that looks most like it.
    """

    name: str
    unit_width: float
    relative_width: float

    def height(self, t: Floats) -> Floats:
        """Share of the height reached at t."""

    def integral(self, t: Floats) -> Floats:
        """Integral of the height up to t."""

    def place(self, share: Floats) -> Floats:
        """Where a share of the height is reached."""


class ErrorFunction:
    """A gradient as diffusion makes it: the integral of a Gaussian."""

    name = "error function"
    unit_width = float(2 * ndtri(0.9))
    relative_width = 1.0

    def height(self, t: Floats) -> Floats:
        """Share of the height reached at t."""
        height: Floats = ndtr(t)
        return height

    def integral(self, t: Floats) -> Floats:
        """Integral of the height up to t."""
        rise: Floats = t * ndtr(t) + np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi)
        return rise

    def place(self, share: Floats) -> Floats:
        """Where a share of the height is reached."""
        place: Floats = ndtri(share)
        return place


class Ramp:
    """A gradient as a feed that changes at a constant rate makes it: linear in the radius."""

    name = "ramp"
    unit_width = 0.8
    relative_width = 0.93

    def height(self, t: Floats) -> Floats:
        """Share of the height reached at t."""
        return np.clip(t + 0.5, 0.0, 1.0)

    def integral(self, t: Floats) -> Floats:
        """Integral of the height up to t."""
        inside = np.clip(t + 0.5, 0.0, 1.0)
        rise: Floats = 0.5 * inside * inside + np.maximum(t - 0.5, 0.0)
        return rise

    def place(self, share: Floats) -> Floats:
        """Where a share of the height is reached."""
        place: Floats = share - 0.5
        return place


class Logistic:
    """A gradient with longer tails than the error function's."""

    name = "logistic function"
    unit_width = float(2 * np.log(9.0))
    relative_width = 1.04

    def height(self, t: Floats) -> Floats:
        """Share of the height reached at t."""
        height: Floats = expit(t)
        return height

    def integral(self, t: Floats) -> Floats:
        """Integral of the height up to t."""
        rise: Floats = np.logaddexp(0.0, t)
        return rise

    def place(self, share: Floats) -> Floats:
        """Where a share of the height is reached."""
        place: Floats = logit(share)
        return place


SHAPES: tuple[Shape, ...] = (ErrorFunction(), Ramp(), Logistic())
"""What a gradient is taken to be; the data weigh them against each other."""


def gradient_of(shape: Shape, edges_um: Floats, centre_um: float, width_um: float) -> Floats:
    """Mean height between radii.

    Parameters
    ----------
    shape
        Of the gradient.
    edges_um
        The radii, ascending, shape `(n + 1,)`, in µm.
    centre_um, width_um
        Radius of half the height and 10–90 % width, in µm.

    Returns
    -------
    array
        Shape `(n,)`.
    """
    scale = width_um / shape.unit_width
    rise = np.diff(shape.integral((edges_um - centre_um) / scale))
    found: Floats = rise * scale / np.diff(edges_um)
    return found
