"""The edge step of a spectrum, by lines before and behind the edge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import combine

Floats = NDArray[np.float64]

FARTHEST_EV = (-150.0, 400.0)
"""How far from the edge the lines may rest on data: a convention, the same for scan and
reference."""

NEAREST_EV = (-50.0, 150.0)
"""How near they come to it where the scan is long enough; a shorter scan comes to a third of its
reach."""

SHORTEST_EV = (-15.0, 60.0)
"""A scan that reaches less far to either side has no edge step."""

_LINE_FROM_EV = 50.0


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
    A straight line before the edge and one behind it (a constant where that stretch is short); the
    windows are stated by `windows_ev`. Which windows are used is a convention that moves the step
    by up to 3 %.
    """
    away_ev = energy_ev - edge_ev
    if len(away_ev) < 8 or away_ev[0] > SHORTEST_EV[0] or away_ev[-1] < SHORTEST_EV[1]:
        return None
    before, behind = windows_ev(float(away_ev[0]), float(away_ev[-1]))
    low = _line(away_ev, mu, before)
    high = _line(away_ev, mu, behind)
    if low is None or high is None:
        return None
    step = high[0] - low[0]
    sigma = float(np.hypot(low[2], high[2]))
    if not step > 3 * sigma:
        return None
    return EdgeStep(step, sigma, (mu - low[0] - low[1] * away_ev) / step)


def _line(
    away_ev: Floats, mu: Floats, window_ev: tuple[float, float]
) -> tuple[float, float, float] | None:
    """Height at the edge, slope, and sigma of the height."""
    inside = (away_ev >= window_ev[0]) & (away_ev <= window_ev[1])
    x = away_ev[inside]
    straight = len(x) > 3 and window_ev[1] - window_ev[0] > (_LINE_FROM_EV if x[0] > 0 else 0)
    if len(x) < 3:
        return None
    columns = np.stack([np.ones_like(x), x], axis=1)[:, : 2 if straight else 1]
    fit = combine(columns, mu[inside])
    slope = float(fit.values[1]) if straight else 0.0
    return float(fit.values[0]), slope, float(np.sqrt(fit.covariance[0, 0]))


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
