"""A table of results that fills line by line."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import Board, sample_name
from cgnmc_bluesky.views.headline import headline
from cgnmc_bluesky.views.text import label

if TYPE_CHECKING:
    from types import TracebackType

_COLOURS = {
    Status.WAITING: "dim",
    Status.PROVISIONAL: "yellow",
    Status.FINAL: "green",
    Status.FAILED: "bold red",
}
_LINES_BESIDE = 4


class ResultTable(AbstractContextManager["ResultTable"]):
    """A line for each run and analysis: what came out, how sure, and if nothing, why.

    On a terminal the lines change while the scan goes on; elsewhere each is written once, when its
    result's run has ended. It is a sink for result documents and may be called from any thread.

    Parameters
    ----------
    console
        Where to write; standard output without one.
    rows
        Number of lines kept in view on a terminal, the newest.
    live
        Whether lines change while a scan goes on; without it, on terminals.
    below
        What else stands below the lines while they change, such as a progress bar.
    """

    def __init__(
        self,
        console: Console | None = None,
        rows: int = 20,
        *,
        live: bool | None = None,
        below: RenderableType | None = None,
    ) -> None:
        self._console = console or Console()
        self._below = below
        self._is_live = self._console.is_terminal if live is None else live
        self._rows = rows
        self._board = Board(runs_kept=0)
        self._live: Live | None = None
        self._is_over = False
        self._printed = False

    def __enter__(self) -> "ResultTable":
        """Begin to show the table."""
        if self._is_live:
            self._is_over = False
            self._live = Live(
                get_renderable=self._newest,
                console=self._console,
                refresh_per_second=8,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        """Leave the whole table on the screen."""
        if self._live is not None:
            self._is_over = True
            self._live.stop()
            self._live = None

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one result document."""
        self._board(name, doc)
        if name == "stop" and not self._is_live:
            ended = self._board.find(doc["run_start"])
            if ended is not None:
                self._write_line(ended)

    def table(self) -> Table:
        """Every line so far, to be printed by rich."""
        return _table(self._board.latest())

    def _newest(self) -> RenderableType:
        if self._is_over:
            return self.table()
        newest = self._board.latest()[-self._rows :]
        table = _table(_fitting(newest, self._console.height - _LINES_BESIDE))
        return table if self._below is None else Group(table, self._below)

    def _write_line(self, result: Result) -> None:
        table = _table([result], fixed=True, header=not self._printed)
        self._printed = True
        self._console.print(table)


def _fitting(results: list[Result], n_lines: int) -> list[Result]:
    """Give the newest results that a number of lines has room for, one at least."""
    taken = accumulate(max(2, len(headline(result))) for result in reversed(results))
    return results[-max(1, sum(lines <= n_lines for lines in taken)) :]


def _of_what(result: Result) -> str:
    """Which of the run's signals or particles a result is of."""
    return result.mode or ("" if result.particle is None else f"particle {result.particle}")


def _table(lines: list[Result], *, fixed: bool = False, header: bool = True) -> Table:
    widths = (5, 24, 13, 12, 58, 11) if fixed else (None,) * 6
    table = Table(box=None, show_header=header, header_style="bold", pad_edge=False)
    for heading, width in zip(
        ("scan", "sample", "analysis", "of", "value ± one sigma", "status"), widths, strict=True
    ):
        table.add_column(heading, width=width, no_wrap=heading in ("scan", "status"))
    table.add_column("reason", overflow="fold", ratio=None if fixed else 1)
    for result in lines:
        table.add_row(*_cells(result))
    return table


def _cells(result: Result) -> tuple[RenderableType, ...]:
    colour = _COLOURS[result.status]
    shade = "dim" if result.status is Status.PROVISIONAL else ""
    return (
        Text("–" if result.scan_id is None else str(result.scan_id)),
        Text(sample_name(result)),
        Text(label(result.analysis)),
        Text(_of_what(result)),
        Text("\n".join(headline(result)), style=shade),
        Text(str(result.status), style=colour),
        Text(result.reason, style="dim"),
    )
