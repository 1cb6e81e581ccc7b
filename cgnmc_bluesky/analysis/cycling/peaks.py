"""Peaks of dQ/dV, and how one of them moves from cycle to cycle."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from cgnmc_bluesky.analysis.cycling.charge import Floats
from cgnmc_bluesky.analysis.cycling.dqdv import Derivative

LEAST_SIGMAS = 5.0
"""A peak stands out of what surrounds it by at least so many sigmas,"""
LEAST_SHARE = 0.03
"""and by this share of the highest point."""
END_WIDTHS = 3.0
"""Nearer to an end of the curve, in widths, no maximum is a peak."""
FALL_WIDTHS = 5.5
"""So near to its ends, in widths, a curve falls because it ends."""
SETTLED = 0.08
"""A peak's position is believed on a scale where its sigma is below this share of the width."""
MOST_SCALES = 12
STRAY_V = 0.08
"""A peak moves no farther than this from one cycle to the next that shows it."""


@dataclass(frozen=True)
class Peak:
    """A maximum of dQ/dV.

    Parameters
    ----------
    voltage_v, voltage_sigma
        Where it is; of the sigma, `noise_v` is what the noise of the voltage makes.
    height, height_sigma
        Its height, in charge a volt.
    smoothing_v
        How far it moves when it is smoothed twice as much.
    """

    voltage_v: float
    voltage_sigma: float
    height: float
    height_sigma: float
    noise_v: float
    smoothing_v: float


def peaks_of(at_scale: Callable[[int], Derivative | None]) -> list[Peak]:
    """Find the peaks of a half cycle, in order of voltage.

    Parameters
    ----------
    at_scale
        Gives its dQ/dV at any scale, each of which smooths over the root of two of the one before;
        `None` of those that would smooth too much.

    Notes
    -----
    The position is where the slope passes zero; its sigma is the slope's over the curvature. That
    holds where the slope passes zero once: so each peak is looked at on the first scale on which
    its sigma is a small part of what is smoothed over. By how much the smoothing itself moves and
    lowers a peak is what the next scale, which smooths twice the variance, does again: what it
    lowers is added back, with half of it for a sigma; what it moves is part of the sigma.
    """
    from scipy.signal import find_peaks

    found = at_scale(0)
    if found is None:
        return []
    curve, sigma = found.dqdv, found.dqdv_sigma
    is_there = np.flatnonzero(curve > 0.5 * LEAST_SHARE * curve.max())
    margin = round(END_WIDTHS * found.width_v / _step_v(found))
    low, high = int(is_there[0]) + margin, int(is_there[-1]) - margin
    raised = _without_ends(
        curve, int(is_there[0]), int(is_there[-1]), _step_v(found), found.width_v
    )
    at, properties = find_peaks(raised, prominence=LEAST_SHARE * float(curve.max()))
    peaks: list[Peak] = []
    for index, stands_out in zip(at, properties["prominences"], strict=True):
        if not low <= index <= high or stands_out < LEAST_SIGMAS * np.sqrt(2.0) * sigma[index]:
            continue
        peak = _peak(at_scale, float(found.voltage_v[index]))
        # two wiggles on one peak are one on the scale that shows it
        if peak is not None and not (
            peaks and peak.voltage_v - peaks[-1].voltage_v < found.width_v
        ):
            peaks.append(peak)
    return peaks


def follow(reference: Peak, cycles: Iterable[list[Peak]]) -> list[Peak | None]:
    """Follow a peak through the cycles; `None` in each that does not show it.

    In each cycle it is the peak nearest to where it was last.
    """
    last_v, found = reference.voltage_v, list[Peak | None]()
    for peaks in cycles:
        nearest = min(peaks, key=lambda peak: abs(peak.voltage_v - last_v), default=None)
        if nearest is not None and abs(nearest.voltage_v - last_v) > STRAY_V:
            nearest = None
        found.append(nearest)
        last_v = nearest.voltage_v if nearest is not None else last_v
    return found


def shift_between(first: Peak, last: Peak) -> tuple[float, float]:
    """How far a peak has moved, and one standard deviation; what smoothing does to both alike does
    not count.
    """
    smoothing_v = last.smoothing_v - first.smoothing_v
    sigma_v = np.sqrt(first.noise_v**2 + last.noise_v**2 + smoothing_v**2)
    return last.voltage_v - first.voltage_v, float(sigma_v)


def _without_ends(curve: Floats, first: int, last: int, step_v: float, width_v: float) -> Floats:
    """The curve, not falling at its ends: beside these, all of a flat one would stand out."""
    falls = round(FALL_WIDTHS * width_v / step_v)
    begin, end = first + falls, last - falls
    raised = curve.copy()
    if begin < end:
        raised[:begin] = np.maximum(curve[:begin], curve[begin])
        raised[end + 1 :] = np.maximum(curve[end + 1 :], curve[end])
    return raised


def _peak(at_scale: Callable[[int], Derivative | None], voltage_v: float) -> Peak | None:
    """The peak at a voltage, on the scale that settles it, or on the last one that shows it."""
    peak: Peak | None = None
    for scale in range(MOST_SCALES):
        found, smoother = at_scale(scale), at_scale(scale + 1)
        place = _zero_of_slope(found, voltage_v) if found is not None else None
        if found is None or smoother is None or place is None:
            return peak
        noise_v = _at(found, found.slope_sigma, place[0]) / place[1]
        again = _zero_of_slope(smoother, place[0])
        if noise_v < found.width_v:
            again_v = again[0] if again is not None else place[0] + found.width_v
            peak = _with_sigmas(found, place[0], noise_v, smoother, again_v)
        if noise_v <= SETTLED * found.width_v:
            return peak
    return peak


def _with_sigmas(
    found: Derivative, voltage_v: float, noise_v: float, smoother: Derivative, again_v: float
) -> Peak:
    height, sigma = _at(found, found.dqdv, voltage_v), _at(found, found.dqdv_sigma, voltage_v)
    lowered = height - _at(smoother, smoother.dqdv, again_v)
    smoothing_v = again_v - voltage_v
    return Peak(
        voltage_v=voltage_v,
        voltage_sigma=float(np.hypot(noise_v, smoothing_v)),
        height=height + lowered,
        height_sigma=float(np.hypot(1.5 * sigma, 0.5 * lowered)),
        noise_v=noise_v,
        smoothing_v=smoothing_v,
    )


def _zero_of_slope(found: Derivative, voltage_v: float) -> tuple[float, float] | None:
    """Where the slope passes zero downward, nearest to a voltage, and how steeply."""
    slope, step_v = found.slope, _step_v(found)
    passes = np.flatnonzero((slope[:-1] > 0.0) & (slope[1:] <= 0.0))
    if not len(passes):
        return None
    left = int(passes[np.argmin(np.abs(found.voltage_v[passes] - voltage_v))])
    if abs(found.voltage_v[left] - voltage_v) > 2.0 * found.width_v:
        return None
    fall = float(slope[left] - slope[left + 1])
    return float(found.voltage_v[left]) + step_v * float(slope[left]) / fall, fall / step_v


def _step_v(found: Derivative) -> float:
    return float(found.voltage_v[1] - found.voltage_v[0])


def _at(found: Derivative, values: Floats, voltage_v: float) -> float:
    return float(np.interp(voltage_v, found.voltage_v, values))
