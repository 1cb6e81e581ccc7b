"""What a session shows while a plan runs."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bluesky import RunEngine
from rich.console import Console

from cgnmc_bluesky.views import ResultTable, RunFigure, TrendFigure
from cgnmc_bluesky.views.figure import DocumentFigure

LAST_RESULTS_TIMEOUT_S = 10.0
WIDTH_OF_FILES = 160


class Screen:
    """A table for each call of the RunEngine, which closes when the results of its runs are there.

    It is a sink for result documents and may be called from any thread.

    Parameters
    ----------
    console
        Where to write.
    wait
        Waits for the results of runs that have stopped, for a number of seconds at most.
    """

    def __init__(self, console: Console, wait: Callable[[float], object]) -> None:
        self._console = console
        self._wait = wait
        self._table = ResultTable(console)

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one result document."""
        self._table(name, doc)

    @contextmanager
    def during(self, engine: RunEngine) -> Iterator[None]:
        """Show results while the RunEngine is at work; one of its `context_managers`.

        Parameters
        ----------
        engine
            The RunEngine.
        """
        if engine.state == "idle":
            self._table = ResultTable(self._console)
        with self._table:
            yield
            self._wait(LAST_RESULTS_TIMEOUT_S)


def default_console() -> Console:
    """Give standard output, wide enough for whole lines where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_FILES)


def open_windows() -> list[DocumentFigure]:
    """Open windows for the newest run and for the trend over scans, where there is a display.

    Returns
    -------
    list
        Sinks for result documents; none where there is no IPython or no display.

    Raises
    ------
    ImportError
        If there is a display but no library to draw on it.
    """
    shell = _shell()
    if shell is None or not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        return []
    shell.run_line_magic("matplotlib", "qt")
    figures: list[DocumentFigure] = [RunFigure(), TrendFigure()]
    return [figure for figure in figures if figure.show()]


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()
