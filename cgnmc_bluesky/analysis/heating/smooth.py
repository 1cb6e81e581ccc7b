"""The background of a pattern: whatever is smooth in it."""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from cgnmc_bluesky.analysis.heating.bins import Bins

Floats = NDArray[np.float64]

KNOTS_DEG = 0.9
"""Distance of the background's knots at the usual wavelength, in degrees."""
USUAL_WAVELENGTH_A = 0.4522
_ROUNDS = 12
_ABOVE = 2.0
"""Bins so many standard deviations above the background are lines."""


def background_columns(angle_deg: Floats, wavelength_a: float) -> Floats:
    """Smooth curves whose sum is the background.

    Parameters
    ----------
    angle_deg
        2θ, shape `(n,)`, ascending.
    wavelength_a
        In ångström.

    Returns
    -------
    ndarray
        Cubic B-splines, shape `(k, n)`.
    """
    span = float(angle_deg[-1] - angle_deg[0])
    n_spans = max(3, round(span / (KNOTS_DEG * wavelength_a / USUAL_WAVELENGTH_A)))
    inner = np.linspace(angle_deg[0], angle_deg[-1], n_spans + 1)
    knots = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
    columns = BSpline.design_matrix(angle_deg, knots, 3).toarray().T
    return np.ascontiguousarray(columns, dtype=np.float64)


def rough_background(bins: Bins, columns: Floats) -> Floats:
    """Coefficients of a background under the lines.

    Parameters
    ----------
    bins
        The pattern.
    columns
        Curves that the background is a sum of, shape `(k, n)`.

    Returns
    -------
    ndarray
        Shape `(k,)`.
    """
    sigma = np.sqrt(bins.variance)
    is_line = np.zeros(len(bins), bool)
    coefficients = np.zeros(len(columns))
    for _ in range(_ROUNDS):
        weights = np.where(is_line, 1e-4, 1.0) / bins.variance
        normal = np.einsum("kn,ln,n->kl", columns, columns, weights)
        normal += 1e-9 * np.trace(normal) * np.eye(len(normal))
        slope = np.einsum("kn,n->k", columns, bins.intensity * weights)
        coefficients = np.linalg.solve(normal, slope)
        above = bins.intensity - np.einsum("kn,k->n", columns, coefficients)
        now = above > _ABOVE * sigma
        if np.array_equal(now, is_line):
            break
        is_line = now
    return coefficients
