"""Which phases a fitted pattern shows, and whether it shows something else."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.fitting import Fitted
from cgnmc_bluesky.analysis.heating.layout import PhaseLines
from cgnmc_bluesky.analysis.heating.search import LEAST_RATIO, strangers

Floats = NDArray[np.float64]

SEEN_SIGMAS = 5.0
"""A phase is there when its amount is so many times its standard deviation."""
LEAST_SHARE = 0.004
"""And so much of all: what is left of other lines' tails is no phase."""
LEAST_OF_LINE = 0.1
"""A line is missing where there is less than this part of it."""
_NEEDED = {
    "layered": ((1, 0, 1), (1, 0, 4), (0, 1, 8), (1, 1, 0)),
    "spinel": ((4, 0, 0), (4, 4, 0)),
    "rock_salt": ((1, 1, 1), (2, 0, 0), (2, 2, 0)),
}
"""Lines that cannot be missing."""


@dataclass(frozen=True)
class Followed:
    """A pattern that was fitted, and what it says for the next.

    Parameters
    ----------
    fitted
        The parameters.
    present
        Phases that are there.
    """

    fitted: Fitted
    present: frozenset[str]


def present_in(fitted: Fitted) -> frozenset[str]:
    """Phases that a fit finds.

    Parameters
    ----------
    fitted
        The parameters.

    Notes
    -----
    A layered phase must show its (003), and a c/a that is not that of a cubic one: else the same
    lines are those of a spinel or a rock salt.
    """
    amounts = {phase.name: fitted.value(f"{phase.name}.amount") for phase in fitted.model.phases}
    total = sum(max(amount, 0.0) for amount in amounts.values())
    found = set()
    for phase in fitted.model.phases:
        # a common factor of all lines is no uncertainty of whether they are there
        height, slopes = fitted.model.measured_heights(phase, fitted.values)
        summed = slopes[phase.adjusted].sum(axis=0)
        sigma = float(np.sqrt(np.einsum("p,pq,q->", summed, fitted.covariance, summed)))
        is_seen = height[phase.adjusted].sum() > SEEN_SIGMAS * sigma
        is_much = amounts[phase.name] > LEAST_SHARE * total
        if is_seen and is_much and _is_complete(fitted, phase):
            found.add(phase.name)
    if "layered" in found and not _is_layered(fitted):
        found.remove("layered")
    return frozenset(found)


def _is_complete(fitted: Fitted, phase: PhaseLines) -> bool:
    """Whether no line is missing that the phase must have, whatever lies flat and wherever its
    metal is.
    """
    factor = dict(zip(phase.adjusted.tolist(), fitted.layout.adjusted(phase), strict=True))
    lines = [phase.lines.index_of(*indices) for indices in _NEEDED[phase.name]]
    return all(1.0 + fitted.values[factor[line]] > LEAST_OF_LINE for line in lines)


def _is_layered(fitted: Fitted) -> bool:
    phase = fitted.model.phases[0]
    height, slopes = fitted.model.measured_heights(phase, fitted.values)
    n = phase.lines.index_of(0, 0, 3)
    sigma = float(np.sqrt(np.einsum("p,pq,q->", slopes[n], fitted.covariance, slopes[n])))
    ratio = fitted.value("layered.c") / fitted.value("layered.a")
    return bool(height[n] > SEEN_SIGMAS * sigma and ratio > LEAST_RATIO)


def mean_fwhm_deg(fitted: Fitted, present: frozenset[str]) -> float:
    """Width of the lines at middle angles.

    Parameters
    ----------
    fitted
        The parameters.
    present
        Phases that are there.
    """
    names = sorted(present) or ["layered"]
    return float(
        np.exp(
            np.mean(
                [
                    fitted.value(f"{name}.log_fwhm") + 0.6 * fitted.value(f"{name}.broadening")
                    for name in names
                ]
            )
        )
    )


def strange_lines(followed: Followed) -> list[float]:
    """Angles 2θ, in degrees, of lines that are of none of the phases.

    Parameters
    ----------
    followed
        The pattern.
    """
    parts = followed.fitted.parts
    bins = followed.fitted.model.bins
    lines = np.sum([part for name, part in parts.items() if name != "background"], axis=0)
    left = bins.intensity - parts["background"] - lines
    fwhm_deg = mean_fwhm_deg(followed.fitted, followed.present)
    return strangers(bins, left, float(lines.max()), fwhm_deg)
