"""The demo from its first scan to its report."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.catalogs import EmbeddedCatalog, open_source
from cgnmc_bluesky.cli.verifying import differences
from cgnmc_bluesky.demo.beamtime import scan_samples
from cgnmc_bluesky.demo.measured import series_folder, show_series
from cgnmc_bluesky.demo.report import Line, lines_of, summary, write_report, write_summary
from cgnmc_bluesky.replay import Replay
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.views.headline import MN_NI_RATIO
from cgnmc_bluesky.views.text import valence_of

_OF_PARTICLES = (
    "mn_ni_corrected",
    "mn_ni_core_corrected",
    "mn_ni_shell_corrected",
    "gradient_centre_um",
    "gradient_width_um",
)
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
        lines, different = _replay(catalog, live, console)
    series = series_folder()
    if series is not None:
        _head(console, "measured: LiNiO2 during its first charge (SOLEIL ROCK)")
        figures.append(show_series(series, folder, console))
    _head(console, "truth, result and uncertainty of each scan")
    console.print(summary(lines))
    remarks = [_verdict(live, different)]
    write_summary(folder / "summary.csv", lines)
    write_report(folder / "report.md", lines, figures=figures, remarks=remarks)
    duration_s = time.monotonic() - started_s
    _head(console, f"done in {duration_s:.0f} s: {folder / 'report.md'} has the figures")
    has_failed = any(result.status is Status.FAILED for result in live)
    return 1 if different or has_failed else 0


def _head(console: Console, text: str) -> None:
    console.print()
    console.print(text, style="bold", markup=False, highlight=False)


def _replay(
    catalog: EmbeddedCatalog, live: Sequence[Result], console: Console
) -> tuple[list[Line], list[str]]:
    """Replay the runs of the live results and compare, and set them against the truth."""
    lines: list[Line] = []
    different: list[str] = []
    with open_source(catalog) as source:
        replay = Replay(source)
        for run_uid in dict.fromkeys(result.run_uid for result in live):
            run = source.find(run_uid)
            collector = ResultCollector()
            for name, doc in replay.documents(run):
                collector(name, doc)
            stored = [Result.from_documents(run.documents()) for run in source.results_of(run_uid)]
            shown = [result for result in live if result.run_uid == run_uid]
            different += differences(collector.results, stored)
            different += differences(collector.results, shown)
            for result in collector.results:
                lines += lines_of(result, _truths(run.start, result))
    for text in different:
        console.print(text, style="red", markup=False, highlight=False)
    console.print(_verdict(live, different))
    return lines, different


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
        names = _OF_PARTICLES if particle["gradient_width_um"] else _OF_PARTICLES[:1]
        return {name: particle[name.removesuffix("_corrected")] for name in names}
    valence = valence_of(result.analysis)
    if valence is None:
        return {}
    element, lowest = valence
    return {
        result.analysis: truth["valences"][element].get(str(lowest), 0.0),
        "mean_valence": truth["mean_valence"][element],
    }
