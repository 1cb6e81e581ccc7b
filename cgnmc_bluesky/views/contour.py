"""The patterns of a ramp over temperature, and what the phases in them do."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.course import Course
from cgnmc_bluesky.views.figure import FADED, INK, SERIES, leave_blank, write_title
from cgnmc_bluesky.views.headline import phase_lines
from cgnmc_bluesky.views.windows import LAYERED, SPINEL, Windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = "viridis"
_SHOWN_PERCENT = (2.0, 99.7)
_LEAST_RANGE = 0.06
"""A stretch without any line shows noise at most so strongly, beside the strongest stretch."""
_WIDEST = 1.5
"""A pattern stands for no more than this many times the usual distance to either side."""
_TITLE_CHARACTERS = 72
_CUBIC_C_OVER_A = 4.899
SERIES_PANELS = ("c_over_a", "split_108_110_deg", "shares")
"""What is drawn below the contour."""
_LABELS = {
    "c_over_a": "c/a",
    "split_108_110_deg": "(110) − (108)\nin 2θ (°)",
    "shares": "share of\nthe metal",
}

_PHASES = {"layered": SERIES[0], "spinel": SERIES[1], "rock_salt": SERIES[2]}

_Floats = NDArray[np.float64]
_Arrays = Mapping[str, _Floats]


def draw_contour(axes: "Axes", copper: "Axes", result: Result, course: Course) -> None:
    """Draw the patterns as a contour, over 2θ as measured and as of Cu Kα.

    Parameters
    ----------
    axes, copper
        Where to draw, and its twin for the second scale.
    result
        Phases of a ramp.
    course
        The axis: of each pattern its time and its temperature.
    """
    write_title(axes, result, phase_lines(result), _TITLE_CHARACTERS)
    draw_patterns(axes, copper, result, course)


def draw_patterns(axes: "Axes", copper: "Axes", result: Result, course: Course) -> None:
    """Draw the contour alone; the arguments are those of `draw_contour`.

    Each stretch of 2θ has colours of its own, by the square root of the intensity: weak lines are
    seen beside strong ones.
    """
    from matplotlib.colors import PowerNorm

    patterns, scale = result.curves.get("patterns"), result.curves.get("axis")
    place = _place(result, course)
    if patterns is None or scale is None or len(scale["two_theta_deg"]) < 2 or place is None:
        leave_blank(axes, copper)
        return
    edges, intensity = cells(place, patterns["intensity"])
    windows = Windows.of(scale["two_theta_deg"], scale.get("two_theta_cu_deg"))
    ranges = [_range(intensity[:, window]) for window in windows.shown]
    least = _LEAST_RANGE * max(highest - lowest for lowest, highest in ranges)
    for window, (lowest, highest) in zip(windows.shown, ranges, strict=True):
        axes.pcolormesh(
            edges, windows.edges(window), intensity[:, window].T, cmap=_COLOURS,
            norm=PowerNorm(0.5, lowest, max(highest, lowest + least), clip=True), rasterized=True,
        )  # fmt: skip
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylabel("2θ (°)")
    copper.set_ylabel("2θ (°) at Cu Kα")
    for each in (axes, copper):
        each.set_ylim(0.0, 1.0)
        _set_ticks(each, list(windows.ticks(copper=each is copper)))
    for lines, at, side in ((LAYERED, edges[0], "left"), (SPINEL, edges[-1], "right")):
        for name, cu_deg in lines.items():
            _name_line(axes, name, (at, windows.height_of(cu_deg)), side)


def draw_series(panels: "Mapping[str, Axes]", result: Result, course: Course) -> None:
    """Draw cell, splitting and shares of the phases in each pattern, with one sigma.

    Parameters
    ----------
    panels
        Where to draw each of `SERIES_PANELS`, the lowest last.
    result
        Phases of a ramp.
    course
        The axis.
    """
    series = result.curves.get("series")
    for name, axes in panels.items():
        axes.set_ylabel(_LABELS[name])
        axes.tick_params(labelbottom=axes is panels[SERIES_PANELS[-1]])
        if series is None:
            leave_blank(axes)
            continue
        place = course.along(series["time_s"], series["temperature_c"])
        for (value, sigma), colour, phase in _of_series(series, name):
            axes.plot([], [], "o", color=colour, markersize=4, label=phase)
            _draw_points(axes, place, value, sigma, (colour, result.status))
    lowest = panels[SERIES_PANELS[-1]]
    course.name(lowest)
    if series is not None:
        _mark_cubic(panels["c_over_a"])
        panels["shares"].set_ylim(-0.08, 1.08)


def cells(place: _Floats, values: NDArray[np.floating]) -> tuple[_Floats, NDArray[np.floating]]:
    """Give every measurement the stretch of an axis that it stands for.

    Parameters
    ----------
    place
        Where the measurements stand, in any order; shape (n,).
    values
        A row for each; shape (n, m).

    Returns
    -------
    tuple of ndarray
        Edges of the cells, rising, shape (k + 1,), and their values, shape (k, m): those of the
        measurements whose place is known, and NaN where there is none far around.

    Examples
    --------
    >>> edges, values = cells(np.array([0.0, 1.0, 2.0, 9.0, 10.0]), np.ones((5, 1)))
    >>> edges
    array([-0.5,  0.5,  1.5,  3.5,  7.5,  9.5, 10.5])
    >>> values[:, 0]
    array([ 1.,  1.,  1., nan,  1.,  1.])
    """
    known = np.flatnonzero(np.isfinite(place))
    order = known[np.argsort(place[known], kind="stable")]
    at, rows = place[order], values[order]
    if len(at) < 2:
        return np.array([at[0] - 0.5, at[0] + 0.5]) if len(at) else np.array([0.0, 1.0]), rows
    usual = float(np.median(np.diff(at))) or 1.0
    middle = (at[1:] + at[:-1]) / 2
    first, last = (at[0] - usual / 2, at[-1] + usual / 2)
    left = np.maximum(np.concatenate([[first], middle]), at - _WIDEST * usual)
    right = np.minimum(np.concatenate([middle, [last]]), at + _WIDEST * usual)
    gaps = np.flatnonzero(left[1:] > right[:-1]) + 1
    edges = np.insert(np.concatenate([left, right[-1:]]), gaps, right[gaps - 1])
    return edges, np.insert(rows, gaps, np.nan, axis=0)


def _place(result: Result, course: Course) -> _Floats | None:
    """Where the patterns stand on the axis, `None` where none does."""
    patterns = result.curves.get("patterns", {})
    temperature_c = patterns.get("temperature_c", np.empty(0))
    time_s = patterns.get("time_s", course.time_s)
    if course.over_time and len(time_s) != len(temperature_c):
        return None
    place = course.along(time_s, temperature_c)
    return place if np.isfinite(place).any() else None


def _of_series(
    series: _Arrays, name: str
) -> Iterator[tuple[tuple[_Floats, _Floats], str, str | None]]:
    """Values with one sigma, colour and phase of what a panel shows."""
    if name != "shares":
        yield (series[name], series[f"{name}_sigma"]), SERIES[0], None
        return
    for phase, colour in _PHASES.items():
        share = f"{phase}_fraction"
        if share in series:
            yield (series[share], series[f"{share}_sigma"]), colour, phase.replace("_", " ")
    if "spinel_fraction" not in series:
        layered, sigma = (series[f"layered_fraction{end}"] for end in ("", "_sigma"))
        yield (1.0 - layered, sigma), _PHASES["spinel"], "spinel"


def _draw_points(
    axes: "Axes", place: _Floats, value: _Floats, sigma: _Floats, shown: tuple[str, Status]
) -> None:
    colour, status = shown
    known = np.isfinite(place + value)
    axes.errorbar(
        place[known], value[known], yerr=np.nan_to_num(sigma[known]), fmt="o", color=colour,
        markersize=2.5, markerfacecolor=colour if status is Status.FINAL else "white",
        markeredgewidth=0.6, elinewidth=0.7,
    )  # fmt: skip
    axes.margins(y=0.15)


def _mark_cubic(axes: "Axes") -> None:
    """Mark the ratio at which a layered cell is as a cubic one."""
    axes.axhline(_CUBIC_C_OVER_A, color=FADED, linewidth=0.8, dashes=(5, 3))
    axes.annotate(
        "cubic", (0.01, _CUBIC_C_OVER_A), xycoords=axes.get_yaxis_transform(), xytext=(0, 2),
        textcoords="offset points", size=7, color=FADED,
    )  # fmt: skip


def _range(intensity: NDArray[np.floating]) -> tuple[float, float]:
    """Give the range of most intensities; a cosmic ray does not set the scale."""
    found = intensity[np.isfinite(intensity)]
    if not len(found):
        return 0.0, 1.0
    lowest, highest = (float(limit) for limit in np.percentile(found, _SHOWN_PERCENT))
    return lowest, highest if highest > lowest else lowest + 1.0


def _set_ticks(axes: "Axes", ticks: list[tuple[float, str]]) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axes.yaxis.set_visible(bool(ticks))
    axes.yaxis.set_major_locator(FixedLocator([height for height, _ in ticks]))
    axes.yaxis.set_major_formatter(FixedFormatter([text for _, text in ticks]))
    axes.yaxis.set_minor_locator(NullLocator())


def _name_line(axes: "Axes", name: str, place: tuple[float, float | None], side: str) -> None:
    from matplotlib.patheffects import withStroke

    at, height = place
    if height is not None:
        axes.annotate(
            name, (at, height), xytext=(3 if side == "left" else -3, 3),
            textcoords="offset points", ha=side, va="bottom", size=6.5, color="white",
            path_effects=[withStroke(linewidth=1.5, foreground=INK)],
        )  # fmt: skip
