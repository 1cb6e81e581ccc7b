"""The edge step of a spectrum, by lines before and behind the edge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import combine
from cgnmc_bluesky.analysis.xanes.curves import correlation_length

Floats = NDArray[np.float64]

FARTHEST_EV = (-150.0, 400.0)
"""How far from the edge the lines may rest on data: a convention, the same for scan and
reference."""

NEAREST_EV = (-50.0, 150.0)
"""How near they come to it where the scan is long enough; a shorter scan comes to a third of its
reach."""

SHORTEST_EV = (-15.0, 60.0)
"""A scan that reaches less far to either side has no edge step."""

LINE_FROM_EV = 300.0
"""From this reach behind the edge on a line is fitted there; nearer, waves would tilt it, and what
is behind the edge is taken to run along with the line before it."""


@dataclass(frozen=True)
class EdgeStep:
    """Lines before and behind an edge.

    Parameters
    ----------
    step
        Their difference at the edge, in units of the absorption.
    sigma
        One standard deviation of the step, from the scatter about the lines.
    normalised
        The spectrum less the line before the edge, over the step, shape `(n,)`.
    """

    step: float
    sigma: float
    normalised: Floats


def windows_ev(first_ev: float, last_ev: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Stretches before and behind the edge, relative to it, for a scan of that reach.

    Parameters
    ----------
    first_ev, last_ev
        Reach of the scan relative to the edge, in eV.

    Examples
    --------
    >>> windows_ev(-200, 800)
    ((-150.0, -50.0), (133.33333333333334, 400.0))
    """
    low, high = max(first_ev, FARTHEST_EV[0]), min(last_ev, FARTHEST_EV[1])
    return (low, max(low / 3, NEAREST_EV[0])), (min(high / 3, NEAREST_EV[1]), high)


def edge_step(energy_ev: Floats, mu: Floats, edge_ev: float) -> EdgeStep | None:
    """Measure the edge step, or say that the scan does not reach far enough.

    Parameters
    ----------
    energy_ev
        Energies, ascending, shape `(n,)`, in eV.
    mu
        Absorption there, shape `(n,)`.
    edge_ev
        Where the lines are compared, in eV.

    Returns
    -------
    EdgeStep or None
        `None` where there is too little data before or behind the edge, or no step upwards.

    Notes
    -----
    A straight line before the edge, and one behind it (parallel to it where that stretch is short),
    each point weighted by the distance to its neighbours so that dense steps count no more. The
    windows are stated by `windows_ev`; which are used is a convention that moves the step by some
    percent.
    """
    away_ev = energy_ev - edge_ev
    if len(away_ev) < 8 or away_ev[0] > SHORTEST_EV[0] or away_ev[-1] < SHORTEST_EV[1]:
        return None
    before, behind = windows_ev(float(away_ev[0]), float(away_ev[-1]))
    low = _line(away_ev, mu, before, is_flat=False)
    if low is None:
        return None
    above = mu - low.height - low.slope * away_ev
    high = _line(away_ev, above, behind, is_flat=behind[1] < LINE_FROM_EV)
    if high is None or not high.height > 3 * float(np.hypot(low.sigma, high.sigma)):
        return None
    sigma = float(np.hypot(low.sigma, high.sigma))
    return EdgeStep(high.height, sigma, above / high.height)


@dataclass(frozen=True)
class _Line:
    """Height at the edge, its sigma, and slope."""

    height: float
    sigma: float
    slope: float


def _line(
    away_ev: Floats, mu: Floats, window_ev: tuple[float, float], *, is_flat: bool
) -> _Line | None:
    inside = (away_ev >= window_ev[0]) & (away_ev <= window_ev[1])
    x = away_ev[inside]
    if len(x) < 3:
        return None
    weight = np.sqrt(np.maximum(np.gradient(x), 0.0))
    columns = np.stack([np.ones_like(x), x], axis=1)[:, : 1 if is_flat or len(x) == 3 else 2]
    try:
        fit = combine(columns * weight[:, None], mu[inside] * weight)
    except ValueError:
        return None
    variance = fit.covariance[0, 0] * correlation_length(fit.residual)
    slope = float(fit.values[1]) if columns.shape[1] > 1 else 0.0
    return _Line(float(fit.values[0]), float(np.sqrt(variance)), slope)


def half_step_ev(energy_ev: Floats, step: EdgeStep) -> tuple[float, float] | None:
    """Energy where the normalised absorption first reaches one half, and its sigma.

    Parameters
    ----------
    energy_ev
        Energies, ascending, shape `(n,)`, in eV.
    step
        The normalised spectrum there.

    Notes
    -----
    A straight line through the points within 1.5 eV of the first crossing (at least the two that
    bracket it); sigma from their scatter and from that of the edge step.
    """
    above = np.flatnonzero(step.normalised >= 0.5)
    if not len(above) or above[0] == 0:
        return None
    after = int(above[0])
    low, high = float(step.normalised[after - 1]), float(step.normalised[after])
    before_ev, after_ev = float(energy_ev[after - 1]), float(energy_ev[after])
    crossing_ev = before_ev + (0.5 - low) / (high - low) * (after_ev - before_ev)
    near = np.abs(energy_ev - crossing_ev) <= 1.5
    slope, height_sigma = (high - low) / (after_ev - before_ev), 0.0
    if np.count_nonzero(near) >= 5:
        x = energy_ev[near] - crossing_ev
        fit = combine(np.stack([np.ones_like(x), x, x**2], axis=1), step.normalised[near])
        if fit.values[1] > 0:
            slope = float(fit.values[1])
            crossing_ev += (0.5 - float(fit.values[0])) / slope
            height_sigma = float(np.sqrt(fit.covariance[0, 0]))
    sigma = np.hypot(height_sigma, 0.5 * step.sigma / step.step) / slope
    return crossing_ev, float(sigma)
