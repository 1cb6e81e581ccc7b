"""The ion currents of a ramp: where oxygen leaves the sample."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives, number
from cgnmc_bluesky.views.course import Course
from cgnmc_bluesky.views.figure import FADED, INK, SERIES, leave_blank, write_title
from cgnmc_bluesky.views.headline import onset_lines
from cgnmc_bluesky.views.temperatures import NAMED, ONSET
from cgnmc_bluesky.views.text import prefixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ION = "ion_"
_OXYGEN = "32"
_OTHERS = {"18": SERIES[5], "28": SERIES[6], "40": SERIES[4], "44": SERIES[2]}
_BACKGROUND, _RELEASE = INK, SERIES[1]
_HEADROOM, _MARKS_ROOM, _MARKS_STEP = 0.06, 0.34, 0.055
_DECADES_BELOW, _DECADES_ABOVE = 3.0, 3.0
_MOST_POINTS = 4000
_TITLE_CHARACTERS = 72

_Floats = NDArray[np.float64]
_Arrays = Mapping[str, _Floats]


def draw_trace(axes: "Axes", others: "Axes", result: Result, course: Course) -> None:
    """Draw the ion current of oxygen with its background, its release and the named temperatures.

    Parameters
    ----------
    axes, others
        Where to draw, and its twin with a logarithmic scale for the other masses, which are faint.
    result
        An O2 onset.
    course
        The axis.
    """
    write_title(axes, result, onset_lines(result), _TITLE_CHARACTERS)
    course.name(axes)
    mass, trace = oxygen_of(result)
    if mass is None:
        leave_blank(axes, others)
        return
    own = trace[f"{_ION}{mass}"]
    factor, prefix = prefixed(_highest(own))
    axes.set_ylabel(f"ion current m/z {mass} ({prefix}A)")
    place = course.along(trace["time_s"], trace["temperature_c"])
    lowest, highest = _limits(own * factor)
    _draw_others(others, trace, place, mass)
    step = _step(own)
    axes.plot(
        place[::step], factor * own[::step], "o", color=SERIES[0], markersize=1.6,
        markeredgewidth=0, rasterized=True,
    )  # fmt: skip
    axes.plot([], [], "o", color=SERIES[0], markersize=4, label=f"m/z {mass}")
    _draw_release(axes, result, course, factor)
    room = (highest - lowest) or abs(highest) or 1.0
    has_marks = gives(result, "t_detect_c")
    top = highest + (_MARKS_ROOM if has_marks else 3 * _HEADROOM) * room
    axes.set_ylim(lowest - _HEADROOM * room, top)
    _mark_temperatures(axes, result, course)


def oxygen_of(result: Result) -> tuple[str | None, _Arrays]:
    """Find the mass that an onset is of, as configured, and the trace.

    Parameters
    ----------
    result
        An O2 onset.

    Returns
    -------
    tuple
        The mass, `None` where there is no trace; another one where it was not recorded.
    """
    trace = result.curves.get("trace", {})
    there = [name.removeprefix(_ION) for name in trace if name.startswith(_ION)]
    asked = str(result.about["analysis"].get("parameters", {}).get("onset_mass", _OXYGEN))
    return (asked if asked in there else next(iter(there), None)), trace


def _draw_others(axes: "Axes", trace: _Arrays, place: _Floats, mass: str) -> None:
    """Draw the other masses, whose sizes may differ by decades, on a scale of their own."""
    axes.set_ylabel("other masses (A)", color=FADED)
    axes.tick_params(axis="y", which="both", labelcolor=FADED)
    for name in trace:
        other = name.removeprefix(_ION)
        is_drawn = np.isfinite(place + trace[name]) & (trace[name] > 0)
        positive = np.where(is_drawn, trace[name], np.nan)
        if not name.startswith(_ION) or other == mass or not np.isfinite(positive).any():
            continue
        step = _step(positive)
        axes.plot(
            place[::step], positive[::step], "-", linewidth=0.8, alpha=0.4,
            color=_OTHERS.get(other, FADED), label=f"m/z {other}", rasterized=True,
        )  # fmt: skip
    if not axes.lines:
        leave_blank(axes)
        return
    lowest, highest = axes.dataLim.y0, axes.dataLim.y1
    axes.set_ylim(lowest / _DECADES_BELOW, highest * _DECADES_ABOVE)


def _draw_release(axes: "Axes", result: Result, course: Course, factor: float) -> None:
    """Draw what the current would be without a release, and what stands above it."""
    bins = result.curves.get("release")
    if bins is None:
        return
    place = course.along(bins["time_s"], bins["temperature_c"])
    background = factor * bins["background"]
    total, sigma = background + factor * bins["release"], factor * bins["release_sigma"]
    if gives(result, "t_detect_c"):
        axes.fill_between(
            place, background, total, where=total > background, color=_RELEASE, alpha=0.18, lw=0,
            label="release",
        )  # fmt: skip
    axes.fill_between(place, background - sigma, background + sigma, color=FADED, alpha=0.45, lw=0)
    axes.plot(
        place, background, color=_BACKGROUND, linewidth=1.0, dashes=(5, 3), label="background"
    )


def _mark_temperatures(axes: "Axes", result: Result, course: Course) -> None:
    """Mark each named temperature on a height of its own, and the onset by a band of one sigma."""
    over = axes.get_xaxis_transform()
    marked = [named for named in NAMED if named.marker and gives(result, named.name)]
    for height, named in enumerate(marked):
        value_c, sigma_c = number(result.values, named.name), number(result.sigmas, named.name)
        at = course.first_at(value_c)
        if not np.isfinite(at):
            continue
        top = 0.96 - _MARKS_STEP * height
        axes.plot([at, at], [0.0, top], color=named.colour, lw=0.8, alpha=0.7, transform=over)
        axes.plot(at, top, named.marker, color=named.colour, markersize=5, transform=over)
        if not np.isfinite(sigma_c):
            continue
        low, high = (course.first_at(value_c + side * sigma_c) for side in (-1, 1))
        axes.plot([low, high], [top, top], color=named.colour, lw=1.4, transform=over)
        if named is ONSET:
            axes.axvspan(low, high, color=named.colour, alpha=0.2, lw=0)


def _highest(values: _Floats) -> float:
    found = values[np.isfinite(values)]
    return float(np.percentile(found, 99.8)) if len(found) else 0.0


def _limits(values: _Floats) -> tuple[float, float]:
    found = values[np.isfinite(values)]
    if not len(found):
        return 0.0, 1.0
    lowest, highest = (float(limit) for limit in np.percentile(found, (0.1, 99.9)))
    return min(0.0, lowest) if lowest < 0.5 * highest else lowest, highest


def _step(values: _Floats) -> int:
    """How many readings may stand for one, so that a drawing costs no more in a long run."""
    return max(1, len(values) // _MOST_POINTS)
