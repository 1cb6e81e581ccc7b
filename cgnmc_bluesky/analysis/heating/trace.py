"""An ion current over the temperature of the sample, averaged over short times as these pass."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.series import Series
from cgnmc_bluesky.analysis.heating.spikes import REACH, noise_of, spikes
from cgnmc_bluesky.analysis.heating.thermometer import Doubt, Thermometer

Floats = NDArray[np.float64]

BIN_S = 15.0
"""Readings of so long a time are averaged: 1 °C at 4 °C/min."""
STUCK_READINGS = 20
"""So many equal readings in a row are those of a gauge that sticks, unless all are coarse."""
STUCK_S = 60.0
"""If they last for so long."""
NOISE_FROM = 200
"""Readings up to a bin's end that its noise is taken from."""


@dataclass(frozen=True)
class Bins:
    """Averages over short times, in order.

    Parameters
    ----------
    time_s
        Middle of their readings, since the first reading of all, shape `(n,)`.
    temperature_c
        The sample's when the gas left it, shape `(n,)`.
    current
        Average ion current, shape `(n,)`.
    scatter
        Standard deviation of one reading about then, shape `(n,)`.
    """

    time_s: Floats
    temperature_c: Floats
    current: Floats
    scatter: Floats

    def __len__(self) -> int:
        return len(self.time_s)

    def __getitem__(self, part: slice) -> "Bins":
        return Bins(*(column[part] for column in self.columns()))

    def columns(self) -> tuple[Floats, Floats, Floats, Floats]:
        """All columns, in the order of the parameters."""
        return self.time_s, self.temperature_c, self.current, self.scatter


class Trace:
    """Bins of one ion current, closed as soon as nothing that comes in order can change them.

    What a bin holds depends on the readings alone, not on how they came: readings that come late
    open all bins again.

    Parameters
    ----------
    thermometer
        The sample's temperature.
    delay_s
        Time that the gas takes from the sample to the mass spectrometer.
    """

    def __init__(self, thermometer: Thermometer, delay_s: float) -> None:
        self.readings = Series(1)
        self.n_missing = 0
        self._thermometer = thermometer
        self._delay_s = delay_s
        self.reopen()

    def reopen(self) -> None:
        """Forget all bins, to make them anew."""
        self._rows = Series(3)
        self._next = 0
        self._until_s = -np.inf
        self.n_spikes = 0
        self.n_repeated = 0
        self.n_without_temperature = 0

    def add(self, time_s: Floats, current: Floats) -> bool:
        """Take in readings, in any order.

        Parameters
        ----------
        time_s, current
            When and what, shape `(n,)`.

        Returns
        -------
        bool
            Whether bins that were closed have to be made anew.
        """
        known = np.isfinite(current)
        self.n_missing += int(np.count_nonzero(~known))
        return self.readings.add(time_s[known], current[known, None]) <= self._until_s

    def is_reopened_by(self, changed_s: float) -> bool:
        """Whether a temperature that is another one from some time on changes closed bins."""
        return changed_s + self._delay_s <= self._until_s

    def doubts(self) -> list[Doubt]:
        """When the current repeats one reading: that of a gauge that sticks, or is at its end."""
        if len(self.readings) < STUCK_READINGS:
            return []
        time_s, values = self.readings.time_s - self._delay_s, self.readings.values[:, 0]
        edges = np.flatnonzero(np.append(True, np.diff(values) != 0))
        last = np.append(edges[1:], len(values)) - 1
        lengths = last - edges + 1
        usual = float(np.median(lengths))
        # zero is what a gauge shows that sees nothing
        stuck = (lengths >= STUCK_READINGS * usual) & (values[edges] != 0)
        return [
            Doubt(float(time_s[a]), float(time_s[b]), f"stays at {values[a]:.3g}")
            for a, b in zip(edges[stuck], last[stuck], strict=True)
            if time_s[b] - time_s[a] >= STUCK_S
        ]

    @property
    def start_s(self) -> float:
        """Time of the first reading."""
        return float(self.readings.time_s[0])

    def bins(self, *, ended: bool) -> Bins:
        """All closed bins; of a run that has ended, all there are.

        Parameters
        ----------
        ended
            Whether nothing more will come.
        """
        time_s = self.readings.time_s
        if len(time_s):
            settled_s = float(time_s[-1 - REACH]) if len(time_s) > REACH else -np.inf
            known_s = min(settled_s, self._thermometer.settled_s + self._delay_s)
            self._close(np.inf if ended else known_s)
        columns = self._rows.values
        return Bins(self._rows.time_s, columns[:, 0], columns[:, 1], columns[:, 2])

    def _close(self, known_s: float) -> None:
        time_s = self.readings.time_s
        while self._next < len(time_s):
            number = np.floor((time_s[self._next] - self.start_s) / BIN_S)
            end_s = self.start_s + (number + 1.0) * BIN_S
            if not known_s >= end_s:
                return
            end = max(self._next + 1, int(np.searchsorted(time_s, end_s)))
            self._close_one(self._next, end)
            self._next, self._until_s = end, end_s

    def _close_one(self, first: int, end: int) -> None:
        before, behind = max(0, first - REACH), end + REACH
        values = self.readings.values[:, 0]
        noise = noise_of(values[max(0, end - NOISE_FROM) : behind])
        alone = spikes(values[before:behind], noise)[first - before : end - before]
        last = values[first - 1] if first else np.nan
        repeated = np.diff(values[first:end], prepend=last) == 0
        temperature_c = self._thermometer.at(self.readings.time_s[first:end] - self._delay_s)
        fresh = ~alone & ~repeated
        good = fresh if fresh.any() else ~alone
        self.n_spikes += int(alone.sum())
        self.n_repeated += int(repeated.sum())
        self.n_without_temperature += int(np.isnan(temperature_c).sum())
        good &= np.isfinite(temperature_c)
        if good.any():
            middle_s = np.mean(self.readings.time_s[first:end][good]) - self.start_s
            row = [np.mean(temperature_c[good]), np.mean(values[first:end][good]), noise]
            self._rows.add(np.array([middle_s]), np.array([row]))
