"""A stack of images over an edge: the map of a valence, how certain it is, drift and spectrum."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.figure import (
    MARKERS,
    SERIES,
    Panels,
    Sheet,
    draw_legend,
    leave_blank,
)
from cgnmc_bluesky.views.maps import draw_map, limits_of, scale_above
from cgnmc_bluesky.views.raster import Raster
from cgnmc_bluesky.views.spectrum import draw_sum
from cgnmc_bluesky.views.statements import fraction_lines
from cgnmc_bluesky.views.text import label, valence_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STACK = "xpeem"
_WIDTH_INCHES, _MAP_INCHES, _BELOW_INCHES = 10.0, 4.2, 3.2
_TITLE_CHARACTERS, _LEGEND_COLUMNS = 60, 3
_DRIFT, _SUM, _RESIDUAL = ("drift",), ("sum",), ("residual",)
_MAPS = ("fraction", "sigma")
_DIRECTIONS = {"y": "down", "x": "to the right"}


def is_of_stack(result: Result) -> bool:
    """Whether a result is of a stack of images."""
    return result.mode == STACK


def draw_stack(sheet: Sheet, results: list[Result], name: str) -> None:
    """Draw the map of the fraction and of its uncertainty, the drift, and the field's spectrum.

    What has no signal, or was not in every image, is grey.

    Parameters
    ----------
    sheet
        Where to draw.
    results
        Results of one run: the first is drawn.
    name
        What the run is called.
    """
    result = results[0]
    panels = sheet.panels(("stack", name), lambda figure: _arrange(figure, name))
    _draw_fraction(panels, result)
    _draw_drift(panels[_DRIFT], result)
    draw_sum(
        panels[_SUM], panels[_RESIDUAL], result, fraction_lines(result),
        quantity="brightness", characters=_TITLE_CHARACTERS,
    )  # fmt: skip
    draw_legend([panels[_SUM]], _LEGEND_COLUMNS)


def _arrange(figure: "Figure", name: str) -> Panels:
    figure.set_size_inches(_WIDTH_INCHES, _MAP_INCHES + _BELOW_INCHES)
    figure.suptitle(name, fontsize=10)
    heights = (_MAP_INCHES, _BELOW_INCHES)
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    panels: Panels = {}
    for column, shown in zip(upper.add_gridspec(1, 2), _MAPS, strict=True):
        panels["map", shown] = upper.add_subplot(column)
        panels["scale", shown] = scale_above(panels["map", shown])
    left, right = lower.add_gridspec(1, 2)
    panels[_DRIFT] = lower.add_subplot(left)
    parts = right.subgridspec(2, 1, height_ratios=(3.2, 1.0), hspace=0.0)
    panels[_SUM] = lower.add_subplot(parts[0])
    panels[_RESIDUAL] = lower.add_subplot(parts[1], sharex=panels[_SUM])
    return panels


def _draw_fraction(panels: Panels, result: Result) -> None:
    images, axis = result.curves.get("image"), result.curves.get("axis")
    names = [name for name in images or () if valence_of(name)]
    if not images or not axis or not names or result.status is Status.WAITING:
        leave_blank(*(panels[kind, shown] for kind in ("map", "scale") for shown in _MAPS))
        return
    [(x_name, x)] = axis.items()
    y = next(values for name, values in images.items() if name.startswith("y_"))
    raster = Raster(np.arange(len(y) * len(x)).reshape(len(y), len(x)), x, y)
    first = names[0]
    for shown, array in zip(_MAPS, (first, f"{first}_sigma"), strict=True):
        axes, scale = panels["map", shown], panels["scale", shown]
        values: NDArray[np.float64] = np.asarray(images[array], dtype=np.float64)
        draw_map(axes, scale, raster, values, limits_of(values))
        # as the camera shows it, not as a graph would
        axes.set_ylim(*sorted(axes.get_ylim(), reverse=True))
        title = label(first)
        scale.set_title(title if shown == "fraction" else f"σ of {title}", fontsize=9)
        unit = "µm" if x_name == "x_um" else "pixels"
        axes.set_xlabel(f"x ({unit})")
        axes.set_ylabel(f"y ({unit})")


def _draw_drift(axes: "Axes", result: Result) -> None:
    axes.set_xlabel("image")
    axes.set_ylabel("drift (pixels)")
    drift = result.curves.get("drift")
    if drift is None or result.status is Status.WAITING:
        leave_blank(axes)
        return
    for at, (direction, words) in enumerate(_DIRECTIONS.items()):
        value, sigma = (drift[f"drift_{direction}_px{end}"] for end in ("", "_sigma"))
        axes.errorbar(
            drift["row"], value, yerr=sigma, fmt=MARKERS[at], color=SERIES[at], markersize=2.5,
            elinewidth=0.7, label=words,
        )  # fmt: skip
    axes.legend(loc="best")
