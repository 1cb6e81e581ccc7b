"""The map of a run: where the metals are, and what its particles are made of from core to shell."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.figure import INK, Panels, Sheet, draw_legend, leave_blank
from cgnmc_bluesky.views.profiles import draw_along, draw_profile, metals_of
from cgnmc_bluesky.views.raster import Raster, along_line, raster_of
from cgnmc_bluesky.views.summed import draw_summed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_INCHES, _MAP_INCHES, _LINE_INCHES, _PROFILE_INCHES = 10.0, 3.0, 2.4, 2.8
_MOST_PARTICLES = 3
_LEGEND_COLUMNS = 9
_COLOURS = "viridis"
"""Even to the eye, colour-blind or not, and without a grey: that is what masked pixels are."""
_MASKED = "#b5b5b5"
_SHADES = 256
_SHOWN_PERCENT = (1.0, 99.0)
_SUMMED = ("summed",)

_Floats = NDArray[np.float64]
_Arrays = Mapping[str, _Floats]


def draw_maps(sheet: Sheet, results: list[Result], name: str) -> None:
    """Draw maps of the metals and of Mn/Ni, the particles' profiles, and the summed spectrum.

    A single line is drawn as a profile along it. Pixels that were measured and cannot carry a
    ratio are grey, what was not measured is white.

    Parameters
    ----------
    sheet
        Where to draw.
    results
        Results of one run, one for each particle.
    name
        What the run is called.
    """
    results = sorted(results, key=lambda result: result.particle or 0)
    pixels = next((each.curves["map"] for each in results if "map" in each.curves), {})
    summed = next((each for each in results if "spectrum" in each.curves), results[0])
    drawn = [result for result in results if "profile" in result.curves][:_MOST_PARTICLES]
    drawn = drawn or results[:1]
    place = _places(pixels)
    along_um = None if place is None else along_line(*place)
    maps = _names(pixels) if place is not None and along_um is None else ()
    particles = tuple(str(result.particle or 1) for result in drawn)
    if len(results) > len(drawn):
        name += f" · the first {len(drawn)} of {len(results)} particles"
    panels = sheet.panels(
        (name, maps, particles), lambda figure: _arrange(figure, name, maps, particles)
    )
    if along_um is not None:
        draw_along(panels["line", "counts"], panels["line", "mn_ni"], pixels, along_um)
    elif place is not None:
        _draw_every_map(panels, pixels, raster_of(*place))
    else:
        leave_blank(panels["line", "counts"], panels["line", "mn_ni"])
    for result, particle in zip(drawn, particles, strict=True):
        draw_profile(panels["fractions", particle], panels["mn_ni", particle], result)
    draw_summed(panels[_SUMMED], summed)
    draw_legend([panels["fractions", particles[0]], panels[_SUMMED]], _LEGEND_COLUMNS)


def _places(pixels: _Arrays) -> tuple[_Floats, _Floats, _Floats] | None:
    if not pixels or not np.isfinite(pixels["x_um"] + pixels["y_um"]).any():
        return None
    return pixels["x_um"], pixels["y_um"], pixels["line"]


def _names(pixels: _Arrays) -> tuple[str, ...]:
    """Names of the arrays that are mapped: the metals, the heaviest first, and Mn/Ni."""
    return (*reversed(metals_of(pixels)), *(name for name in ("mn_ni",) if name in pixels))


def _arrange(
    figure: "Figure", name: str, maps: tuple[str, ...], particles: tuple[str, ...]
) -> Panels:
    upper = _MAP_INCHES if maps else _LINE_INCHES
    lower = _PROFILE_INCHES * len(particles)
    figure.set_size_inches(_WIDTH_INCHES, upper + lower)
    figure.suptitle(name, fontsize=10)
    rows = figure.add_gridspec(2, 1, height_ratios=(upper, lower))
    panels: Panels = {}
    if maps:
        top = rows[0].subgridspec(1, len(maps))
        for column, shown in enumerate(maps):
            panels["map", shown] = figure.add_subplot(top[column])
            panels["scale", shown] = scale_above(panels["map", shown])
    else:
        top = rows[0].subgridspec(1, 2)
        panels["line", "counts"] = figure.add_subplot(top[0])
        panels["line", "mn_ni"] = figure.add_subplot(top[1], sharex=panels["line", "counts"])
    below = rows[1].subgridspec(len(particles), 3)
    for row, particle in enumerate(particles):
        panels["fractions", particle] = figure.add_subplot(below[row, 0])
        panels["mn_ni", particle] = figure.add_subplot(below[row, 1])
    panels[_SUMMED] = figure.add_subplot(below[:, 2], yscale="log")
    return panels


def _draw_every_map(panels: Panels, pixels: _Arrays, raster: Raster) -> None:
    particle = raster.of(pixels["particle"])
    names = _names(pixels)
    for name in names:
        axes, scale = panels["map", name], panels["scale", name]
        values = raster.of(pixels[name])
        shown = values[particle > 0] if name == "mn_ni" else values
        draw_map(axes, scale, raster, values, limits_of(shown))
        title = "Mn/Ni (atomic)" if name == "mn_ni" else f"{name.capitalize()} K counts"
        scale.set_title(title, fontsize=9)
        _draw_outlines(axes, raster, particle)
        axes.set_xlabel("x (µm)")
        axes.tick_params(labelleft=name == names[0])
    panels["map", names[0]].set_ylabel("y (µm)")


def scale_above(axes: "Axes") -> "Axes":
    """Make room for a map's colours above it, as wide as the map comes out."""
    scale = axes.inset_axes((0.0, 1.04, 1.0, 0.06))
    scale.xaxis.set_ticks_position("top")
    scale.tick_params(which="both", direction="out", top=True, left=False, right=False)
    scale.tick_params(labelleft=False)
    return scale


def draw_map(
    axes: "Axes",
    scale: "Axes",
    raster: Raster,
    values: _Floats,
    limits: tuple[float, float],
) -> None:
    """Draw a map, and its colours above it."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    lowest, highest = limits
    shades: dict[str, Any] = {
        "cmap": colormaps[_COLOURS].with_extremes(bad=_MASKED),
        "norm": Normalize(lowest, highest),
        "origin": "lower",
    }
    axes.imshow(
        np.ma.masked_invalid(values), extent=raster.extent, alpha=raster.is_measured * 1.0,
        interpolation="nearest", aspect="equal", **shades,
    )  # fmt: skip
    ramp = np.linspace(lowest, highest, _SHADES)[None]
    scale.imshow(ramp, extent=(lowest, highest, 0.0, 1.0), aspect="auto", **shades)
    scale.locator_params(axis="x", nbins=4)


def limits_of(values: _Floats) -> tuple[float, float]:
    """Give the range of most values: a few pixels with bad statistics do not set the scale."""
    found = values[np.isfinite(values)]
    if not len(found):
        return 0.0, 1.0
    lowest, highest = (float(limit) for limit in np.percentile(found, _SHOWN_PERCENT))
    return (lowest, highest) if highest > lowest else (lowest - 0.5, lowest + 0.5)


def _draw_outlines(axes: "Axes", raster: Raster, particle: _Floats) -> None:
    from matplotlib.patheffects import withStroke

    for number in np.unique(particle[particle > 0]):
        inside = particle == number
        if min(inside.shape) > 1:
            edge = np.where(inside, 1.0, 0.0)
            axes.contour(
                raster.x_um, raster.y_um, edge, levels=[0.5], colors="white", linewidths=0.8
            )
        rows, columns = np.nonzero(inside)
        axes.annotate(
            f"{number:.0f}", (raster.x_um[columns].mean(), raster.y_um[rows.max()]),
            xytext=(0, -2), textcoords="offset points", ha="center", va="top", color="white",
            size=8, path_effects=[withStroke(linewidth=1.5, foreground=INK)],
        )  # fmt: skip
