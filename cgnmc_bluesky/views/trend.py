"""How edge, valence, Mn/Ni and O2 release go from scan to scan, or over the samples of a series."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, get_args

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.series import Against, SeriesResult, trends
from cgnmc_bluesky.views.board import Board, gives, number, sample_name
from cgnmc_bluesky.views.figure import ALARM, FADED, MARKERS, SERIES, DocumentFigure, Panels, Sheet
from cgnmc_bluesky.views.headline import MN_NI_RATIO, O2_ONSET
from cgnmc_bluesky.views.series import draw_series, mode_name
from cgnmc_bluesky.views.text import ion, valence_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL_INCHES = 2.1
_SAMPLES_APART = 7
_TITLE_CHARACTERS = 100

_Series = dict[str, list[tuple[float, float, float, Status]]]
"""Of each sample or valence: place along the axis, value, one sigma and status of each point."""


class TrendFigure(DocumentFigure):
    """Edge position, valence fractions, Mn/Ni and O2 release over the scans, with one-sigma bars.

    Final values are filled, provisional ones open; a scan that says nothing leaves no mark. Of
    several samples each has its colour; of one (or too many to tell apart) each valence has, and
    core and shell. Of a map's particles the largest is shown.

    Where the newest run is a sample of a series (runs differ in the cycles, or else in the cut-off
    voltage, that they name), it is drawn over these instead, with what a test says of each
    material and mode.

    Parameters
    ----------
    x
        Where each run stands along the axis, by the uid of the raw run: a time, a charge; runs not
        named are left out. Without it, the scan's number.
    x_label
        What `x` is, with its unit.
    against
        What the samples of a series differ in; without it, what the newest run and others name.
    quantities
        Names of the values that are followed over a series; without it, what sums up each analysis.

    Attributes
    ----------
    said
        What else is to be said of a series, by line.
    """

    size_inches = (6.4, 5.0)

    def __init__(
        self,
        x: Mapping[str, float] | None = None,
        x_label: str = "scan number",
        *,
        against: Against | None = None,
        quantities: Sequence[str] | None = None,
    ) -> None:
        super().__init__(Board(runs_kept=0))
        self._against: Against | None = against
        self._quantities = quantities
        self.said: Sequence[str] = ()
        self._x = x
        self._x_label = x_label

    @property
    def is_blank(self) -> bool:
        """Whether the runs so far have no value that a scan after the other would show."""
        results = self._board.latest()
        return not _panels(results, self._places(results)) and not _failures(results)

    def draw(self, sheet: Sheet) -> None:
        """Draw a panel for each quantity that has a trend."""
        results = self._board.latest()
        found = self._series(results)
        if found is None:
            self._draw_over_scans(sheet, results)
        else:
            draw_series(sheet, found, said=self.said, fault=_failures(results))

    def _draw_over_scans(self, sheet: Sheet, results: list[Result]) -> None:
        panels = _panels(results, self._places(results))
        if not panels:
            text = "\n".join(filter(None, ("no value over the scans", _failures(results))))
            if results:
                sheet.panels(text, lambda figure: _say_nothing(figure, text))
            return
        samples = _samples_apart(results)
        titles = tuple(panels)
        all_axes = sheet.panels(titles, lambda figure: self._arrange(figure, titles)).values()
        for axes, (title, series) in zip(all_axes, panels.items(), strict=True):
            axes.set_ylabel(title)
            axes.ticklabel_format(axis="y", useOffset=False)
            _draw_series(axes, series, samples or list(series))
            axes.label_outer()
        first, *_, last = *all_axes, *all_axes
        last.set_xlabel(self._x_label)
        if self._x is None:
            last.locator_params(axis="x", integer=True)
            last.xaxis.minorticks_off()
        _draw_legends(list(all_axes), samples)
        _write_failures(first, results)

    def _places(self, results: list[Result]) -> Mapping[str, float]:
        return _scan_numbers(results) if self._x is None else self._x

    def _series(self, results: list[Result]) -> list[SeriesResult] | None:
        """Give the series that is asked for or under way, `None` where there is none."""
        if self._against is not None:
            return trends(results, against=self._against, quantities=self._quantities)
        for against in get_args(Against) if self._x is None and results else ():
            if against in results[-1].conditions:
                found = trends(results, against=against, quantities=self._quantities)
                if any(each.trend for each in found):
                    return found
        return None

    def _arrange(self, figure: "Figure", titles: tuple[str, ...]) -> Panels:
        figure.set_size_inches(self.size_inches[0], 0.8 + _PANEL_INCHES * len(titles))
        all_axes = figure.subplots(len(titles), 1, sharex=True, squeeze=False)[:, 0]
        return {(title,): axes for title, axes in zip(titles, all_axes, strict=True)}


def _say_nothing(figure: "Figure", text: str) -> Panels:
    figure.text(0.5, 0.5, fill(text, _TITLE_CHARACTERS), ha="center", color=FADED)
    return {}


def _scan_numbers(results: list[Result]) -> dict[str, float]:
    """Scan numbers where every run has its own, else 1, 2, 3, … in the order of the runs."""
    numbers = {result.run_uid: result.scan_id for result in results}
    if None in numbers.values() or len(set(numbers.values())) < len(numbers):
        return {run_uid: float(count) for count, run_uid in enumerate(numbers, start=1)}
    return {run_uid: float(scan_id) for run_uid, scan_id in numbers.items() if scan_id is not None}


def _samples_apart(results: list[Result]) -> list[str]:
    samples = list(dict.fromkeys(sample_name(result) for result in results))
    return samples if 1 < len(samples) <= _SAMPLES_APART else []


def _panels(results: list[Result], x: Mapping[str, float]) -> dict[str, _Series]:
    apart = bool(_samples_apart(results))
    modes = {result.mode for result in results if result.mode}
    panels: dict[str, _Series] = {}
    for result in results:
        if result.run_uid not in x:
            continue
        for name, title, label in _quantities(result, samples_apart=apart):
            if gives(result, name):
                value, sigma = number(result.values, name), number(result.sigmas, name)
                point = (x[result.run_uid], value, sigma, result.status)
                by = f", {mode_name(result.mode)}" if result.mode and len(modes) > 1 else ""
                panels.setdefault(title + by, {}).setdefault(label, []).append(point)
    return dict(sorted(panels.items(), key=lambda panel: "edge" not in panel[0]))


def _quantities(result: Result, *, samples_apart: bool) -> Iterator[tuple[str, str, str]]:
    """Name, panel and series of each value that has a trend."""
    if result.analysis == MN_NI_RATIO:
        yield from _ratios(result, samples_apart=samples_apart)
        return
    if result.analysis == O2_ONSET:
        yield from _releases(result, samples_apart=samples_apart)
        return
    own = valence_of(result.analysis)
    for name in result.values:
        valence = valence_of(name)
        if name == "edge_ev":
            edge = result.about["analysis"]["parameters"].get("edge", "")
            yield (
                name,
                f"{edge} edge position (eV)".strip(),
                sample_name(result) if samples_apart else "",
            )
        elif own and valence and samples_apart:
            if valence == own:
                yield name, f"{ion(*valence)} fraction", sample_name(result)
        elif own and valence:
            yield name, f"fraction of {valence[0]}", ion(*valence)


def _ratios(result: Result, *, samples_apart: bool) -> Iterator[tuple[str, str, str]]:
    for end in ("core", "shell") if result.particle in (None, 1) else ():
        if samples_apart:
            yield f"mn_ni_{end}", f"Mn/Ni, {end}", sample_name(result)
        else:
            yield f"mn_ni_{end}", "Mn/Ni", end


def _releases(result: Result, *, samples_apart: bool) -> Iterator[tuple[str, str, str]]:
    for name, title in (("t_rate_c", "O₂ onset (°C)"), ("fwhm_c", "FWHM of the release (°C)")):
        yield name, title, sample_name(result) if samples_apart else ""


def _draw_series(axes: "Axes", series: _Series, order: list[str]) -> None:
    for label, points in series.items():
        place = order.index(label)
        colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
        ordered = sorted(points)
        x_line, y_line = [point[0] for point in ordered], [point[1] for point in ordered]
        axes.plot(x_line, y_line, color=colour, linewidth=0.6, alpha=0.5)
        axes.plot([], [], marker, color=colour, markersize=5, label=label)
        for x, y, sigma, status in points:
            face = colour if status is Status.FINAL else "white"
            axes.errorbar(
                x, y, yerr=sigma, fmt=marker, color=colour, markerfacecolor=face, markersize=5,
                capsize=2, elinewidth=1.0,
            )  # fmt: skip


def _draw_legends(all_axes: "list[Axes]", samples: list[str]) -> None:
    if not samples:
        for axes in all_axes:
            if any(axes.get_legend_handles_labels()[1]):
                axes.legend(loc="best")
        return
    entries = [axes.get_legend_handles_labels() for axes in all_axes]
    named = {name: handle for found in entries for handle, name in zip(*found, strict=True)}
    names = [name for name in samples if name in named]
    holder = all_axes[0].figure
    holder.legend([named[name] for name in names], names, loc="outside upper center", ncols=2)


def _write_failures(axes: "Axes", results: list[Result]) -> None:
    text = _failures(results)
    if text:
        axes.set_title(fill(text, _TITLE_CHARACTERS), color=ALARM, fontsize=8)


def _failures(results: list[Result]) -> str:
    failed = [result for result in results if result.status is Status.FAILED]
    if not failed:
        return ""
    return f"{len(failed)} of {len(results)} results failed, the last: {failed[-1].reason}"
