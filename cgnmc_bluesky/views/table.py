"""A table of results that fills line by line."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.views.board import Board, Latest
from cgnmc_bluesky.views.text import written

if TYPE_CHECKING:
    from types import TracebackType

_COLOURS = {
    Status.WAITING: "dim",
    Status.PROVISIONAL: "yellow",
    Status.FINAL: "green",
    Status.FAILED: "bold red",
}
_SHOWN_VALUES = 2


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
    """

    def __init__(self, console: Console | None = None, rows: int = 20) -> None:
        self._console = console or Console()
        self._rows = rows
        self._board = Board(curves_kept=0)
        self._live: Live | None = None
        self._printed = False

    def __enter__(self) -> "ResultTable":
        """Begin to show the table."""
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=self._newest,
                console=self._console,
                refresh_per_second=8,
                vertical_overflow="visible",
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
            self._rows = max(self._rows, len(self._board.latest()))
            self._live.stop()
            self._live = None

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one result document."""
        self._board(name, doc)
        if name == "stop" and not self._console.is_terminal:
            ended = self._board.find(doc["run_start"])
            if ended is not None:
                self._write_line(ended)

    def table(self) -> Table:
        """Every line so far, to be printed by rich."""
        return _table(self._board.latest())

    def _newest(self) -> RenderableType:
        return _table(self._board.latest()[-self._rows :])

    def _write_line(self, latest: Latest) -> None:
        table = _table([latest], fixed=True, header=not self._printed)
        self._printed = True
        self._console.print(table)


def _table(lines: list[Latest], *, fixed: bool = False, header: bool = True) -> Table:
    widths = (6, 28, 16, 14, 34, 12) if fixed else (None,) * 6
    table = Table(box=None, show_header=header, header_style="bold", pad_edge=False)
    for heading, width in zip(
        ("scan", "sample", "analysis", "mode", "value ± one sigma", "status"), widths, strict=True
    ):
        table.add_column(heading, width=width, no_wrap=heading in ("scan", "status"))
    table.add_column("reason", overflow="fold", ratio=None if fixed else 1)
    for latest in lines:
        table.add_row(*_cells(latest))
    return table


def _cells(latest: Latest) -> tuple[RenderableType, ...]:
    colour = _COLOURS[latest.status]
    return (
        Text("–" if latest.scan_id is None else str(latest.scan_id)),
        Text(latest.sample or latest.run_uid[:8]),
        Text(latest.analysis.replace("_", " ")),
        Text(latest.mode),
        Text(_headline(latest), style="dim" if latest.status is Status.PROVISIONAL else ""),
        Text(str(latest.status), style=colour),
        Text(latest.reason, style="dim"),
    )


def _headline(latest: Latest) -> str:
    names = list(latest.values)
    own = [name for name in names if name in (latest.analysis, "mean_valence")] or names
    shown = [name for name in own if latest.gives(name)][:_SHOWN_VALUES]
    return "\n".join(written(latest, name) for name in shown)
