"""The demo from its first scan to its report."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.catalogs import EmbeddedCatalog, open_source
from cgnmc_bluesky.catalogs.source import Document
from cgnmc_bluesky.cli.comparing import save_comparison
from cgnmc_bluesky.cli.contrasts import Comparison
from cgnmc_bluesky.cli.verifying import differences
from cgnmc_bluesky.demo.beamtime import RAMPS, scan_samples
from cgnmc_bluesky.demo.measured import series_folder, show_series
from cgnmc_bluesky.demo.report import (
    Line,
    contrast_lines,
    lines_of,
    summary,
    write_report,
    write_summary,
)
from cgnmc_bluesky.replay import Replay
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.views.headline import MN_NI_RATIO, O2_ONSET, PHASES
from cgnmc_bluesky.views.text import valence_of

_OF_PARTICLES = (
    "mn_ni_corrected",
    "mn_ni_core_corrected",
    "mn_ni_shell_corrected",
    "gradient_centre_um",
    "gradient_width_um",
)
_OF_RAMPS = {
    O2_ONSET: ("t_rate_c", "t_extrapolated_c", "t_peak_c", "fwhm_c"),
    PHASES: ("layered_fraction",),
}
STORING_S = 10.0
"""How long an interrupted demo waits for its catalog; the rest goes to the catalog's backup."""


def run_demo(folder: Path, *, seed: int = 0, console: Console | None = None) -> int:
    """Run a simulated beamtime and report on it.

    Parameters
    ----------
    folder
        Where everything goes; the catalog in its `catalog`. What is there already stays, and the
        new scans are numbered on.
    seed
        Of the simulated noise.
    console
        Where to show it; standard output without one.

    Returns
    -------
    int
        0; 1 where an analysis failed or the replay differs.
    """
    console = console or Console()
    started_s = time.monotonic()
    verb = "going on with the beamtime in" if (folder / "catalog").exists() else "a beamtime in"
    folder.mkdir(parents=True, exist_ok=True)
    _head(console, f"{verb} {folder}; its catalog starts while the first scans run")
    with EmbeddedCatalog(folder / "catalog").open_in_background() as catalog:
        try:
            live, figures = scan_samples(folder, catalog, console, seed)
        except KeyboardInterrupt:
            _head(console, "interrupted; storing what was measured")
            catalog.close(STORING_S)
            raise
        _head(console, "the same runs, replayed from the catalog")
        replayed = _replay(catalog, live, console)
    lines, remarks = replayed.lines, [_verdict(live, replayed.different)]
    if len(replayed.onsets) == len(RAMPS):
        _head(console, "the O2 release of the two materials, against each other")
        comparison = Comparison.of(*replayed.onsets)
        console.print(comparison.table())
        lines += contrast_lines(comparison, lines)
        remarks.append(f"{comparison.headline}.")
        figures.append(Path(save_comparison(comparison, replayed.documents, folder)["figure"]))
    series = series_folder()
    if series is not None:
        _head(console, "measured: LiNiO2 during its first charge (SOLEIL ROCK)")
        figures.append(show_series(series, folder, console))
    _head(console, "truth, result and uncertainty of each scan")
    console.print(summary(lines))
    write_summary(folder / "summary.csv", lines)
    write_report(folder / "report.md", lines, figures=figures, remarks=remarks)
    duration_s = time.monotonic() - started_s
    _head(console, f"done in {duration_s:.0f} s: {folder / 'report.md'} has the figures")
    has_failed = any(result.status is Status.FAILED for result in live)
    return 1 if replayed.different or has_failed else 0


def _head(console: Console, text: str) -> None:
    console.print()
    console.print(text, style="bold", markup=False, highlight=False)


@dataclass
class _Replayed:
    """What a replay gave: values beside their truth, differences, and what is drawn of ramps."""

    lines: list[Line] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    onsets: list[Result] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)


def _replay(catalog: EmbeddedCatalog, live: Sequence[Result], console: Console) -> _Replayed:
    """Replay the runs of the live results and compare, and set them against the truth."""
    replayed = _Replayed()
    with open_source(catalog) as source:
        replay = Replay(source)
        for run_uid in dict.fromkeys(result.run_uid for result in live):
            run = source.find(run_uid)
            documents = replay.documents(run)
            collector = ResultCollector()
            for name, doc in documents:
                collector(name, doc)
            stored = [Result.from_documents(run.documents()) for run in source.results_of(run_uid)]
            shown = [result for result in live if result.run_uid == run_uid]
            replayed.different += differences(collector.results, stored)
            replayed.different += differences(collector.results, shown)
            onsets = [result for result in collector.results if result.analysis == O2_ONSET]
            replayed.onsets += onsets
            replayed.documents += documents if onsets else []
            for result in collector.results:
                replayed.lines += lines_of(result, _truths(run.start, result))
    for text in replayed.different:
        console.print(text, style="red", markup=False, highlight=False)
    console.print(_verdict(live, replayed.different))
    return replayed


def _verdict(live: Sequence[Result], different: Sequence[str]) -> str:
    if different:
        return f"The replay differs from the scans: {different[0]}"
    return (
        f"The replay from the catalog gives all {len(live)} results as they were during the scans, "
        "to the last bit."
    )


def _truths(start: Mapping[str, Any], result: Result) -> dict[str, float]:
    """What the simulated sample is known to be, by the names of a result's values."""
    truth = start["truth"]
    if result.analysis == MN_NI_RATIO:
        particle = truth["particles"][(result.particle or 1) - 1]
        names: tuple[str, ...] = (
            _OF_PARTICLES if particle["gradient_width_um"] else _OF_PARTICLES[:1]
        )
        return {name: particle[name.removesuffix("_corrected")] for name in names}
    if result.analysis in _OF_RAMPS:
        names = _OF_RAMPS[result.analysis]
        return {name: truth[name] for name in names if truth[name] is not None}
    valence = valence_of(result.analysis)
    if valence is None:
        return {}
    element, lowest = valence
    return {
        result.analysis: truth["valences"][element].get(str(lowest), 0.0),
        "mean_valence": truth["mean_valence"][element],
    }
