"""The spectrum of a scan: where its edge is, and what it is a sum of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import gives, number
from cgnmc_bluesky.views.figure import (
    FADED,
    INK,
    SERIES,
    Panels,
    Sheet,
    draw_legend,
    leave_blank,
    write_title,
)
from cgnmc_bluesky.views.text import valence_of, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EDGE = "edge_position"
_ROW_INCHES = (7.2, 3.6)
_BELOW_EDGE_EV, _ABOVE_EDGE_EV = 40.0, 110.0
_COMPONENT = "component_"
_TITLE_CHARACTERS = 50
_LEGEND_COLUMNS = 4
_MEASURED = "as measured"
_SUM = SERIES[1]
_PARTS = (SERIES[0], *SERIES[2:])


def is_spectral(result: Result) -> bool:
    """Whether a result is of a spectrum: an edge, or a combination of references."""
    return result.analysis == EDGE or result.analysis.endswith("_fraction")


def draw_spectra(sheet: Sheet, results: list[Result], name: str) -> None:
    """Draw normalised absorption with the edge, and the linear combination with its residual.

    The points of a final result are filled; while the scan grows they are open and the sum is
    dashed. A result that waits shows nothing but its reason, a failed one its measurement too.

    Parameters
    ----------
    sheet
        Where to draw: a row of panels for each detection mode.
    results
        Results of one run.
    name
        What the run is called.
    """
    rows: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.analysis != EDGE):
        rows.setdefault(result.mode or "", []).append(result)
    columns = {
        mode: tuple((result.analysis, result.status) for result in row)
        for mode, row in rows.items()
    }
    panels = sheet.panels(
        ("spectra", name, *columns.items()), lambda figure: _arrange(figure, name, columns)
    )
    for row in rows.values():
        _draw_row(panels, row)


def _arrange(
    figure: "Figure", name: str, columns: Mapping[str, tuple[tuple[str, Status], ...]]
) -> Panels:
    figure.set_size_inches(_ROW_INCHES[0], _ROW_INCHES[1] * len(columns))
    rows = figure.subfigures(len(columns), 1, squeeze=False)[:, 0]
    panels: Panels = {}
    for row, (mode, analyses) in zip(rows, columns.items(), strict=True):
        row.suptitle(f"{name} · {mode}" if mode else name, fontsize=10)
        grid = row.add_gridspec(1, len(analyses))
        for column, (analysis, _) in zip(grid, analyses, strict=True):
            if analysis == EDGE:
                panels[mode, analysis] = row.add_subplot(column)
                continue
            parts = column.subgridspec(2, 1, height_ratios=(3.2, 1.0), hspace=0.0)
            upper = row.add_subplot(parts[0])
            panels[mode, analysis] = upper
            panels[mode, analysis, "residual"] = row.add_subplot(parts[1], sharex=upper)
    return panels


def _draw_row(panels: Panels, results: list[Result]) -> None:
    mode = results[0].mode or ""
    edge_ev = next(
        (number(edge.values, "edge_ev") for edge in results if gives(edge, "edge_ev")), None
    )
    for result in results:
        axes = panels[mode, result.analysis]
        if result.analysis == EDGE:
            _draw_edge(axes, result)
        else:
            own = [name for name in result.values if valence_of(name)]
            residual = panels[mode, result.analysis, "residual"]
            draw_sum(axes, residual, result, _given(result, own))
        if edge_ev is not None and "spectrum" in result.curves:
            _zoom(axes, result.curves["spectrum"]["energy_ev"], edge_ev)
    draw_legend([axes for key, axes in panels.items() if key[0] == mode], _LEGEND_COLUMNS)


def _draw_edge(axes: "Axes", result: Result) -> None:
    write_title(axes, result, _given(result, ("edge_ev",)), _TITLE_CHARACTERS)
    axes.set_xlabel("energy (eV)")
    axes.set_ylabel("normalised absorption")
    if not _is_drawn(result, "normalised"):
        leave_blank(axes)
        return
    curves = result.curves["spectrum"]
    energy_ev, normalised = curves["energy_ev"], curves["normalised"]
    axes.axhline(1.0, color=FADED, linewidth=0.6, dashes=(6, 4))
    _plot_measured(axes, energy_ev, normalised, result)
    if gives(result, "edge_ev"):
        edge_ev, sigma_ev = number(result.values, "edge_ev"), number(result.sigmas, "edge_ev")
        axes.axvline(edge_ev, color=_SUM, linewidth=0.9)
        if np.isfinite(sigma_ev):
            axes.axvspan(edge_ev - sigma_ev, edge_ev + sigma_ev, color=_SUM, alpha=0.25, lw=0)
    beside = ("half_step_ev", "edge_shift_ev", "calibration_shift_ev", "edge_step")
    lines = [written(result, name) for name in beside if gives(result, name)]
    axes.annotate(
        "\n".join(lines), (0.97, 0.04), xycoords="axes fraction", ha="right", va="bottom", size=8
    )


def draw_sum(
    upper: "Axes",
    lower: "Axes",
    result: Result,
    said: Sequence[str],
    *,
    quantity: str = "absorption µ",
    characters: int = _TITLE_CHARACTERS,
) -> None:
    """Draw a measurement as the sum of its references, and what that leaves.

    Parameters
    ----------
    upper, lower
        Where to draw the sum, and the residual below it.
    result
        A combination of references.
    said
        What stands above it, by line.
    quantity
        What was measured.
    characters
        How many have room beside each other above it.
    """
    upper.set_ylabel(quantity)
    write_title(upper, result, said, characters)
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("energy (eV)")
    lower.set_ylabel("residual")
    if not _is_drawn(result, "mu"):
        leave_blank(upper, lower)
        return
    curves = result.curves["spectrum"]
    components = [name for name in curves if name.startswith(_COMPONENT)]
    if result.status is Status.FAILED or not components:
        _plot_measured(upper, curves["energy_ev"], curves["mu"], result, "measured")
        lower.yaxis.set_visible(False)
        return
    upper.set_ylabel(f"{quantity}, less baseline")
    _draw_components(upper, result, components)
    lower.axhline(0.0, color=FADED, linewidth=0.6)
    lower.plot(curves["energy_ev"], curves["residual"], color=INK, linewidth=0.8)


def _draw_components(axes: "Axes", result: Result, components: list[str]) -> None:
    """Draw the measurement and its parts, on the ground of what the parts do not account for.

    Where over-absorption was corrected for, the parts add up to what is corrected.
    """
    curves = result.curves["spectrum"]
    energy_ev = curves["energy_ev"]
    parts: NDArray[np.float64] = np.sum([curves[name] for name in components], axis=0)
    baseline = curves.get("baseline", curves["fit"] - parts)
    measured, name = curves["mu"] - baseline, "measured"
    if "mu_corrected" in curves:
        axes.plot(energy_ev, measured, color=FADED, linewidth=0.8, label=_MEASURED)
        measured, name = curves["mu_corrected"], "corrected"
    _plot_measured(axes, energy_ev, measured, result, name)
    style = "-" if result.status is Status.FINAL else "--"
    axes.plot(energy_ev, parts, color=_SUM, linestyle=style, linewidth=1.0, label="sum")
    for component, colour in zip(components, _PARTS, strict=False):
        name = component.removeprefix(_COMPONENT)
        fraction = f"fraction_{name}"
        text = written(result, fraction) if gives(result, fraction) else name
        axes.plot(energy_ev, curves[component], color=colour, linewidth=1.0, label=text)


def _plot_measured(
    axes: "Axes",
    energy_ev: NDArray[np.float64],
    values: NDArray[np.float64],
    result: Result,
    name: str | None = None,
) -> None:
    colour = FADED if result.status is Status.FAILED else INK
    face = colour if result.status is Status.FINAL else "none"
    axes.plot(
        energy_ev, values, "o", color=colour, label=name,
        markersize=2.0, markeredgewidth=0.5, markerfacecolor=face,
    )  # fmt: skip


def _is_drawn(result: Result, curve: str) -> bool:
    drawn = result.curves.get("spectrum", {}).get(curve, np.empty(0))
    return result.status is not Status.WAITING and bool(np.isfinite(drawn).any())


def _zoom(axes: "Axes", energy_ev: NDArray[np.float64], edge_ev: float) -> None:
    measured = energy_ev[np.isfinite(energy_ev)]
    axes.set_xlim(
        max(edge_ev - _BELOW_EDGE_EV, measured.min()), min(edge_ev + _ABOVE_EDGE_EV, measured.max())
    )
    axes.locator_params(axis="x", nbins=5)


def _given(result: Result, names: Iterable[str]) -> list[str]:
    given = ", ".join(written(result, name) for name in names if gives(result, name))
    return [given] if given else []
