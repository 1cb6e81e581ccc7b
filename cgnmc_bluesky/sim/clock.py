"""The simulation's clock: it is advanced by what the devices do, and waits only when asked to."""

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress

EPOCH_S = 1_767_254_400.0
"""1 January 2026, 08:00 UTC: when a simulated beamtime begins unless told otherwise."""

Cancel = Callable[[], None]


class Clock:
    """Simulated time in seconds since the epoch.

    Parameters
    ----------
    speed
        Simulated seconds for each real one. At infinity nothing ever waits: a motion or a count
        moves the clock to its end and is done. At a finite speed time also passes while nothing
        happens.
    points_per_s
        Real counts a second at most, whatever their dwell; motions then take no real time. For
        demonstrations and benchmarks; only with an infinite speed.
    start_s
        Simulated time at the beginning.

    Examples
    --------
    >>> clock = Clock(start_s=0.0)
    >>> _ = clock.wait_until(5.0, lambda: print("done at", clock.now_s()))
    done at 5.0
    """

    def __init__(
        self,
        speed: float = math.inf,
        *,
        points_per_s: float | None = None,
        start_s: float = EPOCH_S,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed}; give simulated seconds for each real one, above 0")
        if points_per_s is not None and (math.isfinite(speed) or not points_per_s > 0):
            raise ValueError(
                f"points_per_s is {points_per_s} at speed {speed}; "
                "give a rate above 0 with speed=inf"
            )
        self.speed = speed
        self.points_per_s = points_per_s
        self._start_s = start_s
        self._now_s = start_s
        self._real_start_s = time.monotonic()
        self._count_end_s = -math.inf
        self._next_count_s = -math.inf
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._coming: list[tuple[float, int, Callable[[], None]]] = []

    def now_s(self) -> float:
        """Simulated time, in seconds since the epoch."""
        if math.isfinite(self.speed):
            return self._start_s + (time.monotonic() - self._real_start_s) * self.speed
        return self._now_s

    def advance(self, duration_s: float) -> None:
        """Let simulated time pass without waiting; a beamline left alone overnight."""
        if math.isfinite(self.speed):
            self._start_s += duration_s
        else:
            self._move_to(self._now_s + duration_s)

    def at(self, time_s: float, then: Callable[[], None]) -> Cancel:
        """Call `then` once a simulated time has come, without moving the clock there.

        Parameters
        ----------
        time_s
            When, in seconds since the epoch; a time gone by means now.
        then
            What to do. At an infinite speed somebody else must let time pass, and it is called in
            the thread that does.

        Returns
        -------
        Cancel
            Call it to forget about it.

        Examples
        --------
        >>> clock = Clock(start_s=0.0)
        >>> _ = clock.at(5.0, lambda: print("first, at", clock.now_s()))
        >>> _ = clock.wait_until(8.0, lambda: print("then, at", clock.now_s()))
        first, at 5.0
        then, at 8.0
        """
        if math.isfinite(self.speed) or time_s <= self._now_s:
            return self.wait_until(time_s, then)
        coming = (time_s, next(self._numbers), then)
        with self._lock:
            heapq.heappush(self._coming, coming)
        return lambda: self._forget(coming)

    def wait_until(
        self, end_s: float, then: Callable[[], None], *, counting: bool = False
    ) -> Cancel:
        """Call `then` at a simulated time.

        Parameters
        ----------
        end_s
            When, in seconds since the epoch; a time gone by means now.
        then
            What to do; called in this thread where nothing has to be waited for, else in a timer's.
        counting
            True for a detector's dwell, which `points_per_s` stretches to its pace.

        Returns
        -------
        Cancel
            Call it to forget about it.
        """
        if math.isfinite(self.speed):
            delay_s = (end_s - self.now_s()) / self.speed
        else:
            self._move_to(end_s)
            delay_s = self._pace(end_s) if counting and self.points_per_s else 0.0
        if delay_s <= 0:
            then()
            return _nothing
        timer = threading.Timer(delay_s, then)
        timer.daemon = True
        timer.start()
        return timer.cancel

    def _move_to(self, end_s: float) -> None:
        """Let time pass, and on the way do what has been put off until then."""
        with self._lock:
            while self._coming and self._coming[0][0] <= end_s:
                time_s, _, then = heapq.heappop(self._coming)
                self._now_s = max(self._now_s, time_s)
                then()
            self._now_s = max(self._now_s, end_s)

    def _forget(self, coming: tuple[float, int, Callable[[], None]]) -> None:
        with self._lock, suppress(ValueError):
            self._coming.remove(coming)
            heapq.heapify(self._coming)

    def _pace(self, end_s: float) -> float:
        """Real seconds until a count may end: no faster than asked, and without drift.

        Channels that count together end together.
        """
        assert self.points_per_s is not None
        period_s = 1.0 / self.points_per_s
        real_s = time.monotonic()
        if end_s != self._count_end_s:
            self._count_end_s = end_s
            self._next_count_s = max(self._next_count_s, real_s - period_s) + period_s
        return self._next_count_s - real_s


def _nothing() -> None:
    return
