"""The spectrum of a whole map, with its fit."""

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.figure import FADED, INK, SERIES, leave_blank
from cgnmc_bluesky.views.profiles import colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BETA_OVER_ALPHA = (1.07, 1.14)
"""Range in which K beta lies, as a multiple of K alpha's energy, from titanium to molybdenum."""
_DECADES = 4.0
_TITLE_CHARACTERS = 48
_ELEMENT = "_k"


def draw_summed(axes: "Axes", result: Result) -> None:
    """Draw the summed spectrum and what it is made of, with its lines named.

    Parameters
    ----------
    axes
        Where to draw; its y axis is logarithmic.
    result
        The result that holds the spectrum; its reason is written above.
    """
    axes.set_xlabel("energy (keV)")
    axes.set_ylabel("counts per channel")
    arrays = result.curves.get("spectrum")
    if arrays is None:
        leave_blank(axes)
        return
    axes.set_title(fill(result.reason, _TITLE_CHARACTERS), fontsize=7.5)
    energy_kev, counts = arrays["energy_ev"] / 1000.0, arrays["counts"]
    axes.plot(energy_kev, counts, "o", color=FADED, markersize=1.6, label="measured")
    axes.plot(energy_kev, arrays["background"], color=FADED, linewidth=0.9, label="background")
    axes.plot(energy_kev, arrays["scatter"], color=SERIES[4], linewidth=0.9, label="scatter")
    for name in [name for name in arrays if name.endswith(_ELEMENT)]:
        element = name.removesuffix(_ELEMENT)
        axes.plot(energy_kev, arrays[name], color=colour_of(element), linewidth=0.9)
        _name_lines(axes, energy_kev, arrays[name], element)
    axes.plot(energy_kev, arrays["fit"], color=INK, linewidth=0.9, label="fit")
    highest = np.nanmax(counts, initial=1.0)
    lowest = max(np.nanmin(counts[counts > 0], initial=highest), highest / 10**_DECADES)
    axes.set_ylim(0.5 * lowest, 30.0 * highest)
    axes.set_xlim(energy_kev[0], energy_kev[-1])


def _name_lines(
    axes: "Axes", energy_kev: NDArray[np.float64], part: NDArray[np.float64], element: str
) -> None:
    """Write K alpha and K beta above an element's two peaks."""
    if not np.nanmax(part, initial=0.0) > 0:
        return
    alpha = int(np.nanargmax(part))
    ratio = energy_kev / energy_kev[alpha]
    beyond = (ratio > _BETA_OVER_ALPHA[0]) & (ratio < _BETA_OVER_ALPHA[1])
    beta = [int(np.nanargmax(np.where(beyond, part, -1.0)))] if beyond.any() else []
    for place, line in zip((alpha, *beta), "αβ", strict=False):
        axes.text(
            energy_kev[place], 0.97, f"{element.capitalize()} K{line}", rotation=90, size=7,
            transform=axes.get_xaxis_transform(), ha="center", va="top",
            color=colour_of(element),
        )  # fmt: skip
