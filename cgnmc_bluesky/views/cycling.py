"""A cell that is cycled: its voltage against capacity, dQ/dV, and what is left after each cycle."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.figure import (
    FADED,
    SERIES,
    Panels,
    Sheet,
    draw_legend,
    leave_blank,
    write_title,
)
from cgnmc_bluesky.views.statements import CYCLING, cycling_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_INCHES = (9.6, 6.8)
_TITLE_CHARACTERS, _LEGEND_COLUMNS = 100, 8
_COLOURS, _DARKEST, _LIGHTEST = "viridis", 0.0, 0.85
_MARK_SIZE, _MANY_CYCLES = 4.0, 50
_CHARGE, _DISCHARGE, _PEAK = SERIES[1], SERIES[0], SERIES[1]
_VOLTAGE, _DQDV, _CAPACITY, _EFFICIENCY, _AT, _HEIGHT = _PANELS = (
    ("voltage",), ("dqdv",), ("capacity",), ("efficiency",), ("peak",), ("height",)
)  # fmt: skip

_Floats = NDArray[np.float64]
_Arrays = Mapping[str, _Floats]


def is_of_cell(result: Result) -> bool:
    """Whether a result is of a cell's cycling."""
    return result.analysis == CYCLING


def draw_cycling(sheet: Sheet, results: list[Result], name: str) -> None:
    """Draw voltage against capacity, dQ/dV, and capacities and the peak against the cycle.

    Parameters
    ----------
    sheet
        Where to draw.
    results
        The one result of the run's cycling.
    name
        What the run is called.
    """
    result = results[-1]
    panels = sheet.panels(("cycling", name), lambda figure: _arrange(figure, name))
    write_title(panels["title",], result, cycling_lines(result), _TITLE_CHARACTERS)
    groups = [result.curves.get(group, {}) for group in ("voltage", "dqdv", "cycles")]
    voltage, dqdv, cycles = groups
    cycles = _that_say_something(cycles)
    colours = _colours(voltage)
    _draw_voltage(panels[_VOLTAGE], voltage, result, colours)
    _draw_dqdv(panels[_DQDV], dqdv, result, colours)
    _draw_peaks(panels[_DQDV], dqdv, cycles)
    _draw_capacity(panels[_CAPACITY], panels[_EFFICIENCY], cycles, result)
    _draw_followed(panels[_AT], panels[_HEIGHT], cycles, result)
    draw_legend([panels[_VOLTAGE]], _LEGEND_COLUMNS)


def _arrange(figure: "Figure", name: str) -> Panels:
    figure.set_size_inches(*_SIZE_INCHES)
    figure.suptitle(name, fontsize=10)
    grid = figure.add_gridspec(3, 2, height_ratios=(0.02, 1.0, 0.8))
    title = figure.add_subplot(grid[0, :])
    title.set_axis_off()
    panels: Panels = {("title",): title}
    panels[_VOLTAGE], panels[_DQDV] = (figure.add_subplot(grid[1, at]) for at in (0, 1))
    for at, (first, second) in enumerate(((_CAPACITY, _EFFICIENCY), (_AT, _HEIGHT))):
        panels[first] = figure.add_subplot(grid[2, at])
        panels[second] = panels[first].twinx()
        panels[first].tick_params(which="both", right=False)
    return panels


def _colours(voltage: _Arrays) -> dict[float, tuple[float, ...]]:
    """Give each cycle that is shown its colour, from the first to the last."""
    from matplotlib import colormaps

    shown = np.unique(voltage.get("voltage_cycle", np.empty(0)))
    shades = np.linspace(_DARKEST, _LIGHTEST, max(2, len(shown)))
    colours = colormaps[_COLOURS]
    return {float(cycle): colours(shade) for cycle, shade in zip(shown, shades, strict=False)}


def _that_say_something(cycles: _Arrays) -> _Arrays:
    """Leave out cycles of which no half is over."""
    if not cycles:
        return cycles
    told = np.isfinite(cycles["charge_capacity"]) | np.isfinite(cycles["discharge_capacity"])
    return {name: array[told] for name, array in cycles.items()} if told.any() else {}


def _halves(arrays: _Arrays, group: str) -> Iterator[tuple[float, NDArray[np.bool_]]]:
    """Give the rows of each half cycle of a group, the first of a cycle first."""
    cycle, direction = arrays[f"{group}_cycle"], arrays[f"{group}_direction"]
    for number in np.unique(cycle):
        for way in (1.0, -1.0):
            rows = (cycle == number) & (direction == way)
            if rows.any():
                yield float(number), rows


def _draw_voltage(
    axes: "Axes",
    arrays: _Arrays,
    result: Result,
    colours: Mapping[float, tuple[float, ...]],
) -> None:
    if not arrays:
        leave_blank(axes, why="no half cycle yet")
        return
    named: set[float] = set()
    for cycle, rows in _halves(arrays, "voltage"):
        label = None if cycle in named else f"cycle {cycle:.0f}"
        named.add(cycle)
        axes.plot(
            arrays["capacity"][rows], arrays["voltage_v"][rows], color=colours.get(cycle, FADED),
            label=label,
        )  # fmt: skip
    axes.set_xlabel(f"capacity ({_unit(result, 'capacity')})")
    axes.set_ylabel("voltage (V)")


def _draw_dqdv(
    axes: "Axes",
    arrays: _Arrays,
    result: Result,
    colours: Mapping[float, tuple[float, ...]],
) -> None:
    if not arrays:
        leave_blank(axes, why="no dQ/dV")
        return
    axes.axhline(0.0, color=FADED, linewidth=0.6)
    slope = arrays["dqdv_direction"] * arrays["dqdv"]
    for cycle, rows in _halves(arrays, "dqdv"):
        colour = colours.get(cycle, FADED)
        axes.plot(arrays["dqdv_v"][rows], slope[rows], color=colour, linewidth=1.0)
    axes.set_xlabel("voltage (V)")
    axes.set_ylabel(f"dQ/dV ({_unit(result, 'dqdv')})")


def _draw_peaks(axes: "Axes", dqdv: _Arrays, cycles: _Arrays) -> None:
    """Mark the peak that is followed, on the curves that are shown."""
    if not dqdv or not cycles:
        return
    shown = np.isin(cycles["cycle"], dqdv["dqdv_cycle"])
    height = dqdv["dqdv_direction"].max() * cycles["peak_height"][shown]
    axes.plot(
        cycles["peak_v"][shown], height, "v", color=_PEAK, markersize=5,
        markeredgecolor="white", markeredgewidth=0.6, label="peak",
    )  # fmt: skip


def _draw_capacity(axes: "Axes", beside: "Axes", cycles: _Arrays, result: Result) -> None:
    if not cycles:
        leave_blank(axes, beside, why="no whole cycle yet")
        return
    number, size = cycles["cycle"], _mark_size(cycles["cycle"])
    axes.plot(
        number, cycles["charge_capacity"], "o", color=_CHARGE, fillstyle="none", markersize=size,
        label="charge",
    )  # fmt: skip
    axes.plot(
        number, cycles["discharge_capacity"], "o", color=_DISCHARGE, markersize=size,
        label="discharge",
    )  # fmt: skip
    percent = 100 * cycles["efficiency"]
    beside.plot(number, percent, ".", color=FADED, markersize=3)
    known = percent[np.isfinite(percent)]
    beside.set_ylim(min(97.0, *(known - 1)), max(101.0, *(known + 0.5)))
    axes.set_xlabel("cycle number")
    axes.set_ylabel(f"capacity ({_unit(result, 'charge_capacity')})")
    beside.set_ylabel("Coulombic efficiency (%)", color=FADED)
    _count(axes, number)
    axes.legend(loc="best")


def _draw_followed(axes: "Axes", beside: "Axes", cycles: _Arrays, result: Result) -> None:
    if not cycles or not np.isfinite(cycles["peak_v"]).any():
        leave_blank(axes, beside, why="no peak of dQ/dV that is followed")
        return
    number = cycles["cycle"]
    axes.errorbar(
        number, cycles["peak_v"], yerr=cycles["peak_v_sigma"], fmt="v", color=_PEAK,
        markersize=_mark_size(number), capsize=0, elinewidth=0.8,
    )  # fmt: skip
    beside.plot(number, cycles["peak_height"], ".", color=FADED, markersize=3)
    axes.set_xlabel("cycle number")
    axes.set_ylabel("peak of dQ/dV (V)", color=_PEAK)
    axes.ticklabel_format(axis="y", useOffset=False)
    beside.set_ylabel(f"height of the peak ({_unit(result, 'peak_height')})", color=FADED)
    _count(axes, number)


def _mark_size(cycles: _Floats) -> float:
    return _MARK_SIZE if len(cycles) <= _MANY_CYCLES else _MARK_SIZE / 2


def _count(axes: "Axes", cycles: _Floats) -> None:
    """Give the axis whole numbers, of one cycle too."""
    margin = max(0.5, 0.02 * len(cycles))
    axes.set_xlim(cycles.min() - margin, cycles.max() + margin)
    axes.locator_params(axis="x", integer=True)
    axes.xaxis.minorticks_off()


def _unit(result: Result, name: str) -> str:
    return result.curve_units.get(name, "")
