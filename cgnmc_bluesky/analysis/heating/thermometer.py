"""The sample's temperature at any time, from readings of any stream."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.series import Series
from cgnmc_bluesky.analysis.heating.spikes import REACH, noise_of, spikes

Floats = NDArray[np.float64]

NOISE_C = 0.3
"""Scatter that a reading may always have."""
LARGEST_GAP_S = 150.0
"""Between readings further apart than this, and than a few of the usual, nothing is known."""
GAPS = 5.0
"""Such a few."""
JUMP_C = 12.0
"""A step from one reading to the next that no furnace makes."""
JUMP_C_PER_S = 2.0
"""Unless it had the time to."""
STILL_READINGS = 20
"""So many equal readings in a row are those of a sensor that stands still."""
STILL_S = 60.0
"""If they last for so long."""
STILL_OF_RAMP_C = 4.0
"""And the temperature then goes on somewhere else, or went on before."""
POSSIBLE_C = (-273.15, 4000.0)
"""No sensor of a sample says anything else; open ones and broken links do."""
BACK_C = 3.0
"""The temperature runs back where it falls so far below what it has been."""


@dataclass(frozen=True)
class Doubt:
    """A time in which the readings are not the sample's temperature.

    Parameters
    ----------
    start_s, end_s
        From when to when.
    what
        Why, in words.
    """

    start_s: float
    end_s: float
    what: str


class Thermometer:
    """Temperature against time.

    Examples
    --------
    >>> thermometer = Thermometer()
    >>> _ = thermometer.add(np.array([20.0, 0.0, 10.0]), np.array([27.0, 25.0, 26.0]))
    >>> thermometer.at(np.array([5.0])), thermometer.mean(np.array([0.0]), np.array([20.0]))
    (array([25.5]), array([26.]))
    """

    def __init__(self) -> None:
        self._series = Series(1)
        self._n_missing = 0
        self._n_impossible = 0

    def add(self, time_s: Floats, temperature_c: Floats) -> float:
        """Take in readings, in any order.

        Parameters
        ----------
        time_s, temperature_c
            When and what, shape `(n,)`.

        Returns
        -------
        float
            From which time on the temperature is not what it was.
        """
        known = (temperature_c > POSSIBLE_C[0]) & (temperature_c < POSSIBLE_C[1])
        self._n_missing += int(np.count_nonzero(np.isnan(temperature_c)))
        self._n_impossible += int(np.count_nonzero(~known & ~np.isnan(temperature_c)))
        return self._series.add(time_s[known], temperature_c[known, None])

    def __len__(self) -> int:
        return len(self._series)

    @property
    def settled_s(self) -> float:
        """Until when nothing that comes later in order changes the temperature."""
        time_s = self._series.time_s
        return float(time_s[-1 - REACH]) if len(time_s) > REACH else -np.inf

    @property
    def range_s(self) -> tuple[float, float]:
        """Times of the first and the last reading; NaN without any."""
        time_s = self._series.time_s
        return (float(time_s[0]), float(time_s[-1])) if len(time_s) else (np.nan, np.nan)

    def at(self, time_s: Floats) -> Floats:
        """Temperature at some times.

        Parameters
        ----------
        time_s
            When, shape `(n,)`.

        Returns
        -------
        ndarray
            In °C, shape `(n,)`; NaN before the first reading, behind the last, and in gaps.
        """
        if not len(time_s):
            return np.empty(0)
        known_s, known_c = self._cleaned(float(np.min(time_s)), float(np.max(time_s)))
        if not len(known_s):
            return np.full(len(time_s), np.nan)
        found = np.interp(time_s, known_s, known_c, left=np.nan, right=np.nan)
        after = np.clip(np.searchsorted(known_s, time_s), 1, max(1, len(known_s) - 1))
        if len(known_s) > 1:
            gap_s = known_s[after] - known_s[after - 1]
            in_gap = (gap_s > self._largest_gap_s()) & (time_s != known_s[after])
            found[in_gap & (time_s != known_s[after - 1])] = np.nan
        return found

    def mean(self, start_s: Floats, end_s: Floats) -> Floats:
        """Average temperature from one time to another, such as over exposures.

        Parameters
        ----------
        start_s, end_s
            From when to when, shape `(n,)`.

        Returns
        -------
        ndarray
            In °C, shape `(n,)`; NaN where the temperature is not known throughout.
        """
        return np.array(
            [self._mean(float(a), float(b)) for a, b in zip(start_s, end_s, strict=True)]
        )

    def _mean(self, start_s: float, end_s: float) -> float:
        if not end_s > start_s:
            return float(self.at(np.array([end_s]))[0])
        inside = self._series.time_s
        first, last = np.searchsorted(inside, [start_s, end_s])
        knots = np.concatenate([[start_s], inside[first:last], [end_s]])
        knots = np.unique(knots)
        found = self.at(knots)
        return float(np.sum((found[1:] + found[:-1]) / 2 * np.diff(knots)) / (end_s - start_s))

    def _cleaned(self, start_s: float, end_s: float) -> tuple[Floats, Floats]:
        """Readings about a span of time, without those that stand alone."""
        time_s, values = self._series.time_s, self._series.values[:, 0]
        first, last = np.searchsorted(time_s, [start_s, end_s])
        part = slice(max(0, int(first) - 3 * REACH), int(last) + 3 * REACH)
        alone = spikes(values[part], NOISE_C)
        return time_s[part][~alone], values[part][~alone]

    def _largest_gap_s(self) -> float:
        time_s = self._series.time_s[:200]
        usual_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
        return max(LARGEST_GAP_S, GAPS * usual_s)

    def doubts(self) -> list[Doubt]:
        """When the readings cannot be the sample's temperature: jumps, and sensors that stick."""
        if len(self._series) < 2:
            return []
        time_s, values = self._cleaned(-np.inf, np.inf)
        still = _still(time_s, values)
        # a sensor that stood still catches up, which is no jump of the temperature
        moving = np.ones(len(time_s), bool)
        for doubt in still:
            moving &= (time_s <= doubt.start_s) | (time_s > doubt.end_s)
        return sorted([*_jumps(time_s[moving], values[moving]), *still], key=lambda d: d.start_s)

    def remarks(self) -> list[str]:
        """What is remarkable about the readings, in words."""
        told = [f"{self._n_missing} readings of the temperature missing"] if self._n_missing else []
        if self._n_impossible:
            told.append(f"{self._n_impossible} readings of the temperature are impossible")
        if len(self._series) < 2:
            return told
        values = self._series.values[:, 0]
        n_spikes = int(np.count_nonzero(spikes(values, NOISE_C)))
        if n_spikes:
            told.append(f"{n_spikes} spikes of the temperature left out")
        told += [doubt.what for doubt in self.doubts()]
        return told + _backwards(*self._cleaned(-np.inf, np.inf))


def _jumps(time_s: Floats, values: Floats) -> list[Doubt]:
    step_c, step_s = np.diff(values), np.diff(time_s)
    noise_c = max(NOISE_C, noise_of(values))
    at = np.flatnonzero(np.abs(step_c) > JUMP_C + JUMP_C_PER_S * step_s + 6.0 * noise_c)
    doubts: list[Doubt] = []
    open_at: int | None = None
    for index in at.tolist():
        if open_at is not None and step_c[open_at] * step_c[index] < 0:
            doubts.append(_jump(time_s, step_c, values, open_at, float(time_s[index + 1])))
            open_at = None
        elif open_at is None:
            open_at = index
    if open_at is not None:
        doubts.append(_jump(time_s, step_c, values, open_at, np.inf))
    return doubts


def _jump(time_s: Floats, step_c: Floats, values: Floats, at: int, end_s: float) -> Doubt:
    what = f"the temperature jumps by {step_c[at]:+.0f} °C at {values[at]:.0f} °C"
    back = "" if np.isinf(end_s) else " and back"
    return Doubt(float(time_s[at]), end_s, what + back)


def _still(time_s: Floats, values: Floats) -> list[Doubt]:
    """Spans of equal readings from a sensor that is not coarse otherwise."""
    edges = np.flatnonzero(np.append(True, np.diff(values) != 0))
    lengths = np.diff(np.append(edges, len(values)))
    others = np.sort(lengths)[:-1]
    usual = float(np.median(others)) if len(others) else 1.0
    doubts = []
    for first, length in zip(edges, lengths, strict=True):
        last = first + length - 1
        is_long = length >= STILL_READINGS * max(1.0, usual)
        if not is_long or time_s[last] - time_s[first] < STILL_S:
            continue
        after = values[min(last + 1, len(values) - 1)]
        what = f"the temperature stands still at {values[first]:.1f} °C"
        lasts = f" for {time_s[last] - time_s[first]:.0f} s"
        if last == len(values) - 1 or abs(after - values[first]) > STILL_OF_RAMP_C:
            doubts.append(Doubt(float(time_s[first]), float(time_s[last]), what + lasts))
    return doubts


def _backwards(time_s: Floats, values: Floats) -> list[str]:
    highest = np.maximum.accumulate(values)
    fall = highest - values
    worst = int(np.argmax(fall))
    if fall[worst] <= max(BACK_C, 6.0 * noise_of(values)):
        return []
    return [f"the temperature runs back from {highest[worst]:.0f} to {values[worst]:.0f} °C"]
