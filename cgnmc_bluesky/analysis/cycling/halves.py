"""Half cycles: what passes in one direction between two reversals of the current."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.cycling.charge import Counted, Floats, Unusable

REST = 2e-3
"""A rate below this share of the usual one is that of a cell at rest."""
PULSE = 0.01
"""A reversal that passes less than this share of what the largest half cycle does is a pulse in
the half cycle around it, not one of its own."""
SAME_END_V = 0.02
"""A half cycle that ends so near to where earlier ones did has ended for good."""
SAME_RATE = 0.15
"""Rates that differ by a smaller share can be compared."""


@dataclass(frozen=True)
class Half:
    """A half cycle.

    Parameters
    ----------
    rows
        Numbers of its rows, those at rest left out, shape `(n,)`.
    sign
        1 on charge, -1 on discharge.
    charge, charge_sigma
        What passed, positive either way, in the unit of the steps.
    rate
        Usual charge a second (the median over the charge).
    is_whole
        Whether it is over: the other direction followed, the cell was left at rest at the end of
        the record, or it came to where earlier ones had ended.
    """

    rows: NDArray[np.int64]
    sign: int
    charge: float
    charge_sigma: float
    rate: float
    is_whole: bool


@dataclass(frozen=True)
class Cycle:
    """A charge and the discharge that followed it; one of both may be missing."""

    number: int
    charge: Half | None
    discharge: Half | None

    @property
    def first_row(self) -> int:
        """Number of its first row."""
        return min(int(half.rows[0]) for half in (self.charge, self.discharge) if half is not None)

    @property
    def is_whole(self) -> bool:
        """Whether both are there, and over."""
        halves = (self.charge, self.discharge)
        return all(half is not None and half.is_whole for half in halves)


def halves_of(cell: Counted) -> list[Half]:
    """Cut the rows of a cell into half cycles, in order of time.

    Rests, constant voltage, other rates and pauses in one direction do not end a half cycle: only
    the other direction does.
    """
    usual = float(np.percentile(np.abs(cell.rate), 95.0)) if len(cell) else 0.0
    sign = np.where(np.abs(cell.rate) > REST * usual, np.sign(cell.rate), 0.0).astype(np.int64)
    flows = np.flatnonzero(sign)
    if not len(flows):
        return []
    parts = _merged(_parts(flows, sign), cell, sign)
    rests_at_end = len(cell) - 1 - flows[-1] > 1
    found: list[Half] = []
    for number, rows in enumerate(parts):
        is_last = number == len(parts) - 1
        half = _half(rows, cell, sign)
        is_whole = (
            not is_last or not cell.is_timed or rests_at_end or _ends_alike(half, found, cell)
        )
        found.append(
            Half(half.rows, half.sign, half.charge, half.charge_sigma, half.rate, is_whole)
        )
    return found


def cycles_of(halves: list[Half], cell: Counted) -> list[Cycle]:
    """Pair half cycles: each charge with the discharge behind it.

    Cycles are numbered as the cycler did where its numbers rise with ours, else from 1; a
    discharge before the first charge belongs to a cycle 0.
    """
    pairs: list[tuple[Half | None, Half | None]] = []
    for half in halves:
        if half.sign > 0:
            pairs.append((half, None))
        elif pairs and pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], half)
        else:
            pairs.append((None, half))
    first = 0 if pairs and pairs[0][0] is None and len(pairs) > 1 else 1
    numbers = _recorded_numbers(pairs, cell) or list(range(first, first + len(pairs)))
    return [Cycle(number, *pair) for number, pair in zip(numbers, pairs, strict=True)]


def check_direction(halves: list[Half], cell: Counted, keys: Mapping[str, str]) -> None:
    """Refuse a current that is positive where the voltage falls.

    Raises
    ------
    Unusable
        Where that holds for most of the charge.
    """
    climbs = sum(
        half.charge
        * half.sign
        * np.sign(cell.voltage_v[half.rows[-1]] - cell.voltage_v[half.rows[0]])
        for half in halves
        if half.is_whole
    )
    if cell.is_timed and climbs < 0.0:
        key = next((keys[role] for role in ("mean_current_a", "current_a") if role in keys), "")
        raise Unusable(
            f"{key or 'the current'} is positive where the voltage falls: if charge is negative "
            "there, give charge_sign = -1 in [cycling]"
        )


def comparable(cycles: list[Cycle], last: Cycle) -> Cycle:
    """Return the first whole cycle that was charged and discharged at the rates of the last."""
    return next((cycle for cycle in cycles if cycle.is_whole and _alike(cycle, last)), last)


def _alike(cycle: Cycle, other: Cycle) -> bool:
    pairs = ((cycle.charge, other.charge), (cycle.discharge, other.discharge))
    return all(
        one is not None and two is not None and abs(one.rate / two.rate - 1.0) < SAME_RATE
        for one, two in pairs
    )


def _parts(flows: NDArray[np.int64], sign: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    turns = np.flatnonzero(np.diff(sign[flows])) + 1
    return np.split(flows, turns)


def _merged(
    parts: list[NDArray[np.int64]], cell: Counted, sign: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Put pulses into the half cycles around them."""
    passed = [float(np.abs(cell.step[rows]).sum()) for rows in parts]
    least = PULSE * max(passed)
    merged: list[NDArray[np.int64]] = []
    for number, (rows, charge) in enumerate(zip(parts, passed, strict=True)):
        is_pulse = charge < least and number < len(parts) - 1
        if merged and (is_pulse or sign[merged[-1][0]] == sign[rows[0]]):
            merged[-1] = np.concatenate([merged[-1], rows])
        elif not is_pulse:
            merged.append(rows)
    return merged


def _half(rows: NDArray[np.int64], cell: Counted, sign: NDArray[np.int64]) -> Half:
    step = cell.step[rows]
    order = np.argsort(np.abs(cell.rate[rows]), kind="stable")
    passed = np.cumsum(np.abs(step[order]))
    middle = order[min(int(np.searchsorted(passed, 0.5 * passed[-1])), len(order) - 1)]
    return Half(
        rows=rows,
        sign=int(sign[rows[0]]),
        charge=float(abs(step.sum())),
        charge_sigma=float(np.sqrt(np.square(cell.step_sigma[rows]).sum())),
        rate=float(abs(cell.rate[rows][middle])),
        is_whole=False,
    )


def _ends_alike(half: Half, earlier: list[Half], cell: Counted) -> bool:
    """Whether a half cycle has come to where earlier ones in its direction ended."""
    ends_v = [cell.voltage_v[other.rows[-1]] for other in earlier if other.sign == half.sign]
    return any(abs(cell.voltage_v[half.rows[-1]] - end_v) < SAME_END_V for end_v in ends_v)


def _recorded_numbers(
    pairs: list[tuple[Half | None, Half | None]], cell: Counted
) -> list[int] | None:
    if cell.numbers is None:
        return None
    found = [_first_number(charge or discharge, cell.numbers) for charge, discharge in pairs]
    if not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        return None
    # cyclers count from 0 or from 1
    return [int(number) + (found[0] == 0) for number in found]


def _first_number(half: Half | None, numbers: Floats) -> float:
    """The number that a half cycle's rows bear, in their middle: at a reversal it may be late."""
    return float(numbers[half.rows[len(half.rows) // 2]]) if half is not None else np.nan
