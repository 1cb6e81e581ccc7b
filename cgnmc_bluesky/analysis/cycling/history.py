"""What the cycles of a cell tell, one after another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from cgnmc_bluesky.analysis.cycling.charge import Counted, Floats
from cgnmc_bluesky.analysis.cycling.dqdv import MOST_WIDTH_V, Derivative, derivative_of, width_of
from cgnmc_bluesky.analysis.cycling.halves import Cycle, Half, comparable, cycles_of, halves_of
from cgnmc_bluesky.analysis.cycling.peaks import Peak, follow, peaks_of

SHOWN_CYCLES = 6
"""Cycles whose curves are given: the first, the last, and some between."""
POINTS = 200
"""Points of a half cycle's voltage that are given."""
THINNED = 2
"""Of dQ/dV every second point is given: its width holds five."""


@dataclass(frozen=True)
class History:
    """The cycles of a cell.

    Parameters
    ----------
    cell
        Its rows.
    halves, cycles
        Its half cycles and cycles, the last of which may have only begun.
    whole
        Those that are over.
    last, first
        The cycle that is spoken of, and the first one at its rates; `None` where none has begun.
    peaks
        The peak of dQ/dV in each of `cycles`, `None` in those that do not show it; empty where
        none does.
    all_peaks
        All peaks of each of `cycles`, in order of voltage.
    direction
        Whose peak that is: 1 of the charge, -1 of the discharge.
    width_v, noise_v
        What dQ/dV was smoothed over, and the voltage's noise.
    """

    cell: Counted
    halves: list[Half]
    cycles: list[Cycle]
    whole: list[Cycle]
    last: Cycle | None
    first: Cycle | None
    peaks: list[Peak | None]
    all_peaks: list[list[Peak]]
    direction: int
    width_v: float
    noise_v: float

    def peak_of(self, cycle: Cycle | None) -> Peak | None:
        """The peak in a cycle."""
        by_number = dict(zip((cycle.number for cycle in self.cycles), self.peaks, strict=False))
        return None if cycle is None else by_number.get(cycle.number)

    def derivative(self, half: Half) -> Derivative | None:
        """dQ/dV of a half cycle."""
        return derivative_of(self.cell, half, self.width_v, self.noise_v)


def history_of(cell: Counted, window_v: tuple[float, float] | None) -> History:
    """Cut a cell's rows into cycles, and follow the peak of dQ/dV through them.

    Parameters
    ----------
    cell
        Its rows.
    window_v
        Where the peak is looked for in the first cycle that has one; without it, the highest.
    """
    halves = halves_of(cell)
    cycles = cycles_of(halves, cell)
    whole = [cycle for cycle in cycles if cycle.is_whole]
    over = [cycle for cycle in cycles if any(half.is_whole for half in _there(cycle))]
    last = next(iter([*whole[-1:], *over[:1]]), None)
    first = comparable(cycles, last) if last is not None else None
    width_v, noise_v = width_of(cell, halves)
    direction = 1 if any(cycle.charge for cycle in over) else -1
    found = History(cell, halves, cycles, whole, last, first, [], [], direction, width_v, noise_v)
    if width_v > MOST_WIDTH_V or first is None:
        return found
    peaks = [_peaks(found, _half_of(cycle, direction)) for cycle in cycles]
    begin = cycles.index(first)
    reference = _reference(peaks[begin:], window_v)
    followed = follow(reference, peaks) if reference is not None else []
    return replace(found, peaks=followed, all_peaks=peaks)


def by_cycle(history: History, per_mah: float) -> Mapping[str, Floats]:
    """What each cycle has passed and where its peak was, NaN where it does not tell.

    Parameters
    ----------
    history
        The cycles.
    per_mah
        What a unit of the charge is in the unit of the capacities.
    """
    charges = np.array([_charge(cycle.charge) for cycle in history.cycles])
    discharges = np.array([_charge(cycle.discharge) for cycle in history.cycles])
    peaks = history.peaks or [None] * len(history.cycles)
    return {
        "cycle": np.array([float(cycle.number) for cycle in history.cycles]),
        "charge_capacity": per_mah * charges,
        "discharge_capacity": per_mah * discharges,
        "efficiency": discharges / charges,
        "peak_v": _column(peaks, "voltage_v"),
        "peak_v_sigma": _column(peaks, "voltage_sigma"),
        "peak_height": per_mah * _column(peaks, "height"),
        "peak_height_sigma": per_mah * _column(peaks, "height_sigma"),
    }


def voltage_curves(history: History, per_mah: float) -> Mapping[str, Floats]:
    """Voltage against charge of some half cycles, one behind another, discharge as -1."""
    parts = []
    for cycle, half in _shown(history):
        passed = np.cumsum(np.abs(history.cell.step[half.rows]))
        charge = np.linspace(passed[0], passed[-1], min(POINTS, len(passed)))
        voltage_v = np.interp(charge, passed, history.cell.voltage_v[half.rows])
        parts.append(_labelled(cycle, half, per_mah * charge, voltage_v))
    return _joined(("voltage_cycle", "voltage_direction", "capacity", "voltage_v"), parts)


def dqdv_curves(history: History, per_mah: float) -> Mapping[str, Floats]:
    """dQ/dV of some half cycles, one behind another, discharge as -1."""
    parts = []
    for cycle, half in _shown(history) if history.width_v <= MOST_WIDTH_V else ():
        found = history.derivative(half)
        if found is not None:
            thin = slice(None, None, THINNED)
            curve, sigma = per_mah * found.dqdv[thin], per_mah * found.dqdv_sigma[thin]
            parts.append((*_labelled(cycle, half, found.voltage_v[thin], curve), sigma))
    return _joined(("dqdv_cycle", "dqdv_direction", "dqdv_v", "dqdv", "dqdv_sigma"), parts)


def every_peak(history: History, per_mah: float) -> Mapping[str, Floats]:
    """All peaks of dQ/dV of all cycles, with those that are not followed."""
    rows = [
        (float(cycle.number), peak.voltage_v, peak.voltage_sigma, per_mah * peak.height,
         per_mah * peak.height_sigma)
        for cycle, peaks in zip(history.cycles, history.all_peaks, strict=False)
        for peak in peaks
    ]  # fmt: skip
    names = ("peaks_cycle", "peaks_v", "peaks_v_sigma", "peaks_height", "peaks_height_sigma")
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), len(names)).T
    return dict(zip(names, columns, strict=True))


def off_count(history: History) -> tuple[float, int] | None:
    """By which share the cycler's own count differs at most from ours, and in which cycle."""
    recorded = history.cell.recorded_mah
    if recorded is None:
        return None
    found = [(0.0, 0)]
    for cycle in history.cycles:
        for half in _there(cycle):
            steps = np.diff(recorded[half.rows])
            # a cycler may begin at 0 with each step, and count a discharge down or up
            forward = np.sign(np.median(steps[steps != 0.0])) if (steps != 0.0).any() else 1.0
            own = float(np.abs(history.cell.step[half.rows[1:]]).sum())
            theirs = float(np.abs(steps[steps * forward > 0.0]).sum())
            if half.is_whole and own > 0.0:
                found.append((theirs / own - 1.0, cycle.number))
    return max(found, key=lambda pair: abs(pair[0]))


def _there(cycle: Cycle) -> list[Half]:
    return [half for half in (cycle.charge, cycle.discharge) if half is not None]


def _half_of(cycle: Cycle, direction: int) -> Half | None:
    half = cycle.charge if direction > 0 else cycle.discharge
    return half if half is not None and half.is_whole else None


def _peaks(history: History, half: Half | None) -> list[Peak]:
    if half is None:
        return []

    @cache
    def at_scale(scale: int) -> Derivative | None:
        width_v = history.width_v * float(np.sqrt(2.0)) ** scale
        if width_v > 2.0 * MOST_WIDTH_V:
            return None
        return derivative_of(history.cell, half, width_v, history.noise_v)

    return peaks_of(at_scale)


def _reference(cycles: list[list[Peak]], window_v: tuple[float, float] | None) -> Peak | None:
    low_v, high_v = window_v or (-np.inf, np.inf)
    for peaks in cycles:
        inside = [peak for peak in peaks if low_v <= peak.voltage_v <= high_v]
        if inside:
            return max(inside, key=lambda peak: peak.height)
    return None


def _shown(history: History) -> list[tuple[Cycle, Half]]:
    chosen = history.whole or history.cycles
    places = np.unique(np.linspace(0, len(chosen) - 1, SHOWN_CYCLES).round().astype(int))
    shown = [chosen[place] for place in places] if chosen else []
    return [(cycle, half) for cycle in shown for half in _there(cycle)]


def _charge(half: Half | None) -> float:
    return half.charge if half is not None and half.is_whole else np.nan


def _column(peaks: list[Peak | None], name: str) -> Floats:
    return np.array([np.nan if peak is None else getattr(peak, name) for peak in peaks])


def _labelled(cycle: Cycle, half: Half, *columns: Floats) -> tuple[Floats, ...]:
    n_points = len(columns[0])
    return np.full(n_points, float(cycle.number)), np.full(n_points, float(half.sign)), *columns


def _joined(names: tuple[str, ...], parts: list[tuple[Floats, ...]]) -> Mapping[str, Floats]:
    columns = zip(*parts, strict=True) if parts else [[np.empty(0)]] * len(names)
    return {name: np.concatenate(column) for name, column in zip(names, columns, strict=True)}
