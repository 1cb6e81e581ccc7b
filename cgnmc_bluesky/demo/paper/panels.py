"""Pictures of several curves beside one another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.views.board import Board
from cgnmc_bluesky.views.figure import FADED, SERIES, DocumentFigure, Panels, Sheet

COLUMNS = 2
_PANEL_INCHES = (4.4, 3.1)


@dataclass(frozen=True)
class Curve:
    """One curve of a panel.

    Parameters
    ----------
    label
        Its name; nothing where it has none of its own.
    x, y
        The curve.
    colour
        Number of its colour.
    style
        Matplotlib's line style.
    """

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colour: int = 0
    style: str = "-"


@dataclass(frozen=True)
class Panel:
    """One panel of a picture.

    Parameters
    ----------
    title, x_label, y_label
        What stands beside it.
    curves
        What is drawn.
    x_range
        The part of the axis that is shown; all without it.
    """

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve] = field(default_factory=tuple)
    x_range: tuple[float, float] | None = None


class PanelFigure(DocumentFigure):
    """Panels beside one another.

    Parameters
    ----------
    panels
        The panels.
    """

    def __init__(self, panels: Sequence[Panel]) -> None:
        super().__init__(Board(runs_kept=0))
        self._panels = panels
        rows = -(-len(panels) // COLUMNS)
        self.size_inches = (_PANEL_INCHES[0] * COLUMNS, _PANEL_INCHES[1] * rows)

    def draw(self, sheet: Sheet) -> None:
        """Draw all panels."""
        titles = tuple(panel.title for panel in self._panels)

        def arrange(figure: "object") -> Panels:
            rows = -(-len(titles) // COLUMNS)
            axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()  # type: ignore[attr-defined]
            for spare in axes[len(titles) :]:
                spare.set_visible(False)
            return {(title,): one for title, one in zip(titles, axes, strict=False)}

        drawn = sheet.panels(titles, arrange)
        for panel in self._panels:
            axes = drawn[panel.title,]
            axes.set_title(panel.title)
            axes.set_xlabel(panel.x_label)
            axes.set_ylabel(panel.y_label)
            for curve in panel.curves:
                colour = SERIES[curve.colour % len(SERIES)]
                axes.plot(
                    curve.x, curve.y, curve.style, color=colour, label=curve.label, linewidth=1.0
                )
            if not panel.curves:
                axes.text(0.5, 0.5, "not measured", color=FADED, ha="center",
                          transform=axes.transAxes)  # fmt: skip
            if panel.x_range:
                axes.set_xlim(*panel.x_range)
            if any(curve.label for curve in panel.curves):
                axes.legend(loc="best", fontsize=7)


def save_panels(path: Path, panels: Sequence[Panel]) -> Path:
    """Draw panels into a picture file.

    Parameters
    ----------
    path
        The file.
    panels
        The panels.
    """
    return PanelFigure(panels).save(path)
