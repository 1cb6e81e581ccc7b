"""The temperatures that an O2 release is named by: a mark, a value and a definition of each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives
from cgnmc_bluesky.views.figure import FADED, INK, SERIES
from cgnmc_bluesky.views.text import amount

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = 8.0
_MARK_AT, _VALUE_AT, _DEFINITION_AT = 0.005, 0.035, 0.34


@dataclass(frozen=True)
class Named:
    """A value of a release that is defined by somebody.

    Parameters
    ----------
    name
        The value.
    definition
        What it is, in words.
    colour, marker
        How it is marked; without a marker it is no temperature.
    """

    name: str
    definition: str
    colour: str = INK
    marker: str = ""


ONSET = Named("t_rate_c", "onset: release is 5 % of background (primary)", SERIES[1], "D")
NAMED = (
    ONSET,
    Named("t_detect_c", "detected: the test alarms, in order of time", INK, "v"),
    Named("t_first_deviation_c", "first deviation from background (ASTM E2550)", SERIES[2], "^"),
    Named("t_extrapolated_c", "extrapolated by the tangent (ISO 11358-1)", SERIES[3], "s"),
    Named("t_peak_c", "peak of the release", SERIES[0], "o"),
    Named("fwhm_c", "full width at half maximum"),
    Named("max_slope", "largest slope of the rise"),
)
"""In the order in which they are read."""

_PROVISIONAL = {"t_extrapolated_c": ", provisional until the peak has passed"}


def draw_temperatures(axes: "Axes", result: Result) -> None:
    """Write a table of the named temperatures, each with one sigma and its definition.

    Parameters
    ----------
    axes
        Where to write; nothing else is drawn there.
    result
        An O2 onset; what it does not give is a dash.
    """
    axes.set_axis_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(NAMED) - 0.3, -0.7)
    for row, named in enumerate(NAMED):
        is_given = gives(result, named.name)
        colour = named.colour if is_given else FADED
        if named.marker:
            axes.plot(_MARK_AT, row, named.marker, color=colour, markersize=5, clip_on=False)
        value = amount(result, named.name) if is_given else "–"
        weight = "bold" if named is ONSET else "normal"
        axes.text(
            _VALUE_AT, row, value, size=_SIZE, va="center_baseline", weight=weight,
            color=INK if is_given else FADED,
        )  # fmt: skip
        axes.text(
            _DEFINITION_AT, row, _defined(named, result), size=_SIZE, va="center_baseline",
            weight=weight, color=INK if is_given else FADED,
        )  # fmt: skip


def _defined(named: Named, result: Result) -> str:
    is_open = result.status is Status.PROVISIONAL and not gives(result, "t_peak_c")
    return named.definition + (_PROVISIONAL.get(named.name, "") if is_open else "")
