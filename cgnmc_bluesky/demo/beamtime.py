"""Scans of the simulated beamline in a RunEngine, with live results."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator, RunEngineInterrupted
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cgnmc_bluesky.callbacks import EdgePosition, Ni2Fraction
from cgnmc_bluesky.catalogs import EmbeddedCatalog
from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.sim import SimulatedBeamline
from cgnmc_bluesky.startup.engine import carry, make_run_engine
from cgnmc_bluesky.views import ResultTable, RunFigure, TrendFigure

SAMPLES = (
    "conventional, pristine",
    "conventional, 100 cycles",
    "gradient, pristine",
    "gradient, 100 cycles",
)
POINTS_PER_S = 80.0
"""Pace of the scans, so that one can look on."""
RESULTS_TIMEOUT_S = 60.0


def scan_samples(
    folder: Path, catalog: EmbeddedCatalog, console: Console, seed: int
) -> tuple[list[Result], list[Path]]:
    """Scan every sample over the Ni K edge, with results on the screen and in the catalog.

    Parameters
    ----------
    folder
        Where the figures go.
    catalog
        Where runs and results go; it may still be starting.
    console
        Where the results are shown.
    seed
        Of the simulated noise.

    Returns
    -------
    tuple of list
        The results, and the figures.
    """
    beamline = SimulatedBeamline(seed=seed, points_per_s=POINTS_PER_S)
    engine = make_run_engine(folder / "scan_id")
    carry(engine, beamline.metadata)
    progress = ScanProgress(console, len(SAMPLES))
    collector, spectrum, trend = ResultCollector(), RunFigure(), TrendFigure()
    with ExitStack() as stack:
        writer = catalog.writer()
        table = stack.enter_context(ResultTable(console, below=progress.bar))
        for view in (spectrum, trend):
            view.show()
        analyses = [EdgePosition(), Ni2Fraction()]
        for analysis in analyses:
            stack.callback(analysis.close)
            for sink in (table, collector, spectrum, trend, writer):
                analysis.subscribe(sink)
        for callback in (writer, *analyses, progress):
            engine.subscribe(callback)
        try:
            engine(_every_sample(beamline))
        except RunEngineInterrupted:
            engine.abort("interrupted by the user")
            raise KeyboardInterrupt from None
        for analysis in analyses:
            analysis.wait(RESULTS_TIMEOUT_S)
    figures = _save(folder, collector.results, spectrum, trend)
    writer.flush()
    return collector.results, figures


class ScanProgress:
    """A callback that shows how far the scans are: a bar on a terminal, a line each elsewhere.

    Parameters
    ----------
    console
        Where to show it.
    n_scans
        How many scans there will be.
    """

    def __init__(self, console: Console, n_scans: int) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console
        )
        self._console = console
        self._n_scans = n_scans
        self._scan = 0
        self._task = self.bar.add_task("the first scan is about to begin", total=None)

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one document of a raw run."""
        if name == "start":
            self._scan += 1
            text = f"scan {self._scan} of {self._n_scans} · {doc['sample']}"
            self.bar.reset(self._task, total=doc["num_points"], description=text)
            if not self._console.is_terminal:
                self._console.print(text, style="dim", markup=False, highlight=False)
        elif name == "event":
            self.bar.advance(self._task)


def _every_sample(beamline: SimulatedBeamline) -> MsgGenerator[None]:
    for name in SAMPLES:
        yield from bps.mv(beamline.sample, name)
        detectors = [beamline.i0, beamline.it, beamline.ir]
        yield from xanes_scan(detectors, beamline.mono, edge="Ni K")


def _save(
    folder: Path, results: list[Result], spectrum: RunFigure, trend: TrendFigure
) -> list[Path]:
    scans = {result.run_uid: result.scan_id for result in results}
    figures = []
    for run_uid, scan_id in scans.items():
        spectrum.run_uid = run_uid
        figures.append(spectrum.save(folder / f"scan{scan_id:04d}.png"))
    return [trend.save(folder / "trend.png"), *figures]
