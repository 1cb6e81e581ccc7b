"""Two ramps beside each other: their patterns, and the oxygen that each releases."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import Board, gives, number, run_name
from cgnmc_bluesky.views.contour import draw_patterns
from cgnmc_bluesky.views.course import Course, course_of, share_limits
from cgnmc_bluesky.views.figure import (
    FADED,
    SERIES,
    DocumentFigure,
    Panels,
    Sheet,
    draw_legend,
)
from cgnmc_bluesky.views.headline import O2_ONSET, PHASES, onset_lines
from cgnmc_bluesky.views.text import prefixed
from cgnmc_bluesky.views.traces import oxygen_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_INCHES, _PATTERNS_INCHES, _TRACES_INCHES = 10.0, 3.3, 3.3
_COLOURS = (SERIES[0], SERIES[1])
_LEGEND_COLUMNS = 1

_Floats = NDArray[np.float64]


class ComparisonFigure(DocumentFigure):
    """The O2 releases of two runs, as measured and relative to their peaks, and their patterns.

    Parameters
    ----------
    run_uids
        The two runs.
    remark
        What else is to be said of them.
    """

    def __init__(self, run_uids: Sequence[str], remark: str = "") -> None:
        super().__init__(Board())
        self._run_uids = tuple(run_uids)
        self.remark = remark

    def draw(self, sheet: Sheet) -> None:
        """Draw both."""
        onsets, phases = (self._of(analysis) for analysis in (O2_ONSET, PHASES))
        shown = {**onsets, **phases}
        has_patterns = any("patterns" in result.curves for result in phases.values())
        plan = ("comparison", has_patterns, self.remark, *shown)
        panels = sheet.panels(plan, lambda figure: self._arrange(figure, has_patterns))
        over_time = any(course_of(result).over_time for result in shown.values())
        if has_patterns:
            for run_uid, result in phases.items():
                _draw_patterns(panels, run_uid, result, over_time=over_time)
        raw, relative = panels["current",], panels["relative",]
        largest = max((_largest(result) for result in onsets.values()), default=0.0)
        factor, prefix = prefixed(largest)
        for colour, result in zip(_COLOURS, onsets.values(), strict=False):
            course = course_of(result, over_time=over_time)
            _draw_current(raw, result, course, (factor, colour))
            _draw_relative(relative, result, course, colour)
        raw.set_ylabel(f"ion current m/z 32 ({prefix}A)")
        relative.set_ylabel("release / its largest")
        draw_legend([raw, relative], _LEGEND_COLUMNS)
        share_limits([axes for key, axes in panels.items() if key[0] != "copper"])

    def _of(self, analysis: str) -> dict[str, Result]:
        found = {
            result.run_uid: result for result in self._board.latest() if result.analysis == analysis
        }
        return {run_uid: found[run_uid] for run_uid in self._run_uids if run_uid in found}

    def _arrange(self, figure: "Figure", has_patterns: bool) -> Panels:
        heights = [_PATTERNS_INCHES] * has_patterns + [_TRACES_INCHES]
        figure.set_size_inches(_WIDTH_INCHES, sum(heights) + 0.4)
        figure.suptitle(self.remark, fontsize=9)
        rows = figure.add_gridspec(len(heights), 2, height_ratios=heights)
        panels: Panels = {}
        if has_patterns:
            for column, run_uid in enumerate(self._run_uids):
                axes = figure.add_subplot(rows[0, column])
                panels["patterns", run_uid], panels["copper", run_uid] = axes, axes.twinx()
        for column, name in enumerate(("current", "relative")):
            panels[name,] = figure.add_subplot(rows[len(heights) - 1, column])
        return panels


def _draw_patterns(panels: Panels, run_uid: str, result: Result, *, over_time: bool) -> None:
    axes, copper = panels["patterns", run_uid], panels["copper", run_uid]
    course = course_of(result, over_time=over_time)
    axes.set_title(run_name(result), fontsize=9)
    course.name(axes)
    draw_patterns(axes, copper, result, course)


def _draw_current(axes: "Axes", result: Result, course: Course, shown: tuple[float, str]) -> None:
    """Draw the current as measured, and what it would be without a release."""
    factor, colour = shown
    course.name(axes)
    mass, trace = oxygen_of(result)
    if mass is None:
        return
    place = course.along(trace["time_s"], trace["temperature_c"])
    axes.plot(
        place, factor * trace[f"ion_{mass}"], "o", color=colour, markersize=1.4,
        markeredgewidth=0, rasterized=True,
    )  # fmt: skip
    said = "; ".join(onset_lines(result))
    axes.plot([], [], "o", color=colour, markersize=4, label=f"{run_name(result)}: {said}")
    bins = result.curves.get("release")
    if bins is not None:
        at = course.along(bins["time_s"], bins["temperature_c"])
        axes.plot(at, factor * bins["background"], color=FADED, linewidth=0.9, dashes=(5, 3))


def _draw_relative(axes: "Axes", result: Result, course: Course, colour: str) -> None:
    """Draw the release as a share of its largest, with one sigma, and its onset."""
    course.name(axes)
    bins, largest = result.curves.get("release"), _largest_release(result)
    if bins is None or largest is None:
        return
    at = course.along(bins["time_s"], bins["temperature_c"])
    share, sigma = bins["release"] / largest, bins["release_sigma"] / largest
    axes.plot(at, share, color=colour, linewidth=1.2)
    axes.fill_between(at, share - sigma, share + sigma, color=colour, alpha=0.3, lw=0)
    axes.axhline(0.0, color=FADED, linewidth=0.6)
    if gives(result, "t_rate_c"):
        value_c = number(result.values, "t_rate_c")
        sigma_c = np.nan_to_num(number(result.sigmas, "t_rate_c"))
        low, middle, high = (course.first_at(value_c + side * sigma_c) for side in (-1, 0, 1))
        axes.axvline(middle, color=colour, linewidth=0.9, dashes=(4, 2))
        axes.axvspan(low, high, color=colour, alpha=0.15, lw=0)


def _largest_release(result: Result) -> float | None:
    """What a release is at its peak, `None` where there is none to speak of."""
    release: Mapping[str, _Floats] = result.curves.get("release", {})
    if not gives(result, "t_detect_c") or not np.isfinite(release.get("release", np.nan)).any():
        return None
    largest = float(np.nanmax(release["release"]))
    return largest if largest > 0 else None


def _largest(result: Result) -> float:
    mass, trace = oxygen_of(result)
    current = np.empty(0) if mass is None else trace[f"ion_{mass}"]
    return float(np.max(current[np.isfinite(current)], initial=0.0))
