"""Charge that passed a cell between one row and the next, counted from its current."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block, counted

Floats = NDArray[np.float64]

PLAUSIBLE_V = 10.0
"""Voltages above this are no lithium cell's: they are in millivolts."""
LARGEST_A = 1000.0
"""Currents above this are in another unit."""
JUMP = 0.1
"""A current that changes by more than this share between two rows has jumped."""
MAH_PER_AS = 1.0 / 3.6
NEW_CURVE = 0.5
"""A charge that falls back by more than this share of its range begins a curve of its own."""

GAP_S = 600.0
"""Rows farther apart than this, and than `GAPS` times as usual, have a gap between them."""
GAPS = 20.0

BOTH_WAYS = 0.05
"""A count that goes back by more than this share of what it goes forward has a sign."""

CAPACITIES_MAH: Mapping[str, float] = {"capacity_mah": 1.0, "capacity_ah": 1e3}
"""What a unit of each recorded capacity is in mAh."""


class Unusable(ValueError):
    """Rows that no charge can be counted from; the message says why."""


@dataclass(frozen=True)
class Counted:
    """Rows of a cell in order of time, with the charge that passed since the row before each.

    Parameters
    ----------
    time_s, voltage_v
        Time and voltage of the rows, shape `(n,)`.
    step
        Charge since the row before, positive on charge, in mAh (or mAh/g where that was recorded),
        shape `(n,)`; the first is 0.
    step_sigma
        One standard deviation of each, from what the current may have done between the rows.
    rate
        Charge a second since the row before, in the same unit; a row's, where there is no time.
    recorded_mah
        The cycler's own count, shape `(n,)`; `None` without one.
    numbers
        The cycler's own number of the cycle, shape `(n,)`; `None` without one.
    per_gram
        Whether the charge is that of a gram.
    is_timed
        Whether it was counted from a current.
    notes
        What was left out, in words.
    is_gap
        Rows before which none was recorded for long, so that their step is a guess, shape `(n,)`;
        `None` without any.
    """

    time_s: Floats
    voltage_v: Floats
    step: Floats
    step_sigma: Floats
    rate: Floats
    recorded_mah: Floats | None
    numbers: Floats | None
    per_gram: bool
    is_timed: bool
    notes: tuple[str, ...] = ()
    is_gap: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.time_s)


def count(
    rows: Block, keys: Mapping[str, str], mah_per_g: float | None = None, charge_sign: int = 1
) -> Counted:
    """Count the charge of rows.

    Parameters
    ----------
    rows
        Rows with `voltage_v`, and `current_a` or `mean_current_a`, or instead a capacity or `x_li`;
        `time_s` where the time of the events is not meant.
    keys
        Data key of each role, for the messages.
    mah_per_g
        Charge that takes one lithium out of every formula unit, which `x_li` needs.
    charge_sign
        Sign of the recorded current on charge.

    Raises
    ------
    Unusable
        Where the units are not plausible, or nothing is left.

    Notes
    -----
    A mean current since the row before is multiplied by that time. Of currents at the rows the
    trapezoid is taken. Where the current jumps, cyclers record a row just before, so that the new
    one counts; it may have jumped at any time between, though: one standard deviation is the jump
    times the time over the root of 12, unless the cycler's own count of that time tells. The noise
    of the current comes on top, as its second differences show it.
    """
    rows, notes = _readable(rows, keys)
    voltage_v = rows.values["voltage_v"]
    _check(voltage_v, "voltage_v", PLAUSIBLE_V, "mV", keys)
    time_s = _ascending(rows.values.get("time_s", rows.time_s))
    seconds = np.diff(time_s, prepend=time_s[:1])
    mean_a, current_a = rows.values.get("mean_current_a"), rows.values.get("current_a")
    is_timed = mean_a is not None or current_a is not None
    is_gap: NDArray[np.bool_] | None = None
    per_gram = not is_timed and not set(rows.values) & set(CAPACITIES_MAH)
    if mean_a is not None:
        _check(mean_a, "mean_current_a", LARGEST_A, "mA", keys)
        step = charge_sign * mean_a * seconds * MAH_PER_AS
        sigma = _noise(mean_a) * seconds * MAH_PER_AS
    elif current_a is not None:
        _check(current_a, "current_a", LARGEST_A, "mA", keys)
        step, sigma = _between(charge_sign * current_a, seconds, _recorded_mah(rows))
        is_gap = _gaps(seconds, step)
        sigma = np.where(is_gap, np.hypot(sigma, np.abs(step) / np.sqrt(12.0)), sigma)
        notes = (*notes, *_gap_notes(seconds, is_gap))
    else:
        step = _of_curves(rows, voltage_v, mah_per_g)
        # a curve may have ended anywhere in its last step
        ends = np.append(np.diff(np.sign(step)) != 0.0, True)
        sigma = np.where(ends, np.abs(step) / np.sqrt(12.0), 0.0)
        seconds = np.ones_like(step)
    rate = np.divide(step, seconds, out=np.zeros_like(step), where=seconds > 0.0)
    recorded = _recorded_mah(rows) if is_timed else None
    numbers = rows.values.get("cycle")
    return Counted(
        *(time_s, voltage_v, step, sigma, rate, recorded, numbers, per_gram, is_timed, notes),
        is_gap=is_gap,
    )


def _readable(rows: Block, keys: Mapping[str, str]) -> tuple[Block, tuple[str, ...]]:
    """Rows whose needed readings are all numbers."""
    roles = ("time_s", "voltage_v", "mean_current_a", "current_a")
    needed = [role for role in roles if role in rows.values]
    if "mean_current_a" in needed and "current_a" in needed:
        needed.remove("current_a")
    if not {"mean_current_a", "current_a"} & set(needed):
        needed += [role for role in (*CAPACITIES_MAH, "capacity_mah_per_g", "x_li")
                   if role in rows.values][:1]  # fmt: skip
    is_good = np.isfinite(rows.time_s)
    notes = []
    for role in needed:
        bad = ~np.isfinite(rows.values[role])
        if bad.any():
            n_bad = counted(int(np.count_nonzero(bad)), "row")
            notes.append(f"{n_bad} without a number in {keys.get(role, role)} left out")
        is_good &= ~bad
    if not is_good.any():
        named = ", ".join(keys.get(role, role) for role in needed)
        raise Unusable(f"no row holds numbers in all of {named}")
    kept = {role: values[is_good] for role, values in rows.values.items()}
    return Block(rows.stream, rows.seq_num[is_good], rows.time_s[is_good], kept), tuple(notes)


def _check(values: Floats, role: str, largest: float, unit: str, keys: Mapping[str, str]) -> None:
    """Refuse numbers that must be in a unit that nobody has named."""
    typical = float(np.median(np.abs(values[values != 0.0]))) if (values != 0.0).any() else 0.0
    if typical > largest:
        quantity = "voltage" if role == "voltage_v" else "current"
        raise Unusable(
            f"{keys.get(role, role)} is around {typical:.4g}, which is no {quantity} of a cell in "
            f'{role[-1].upper()}: if it is in {unit}, give {quantity}_unit = "{unit}" in [cycling]'
        )


def _between(
    current_a: Floats, seconds: Floats, recorded_mah: Floats | None
) -> tuple[Floats, Floats]:
    """Charge between rows of which the currents are known, and its sigma."""
    before_a = np.concatenate([current_a[:1], current_a[:-1]])
    largest_a = np.maximum(np.abs(current_a), np.abs(before_a))
    is_jump = np.abs(current_a - before_a) > JUMP * largest_a
    step = np.where(is_jump, current_a, 0.5 * (current_a + before_a)) * seconds * MAH_PER_AS
    unknown_a = np.abs(current_a - before_a) / np.sqrt(12.0)
    if recorded_mah is not None:
        told = np.diff(recorded_mah, prepend=recorded_mah[:1])
        most = (1.0 + JUMP) * largest_a * seconds * MAH_PER_AS
        is_told = is_jump & (np.abs(told) <= most) & (np.sign(told) == np.sign(current_a))
        step = np.where(is_told, told, step)
        unknown_a = np.where(is_told, 0.0, unknown_a)
    return step, np.hypot(unknown_a, _noise(current_a)) * seconds * MAH_PER_AS


def _gaps(seconds: Floats, step: Floats) -> NDArray[np.bool_]:
    """Rows before which none was recorded for long, while a current seems to have flowed."""
    flows = np.abs(step) > 0.0
    usual_s = float(np.median(seconds[flows])) if flows.any() else 0.0
    is_gap: NDArray[np.bool_] = flows & (seconds > max(GAP_S, GAPS * usual_s))
    return is_gap


def _gap_notes(seconds: Floats, is_gap: NDArray[np.bool_]) -> tuple[str, ...]:
    if not is_gap.any():
        return ()
    longest = f"no rows for {seconds[is_gap].max() / 3600.0:.1f} h"
    others = np.count_nonzero(is_gap) - 1
    more = f", and {counted(int(others), 'more gap')}" if others else ""
    return (f"{longest}{more}: the current is taken to have gone on",)


def _noise(current_a: Floats) -> float:
    """One standard deviation of a current that is mostly constant."""
    if len(current_a) < 3:
        return 0.0
    return float(1.4826 * np.median(np.abs(np.diff(current_a, 2))) / np.sqrt(6.0))


def _ascending(time_s: Floats) -> Floats:
    """Times that go on where each technique of a record counts from 0 again."""
    steps = np.diff(time_s, prepend=time_s[:1])
    back: Floats = np.cumsum(np.minimum(steps, 0.0))
    return time_s - back


def _of_curves(rows: Block, voltage_v: Floats, mah_per_g: float | None) -> Floats:
    """Charge since the row before, where curves against charge stand one behind another."""
    capacity = _recorded_mah(rows)
    if capacity is None:
        capacity = rows.values.get("capacity_mah_per_g")
    if capacity is None:
        x_li = rows.values["x_li"]
        if mah_per_g is None:
            raise Unusable(
                "of the lithium in a formula unit no charge follows without [cell] formula or "
                "theoretical_mah_per_g"
            )
        return np.asarray(np.diff(-mah_per_g * (x_li - x_li[0]), prepend=0.0))
    steps = np.diff(capacity, prepend=capacity[:1])
    is_new = steps < -NEW_CURVE * float(np.ptp(capacity))
    found = np.zeros_like(steps)
    edges = [0, *np.flatnonzero(is_new).tolist(), len(steps)]
    for first, last in pairwise(edges):
        part = steps[first + 1 : last]
        if _goes_both_ways(part):
            found[first + 1 : last] = part
        elif last - first > 1:
            rises = voltage_v[last - 1] >= voltage_v[first]
            found[first + 1 : last] = np.abs(part) * (1.0 if rises else -1.0)
    return found


def _goes_both_ways(steps: Floats) -> bool:
    """Whether a count goes up and down, as one of what the cell holds does."""
    up, down = float(steps[steps > 0.0].sum()), float(-steps[steps < 0.0].sum())
    return min(up, down) > BOTH_WAYS * max(up, down)


def _recorded_mah(rows: Block) -> Floats | None:
    for role, factor in CAPACITIES_MAH.items():
        if role in rows.values:
            return np.asarray(factor * rows.values[role])
    return None
