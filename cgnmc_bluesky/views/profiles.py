"""Composition from a particle's centre to its edge, and along a line across it."""

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives, number
from cgnmc_bluesky.views.figure import ALARM, FADED, INK, SERIES, leave_blank
from cgnmc_bluesky.views.headline import composition_lines, particle_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METALS = {"ni": SERIES[0], "co": SERIES[2], "mn": SERIES[1]}
_OTHER = SERIES[3]
_RATIO = "mn_ni"
_MARKERS = {"ni": "o", "co": "D", "mn": "s"}
_TITLE_CHARACTERS, _TITLE_SIZE = 58, 7.5
_NMC_UNBROKEN = "≈\N{NO-BREAK SPACE}NMC\N{NO-BREAK SPACE}"
_HEADROOM = 1.08
_FIT: dict[str, Any] = {"linestyle": "-", "linewidth": 1.2}
_SPHERE: dict[str, Any] = {"linestyle": "--", "linewidth": 0.9}

_Arrays = Mapping[str, NDArray[np.float64]]


def colour_of(name: str) -> str:
    """Colour of an element, by its symbol, or of Mn/Ni."""
    return INK if name == _RATIO else _METALS.get(name, _OTHER)


def metals_of(pixels: _Arrays) -> list[str]:
    """Symbols of the elements that a map is of, the lightest first."""
    return [name for name in pixels if f"cov_{name}_{name}" in pixels]


def draw_profile(fractions: "Axes", ratio: "Axes", result: Result) -> None:
    """Draw the shares of the metals and Mn/Ni by annulus, with the fit and the sphere it is of.

    Parameters
    ----------
    fractions, ratio
        Where to draw the two.
    result
        One particle's result.
    """
    composition = composition_lines(result)
    _write_title(fractions, result, composition)
    rest = "\n".join(particle_lines(result)[len(composition) :]).replace("; ", "\n")
    ratio.set_title(rest, fontsize=_TITLE_SIZE)
    fractions.set_ylabel("atomic fraction")
    ratio.set_ylabel("Mn/Ni (atomic)")
    for axes in (fractions, ratio):
        axes.set_xlabel("distance from the centre (µm)")
        _mark_gradient(axes, result)
    arrays = result.curves.get("profile")
    if arrays is None:
        leave_blank(fractions, ratio)
        return
    is_open = result.status is not Status.FINAL
    measured = [name for name in arrays if f"{name}_sigma" in arrays and name != _RATIO]
    for name in reversed(measured):
        _plot(fractions, arrays, name, arrays[f"{name}_radial"], is_open=is_open)
    if _RATIO in arrays:
        sphere = _over(arrays["mn_radial"], arrays["ni_radial"])
        _plot(ratio, arrays, _RATIO, sphere, is_open=is_open)
    fractions.plot([], [], color=INK, **_FIT, label="fit in projection")
    fractions.plot([], [], color=INK, **_SPHERE, label="in the sphere")
    for axes in (fractions, ratio):
        axes.set_xlim(0.0, None)
        axes.set_ylim(0.0, _HEADROOM * axes.dataLim.y1)


def draw_along(
    counts: "Axes", ratio: "Axes", pixels: _Arrays, along_um: NDArray[np.float64]
) -> None:
    """Draw the counts of the metals and Mn/Ni along a single line.

    Parameters
    ----------
    counts, ratio
        Where to draw the two.
    pixels
        Arrays of the line's pixels.
    along_um
        Where they are, in µm.
    """
    for metal in reversed(metals_of(pixels)):
        sigma = np.sqrt(np.maximum(pixels[f"cov_{metal}_{metal}"], 0.0))
        _plot_points(counts, along_um, pixels[metal], sigma, metal)
    if _RATIO in pixels:
        _plot_points(ratio, along_um, pixels[_RATIO], pixels[f"{_RATIO}_sigma"], _RATIO)
    counts.set_ylabel("K counts")
    ratio.set_ylabel("Mn/Ni (atomic)")
    for axes in (counts, ratio):
        axes.set_xlabel("position along the line (µm)")
        axes.set_ylim(0.0, _HEADROOM * axes.dataLim.y1)
        for particle in np.unique(pixels["particle"][pixels["particle"] > 0]):
            inside = along_um[pixels["particle"] == particle]
            axes.axvspan(inside.min(), inside.max(), color=FADED, alpha=0.15, linewidth=0)


def _plot(
    axes: "Axes", arrays: _Arrays, name: str, sphere: NDArray[np.float64], *, is_open: bool
) -> None:
    """Draw what was measured, the fit to it, and what that says of the sphere."""
    radius_um = arrays["radius_um"]
    _plot_points(axes, radius_um, arrays[name], arrays[f"{name}_sigma"], name, is_open=is_open)
    axes.plot(radius_um, arrays[f"{name}_fit"], color=colour_of(name), **_FIT)
    axes.plot(radius_um, sphere, color=colour_of(name), **_SPHERE)


def _plot_points(
    axes: "Axes",
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    sigma: NDArray[np.float64],
    name: str,
    *,
    is_open: bool = False,
) -> None:
    colour = colour_of(name)
    axes.errorbar(
        x, y, yerr=np.nan_to_num(sigma), fmt=_MARKERS.get(name, "o"), color=colour, markersize=3,
        markerfacecolor="white" if is_open else colour, markeredgewidth=0.7, elinewidth=0.7,
        label=None if name == _RATIO else name.capitalize(),
    )  # fmt: skip


def _mark_gradient(axes: "Axes", result: Result) -> None:
    """Mark where the composition goes from 10 % to 90 % of the way from core to shell."""
    if gives(result, "gradient_centre_um") and gives(result, "gradient_width_um"):
        centre_um = number(result.values, "gradient_centre_um")
        half_um = number(result.values, "gradient_width_um") / 2
        axes.axvspan(centre_um - half_um, centre_um + half_um, color=FADED, alpha=0.15, linewidth=0)


def _write_title(axes: "Axes", result: Result, lines: list[str]) -> None:
    which = "particle" if result.particle is None else f"particle {result.particle}"
    if result.status is not Status.FINAL:
        which += f" ({result.status})"
    if not lines and "spectrum" not in result.curves:
        lines = [result.reason]
    unbroken = (
        line.replace("≈ NMC ", "≈\N{NO-BREAK SPACE}NMC\N{NO-BREAK SPACE}") for line in lines
    )
    said = [which, *(fill(line, _TITLE_CHARACTERS) for line in unbroken)]
    colour = ALARM if result.status is Status.FAILED else INK
    axes.set_title("\n".join(said), color=colour, fontsize=_TITLE_SIZE)


def _over(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(upper, lower, out=np.full_like(upper, np.nan), where=lower > 0)
