"""A soft X-ray scan: the spectra of both yields, surface against bulk, and what the beam does."""

from collections.abc import Mapping
from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives, number
from cgnmc_bluesky.views.figure import (
    FADED,
    INK,
    MARKERS,
    SERIES,
    Panels,
    Sheet,
    draw_legend,
    leave_blank,
    write_title,
)
from cgnmc_bluesky.views.spectrum import draw_sum
from cgnmc_bluesky.views.statements import (
    BEAM_DAMAGE,
    SURFACE_BULK,
    YIELDS,
    damage_lines,
    drifting,
    fraction_lines,
    surface_lines,
)
from cgnmc_bluesky.views.text import amount, ion, valence_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_INCHES, _SPECTRA_INCHES, _BELOW_INCHES = 10.0, 3.8, 2.6
_TITLE_CHARACTERS, _LEGEND_COLUMNS = 66, 3
_BESIDE = 0.16
_COLOURS = {"tey": SERIES[0], "pfy": SERIES[1]}
_MARKS = {"tey": MARKERS[0], "pfy": MARKERS[1]}
_DEPTHS = {"tey": "TEY (surface)", "pfy": "PFY (bulk)"}
_FRACTIONS, _SWEEPS = ("fractions",), ("sweeps",)


def is_of_yield(result: Result) -> bool:
    """Whether a result is of a soft X-ray scan."""
    return result.analysis in (SURFACE_BULK, BEAM_DAMAGE) or result.mode in YIELDS


def draw_yields(sheet: Sheet, results: list[Result], name: str) -> None:
    """Draw the spectrum of each yield with its sum, the fractions of both, and those by sweep.

    Parameters
    ----------
    sheet
        Where to draw.
    results
        Results of one run.
    name
        What the run is called.
    """
    sums = {str(each.mode): each for each in results if valence_of(each.analysis)}
    damage = {
        mode: each for mode in YIELDS for each in results
        if each.analysis == BEAM_DAMAGE and each.mode == mode
    }  # fmt: skip
    difference = next((each for each in results if each.analysis == SURFACE_BULK), None)
    sums = {mode: sums[mode] for mode in YIELDS if mode in sums}
    plan = ("yields", name, *sums, bool(damage))
    panels = sheet.panels(plan, lambda figure: _arrange(figure, name, tuple(sums), bool(damage)))
    for mode, result in sums.items():
        first, *others = fraction_lines(result) or [""]
        said = [f"{_DEPTHS[mode]}: {first}".removesuffix(": "), *others]
        draw_sum(
            panels[mode, "sum"], panels[mode, "residual"], _relative(result), said,
            quantity="relative yield", characters=_TITLE_CHARACTERS,
        )  # fmt: skip
        draw_legend([panels[mode, "sum"]], _LEGEND_COLUMNS)
    _draw_fractions(panels[_FRACTIONS], sums, difference)
    if damage:
        _draw_sweeps(panels[_SWEEPS], damage)


def _arrange(figure: "Figure", name: str, modes: tuple[str, ...], has_sweeps: bool) -> Panels:
    figure.set_size_inches(_WIDTH_INCHES, _SPECTRA_INCHES + _BELOW_INCHES)
    figure.suptitle(name, fontsize=10)
    heights = (_SPECTRA_INCHES, _BELOW_INCHES)
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    panels: Panels = {}
    blocks = upper.subfigures(1, max(1, len(modes)), squeeze=False)[0]
    for block, mode in zip(blocks, modes, strict=False):
        parts = block.add_gridspec(2, 1, height_ratios=(3.2, 1.0), hspace=0.0)
        panels[mode, "sum"] = block.add_subplot(parts[0])
        panels[mode, "residual"] = block.add_subplot(parts[1], sharex=panels[mode, "sum"])
    below = lower.add_gridspec(1, 1 + has_sweeps)
    panels[_FRACTIONS] = lower.add_subplot(below[0])
    if has_sweeps:
        panels[_SWEEPS] = lower.add_subplot(below[1])
    return panels


def _draw_fractions(axes: "Axes", sums: Mapping[str, Result], difference: Result | None) -> None:
    """Draw the fractions of every valence by both yields beside each other."""
    if difference is not None:
        first, *others = surface_lines(difference) or [""]
        said = [f"surface − bulk: {first}".removesuffix(": "), *others]
        write_title(axes, difference, said, _TITLE_CHARACTERS)
    names = list(
        dict.fromkeys(name for each in sums.values() for name in each.values if valence_of(name))
    )
    if not any(gives(each, name) for each in sums.values() for name in names):
        leave_blank(axes, why="no fraction yet")
        return
    axes.set_ylabel("fraction")
    axes.axhline(0.0, color=FADED, linewidth=0.6)
    for place, result in zip((-1, 1), sums.values(), strict=False):
        at = np.arange(len(names)) + place * _BESIDE
        _draw_points(axes, result, names, at)
        plain = [f"{name}_uncorrected" for name in names]
        if any(gives(result, name) for name in plain):
            _draw_points(axes, result, plain, at + _BESIDE, is_plain=True)
    axes.set_xticks(range(len(names)), [ion(*found) for found in map(valence_of, names) if found])
    axes.xaxis.minorticks_off()
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.margins(y=0.12)
    axes.legend(loc="best")


def _draw_points(
    axes: "Axes", result: Result, names: list[str], at: np.ndarray, *, is_plain: bool = False
) -> None:
    mode = str(result.mode)
    values = [number(result.values, name) if gives(result, name) else np.nan for name in names]
    sigmas = [number(result.sigmas, name) for name in names]
    colour = FADED if is_plain else _COLOURS[mode]
    is_filled = result.status is Status.FINAL and not is_plain
    axes.errorbar(
        at, values, yerr=sigmas, fmt=_MARKS[mode], color=colour, markersize=5, capsize=2,
        markerfacecolor=colour if is_filled else "white", elinewidth=1.0,
        label=f"{YIELDS[mode]}, uncorrected" if is_plain else _DEPTHS[mode],
    )  # fmt: skip


def _draw_sweeps(axes: "Axes", damage: Mapping[str, Result]) -> None:
    """Draw the fraction of each sweep, with one sigma; in grey where it is not believed."""
    said = [
        fill(f"{YIELDS[mode]}: {_said(each)}", _TITLE_CHARACTERS) for mode, each in damage.items()
    ]
    axes.set_title("\n".join(said), fontsize=8, color=INK)
    shown = {mode: each for mode, each in damage.items() if _has_sweeps(each)}
    if not shown:
        leave_blank(axes, why="no sweep yet")
        return
    first = next(iter(shown.values()))
    dose = f" (dose {amount(first, 'dose')} in all)" if gives(first, "dose") else ""
    axes.set_xlabel(f"sweep{dose}")
    axes.set_ylabel(f"{drifting(first)} fraction")
    for mode, each in shown.items():
        curves = each.curves["sweeps"]
        axes.errorbar(
            curves["sweep"], curves["fraction"], yerr=curves["fraction_sigma"], fmt=_MARKS[mode],
            color=FADED if each.status is Status.FAILED else _COLOURS[mode], markersize=4,
            capsize=2, elinewidth=1.0, label=YIELDS[mode],
        )  # fmt: skip
    axes.locator_params(axis="x", integer=True)
    axes.xaxis.minorticks_off()
    axes.margins(y=0.12)
    axes.legend(loc="best")


def _has_sweeps(result: Result) -> bool:
    return result.status is not Status.WAITING and "sweeps" in result.curves


def _said(result: Result) -> str:
    """What became of the fraction, and where that is not known, why."""
    said = damage_lines(result)[:1] or [f"beam damage ({result.status})", result.reason]
    return ", ".join(part for part in said if part)


def _relative(result: Result) -> Result:
    """Give a yield relative to its largest: its unit is that of one detector over another."""
    curves = result.curves.get("spectrum")
    if curves is None:
        return result
    measured = curves["mu"] - curves.get("baseline", 0.0)
    largest = np.nanmax(np.abs(curves.get("mu_corrected", measured)), initial=0.0) or 1.0
    scaled = {name: array / largest for name, array in curves.items() if name != "energy_ev"}
    spectrum = {"energy_ev": curves["energy_ev"], **scaled}
    return replace(result, curves={**result.curves, "spectrum": spectrum})
