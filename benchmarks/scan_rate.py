"""How much of its rate a RunEngine keeps with everything subscribed."""

import asyncio
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from bluesky import RunEngine
from bluesky.callbacks.buffer import BufferingWrapper
from bluesky.plans import count
from rich.console import Console

from benchmarks.figure import Figure
from benchmarks.scans import UNITS, Columns, Document, grid_ev, nickel, simulated
from benchmarks.scans import simulated_beamline as configuration
from cgnmc_bluesky.callbacks import EdgePosition, LiveAnalysis, Ni2Fraction
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.catalogs.embedded import EmbeddedCatalog
from cgnmc_bluesky.replay import KINDS
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.views import ResultTable

Sink = Callable[[str, Mapping[str, Any]], object]

PACED_S = 0.005
WAIT_S = 120.0


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    n_points, repeats = (20, 1) if tiny else (400, 3)
    paced = Recorded(_scan(n_points), PACED_S)
    bare = Recorded(_scan(2 * n_points), 0.0)
    with Session(catalog=not tiny) as session:
        session.rate(paced, session.sinks)
        pairs = [
            (session.rate(paced, ()), session.rate(paced, session.sinks)) for _ in range(repeats)
        ]
        yield Figure(
            "rate kept with all callbacks, paced at 200 points/s",
            median(1e2 * kept / alone for alone, kept in pairs),
            "%",
            at_least=95.0,
            remark=f"{pairs[0][0]:.0f} points/s without any; analyses, table and catalog",
        )
        rates = [
            (
                session.rate(bare, ()),
                _behind_a_buffer(session, bare),
                session.rate(bare, session.sinks),
            )
            for _ in range(1 if tiny else 3)
        ]
        alone, buffered, kept = (median(one) for one in zip(*rates, strict=True))
        yield Figure(
            "rate of a bare soft device with all callbacks",
            kept,
            "/s",
            peers={"no callback": alone, "an empty one behind a buffer": buffered},
        )
        final, wanted = session.final()
        yield Figure(
            "last results as those of a replay over all points",
            final,
            at_least=wanted,
            remark=f"of {wanted} results",
        )


class Recorded:
    """A device that reads out a spectrum, row by row, and does nothing else.

    Parameters
    ----------
    scan
        Readings by data key.
    period_s
        How long a trigger takes, in seconds.
    """

    name = "recorded"
    parent = None

    def __init__(self, scan: Columns, period_s: float) -> None:
        self._keys = tuple(scan)
        self._rows = list(zip(*(values.tolist() for values in scan.values()), strict=True))
        self._period_s = period_s
        self._at = -1

    def __len__(self) -> int:
        return len(self._rows)

    def trigger(self) -> "Done":
        """Go on to the next row."""
        self._at = (self._at + 1) % len(self._rows)
        done = Done()
        if self._period_s:
            asyncio.get_running_loop().call_later(self._period_s, done.finish)
        else:
            done.finish()
        return done

    def read(self) -> dict[str, dict[str, float]]:
        """Give the row."""
        now_s = time.time()
        return {
            key: {"value": value, "timestamp": now_s}
            for key, value in zip(self._keys, self._rows[self._at], strict=True)
        }

    def describe(self) -> dict[str, dict[str, Any]]:
        """Say what a row holds."""
        return {
            key: {"source": "benchmark", "dtype": "number", "shape": [], "units": UNITS[key]}
            for key in self._keys
        }

    def read_configuration(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def describe_configuration(self) -> dict[str, Any]:
        """Nothing."""
        return {}


class Done:
    """The least that a RunEngine takes for a status."""

    success = True

    def __init__(self) -> None:
        self.done = False
        self._callbacks: list[Callable[[Done], None]] = []

    def add_callback(self, callback: Callable[["Done"], None]) -> None:
        """Call it when it is done."""
        if self.done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def finish(self) -> None:
        """Be done."""
        self.done = True
        for callback in self._callbacks:
            callback(self)

    def exception(self, timeout: float | None = None) -> None:
        """Nothing went wrong."""


class Session:
    """A RunEngine, and all that a session subscribes to it.

    Parameters
    ----------
    catalog
        Whether to store the runs too.
    """

    def __init__(self, *, catalog: bool) -> None:
        self._engine = RunEngine({}, context_managers=[])
        self._stack = ExitStack()
        self._collector = ResultCollector()
        self._last: list[Document] = []
        self._has_catalog = catalog
        self.analyses: tuple[LiveAnalysis, ...] = ()
        self.sinks: tuple[Sink, ...] = ()

    def __enter__(self) -> "Session":
        enter = self._stack.enter_context
        self.analyses = (enter(EdgePosition(configuration())), enter(Ni2Fraction(configuration())))
        table = enter(ResultTable(Console(file=io.StringIO(), force_terminal=True)))
        self.sinks = self.analyses
        if self._has_catalog:
            folder = Path(enter(TemporaryDirectory(ignore_cleanup_errors=True)))
            writer = enter(EmbeddedCatalog(folder / "catalog")).open().writer()
            self.sinks = (*self.analyses, writer)
        for analysis in self.analyses:
            analysis.subscribe(table)
            analysis.subscribe(self._collector)
            if self._has_catalog:
                analysis.subscribe(writer)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        loop = self._engine.loop
        loop.call_soon_threadsafe(loop.stop)

    def rate(self, device: Recorded, sinks: Sequence[Sink]) -> float:
        """Points a second of a scan, from its first event to its last.

        Parameters
        ----------
        device
            What is scanned.
        sinks
            What is subscribed.
        """
        for analysis in self.analyses:
            analysis.wait(WAIT_S)
        self._last = []
        at_s: list[float] = []

        def note(name: str, doc: dict[str, Any]) -> None:
            self._last.append((name, doc))
            if name == "event":
                at_s.append(time.perf_counter())

        tokens = [self._engine.subscribe(sink) for sink in (*sinks, note)]
        self._engine(count([device], num=len(device)), edge="Ni K")
        for token in tokens:
            self._engine.unsubscribe(token)
        return (len(at_s) - 1) / (at_s[-1] - at_s[0])

    def final(self) -> tuple[int, int]:
        """How many results of the last run are those of its replay, and how many there are."""
        for analysis in self.analyses:
            analysis.wait(WAIT_S)
        replayed = ResultCollector()
        pipeline = Pipeline(KINDS, replayed, beamline=configuration())
        for name, doc in self._last:
            pipeline(name, doc)
        live = [_said(one) for one in self._collector.results]
        return sum(_said(one) in live for one in replayed.results), len(replayed.results)


def _said(result: Result) -> tuple[object, ...]:
    return (
        result.run_uid,
        result.analysis,
        result.status,
        result.n_points,
        tuple(result.values.items()),
        tuple(result.sigmas.items()),
    )


def _behind_a_buffer(session: Session, device: Recorded) -> float:
    wrapper = BufferingWrapper(lambda name, doc: None)
    try:
        return session.rate(device, (wrapper,))
    finally:
        wrapper.shutdown()


def _scan(n_points: int) -> Columns:
    random = np.random.default_rng(2)
    return simulated(nickel(0.4), random, signal_to_noise=500, energy_ev=grid_ev(n_points))
