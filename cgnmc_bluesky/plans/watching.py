"""Whether a furnace does what it was asked to, told by the temperatures that are read."""

import math
from collections import deque
from statistics import median

FACTOR = 3.0
"""So many times too fast or too slow is by far."""
FAST_C = 15.0
"""So much ahead of that it has to be, which no controller's first push is."""
SLOW_C, SLOW_S = 20.0, 120.0
"""After the time for so many degrees, but no less than this, it must be on its way; so far from its
target it must not become slow."""
STALL_C, STALL_S = 5.0, 60.0
"""For the time for so many degrees, but no less than this, a reading may be the same."""
SETTLE_S = 300.0
"""So long after it should have arrived it is looked whether it still rises."""
NEAR_C, SHORT_C = 0.5, 3.0
"""It has arrived so near its target; so near where it rises no more."""
IN_A_ROW = 3
"""So many readings say the same before it is believed; above the limit, one less."""
BAD_IN_A_ROW = 5


class RampWatch:
    """What a ramp's temperatures say of it.

    Parameters
    ----------
    target_c
        Where it goes, in °C.
    rate_c_per_min
        How fast it should.
    limit_c
        Over-temperature, in °C.

    Examples
    --------
    >>> watch = RampWatch(100.0, 4.0, 130.0)
    >>> for minute in range(20):
    ...     watch.add(60.0 * minute, 25.0 + 4.0 * minute)
    >>> watch.latest_c, watch.has_arrived
    (101.0, False)
    """

    def __init__(self, target_c: float, rate_c_per_min: float, limit_c: float) -> None:
        self.target_c = target_c
        self.rate_c_per_min = rate_c_per_min
        self.limit_c = limit_c
        self.latest_c = math.nan
        self._bad = self._hot = 0
        self.restart()

    def restart(self) -> None:
        """Begin anew, from the next reading: the ramp was interrupted."""
        self._recent: deque[tuple[float, float]] = deque()
        self._due_s = math.inf
        self._near = self._ahead = 0

    @property
    def has_arrived(self) -> bool:
        """Whether it is at its target."""
        return self._near >= IN_A_ROW

    def add(self, time_s: float, temperature_c: float) -> None:
        """Take a reading.

        Parameters
        ----------
        time_s
            When, in seconds since any time.
        temperature_c
            What was read, in °C.

        Raises
        ------
        RuntimeError
            If the ramp must not go on.
        """
        if not math.isfinite(temperature_c):
            self._bad += 1
            if self._bad >= BAD_IN_A_ROW:
                raise RuntimeError(
                    f"the last {self._bad} temperatures are {temperature_c}: check the thermocouple"
                )
            return
        self._bad = 0
        self.latest_c = temperature_c
        self._check_limit()
        if temperature_c <= self.limit_c:
            self._take(time_s, temperature_c)

    def _check_limit(self) -> None:
        self._hot = self._hot + 1 if self.latest_c > self.limit_c else 0
        if self._hot >= IN_A_ROW - 1:
            raise RuntimeError(
                f"it is at {self.latest_c:.1f} degC, above the limit of {self.limit_c:g} degC: "
                "check rate and controller, or give a higher over_temperature_c"
            )

    def _take(self, time_s: float, temperature_c: float) -> None:
        if not self._recent:
            missing_c = max(self.target_c - temperature_c, 0.0)
            self._due_s = time_s + self._time_for_s(missing_c)
        is_due = time_s > self._due_s
        window_s = SETTLE_S if is_due else max(self._time_for_s(SLOW_C), SLOW_S)
        self._recent.append((time_s, temperature_c))
        while self._recent[0][0] < time_s - window_s:
            self._recent.popleft()
        self._near = self._near + 1 if temperature_c >= self.target_c - NEAR_C else 0
        self._check_fast()
        if not is_due:
            self._check_stalled()
        if self.target_c - temperature_c > SLOW_C:
            if time_s - self._recent[0][0] > 0.9 * window_s:
                self._check_slow()
        elif time_s > self._due_s + SETTLE_S:
            self._check_settled()

    def _check_fast(self) -> None:
        (first_s, first_c), _ = self._ends()
        time_s, temperature_c = self._recent[-1]
        most_c = first_c + FACTOR * self.rate_c_per_min * (time_s - first_s) / 60.0 + FAST_C
        self._ahead = self._ahead + 1 if temperature_c > most_c else 0
        if self._ahead >= IN_A_ROW:
            rate = 60.0 * (temperature_c - first_c) / (time_s - first_s)
            raise RuntimeError(self._off_by_far(rate))

    def _check_slow(self) -> None:
        rate = self._measured_rate()
        if rate < self.rate_c_per_min / FACTOR:
            raise RuntimeError(self._off_by_far(rate))

    def _check_stalled(self) -> None:
        time_s = self._recent[-1][0]
        span_s = max(self._time_for_s(STALL_C), STALL_S)
        if time_s - self._recent[0][0] < span_s:
            return
        if len({value for at_s, value in self._recent if at_s >= time_s - span_s}) == 1:
            raise RuntimeError(
                f"it has read {self.latest_c:g} degC for {span_s:.0f} s: "
                "check the thermocouple, its readout and the heater"
            )

    def _check_settled(self) -> None:
        rise_c = self._measured_rate() * SETTLE_S / 60.0
        if rise_c >= 1.0:
            return
        _, (_, settled_c) = self._ends()
        short_c = self.target_c - settled_c
        if short_c > SHORT_C:
            raise RuntimeError(
                f"it rises no more at {settled_c:.1f} degC, {short_c:.1f} degC short of its "
                "target: check the heater's power and the controller's limits"
            )
        self._near = IN_A_ROW

    def _measured_rate(self) -> float:
        (first_s, first_c), (last_s, last_c) = self._ends()
        return 60.0 * (last_c - first_c) / max(last_s - first_s, 1e-9)

    def _ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Medians of the first third and of the last one: Tukey's line, which no spike bends."""
        third = max(len(self._recent) // 3, 1)
        recent = list(self._recent)
        first, last = recent[:third], recent[-third:]
        return _median(first), _median(last)

    def _off_by_far(self, rate: float) -> str:
        asked = self.rate_c_per_min
        off = f"it heats at {rate:.3g} degC/min where {asked:g} degC/min was asked"
        if 30.0 < rate / asked < 120.0:
            return f"{off}, 60 times as fast: does the controller take degC/s?"
        if 30.0 < asked / max(rate, 1e-9) < 120.0:
            return f"{off}, 60 times as slow: does the controller take degC/h?"
        return f"{off}: check the controller's rate, the heater and the thermocouple"

    def _time_for_s(self, rise_c: float) -> float:
        return 60.0 * rise_c / self.rate_c_per_min


def _median(readings: list[tuple[float, float]]) -> tuple[float, float]:
    times_s, temperatures_c = zip(*readings, strict=True)
    return median(times_s), median(temperatures_c)
