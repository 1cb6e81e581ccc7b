"""The first inflection of an edge, from a scan's own derivative."""

import contextlib

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cgnmc_bluesky.analysis.mixture import combine
from cgnmc_bluesky.analysis.xanes.curves import correlation_length, point_noise

Floats = NDArray[np.float64]

SMOOTHING_EV = 3.0
"""Half-width of the stretch that gives a point's derivative."""

LEAST_SHARE = 0.4
"""A maximum of the derivative counts from this share of the largest one on: pre-edge peaks stay
below."""

BEYOND_EV = 15.0
"""How far a scan must go beyond a maximum before it can be called the edge's first."""

STEP_SIGMA_EV = 0.2
"""How far off the step with a ramp is on real edges: eight measured foils of Mn, Fe, Co and Ni lie
0.2 eV (root mean square) from where their finely measured derivative is largest."""

SMOOTHED_SIGMA_EV = 0.6
"""How far the maximum of the smoothed derivative is off on real edges."""

PEAK_WIDTHS_EV = (1.0, 1.4, 2.0)
"""Half-widths of the stretches that parabolas are fitted to, where steps are fine enough."""

PEAK_SIGMA_EV = 0.2
"""How far the highest slope of parabolas of the largest width is off."""

EXTRAPOLATED_SIGMA_EV = 0.03
"""How far it is off when extrapolated to no width."""

_NOISE = 5.0
_HALF_WIDTHS_EV = ((5.0, 5.0), (6.0, 5.5))
_REFINEMENTS = 12
_RECENTRED = 4
_FEWEST_FOR_SLOPE = 4
_FEWEST_FOR_PEAK = 7
_PEAK_STEP_EV = 0.02
_PEAK_REACH_EV = 8.0
_EXTRAPOLATED_NOISE = 3.0
_CLEAR = 0.04


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
    The first maximum, not the largest: metal foils have a second one, 12 eV higher at nickel. It is
    found on the derivative of local parabolas, then refined in several ways, of which the least
    uncertain one counts:

    - where steps are fine, as the highest slope of parabolas fitted to 1 to 2 eV to either side, or
      what that would be for no width at all;
    - else as a step of finite width with a ramp behind it, `b + s * Phi((E - E0) / w) +
      c * max(E - E0, 0)`, whose derivative is largest at `E0`, fitted to 5 eV to either side.

    Real rises are of neither shape. What that costs was seen on measured foils and is part of
    sigma.
    """
    derivative, sigma = _derivative(energy_ev, mu)
    start_ev = _first_maximum(energy_ev, mu, derivative, sigma)
    found = [(start_ev, SMOOTHED_SIGMA_EV), *_as_peaks(energy_ev, mu, start_ev)]
    with contextlib.suppress(NoInflection):
        found.append(_as_step(energy_ev, mu, start_ev))
    return min(found, key=lambda one: one[1])


def _as_peaks(energy_ev: Floats, mu: Floats, start_ev: float) -> list[tuple[float, float]]:
    """Where the slope of local parabolas is highest, for each width that the steps allow.

    The highest slope moves with the square of the width, because the derivative of a metal's edge
    is steeper before its maximum than behind it. Where all widths are there, a line through them
    tells where it would be for none; how far they are from a line is part of its sigma.
    """
    near = np.abs(energy_ev - start_ev) < _PEAK_REACH_EV
    energy_ev, mu = energy_ev[near], mu[near]
    noise = point_noise(energy_ev, mu)
    found = [_peak(energy_ev, mu, start_ev, width_ev, noise) for width_ev in PEAK_WIDTHS_EV]
    squares = np.array(PEAK_WIDTHS_EV) ** 2
    biases_ev = PEAK_SIGMA_EV * squares / squares[-1]
    peaks = [
        (peak[0], float(np.hypot(peak[1], bias_ev)))
        for peak, bias_ev in zip(found, biases_ev, strict=True)
        if peak is not None
    ]
    if len(peaks) == len(squares):
        line = combine(
            np.stack([np.ones_like(squares), squares], axis=1), np.array([at for at, _ in peaks])
        )
        noises = [peak[1] for peak in found if peak is not None]
        scatter_ev = np.hypot(np.sqrt(line.covariance[0, 0]), _EXTRAPOLATED_NOISE * noises[0])
        sigma_ev = float(np.hypot(scatter_ev, EXTRAPOLATED_SIGMA_EV))
        peaks.append((float(line.values[0]), sigma_ev))
    return peaks


def _peak(
    energy_ev: Floats, mu: Floats, start_ev: float, half_width_ev: float, noise: float
) -> tuple[float, float] | None:
    """The highest slope for one width, and its sigma from noise alone.

    `None` where steps are too coarse for that width, or where noise makes maxima of its own.
    """
    if np.count_nonzero(np.abs(energy_ev - start_ev) < half_width_ev) < _FEWEST_FOR_PEAK:
        return None
    apart = round(0.5 / _PEAK_STEP_EV)
    at_ev: Floats = start_ev + _PEAK_STEP_EV * np.arange(-3.0 * apart, 3.0 * apart + 1)
    index, weights = _slopes(energy_ev, at_ev, half_width_ev)
    height = np.einsum("mk,mk->m", weights, mu[index])
    top = int(np.argmax(height))
    if not apart <= top < len(at_ev) - apart:
        return None
    bend = height[top - apart] - 2 * height[top] + height[top + apart]
    spread = np.zeros(len(mu))
    np.add.at(spread, index[top + apart], weights[top + apart])
    np.subtract.at(spread, index[top - apart], weights[top - apart])
    scatter = noise * float(np.sqrt(np.einsum("n,n->", spread, spread)))
    sigma_ev = 0.25 * scatter / abs(float(bend))
    return (float(at_ev[top]), sigma_ev) if sigma_ev < _CLEAR * half_width_ev else None


def _as_step(energy_ev: Floats, mu: Floats, start_ev: float) -> tuple[float, float]:
    """The middle of a step with a ramp, of two widths of the fitted stretch; and its sigma.

    How far that is from the smoothed derivative's maximum tells how well the shape suits.
    """
    fits = [_refine(energy_ev, mu, start_ev, half_width) for half_width in _HALF_WIDTHS_EV]
    (one_ev, one_sigma), (two_ev, two_sigma) = fits
    at_ev = 0.5 * (one_ev + two_ev)
    model_sigma = max(0.5 * abs(one_ev - two_ev), STEP_SIGMA_EV, 0.5 * abs(at_ev - start_ev))
    return at_ev, float(np.hypot(max(one_sigma, two_sigma), model_sigma))


def _derivative(energy_ev: Floats, mu: Floats) -> tuple[Floats, Floats]:
    """Slope of a local parabola about each point, and its sigma; NaN where points are too few."""
    index, weights = _slopes(energy_ev, energy_ev, SMOOTHING_EV)
    spread = np.sqrt(np.einsum("nk,nk->n", weights, weights))
    return np.einsum("nk,nk->n", weights, mu[index]), spread * point_noise(energy_ev, mu)


def _slopes(
    energy_ev: Floats, at_ev: Floats, half_width_ev: float
) -> tuple[NDArray[np.intp], Floats]:
    """What gives the slope of the local parabola at some energies: which points, and their weights.

    Both are of shape `(m, k)`; weights are NaN where there are fewer than four points to rest on.
    """
    first = np.searchsorted(energy_ev, at_ev - half_width_ev, "left")
    last = np.searchsorted(energy_ev, at_ev + half_width_ev, "right")
    index = first[:, None] + np.arange(max(int(np.max(last - first)), 1))
    used = index < last[:, None]
    index = np.minimum(index, len(energy_ev) - 1)
    x = (energy_ev[index] - at_ev[:, None]) / half_width_ev
    weight = np.where(used, np.clip(1 - x**2, 0, None) ** 2, 0.0)
    moments = np.stack([np.einsum("mk,mk->m", weight, x**p) for p in range(5)])
    normal = moments[np.add.outer(np.arange(3), np.arange(3))].transpose(2, 0, 1)
    enough = np.count_nonzero(weight > 1e-9, axis=1) >= _FEWEST_FOR_SLOPE
    normal[~enough] = np.eye(3)
    wanted = np.broadcast_to(np.array([[0.0], [1.0], [0.0]]), (len(x), 3, 1))
    row = np.linalg.solve(normal, wanted)[..., 0]
    powers = np.stack([x**p for p in range(3)])
    slopes: Floats = np.einsum("mp,pmk->mk", row, powers) * weight / half_width_ev
    slopes[~enough] = np.nan
    return index, slopes


def _first_maximum(energy_ev: Floats, mu: Floats, derivative: Floats, sigma: Floats) -> float:
    if not np.any(np.isfinite(derivative)):
        raise NoInflection(f"the steps are wider than {SMOOTHING_EV / 2:g} eV")
    filled = np.where(np.isfinite(derivative), derivative, -np.inf)
    rounding = 1e-9 * float(np.max(np.abs(mu)))
    least = np.maximum(LEAST_SHARE * np.max(filled), _NOISE * sigma + rounding)
    inner = filled[1:-1]
    peaks = (inner > filled[:-2]) & (inner >= filled[2:]) & (inner > least[1:-1])
    found = np.flatnonzero(peaks) + 1
    if not len(found):
        raise NoInflection("no edge stands out of the noise")
    if energy_ev[-1] < energy_ev[found[0]] + BEYOND_EV:
        raise NoInflection("the scan has not passed the edge")
    at = int(found[0])
    low, top, high = filled[at - 1 : at + 2]
    steps_ev = np.diff(energy_ev[at - 1 : at + 2])
    bend = low - 2 * top + high
    vertex = 0.5 * (low - high) / bend if np.isfinite(bend) and bend < 0 else 0.0
    return float(energy_ev[at] + vertex * steps_ev[1 if vertex > 0 else 0])


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
