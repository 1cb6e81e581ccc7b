"""The first inflection of an edge, from a scan's own derivative."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cgnmc_bluesky.analysis.mixture import combine
from cgnmc_bluesky.analysis.xanes.curves import correlation_length

Floats = NDArray[np.float64]

SMOOTHING_EV = 3.0
"""Half-width of the stretch that gives a point's derivative."""

LEAST_SHARE = 0.4
"""A maximum of the derivative counts from this share of the largest one on: pre-edge peaks stay
below."""

BEYOND_EV = 15.0
"""How far a scan must go beyond a maximum before it can be called the edge's first."""

MODEL_SIGMA_EV = 0.2
"""How far off the fitted shape is on real edges: eight measured foils of Mn, Fe, Co and Ni lie 0.2 eV
(root mean square) from where their finely measured derivative is largest."""

_NOISE = 5.0
_HALF_WIDTHS_EV = ((5.0, 5.0), (6.0, 5.5))
_REFINEMENTS = 12
_RECENTRED = 4


class NoInflection(ValueError):
    """The scan does not show where its edge begins; the message says why."""


def first_inflection(energy_ev: Floats, mu: Floats) -> tuple[float, float]:
    """Energy of the first maximum of the derivative that stands out of the noise, and its sigma.

    Parameters
    ----------
    energy_ev
        Energies, ascending, shape `(n,)`, in eV; steps of 1 eV or less about the edge.
    mu
        Absorption there, shape `(n,)`.

    Returns
    -------
    tuple of float
        The energy and one standard deviation, in eV.

    Raises
    ------
    NoInflection
        If no maximum stands out, or the scan ends too close behind it.

    Notes
    -----
    The first maximum, not the largest: metal foils have a second one, 12 eV higher at nickel. It
    is found on the derivative of local parabolas, then refined by fitting a step of finite width
    with a ramp behind it, `b + s * Phi((E - E0) / w) + c * max(E - E0, 0)`, whose derivative is
    largest at `E0`. Real rises are not of that shape: two widths of the fitted stretch give the
    model's share of the uncertainty.
    """
    derivative, sigma = _derivative(energy_ev, mu)
    start_ev = _first_maximum(energy_ev, derivative, sigma)
    fits = [_refine(energy_ev, mu, start_ev, half_width) for half_width in _HALF_WIDTHS_EV]
    (one_ev, one_sigma), (two_ev, two_sigma) = fits
    model_sigma = max(0.5 * abs(one_ev - two_ev), MODEL_SIGMA_EV)
    return 0.5 * (one_ev + two_ev), float(np.hypot(max(one_sigma, two_sigma), model_sigma))


def _derivative(energy_ev: Floats, mu: Floats) -> tuple[Floats, Floats]:
    """Slope of a local parabola about each point, and its sigma; NaN where points are too few."""
    first = np.searchsorted(energy_ev, energy_ev - SMOOTHING_EV, "left")
    last = np.searchsorted(energy_ev, energy_ev + SMOOTHING_EV, "right")
    widest = int(np.max(last - first))
    index = first[:, None] + np.arange(widest)
    used = index < last[:, None]
    index = np.minimum(index, len(energy_ev) - 1)
    x = (energy_ev[index] - energy_ev[:, None]) / SMOOTHING_EV
    weight = np.where(used, np.clip(1 - x**2, 0, None), 0.0)
    moments = np.stack([np.einsum("nk,nk->n", weight, x**p) for p in range(5)])
    normal = moments[np.add.outer(np.arange(3), np.arange(3))].transpose(2, 0, 1)
    enough = np.count_nonzero(weight > 1e-9, axis=1) >= 4
    normal[~enough] = np.eye(3)
    row = np.linalg.solve(normal, np.broadcast_to(np.array([[0.0], [1.0], [0.0]]), (len(x), 3, 1)))
    weights = np.einsum("np,pnk->nk", row[..., 0], np.stack([x**p for p in range(3)])) * weight
    slope = np.einsum("nk,nk->n", weights, mu[index]) / SMOOTHING_EV
    spread = np.sqrt(np.einsum("nk,nk->n", weights, weights)) / SMOOTHING_EV
    second = np.diff(mu, 2)
    noise = 1.4826 * float(np.median(np.abs(second))) / np.sqrt(6) if len(second) else 0.0
    return np.where(enough, slope, np.nan), spread * noise


def _first_maximum(energy_ev: Floats, derivative: Floats, sigma: Floats) -> float:
    if not np.any(np.isfinite(derivative)):
        raise NoInflection(f"the steps are wider than {SMOOTHING_EV / 2:g} eV")
    filled = np.where(np.isfinite(derivative), derivative, -np.inf)
    least = np.maximum(LEAST_SHARE * np.max(filled), _NOISE * sigma)
    inner = filled[1:-1]
    peaks = (inner > filled[:-2]) & (inner >= filled[2:]) & (inner > least[1:-1])
    found = np.flatnonzero(peaks) + 1
    if not len(found):
        raise NoInflection("no edge stands out of the noise")
    if energy_ev[-1] < energy_ev[found[0]] + BEYOND_EV:
        raise NoInflection("the scan has not passed the edge")
    return float(energy_ev[found[0]])


def _refine(
    energy_ev: Floats, mu: Floats, start_ev: float, half_width_ev: tuple[float, float]
) -> tuple[float, float]:
    """Fit a step with a ramp behind it by Gauss-Newton, the window centred again once on the
    way.
    """
    at_ev, width_ev, centre_ev = start_ev, 1.5, start_ev
    for refinement in range(_REFINEMENTS):
        if refinement == _RECENTRED:
            centre_ev = at_ev
        low_ev, high_ev = centre_ev - half_width_ev[0], centre_ev + half_width_ev[1]
        inside = (energy_ev >= low_ev) & (energy_ev <= high_ev)
        x = energy_ev[inside] - at_ev
        u = x / width_ev
        linear = np.stack([np.ones_like(x), ndtr(u), np.maximum(x, 0.0)], axis=1)
        try:
            shape = combine(linear, mu[inside]).values
            bell = shape[1] * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
            moves = [-bell / width_ev - shape[2] * (x > 0), -bell * u / width_ev]
            fit = combine(np.column_stack([linear, *moves]), mu[inside])
        except ValueError as error:
            raise NoInflection(f"too few points about the edge at {at_ev:.1f} eV") from error
        step_ev = float(np.clip(fit.values[3], -1, 1))
        at_ev += step_ev
        width_ev = float(np.clip(width_ev + np.clip(fit.values[4], -0.5, 0.5), 0.3, 6))
        if refinement > _RECENTRED and abs(step_ev) < 1e-3:
            break
    if abs(at_ev - start_ev) > SMOOTHING_EV:
        raise NoInflection("the rise has no clear first inflection")
    inflation = correlation_length(fit.residual)
    return at_ev, float(np.sqrt(fit.covariance[3, 3] * inflation))
