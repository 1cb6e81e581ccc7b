"""A heating ramp: what leaves the sample, and beside it what becomes of its structure."""

from typing import TYPE_CHECKING

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.contour import SERIES_PANELS, draw_contour, draw_series
from cgnmc_bluesky.views.course import Course, course_of, share_limits
from cgnmc_bluesky.views.figure import Panels, Sheet, draw_legend
from cgnmc_bluesky.views.headline import O2_ONSET, PHASES
from cgnmc_bluesky.views.temperatures import draw_temperatures
from cgnmc_bluesky.views.traces import draw_trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

_BLOCK_INCHES = (5.2, 6.4)
_LEGEND_COLUMNS = 4
_ROWS = {O2_ONSET: (3.4, 1.7), PHASES: (3.4, 0.85, 0.85, 0.85)}


def is_of_ramp(result: Result) -> bool:
    """Whether a result is of a heating ramp."""
    return result.analysis in _ROWS


def draw_ramp(sheet: Sheet, results: list[Result], name: str) -> None:
    """Draw ion currents with the onset and its temperatures, beside them patterns and phases.

    Both are over temperature where the ramp only rises, else over time.

    Parameters
    ----------
    sheet
        Where to draw.
    results
        Results of one run, one for each analysis.
    name
        What the run is called.
    """
    shown = {
        analysis: result for analysis in _ROWS for result in results if result.analysis == analysis
    }
    over_time = any(course_of(result).over_time for result in shown.values())
    plan = ("ramp", name, over_time, *shown)
    panels = sheet.panels(plan, lambda figure: _arrange(figure, name, tuple(shown)))
    for analysis, draw in ((O2_ONSET, _draw_onset), (PHASES, _draw_phases)):
        if analysis in shown:
            draw(panels, shown[analysis], course_of(shown[analysis], over_time=over_time))
    share_limits([panels[key] for key in panels if key[1] in {"trace", "contour"}])


def _draw_onset(panels: Panels, result: Result, course: Course) -> None:
    axes, others = panels[O2_ONSET, "trace"], panels[O2_ONSET, "others"]
    draw_trace(axes, others, result, course)
    draw_temperatures(panels[O2_ONSET, "table"], result)
    draw_legend([axes, others], _LEGEND_COLUMNS)


def _draw_phases(panels: Panels, result: Result, course: Course) -> None:
    draw_contour(panels[PHASES, "contour"], panels[PHASES, "copper"], result, course)
    series = {name: panels[PHASES, name] for name in SERIES_PANELS}
    draw_series(series, result, course)
    draw_legend([series["shares"]], _LEGEND_COLUMNS)


def _arrange(figure: "Figure", name: str, analyses: tuple[str, ...]) -> Panels:
    width, height = _BLOCK_INCHES
    figure.set_size_inches(width * len(analyses), height)
    figure.suptitle(name, fontsize=10)
    blocks = figure.subfigures(1, len(analyses), squeeze=False)[0]
    panels: Panels = {}
    for block, analysis in zip(blocks, analyses, strict=True):
        panels |= _arrange_block(block, analysis)
    return panels


def _arrange_block(block: "SubFigure", analysis: str) -> Panels:
    heights = _ROWS[analysis]
    rows = block.add_gridspec(len(heights), 1, height_ratios=heights)
    upper = block.add_subplot(rows[0])
    beside = upper.twinx()
    upper.tick_params(which="both", right=False)
    if analysis == O2_ONSET:
        beside.set_yscale("log")
        upper.set_zorder(beside.get_zorder() + 1)
        upper.patch.set_visible(False)
        table = block.add_subplot(rows[1])
        return {
            (analysis, "trace"): upper,
            (analysis, "others"): beside,
            (analysis, "table"): table,
        }
    panels: Panels = {(analysis, "contour"): upper, (analysis, "copper"): beside}
    upper.tick_params(labelbottom=False)
    for row, series in enumerate(SERIES_PANELS, start=1):
        panels[analysis, series] = block.add_subplot(rows[row], sharex=upper)
    return panels
