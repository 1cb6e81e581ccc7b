"""The edge step of an L3 and an L2 edge together."""

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xanes.calibrate import Form
from cgnmc_bluesky.analysis.xanes.normalise import EdgeStep

Floats = NDArray[np.float64]

BEFORE_EV = 3.0
"""The stretch before L3 ends here: nearer, the white line rises."""

BEHIND_EV = 10.0
"""The stretch behind L2 begins here: nearer, an oxide has lines that tower over its step."""

REACH_EV = 40.0
"""How far from the edges the stretches may reach."""

LEAST_SHARE = 0.04
"""A step that is a smaller share of the white line is the line's own tail."""

UNKNOWN_SHARE = 0.125
"""What is not known of how far the background has fallen, and differs between standards."""

_FEWEST_POINTS = 3


def form_of(l2_ev: float) -> Form:
    """What is usual of an L3 edge whose L2 edge is at an energy, in eV."""

    def step_of(energy_ev: Floats, mu: Floats, l3_ev: float) -> EdgeStep | None:
        return double_step(energy_ev, mu, l3_ev, l2_ev)

    return Form(step_of, reach_ev=(-1.5, 3.0), finest_ev=0.25, has_line=True, short_ev=0.0)


def double_step(energy_ev: Floats, mu: Floats, l3_ev: float, l2_ev: float) -> EdgeStep | None:
    """Measure the step over both edges, or say that the spectrum shows none.

    Parameters
    ----------
    energy_ev
        Energies, ascending, shape `(n,)`, in eV.
    mu
        Absorption there, shape `(n,)`.
    l3_ev, l2_ev
        Energies of the two edges, in eV.

    Returns
    -------
    EdgeStep or None
        `None` where there is too little data before L3 or behind L2, or no step there.

    Notes
    -----
    The mean behind both edges less the mean of the farther half of what lies before them, which
    until there has fallen with the energy: light elements' electrons do so with its power -1.5 to
    -2, the mesh's with -0.5 to -1, their ratio with about -1. No slope is extrapolated: over the
    few eV before an L3 edge it would be that of the white line's tail.
    """
    before = (energy_ev >= l3_ev - REACH_EV) & (energy_ev <= l3_ev - BEFORE_EV)
    behind = (energy_ev >= l2_ev + BEHIND_EV) & (energy_ev <= l2_ev + REACH_EV)
    if min(np.count_nonzero(before), np.count_nonzero(behind)) < _FEWEST_POINTS:
        return None
    away_ev = energy_ev[before]
    is_farther = away_ev <= 0.5 * (away_ev[0] + away_ev[-1])
    farther = mu[before][is_farther]
    low, high = float(np.mean(farther)), float(np.mean(mu[behind]))
    remains = float(np.mean(away_ev[is_farther]) / np.mean(energy_ev[behind]))
    fallen = max(low, 0.0) * (1 - remains)
    step = high - low + fallen
    if not step > LEAST_SHARE * (float(np.max(mu)) - low):
        return None
    errors = (_error(farther), _error(mu[behind]), UNKNOWN_SHARE * fallen)
    return EdgeStep(step, float(np.linalg.norm(errors)), (mu - low) / step)


def _error(values: Floats) -> float:
    return float(np.std(values) / np.sqrt(len(values)))
