"""Scans, maps and ramps of the simulated instruments in a RunEngine, with live results."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator, RunEngineInterrupted
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cgnmc_bluesky.callbacks import EVERY
from cgnmc_bluesky.catalogs import EmbeddedCatalog
from cgnmc_bluesky.plans import heating_ramp, xanes_scan, xrf_fly_map
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.sim import SimulatedFacility, SimulatedHotStage
from cgnmc_bluesky.startup.devices import simulated_devices
from cgnmc_bluesky.startup.engine import carry, make_run_engine
from cgnmc_bluesky.views import ResultTable, RunFigure, TrendFigure

SAMPLES = (
    "conventional, pristine",
    "conventional, 100 cycles",
    "gradient, pristine",
    "gradient, 100 cycles",
)
PARTICLES = ("gradient", "conventional")
POINTS_PER_S, ROWS_PER_S = 80.0, 8.0
"""Pace of the scans and of the maps, so that one can look on."""
MAP_HALF_UM, MAP_PIXELS, MAP_DWELL_S = 6.0, 49, 0.02
RAMPS = ("conventional", "gradient")
TARGET_C, RATE_C_PER_MIN, PATTERN_PERIOD_S, ION_PERIOD_S = 400.0, 6.0, 45.0, 5.0
COLD_C = 40.0
"""From here a ramp begins; the furnace is given time to cool."""
RESULTS_TIMEOUT_S = 60.0


def scan_samples(
    folder: Path, catalog: EmbeddedCatalog, console: Console, seed: int
) -> tuple[list[Result], list[Path]]:
    """Scan every sample over the Ni K edge, map every particle, and heat every material.

    Results come to the screen and into the catalog.

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
    facility = simulated_devices(
        points_per_s=POINTS_PER_S,
        rows_per_s=ROWS_PER_S,
        readings_per_s=None,
        seed=seed,
        folder=catalog.measured,
    )
    engine = make_run_engine(folder / "scan_id")
    carry(engine, facility.metadata)
    progress = ScanProgress(console, len(SAMPLES) + len(PARTICLES) + len(RAMPS))
    collector, newest, trend = ResultCollector(), RunFigure(), TrendFigure()
    with ExitStack() as stack:
        writer = catalog.writer()
        table = stack.enter_context(ResultTable(console, below=progress.bar))
        for view in (newest, trend):
            view.show()
        analyses = [analysis() for analysis in EVERY]
        for analysis in analyses:
            stack.callback(analysis.close)
            for sink in (table, collector, newest, trend, writer):
                analysis.subscribe(sink)
        for callback in (writer, *analyses, progress):
            engine.subscribe(callback)
        try:
            engine(_beamtime(facility))
        except RunEngineInterrupted:
            engine.abort("interrupted by the user")
            raise KeyboardInterrupt from None
        for analysis in analyses:
            analysis.wait(RESULTS_TIMEOUT_S)
    figures = _save(folder, collector.results, newest, trend)
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
        self._row = 1
        self._temperature = ""
        self._task = self.bar.add_task("the first scan is about to begin", total=None)

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one document of a raw run."""
        if name == "start":
            self._scan += 1
            text = f"scan {self._scan} of {self._n_scans} · {doc['sample']}"
            total = doc["target_c"] if "target_c" in doc else doc["num_points"]
            self.bar.reset(self._task, total=total, description=text)
            if not self._console.is_terminal:
                self._console.print(text, style="dim", markup=False, highlight=False)
            self._row = doc["shape"][-1] if "shape" in doc else 1
            self._temperature = doc["beamline"]["heating"]["temperature_c"]
        elif name == "event" and self._temperature in doc["data"]:
            self.bar.update(self._task, completed=doc["data"][self._temperature])
        elif name == "event":
            self.bar.advance(self._task)
        elif name == "stream_datum":
            rows = doc["seq_nums"]["stop"] - 1
            self.bar.update(self._task, completed=rows * self._row)


def _beamtime(facility: SimulatedFacility) -> MsgGenerator[None]:
    beamline, nanoprobe = facility.beamline, facility.nanoprobe
    for name in SAMPLES:
        yield from bps.mv(beamline.sample, name)
        detectors = [beamline.i0, beamline.it, beamline.ir]
        yield from xanes_scan(detectors, beamline.mono, edge="Ni K")
    area = (-MAP_HALF_UM, MAP_HALF_UM, MAP_PIXELS)
    for name in PARTICLES:
        yield from bps.mv(nanoprobe.particle, name)
        stage = nanoprobe.stage
        yield from xrf_fly_map(
            nanoprobe.xspress3, stage.x, *area, stage.y, *area, dwell_s=MAP_DWELL_S
        )
    for name in RAMPS:
        yield from _ramp(facility.hot_stage, name)


def _ramp(stage: SimulatedHotStage, material: str) -> MsgGenerator[None]:
    """Wait until the furnace is cold, change the sample, and heat it."""
    if stage.furnace.position > COLD_C:
        yield from bps.mv(stage.furnace.heater, 1)
        yield from bps.mv(stage.furnace, COLD_C)
    yield from bps.mv(stage.sample, material)
    yield from heating_ramp(
        stage.furnace,
        [stage.diffractometer],
        [stage.rga],
        target_c=TARGET_C,
        rate_c_per_min=RATE_C_PER_MIN,
        pattern_period_s=PATTERN_PERIOD_S,
        ion_period_s=ION_PERIOD_S,
    )


def _save(folder: Path, results: list[Result], newest: RunFigure, trend: TrendFigure) -> list[Path]:
    scans = {result.run_uid: result.scan_id for result in results}
    figures = []
    for run_uid, scan_id in scans.items():
        newest.run_uid = run_uid
        figures.append(newest.save(folder / f"scan{scan_id:04d}.png"))
    return [trend.save(folder / "trend.png"), *figures]
