"""Readings of one sensor in the order of their time, whatever order they came in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROOM = 256
"""Readings that the first array has room for."""


class Series:
    """Readings by their time, each time once.

    A sensor that is subscribed to anew repeats its last reading, and some servers send old ones
    again: such a reading is known by its time. Of different readings with one time the smallest
    counts, and any before one that is missing (NaN), so that it does not matter which came first.
    Readings that come in order cost the same however many there are already.

    Parameters
    ----------
    columns
        Numbers in each reading.

    Examples
    --------
    >>> series = Series(1)
    >>> series.add(np.array([0.0, 20.0]), np.array([[25.0], [27.0]]))
    0.0
    >>> series.add(np.array([10.0, 20.0]), np.array([[26.0], [27.0]]))
    10.0
    >>> series.values[:, 0]
    array([25., 26., 27.])
    """

    def __init__(self, columns: int) -> None:
        self._time_s = np.empty(ROOM)
        self._values = np.empty((ROOM, columns))
        self._n = 0
        self.repeated = 0

    def __len__(self) -> int:
        return self._n

    @property
    def time_s(self) -> Floats:
        """Times of the readings, shape `(n,)`, ascending."""
        return self._time_s[: self._n]

    @property
    def values(self) -> Floats:
        """The readings, shape `(n, columns)`."""
        return self._values[: self._n]

    @property
    def last_s(self) -> float:
        """Time of the last reading; minus infinity without any."""
        return float(self._time_s[self._n - 1]) if self._n else -np.inf

    def add(self, time_s: Floats, values: Floats) -> float:
        """Take in readings.

        Parameters
        ----------
        time_s
            Their times, shape `(n,)`; those without a time are left out.
        values
            The readings, shape `(n, columns)`.

        Returns
        -------
        float
            From which time on the series is not what it was; infinity where nothing is new.
        """
        if len(time_s) == 1 and time_s[0] > self.last_s:
            self._append(time_s, values)
            return float(time_s[0])
        timed = np.isfinite(time_s)
        time_s, values = time_s[timed], values[timed]
        if not len(time_s):
            return np.inf
        if time_s[0] > self.last_s and bool((np.diff(time_s) > 0).all()):
            self._append(time_s, values)
            return float(time_s[0])
        return self._merge(time_s, values)

    def _merge(self, time_s: Floats, values: Floats) -> float:
        before_s, before = self.time_s.copy(), self.values.copy()
        every_s = np.concatenate([before_s, time_s])
        every = np.concatenate([before, values])
        order = np.lexsort((*every.T[::-1], every_s))
        kept = order[np.append(True, np.diff(every_s[order]) > 0)]
        self.repeated += len(every_s) - len(kept)
        self._n = 0
        self._append(every_s[kept], every[kept])
        return _first_change(before_s, before, self.time_s, self.values)

    def _append(self, time_s: Floats, values: Floats) -> None:
        end = self._n + len(time_s)
        if end > len(self._time_s):
            self._time_s = _grown(self._time_s, self._n, end)
            self._values = _grown(self._values, self._n, end)
        self._time_s[self._n : end] = time_s
        self._values[self._n : end] = values
        self._n = end


def _grown(array: NDArray[Any], n: int, end: int) -> Floats:
    larger = np.empty((max(end, 2 * len(array)), *array.shape[1:]))
    larger[:n] = array[:n]
    return larger


def _first_change(before_s: Floats, before: Floats, after_s: Floats, after: Floats) -> float:
    """Time of the first reading that is another one than before."""
    n = min(len(before_s), len(after_s))
    same = (before_s[:n] == after_s[:n]) & (
        (before[:n] == after[:n]) | (np.isnan(before[:n]) & np.isnan(after[:n]))
    ).all(axis=1)
    if not same.all():
        return float(after_s[int(np.argmin(same))])
    return float(after_s[n]) if len(after_s) > n else np.inf
