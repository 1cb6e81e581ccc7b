"""`cgnmc watch`: the views in a process of their own, while the run goes on."""

import math
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.callbacks import EVERY
from cgnmc_bluesky.cli.boundary import error_output, output
from cgnmc_bluesky.cli.feeds import CatalogFeed, Feed, SocketFeed
from cgnmc_bluesky.cli.lines import JsonLines
from cgnmc_bluesky.results import Sink
from cgnmc_bluesky.views import ResultTable, RunFigure, TrendFigure

LOOK_PERIOD_S = 0.1
LAST_RESULTS_S = 30.0


@dataclass(frozen=True)
class Watch:
    """What the user wants to see.

    Parameters
    ----------
    source
        A catalog as a user may name it, or `tcp://host:port`.
    config
        The configuration; without it what the runs carry, else the one that is found as usual.
    as_json
        Whether results are written as JSON instead of a table.
    once
        Whether to end after the first run.
    timeout_s
        When to end at the latest, in seconds from now.
    trust
        Whether a socket on another machine may send.
    """

    source: str
    config: Path | None = None
    as_json: bool = False
    once: bool = False
    timeout_s: float | None = None
    trust: bool = False


class _Failures:
    """A sink that counts failed results."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        if name == "event" and doc["data"].get("status") == Status.FAILED:
            self._failed.add(doc["descriptor"])

    def __len__(self) -> int:
        return len(self._failed)


def watch_source(wanted: Watch) -> int:
    """Show results until the user, the first run's end or the time ends it.

    Parameters
    ----------
    wanted
        What to see.

    Returns
    -------
    int
        The exit status: 1 where an analysis failed.
    """
    beamline = Beamline.load(wanted.config) if wanted.config else None
    failures, first_stop = _Failures(), Event()
    with ExitStack() as stack:
        analyses = [analysis(beamline) for analysis in EVERY]
        for analysis in analyses:
            stack.callback(analysis.close)

        def send(name: str, doc: Mapping[str, Any]) -> None:
            for analysis in analyses:
                analysis(name, doc)
            if name == "stop":
                first_stop.set()

        feed = _feed(wanted, beamline, send)
        stack.callback(feed.stop)
        windows = [] if wanted.as_json else _windows()
        shown = JsonLines() if wanted.as_json else stack.enter_context(ResultTable(output()))
        for analysis in analyses:
            for sink in (shown, failures, *windows):
                analysis.subscribe(sink)
        feed.start()
        # Ctrl-C is the way to end a watch; what has come is still shown.
        with suppress(KeyboardInterrupt):
            _look_on(feed, windows, wanted.timeout_s, first_stop if wanted.once else Event())
        feed.stop()
        for analysis in analyses:
            analysis.wait(LAST_RESULTS_S)
    return 1 if len(failures) else 0


def _feed(wanted: Watch, beamline: Beamline | None, send: Sink) -> Feed:
    if wanted.source.startswith("tcp://"):
        return SocketFeed(wanted.source, send, _tell, trust=wanted.trust)
    return CatalogFeed(wanted.source, beamline, send, _tell)


def _tell(text: str) -> None:
    error_output().print(text, markup=False, highlight=False)


def _windows() -> list[RunFigure | TrendFigure]:
    return [view for view in (RunFigure(), TrendFigure()) if view.show()]


def _look_on(
    feed: Feed,
    windows: list[RunFigure | TrendFigure],
    timeout_s: float | None,
    is_over: Event,
) -> None:
    """Keep the windows alive until it is over."""
    end_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
    while time.monotonic() < end_s and not is_over.is_set():
        feed.check()
        if windows:
            windows[0].wait(LOOK_PERIOD_S)
        else:
            is_over.wait(LOOK_PERIOD_S)
