"""Weighted least squares with few parameters and many points."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 12
_DAMPING = 1e-3
_GIVE_UP = 10.0
_ROUGH = 0.5
_LEAST_RETRY = 0.1


@dataclass(frozen=True)
class Local:
    """A sum of squares and its surroundings at one set of parameters.

    Parameters
    ----------
    chi2
        Sum of squared residuals over their variances.
    slope
        What the residuals ask of the parameters, `J.T @ W @ residual`, shape `(p,)`.
    normal
        Normal matrix `J.T @ W @ J`, shape `(p, p)`.
    misfit
        The sum of squares over its expectation, at least one.
    """

    chi2: float
    slope: Floats
    normal: Floats
    misfit: float


def descend(
    at: Callable[[Floats], Local],
    start: Floats,
    lower: Floats,
    upper: Floats,
    *,
    tolerance: float = 0.01,
    damping: float = _DAMPING,
) -> tuple[Floats, Local]:
    """Find the parameters of the least sum of squares near a start.

    Parameters
    ----------
    at
        Gives the sum of squares and its surroundings at given parameters.
    start
        Where to begin, shape `(p,)`.
    lower, upper
        Bounds of the parameters, shape `(p,)`.
    tolerance
        How far from the minimum one may stay, in squared standard deviations: a step that promises
        less is not taken.
    damping
        Of the first step, relative to the curvature along each parameter: less where some
        combination of parameters is told by little.

    Returns
    -------
    tuple
        The parameters, and the surroundings there.

    Notes
    -----
    Levenberg's and Marquardt's method. Near the minimum a sum over binned pixels is rough: a step
    that promises little and does not keep it is the last.
    """
    here, local = start, at(start)
    for _ in range(_STEPS):
        there = np.clip(here + damped_step(local, damping), lower, upper)
        promised = float(np.einsum("p,p->", there - here, local.slope)) / local.misfit
        if promised < tolerance:
            break
        tried = at(there)
        if tried.chi2 <= local.chi2:
            here, local, damping = there, tried, damping / 10
        else:
            damping = max(damping * 10, _LEAST_RETRY)
            if promised < _ROUGH or damping > _GIVE_UP:
                break
    return here, local


def damped_step(local: Local, damping: float) -> Floats:
    """Step towards the minimum, shorter and steeper the more it is damped."""
    size = np.sqrt(np.maximum(np.diagonal(local.normal), 1e-300))
    scaled = local.normal / np.outer(size, size)
    step: Floats = np.linalg.solve(scaled + damping * np.eye(len(size)), local.slope / size) / size
    return step


def covariance_of(normal: Floats) -> Floats:
    """Covariance of parameters from their normal matrix; infinite where it does not tell them."""
    size = np.sqrt(np.diagonal(normal))
    if not np.all(size > 0):
        return np.full_like(normal, np.inf)
    scaled = normal / np.outer(size, size)
    values, vectors = np.linalg.eigh(scaled)
    if values[0] < 1e-12:
        return np.full_like(normal, np.inf)
    inverse = np.einsum("ij,j,kj->ik", vectors, 1 / values, vectors)
    found: Floats = inverse / np.outer(size, size)
    return found


def misfit_of(chi2: float, degrees_of_freedom: int) -> float:
    """By how much variances are too small, from a sum of squared residuals over them.

    Parameters
    ----------
    chi2
        The sum.
    degrees_of_freedom
        What it is expected to be.

    Returns
    -------
    float
        One up to half a standard deviation above the expectation: chance is not scaled away.
    """
    expected = max(degrees_of_freedom, 1)
    return float(max(chi2 / (expected + np.sqrt(0.5 * expected)), 1.0))
