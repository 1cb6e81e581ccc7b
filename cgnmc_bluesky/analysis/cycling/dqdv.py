"""dQ/dV of a half cycle: charge over voltage, smoothed over equal steps of the voltage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cgnmc_bluesky.analysis.cycling.charge import Counted, Floats
from cgnmc_bluesky.analysis.cycling.halves import Half

LEAST_WIDTH_V = 0.004
"""Nothing is smoothed over less: structures of a cathode's dQ/dV are wider."""
MOST_WIDTH_V = 0.04
"""Of rows so far apart that more would be needed no peaks are seen."""
PER_WIDTH = 5
"""Points of the voltage in a width."""
WIDTHS_PER_ROW = 0.7
"""Smoothing over this share of the rows' usual distance keeps the rows from showing."""
WIDTHS_OF_NOISE = 3.0
REACH = 4.0
"""How far a row's charge is spread, in widths."""
CONSTANT = 0.9
"""A rate below this share of the usual one, at the end voltage, is that of a step of constant
voltage, of which there is no dQ/dV."""


@dataclass(frozen=True)
class Derivative:
    """dQ/dV on equal steps of the voltage.

    Parameters
    ----------
    voltage_v
        Shape `(n,)`, multiples of one step.
    dqdv, dqdv_sigma
        Charge a volt, positive on charge and on discharge, shape `(n,)`.
    slope, slope_sigma
        Its first derivative, shape `(n,)`.
    width_v
        Standard deviation of the Gaussian that the charge of each row is spread over.
    """

    voltage_v: Floats
    dqdv: Floats
    dqdv_sigma: Floats
    slope: Floats
    slope_sigma: Floats
    width_v: float


def noise_of(cell: Counted, half: Half) -> float:
    """One standard deviation of the voltage's noise, from rows against their neighbours.

    Each row is compared with the straight line in charge between the two around it; the median of
    what is left stands for all, so that steps and the curve's own bends do not count.
    """
    before, at, after = half.rows[:-2], half.rows[1:-1], half.rows[2:]
    charge = np.cumsum(np.abs(cell.step))
    span = charge[after] - charge[before]
    is_good = span > 0.0
    if np.count_nonzero(is_good) < 5:
        return 0.0
    before, at, after, span = before[is_good], at[is_good], after[is_good], span[is_good]
    share = (charge[at] - charge[before]) / span
    line = (1.0 - share) * cell.voltage_v[before] + share * cell.voltage_v[after]
    left = (cell.voltage_v[at] - line) / np.sqrt(1.0 + share**2 + (1.0 - share) ** 2)
    return float(1.4826 * np.median(np.abs(left)))


def width_of(cell: Counted, halves: Sequence[Half]) -> tuple[float, float]:
    """Width that suits all half cycles of a cell, and the voltage's noise, in V.

    It is never below `LEAST_WIDTH_V`, three times the noise, and 0.7 times the distance of the
    rows that half of the others exceed.
    """
    noises = [noise_of(cell, half) for half in halves]
    noise_v = float(np.median(noises)) if noises else 0.0
    apart = [np.abs(np.diff(cell.voltage_v[_with_slope(cell, half)])) for half in halves]
    apart_v = float(np.median(np.concatenate(apart))) if any(map(len, apart)) else np.inf
    return max(LEAST_WIDTH_V, WIDTHS_OF_NOISE * noise_v, WIDTHS_PER_ROW * apart_v), noise_v


def derivative_of(cell: Counted, half: Half, width_v: float, noise_v: float) -> Derivative | None:
    """Spread the charge of each row over the voltage; `None` where there are too few rows.

    Parameters
    ----------
    cell, half
        The rows, and which of them.
    width_v
        Standard deviation of the Gaussian.
    noise_v
        One standard deviation of the voltage of a row.

    Notes
    -----
    The estimate is a sum over rows, `g(V) = Σ q_k K(V − V_k)`, with the charge `q_k` between two
    rows at their mean voltage (spread between them, where they are far apart) and a Gaussian `K`:
    what a histogram of charge over voltage is, without its steps. It needs neither a monotonic
    voltage nor a division by its differences, and its integral is the charge. The charge is known
    far better than the voltage, so that the noise of the voltage alone is propagated:
    `σ² = σ_V² Σ q_k² K'(V − V_k)²`, and with `K''` for the slope. Smoothing lowers and
    widens peaks; what it moves is part of a peak's own sigma.
    """
    rows = _with_slope(cell, half)
    if len(rows) < 2 * PER_WIDTH:
        return None
    voltage_v = cell.voltage_v[rows]
    # where the current was switched on just before, the voltage jumped without any charge
    begin_v = voltage_v[0] if cell.is_timed else cell.voltage_v[max(0, rows[0] - 1)]
    before_v = np.concatenate([[begin_v], voltage_v[:-1]])
    low_v, high_v = np.minimum(voltage_v, before_v), np.maximum(voltage_v, before_v)
    charge = np.abs(cell.step[rows])
    step_v = width_v / PER_WIDTH
    n_reach = int(REACH * PER_WIDTH)
    first = int(np.floor(low_v.min() / step_v)) - n_reach
    n_points = int(np.ceil(high_v.max() / step_v)) + n_reach - first + 2
    points = _Points(first, n_points, step_v)
    spread = points.spread(low_v, high_v, charge)
    squared = points.put(0.5 * (low_v + high_v), charge**2)
    at = np.arange(-n_reach, n_reach + 1) / PER_WIDTH
    kernel = np.exp(-0.5 * at**2) / (np.sqrt(2.0 * np.pi) * width_v)
    slope = -at * kernel / width_v
    bend = (at**2 - 1.0) * kernel / width_v**2
    return Derivative(
        voltage_v=np.arange(first, first + n_points, dtype=np.float64) * step_v,
        dqdv=np.convolve(spread, kernel, "same"),
        dqdv_sigma=noise_v * np.sqrt(np.convolve(squared, slope**2, "same")),
        slope=np.convolve(spread, slope, "same"),
        slope_sigma=noise_v * np.sqrt(np.convolve(squared, bend**2, "same")),
        width_v=width_v,
    )


class _Points(NamedTuple):
    """Equal steps of the voltage: multiples of the step, from a first one on."""

    first: int
    n_points: int
    step_v: float

    def put(self, voltage_v: Floats, weights: Floats) -> Floats:
        """Add weights at voltages: to the two points around each, so that its voltage counts."""
        place = voltage_v / self.step_v - self.first
        low = np.floor(place).astype(np.int64)
        share = place - low
        below = np.bincount(low, (1.0 - share) * weights, self.n_points)
        return np.asarray(below + np.bincount(low + 1, share * weights, self.n_points))

    def spread(self, low_v: Floats, high_v: Floats, charge: Floats) -> Floats:
        """Add charge between two voltages: at their middle where that is less than a step."""
        is_far = high_v - low_v > self.step_v
        near = self.put(0.5 * (low_v + high_v)[~is_far], charge[~is_far])
        density = charge[is_far] * self.step_v / (high_v - low_v)[is_far]
        edges = self.put(low_v[is_far], density) - self.put(high_v[is_far], density)
        # the sum up to a point lies half a step behind it
        summed = np.cumsum(edges)
        return np.asarray(near + 0.5 * (summed + np.concatenate([[0.0], summed[:-1]])))


def _with_slope(cell: Counted, half: Half) -> Floats:
    """Rows of a half cycle without those of constant voltage at its end, or behind a gap."""
    voltage_v = cell.voltage_v[half.rows]
    end_v = voltage_v.max() if half.sign > 0 else voltage_v.min()
    is_held = (np.abs(cell.rate[half.rows]) < CONSTANT * half.rate) & (
        np.abs(voltage_v - end_v) < LEAST_WIDTH_V
    )
    if cell.is_gap is not None:
        is_held |= cell.is_gap[half.rows]
    return np.asarray(half.rows[~is_held])
