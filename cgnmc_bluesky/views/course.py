"""How a ramp is laid along the axis of a plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.headline import O2_ONSET, PHASES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BACK = 0.02
_LEAST_BACK_C = 3.0
_SHORTEST_C = 5.0
_PARTS = 50
_HELD, _MOST_HELD = 0.2, 0.2
_MINUTE_S = 60.0
_GROUPS = {O2_ONSET: ("trace",), PHASES: ("series", "patterns")}

_Floats = NDArray[np.float64]


def is_steady(time_s: _Floats, temperature_c: _Floats) -> bool:
    """Whether a ramp can be drawn over its temperature: it goes up, and holds only for a while.

    Parameters
    ----------
    time_s, temperature_c
        The ramp, in the order of time; shape (n,).

    Examples
    --------
    >>> time_s = np.linspace(0.0, 7200.0, 500)
    >>> is_steady(time_s, 25.0 + time_s / 15.0)
    True
    >>> is_steady(time_s, 300.0 - np.abs(time_s - 3600.0) / 15.0)
    False
    """
    known = np.isfinite(time_s + temperature_c)
    time_s, temperature_c = time_s[known], temperature_c[known]
    if len(time_s) < 3:
        return True
    highest_c = np.maximum.accumulate(temperature_c)
    range_c = float(highest_c[-1] - temperature_c[0])
    if range_c < _SHORTEST_C:
        return False
    if np.max(highest_c - temperature_c) > max(_LEAST_BACK_C, _MOST_BACK * range_c):
        return False
    parts_s = np.linspace(time_s[0], time_s[-1], _PARTS + 1)
    rises_c = np.diff(np.interp(parts_s, time_s, highest_c))
    return float(np.mean(rises_c < _HELD * range_c / _PARTS)) < _MOST_HELD


def course_of(result: Result, *, over_time: bool | None = None) -> "Course":
    """Find how the ramp of a result went.

    Parameters
    ----------
    result
        An O2 onset, or phases.
    over_time
        Whether the axis is the time; what fits the ramp without it.
    """
    there = (result.curves[group] for group in _GROUPS[result.analysis] if group in result.curves)
    arrays: Mapping[str, _Floats] = next(there, {})
    time_s, temperature_c = (arrays.get(n, np.empty(0)) for n in ("time_s", "temperature_c"))
    if over_time is None:
        over_time = not is_steady(time_s, temperature_c)
    return Course(time_s, temperature_c, over_time)


def share_limits(all_axes: "Sequence[Axes]") -> None:
    """Let panels that stand beside each other be of the same stretch of the ramp."""
    drawn = [axes.dataLim for axes in all_axes if axes.has_data()]
    for axes in all_axes if drawn else ():
        axes.set_xlim(min(limits.x0 for limits in drawn), max(limits.x1 for limits in drawn))


@dataclass(frozen=True)
class Course:
    """The axis of a ramp: temperature, or time where that went back or was held.

    Parameters
    ----------
    time_s, temperature_c
        The ramp, in the order of time; shape (n,).
    over_time
        Whether the axis is the time.
    """

    time_s: _Floats
    temperature_c: _Floats
    over_time: bool

    def along(self, time_s: _Floats, temperature_c: _Floats) -> _Floats:
        """Where measurements stand on the axis."""
        return time_s / _MINUTE_S if self.over_time else temperature_c

    def first_at(self, temperature_c: float) -> float:
        """Where on the axis a temperature was first reached, NaN where it never was."""
        if not self.over_time:
            return temperature_c
        reached = np.flatnonzero(self.temperature_c >= temperature_c)
        return float(self.time_s[reached[0]]) / _MINUTE_S if len(reached) else np.nan

    def name(self, axes: "Axes") -> None:
        """Name the axis; below each time the temperature then."""
        if not self.over_time:
            axes.set_xlabel("temperature (°C)")
            return
        known = np.isfinite(self.temperature_c)
        time_min, temperature_c = self.time_s[known] / _MINUTE_S, self.temperature_c[known]

        def both(at_min: float, _: float) -> str:
            if not len(time_min) or not time_min[0] <= at_min <= time_min[-1]:
                return f"{at_min:g}"
            return f"{at_min:g}\n{np.interp(at_min, time_min, temperature_c):.0f} °C"

        axes.xaxis.set_major_formatter(both)
        axes.set_xlabel("time (min), and temperature then")
