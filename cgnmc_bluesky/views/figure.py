"""A figure that is redrawn from the newest documents, on a screen or into a file."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import Board
from cgnmc_bluesky.views.text import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

REDRAW_PERIOD_MS = 100
DRAWING_SHARE = 0.25
"""Part of the time that a window may spend on drawing, at most."""

_REASON_LINES = 2
"""A long reason is written in full in tables and files."""

INK = "#1a1a1a"
FADED = "#8c8c8c"
ALARM = "#D55E00"
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, told apart by colour-blind readers too."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.columnspacing": 1.2,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.3,
    "savefig.dpi": 200,
}
_QUICK: dict[Any, Any] = {"xtick.minor.visible": False, "ytick.minor.visible": False}
"""Minor ticks are a third of the time that a drawing takes."""


Panels = dict[tuple[str, ...], "Axes"]
"""Axes by what is drawn on them."""


class Sheet:
    """A figure whose axes stay where they are while what is drawn on them changes.

    To find places for axes and to make their ticks is most of the time that a drawing takes.

    Parameters
    ----------
    figure
        An empty figure.
    """

    def __init__(self, figure: "Figure") -> None:
        self.figure = figure
        self.is_settled = True
        """Whether the axes are where what was drawn last wants them."""
        self._plan: Hashable = None
        self._is_new = False
        self._panels: Panels = {}

    def panels(self, plan: Hashable, arrange: "Callable[[Figure], Panels]") -> Panels:
        """Give empty axes: those that are there if they were made after the same plan.

        Parameters
        ----------
        plan
            What the axes depend on: how many there are, what their figure is called.
        arrange
            Makes them in an empty figure.
        """
        if plan != self._plan:
            self.figure.clear()
            self._panels = arrange(self.figure)
            self._plan, self._is_new = plan, True
        else:
            for holder in _holders(self.figure):
                for legend in list(holder.legends):
                    legend.remove()
            for axes in self._panels.values():
                _wipe(axes)
        return self._panels

    def show(self, *, settle: bool) -> None:
        """Draw on the screen.

        Parameters
        ----------
        settle
            Whether places are found anew; for new axes they always are.
        """
        self.is_settled = settle or self._is_new
        self.figure.set_layout_engine("constrained" if self.is_settled else "none")
        self.figure.canvas.draw()
        self._is_new = False


def _holders(figure: "FigureBase") -> "Iterator[FigureBase]":
    """Give a figure and all figures in it."""
    yield figure
    for inner in figure.subfigs:
        yield from _holders(inner)


def _wipe(axes: "Axes") -> None:
    """Take everything off that was drawn, and leave the ticks: `clear` would make them anew."""
    drawn = (axes.lines, axes.collections, axes.images, axes.patches, axes.texts)
    for artist in [artist for kind in drawn for artist in kind]:
        artist.remove()
    axes.containers.clear()
    legend = axes.get_legend()
    if legend is not None:
        legend.remove()
    axes.set_title("")
    axes.xaxis.set_visible(True)
    axes.yaxis.set_visible(True)
    axes.relim()
    axes.autoscale(True)


def leave_blank(*all_axes: "Axes", why: str = "") -> None:
    """Take the scales off axes that nothing is drawn on, and say in the first what is missing."""
    for axes in all_axes:
        axes.xaxis.set_visible(False)
        axes.yaxis.set_visible(False)
    all_axes[0].text(
        0.5, 0.5, why, transform=all_axes[0].transAxes, ha="center", va="center", color=FADED
    )  # fmt: skip


def draw_legend(panels: "list[Axes]", columns: int) -> None:
    """Name below a figure what is drawn in some of its panels.

    Parameters
    ----------
    panels
        The panels.
    columns
        How many names have room beside each other.
    """
    entries = [axes.get_legend_handles_labels() for axes in panels]
    handles = [handle for found, _ in entries for handle in found]
    names = [name for _, found in entries for name in found]
    if handles:
        holder = panels[0].figure
        holder.legend(handles, names, loc="outside lower center", ncols=min(len(names), columns))


def write_title(axes: "Axes", result: Result, said: Sequence[str], characters: int) -> None:
    """Write above a panel what a result says, how far that may be believed, and why.

    Parameters
    ----------
    axes
        The panel.
    result
        The result.
    said
        What it says, by line; its analysis without any.
    characters
        How many have room beside each other.
    """
    first, *others = said or [label(result.analysis)]
    if result.status is not Status.FINAL:
        first += f" ({result.status})"
    why = shorten(result.reason, _REASON_LINES * characters, placeholder=" …")
    lines = [fill(text, characters) for text in (first, *others, why) if text]
    colour = ALARM if result.status is Status.FAILED else INK
    axes.set_title("\n".join(lines), color=colour, fontsize=8)


class DocumentFigure(ABC):
    """A drawing of result documents.

    It is a sink: documents may come from any thread and are only stored; the drawing is done by
    `save`, or by the window's own timer in the thread of the screen.
    """

    size_inches: tuple[float, float] = (7.2, 3.6)

    def __init__(self, board: Board) -> None:
        self._board = board
        self._sheet: Sheet | None = None
        self._drawn_version = -1
        self._next_drawing_s = 0.0

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one result document."""
        self._board(name, doc)

    @abstractmethod
    def draw(self, sheet: Sheet) -> None:
        """Draw the newest state."""

    def save(self, path: str | Path) -> Path:
        """Draw into a picture file.

        Parameters
        ----------
        path
            File to write; its suffix (`.png`, `.pdf`, `.svg`) names the format.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        with _style():
            figure = Figure(figsize=self.size_inches, layout="constrained")
            FigureCanvasAgg(figure)
            self.draw(Sheet(figure))
            figure.savefig(path)
        return Path(path)

    def show(self) -> bool:
        """Open a window that redraws itself while documents come, ten times a second at most.

        To be called from the thread of the screen, which is the main one.

        Returns
        -------
        bool
            Whether there is a screen; without one nothing happens.
        """
        from matplotlib import pyplot as plt

        with _style(window=True):
            figure = plt.figure(figsize=self.size_inches, layout="constrained")
        if figure.canvas.required_interactive_framework is None:
            plt.close(figure)
            return False
        self._sheet = Sheet(figure)
        timer = figure.canvas.new_timer(interval=REDRAW_PERIOD_MS)
        timer.add_callback(self.refresh)
        timer.start()
        figure.canvas.mpl_connect("close_event", lambda _event: timer.stop())
        figure.show()
        return True

    def wait(self, duration_s: float) -> None:
        """Let the windows of the screen live for a while; to be called from its thread."""
        if self._sheet is not None:
            self._sheet.figure.canvas.start_event_loop(duration_s)

    def refresh(self) -> None:
        """Redraw the window if documents have come since the last time.

        A drawing that takes long is made less often, so that it leaves the interpreter to the scan.
        Axes get their places anew when documents pause.
        """
        began_s = time.monotonic()
        if self._sheet is None or began_s < self._next_drawing_s:
            return
        is_new = self._board.version != self._drawn_version
        if not is_new and self._sheet.is_settled:
            return
        with _style(window=True):
            if is_new:
                self._drawn_version = self._board.version
                self.draw(self._sheet)
            self._sheet.show(settle=not is_new)
        now_s = time.monotonic()
        self._next_drawing_s = now_s + (now_s - began_s) / DRAWING_SHARE


def _style(*, window: bool = False) -> AbstractContextManager[None]:
    from matplotlib import rc_context

    return rc_context({**_STYLE, **(_QUICK if window else {})})
