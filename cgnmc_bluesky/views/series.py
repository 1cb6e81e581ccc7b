"""Quantities of several samples over cycles or voltage, with what a test says of each."""

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.series.trend import Course, Trend
from cgnmc_bluesky.series import SeriesResult
from cgnmc_bluesky.views.figure import ALARM, FADED, INK, MARKERS, SERIES, Panels, Sheet
from cgnmc_bluesky.views.statements import YIELDS
from cgnmc_bluesky.views.text import label, sign_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES = {"cycles": "cycle number", "cutoff_v": "cut-off voltage (V)"}
_PANEL_INCHES = (6.6, 2.5)
_MOST_BELOW = 3
_HEADING_CHARACTERS, _LINE_INCHES = 110, 0.15
_MODES = ("tey", "pfy", "transmission", "fluorescence", "xpeem")
_DASHES = {"pfy": 4.0, "fluorescence": 1.5}
"""Of these modes lines are broken, those of two materials filling each other's gaps."""
_LEAST_P = 0.001
_MEAN_VALENCE = "mean_valence"


def draw_series(
    sheet: Sheet, series: Sequence[SeriesResult], *, said: Sequence[str] = (), fault: str = ""
) -> None:
    """Draw a panel for each quantity, in it each material in its colour and each mode in its mark.

    A quantity that changes has the line that was fitted, one of which no change was seen the mean.
    Final values are filled, provisional ones open.

    Parameters
    ----------
    sheet
        Where to draw.
    series
        Trends, one for each quantity, mode and material.
    said
        What else is to be said, by line.
    fault
        What went wrong.
    """
    by_quantity: dict[str, list[SeriesResult]] = {}
    for each in _shown(series):
        by_quantity.setdefault(name_of(each), []).append(each)
    titles, against = tuple(by_quantity), next((each.against for each in series), "cycles")
    heading = "\n".join(fill(line, _HEADING_CHARACTERS) for line in (*said, fault) if line)
    plan = ("series", titles, against, heading)
    panels = sheet.panels(
        plan, lambda figure: _arrange(figure, titles, heading, ALARM if fault else INK)
    )
    materials = list(dict.fromkeys(sample_of(each) for each in series))
    for title, found in by_quantity.items():
        axes = panels[title,]
        axes.set_ylabel(title)
        axes.set_xlabel(AXES[against])
        axes.ticklabel_format(axis="y", useOffset=False)
        for each in found:
            _draw_one(axes, each, materials.index(sample_of(each)))
        axes.margins(x=0.04, y=0.12)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), labelspacing=0.9)


def summary(series: SeriesResult) -> str:
    """Write whether a quantity changes, and how sure that is.

    Parameters
    ----------
    series
        A trend.
    """
    trend = series.trend
    if trend is None:
        return series.reason.partition(";")[0]
    p = "p < 0.001" if trend.p_constant < _LEAST_P else f"p = {trend.p_constant:.2g}"
    return f"{trend.course} ({p})"


def mode_name(mode: str | None) -> str:
    """Name the signal that a quantity was measured by, `None` for none."""
    return mode.upper() if mode in (*YIELDS, "xpeem") else mode or ""


def _shown(series: Iterable[SeriesResult]) -> list[SeriesResult]:
    """Leave a mean valence out where a fraction says the same."""
    series = [each for each in series if each.points]
    others = [each for each in series if each.quantity != _MEAN_VALENCE]
    return others or series


def name_of(series: SeriesResult) -> str:
    """Name the quantity that a series follows, with its edge and unit."""
    words = label(series.analysis.removesuffix("_trend"))
    unit = f" ({sign_of(series.quantity_unit)})" if sign_of(series.quantity_unit) else ""
    what = f"{words} fraction" if series.quantity.endswith("_fraction") else words
    return f"{series.edge} {what}{unit}" if series.edge else f"{what}{unit}"


def sample_of(series: SeriesResult) -> str:
    """Name what the samples of a series share: material, and voltage or cycles."""
    volts = series.conditions.get("cutoff_v")
    cycles = series.conditions.get("cycles")
    named = (
        series.material or "",
        "" if volts is None else f"{volts:g} V",
        "" if cycles is None else f"{cycles:g} cycles",
    )
    return ", ".join(part for part in named if part)


def _arrange(figure: "Figure", titles: tuple[str, ...], heading: str, colour: str) -> Panels:
    columns = 1 if len(titles) <= _MOST_BELOW else 2
    rows = max(1, -(-len(titles) // columns))
    width, height = _PANEL_INCHES
    lines = heading.count("\n") + 1
    figure.set_size_inches(width * columns, height * rows + _LINE_INCHES * lines)
    figure.suptitle(heading, fontsize=8, color=colour)
    if not titles:
        figure.text(0.5, 0.5, "no value over the samples of this series", ha="center", color=FADED)
        return {}
    grid = figure.add_gridspec(rows, columns)
    return {
        (title,): figure.add_subplot(grid[place % rows, place // rows])
        for place, title in enumerate(titles)
    }


def _draw_one(axes: "Axes", series: SeriesResult, place: int) -> None:
    colour, mode = SERIES[place % len(SERIES)], series.mode or ""
    marker = MARKERS[_MODES.index(mode) % len(MARKERS)] if mode in _MODES else MARKERS[0]
    # Of points that lie on each other, those of each material stay in sight.
    size = max(3.5, 6.5 - 1.5 * place)
    for point in series.points:
        face = colour if point.result.status is Status.FINAL else "white"
        axes.errorbar(
            point.x, point.value, yerr=point.sigma, fmt=marker, color=colour, markersize=size,
            markerfacecolor=face, capsize=2, elinewidth=1.0,
        )  # fmt: skip
    dash = _DASHES.get(mode)
    style, named_style = (
        "-" if dash is None else (begin * dash, (dash, dash)) for begin in (place, 0)
    )
    if series.trend is not None:
        axes.plot(*_line(series.trend), color=colour, linewidth=1.0, linestyle=style)
    named = " ".join(part for part in (sample_of(series), mode_name(series.mode)) if part)
    text = "\n".join(part for part in (named, summary(series)) if part)
    axes.plot([], [], marker, color=colour, linestyle=named_style, linewidth=1.0, label=text)


def _line(trend: Trend) -> tuple[np.ndarray, np.ndarray]:
    """Give the ends of the fitted line, or of the mean where no change was seen."""
    x = trend.means.x[[0, -1]]
    if trend.course is Course.NO_CHANGE:
        return x, np.full(2, trend.mean)
    return x, trend.intercept + trend.slope * x
