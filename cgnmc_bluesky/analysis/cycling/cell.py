"""The state of a cell at a time, from the record of its cycler."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.cycling.charge import Counted, Floats
from cgnmc_bluesky.analysis.cycling.dqdv import width_of
from cgnmc_bluesky.analysis.cycling.halves import cycles_of, halves_of

LONGEST_GAP_S = 600.0
"""Nothing is said between two rows that are farther apart, and farther than rows usually are."""
GAPS = 5.0
"""How much farther than usual."""


class OutsideRecord(ValueError):
    """A time of which the record of a cell tells nothing; the message says by how much."""


@dataclass(frozen=True)
class State:
    """The state of a cell over some time.

    Parameters
    ----------
    voltage_v, voltage_sigma
        Mean voltage, in V.
    current_a, current_sigma
        Mean current, positive on charge, in A.
    charge_mah, charge_sigma
        Mean of the charge that has passed since the record began, in mAh.
    cycle
        Number of the cycle; 0 before the first charge or discharge.
    """

    voltage_v: float
    voltage_sigma: float
    current_a: float
    current_sigma: float
    charge_mah: float
    charge_sigma: float
    cycle: int


class CellRecord:
    """What a cell's voltage, current and charge were at any time of its record.

    Parameters
    ----------
    cell
        The rows, with absolute times.

    Notes
    -----
    Between two rows voltage and charge go straight from one to the other, and the current is what
    makes that charge. What they may have done else is taken from the rows beside: the bend of the
    voltage, with its noise, and the change of the current, uniformly distributed.
    """

    def __init__(self, cell: Counted) -> None:
        self._cell = cell
        self._charge_mah = np.cumsum(cell.step)
        self._variance = np.cumsum(np.square(cell.step_sigma))
        halves = halves_of(cell)
        cycles = cycles_of(halves, cell)
        self._begins = np.array([cycle.first_row for cycle in cycles], dtype=np.int64)
        self._numbers = [0, *(cycle.number for cycle in cycles)]
        _, self._noise_v = width_of(cell, halves)
        seconds = np.diff(cell.time_s)
        usual_s = float(np.median(seconds)) if len(seconds) else 0.0
        self._longest_s = max(LONGEST_GAP_S, GAPS * usual_s)

    @property
    def span_s(self) -> tuple[float, float]:
        """Times of the first and the last row."""
        return float(self._cell.time_s[0]), float(self._cell.time_s[-1])

    def at(self, times_s: Floats) -> State:
        """Mean state at some times.

        Parameters
        ----------
        times_s
            The times, on the clock of the record, shape `(n,)`.

        Raises
        ------
        OutsideRecord
            Where one of them is outside the record, or in a gap of it.
        """
        cell = self._cell
        begin_s, end_s = self.span_s
        early_s, late_s = begin_s - float(times_s.min()), float(times_s.max()) - end_s
        if early_s > 0.0 or late_s > 0.0:
            side = "before it begins" if early_s > 0.0 else "after it ends"
            raise OutsideRecord(f"{_long(max(early_s, late_s))} {side}")
        after = np.clip(np.searchsorted(cell.time_s, times_s), 1, len(cell) - 1)
        gap_s = cell.time_s[after] - cell.time_s[after - 1]
        if gap_s.max() > self._longest_s:
            raise OutsideRecord(f"in a gap of {_long(float(gap_s.max()))} between two of its rows")
        share = np.divide(
            times_s - cell.time_s[after - 1], gap_s, out=np.ones_like(times_s), where=gap_s > 0.0
        )

        def between(values: Floats) -> float:
            return float(np.mean((1.0 - share) * values[after - 1] + share * values[after]))

        amperes = 3.6 * cell.rate
        bend_v, jump_a = _bends(cell.voltage_v, after), _jumps(amperes, after)
        charge_sigma = np.sqrt(self._variance[after].max() + np.max(jump_a * gap_s / 3.6) ** 2)
        middle = int(np.searchsorted(self._begins, after[len(after) // 2], "right"))
        return State(
            voltage_v=between(cell.voltage_v),
            voltage_sigma=float(np.hypot(bend_v.max(), self._noise_v)),
            current_a=float(np.mean(amperes[after])),
            current_sigma=float(jump_a.max()),
            charge_mah=between(self._charge_mah),
            charge_sigma=float(charge_sigma),
            cycle=int(self._numbers[middle]),
        )


def whole_hours(begin_s: float, end_s: float, span_s: tuple[float, float]) -> int | None:
    """By how many hours a clock would have to be put forward for a record to hold some time.

    Parameters
    ----------
    begin_s, end_s
        The time.
    span_s
        First and last time of the record.

    Returns
    -------
    int or None
        The least number of whole hours, as zones and summer time make them; `None` without any.

    Examples
    --------
    >>> whole_hours(7300.0, 7400.0, (0.0, 3600.0)), whole_hours(1e6, 1e6, (0.0, 3600.0))
    (2, None)
    """
    for hours in sorted(range(-14, 15), key=abs):
        if span_s[0] + 3600.0 * hours <= begin_s and end_s <= span_s[1] + 3600.0 * hours:
            return hours
    return None


def _bends(values: Floats, after: NDArray[np.int64]) -> Floats:
    """What a straight line between two rows may leave out, from the bend around them."""
    bends = np.abs(np.diff(values, 2, prepend=values[:1], append=values[-1:]))
    return np.asarray(np.maximum(bends[after - 1], bends[after]) / 8.0)


def _jumps(values: Floats, after: NDArray[np.int64]) -> Floats:
    """One standard deviation of a current that may have changed at any time between two rows."""
    behind = np.minimum(after + 1, len(values) - 1)
    changes = np.maximum(
        np.abs(values[after] - values[after - 1]), np.abs(values[behind] - values[after])
    )
    return np.asarray(changes / np.sqrt(12.0))


def _long(seconds: float) -> str:
    """How long some time is, in words.

    Examples
    --------
    >>> _long(90.0), _long(7500.0)
    ('1.5 min', '2 h 05 min')
    """
    if seconds < 3600.0:
        return f"{seconds / 60.0:.1f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
