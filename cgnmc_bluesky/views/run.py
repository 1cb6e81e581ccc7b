"""What a run shows: spectra, maps with profiles of their particles, a ramp."""

from collections.abc import Callable

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import Board, run_name
from cgnmc_bluesky.views.cycling import draw_cycling, is_of_cell
from cgnmc_bluesky.views.figure import DocumentFigure, Sheet
from cgnmc_bluesky.views.headline import MN_NI_RATIO
from cgnmc_bluesky.views.imaging import draw_stack, is_of_stack
from cgnmc_bluesky.views.maps import draw_maps
from cgnmc_bluesky.views.ramp import draw_ramp, is_of_ramp
from cgnmc_bluesky.views.spectrum import draw_spectra, is_spectral
from cgnmc_bluesky.views.statements import charge_of
from cgnmc_bluesky.views.yields import draw_yields, is_of_yield

_DRAWN: tuple[tuple[Callable[[Result], bool], Callable[[Sheet, list[Result], str], None]], ...] = (
    (lambda result: result.analysis == MN_NI_RATIO, draw_maps),
    (is_of_yield, draw_yields),
    (is_of_stack, draw_stack),
    (is_spectral, draw_spectra),
    (is_of_ramp, draw_ramp),
    (is_of_cell, draw_cycling),
)
"""Which results are drawn together, and how."""


class RunFigure(DocumentFigure):
    """The results of one run, each technique drawn in its own way.

    Parameters
    ----------
    run_uid
        The run to draw; the newest one without it.
    """

    def __init__(self, run_uid: str | None = None) -> None:
        super().__init__(Board())
        self.run_uid = run_uid

    def draw(self, sheet: Sheet) -> None:
        """Draw the run."""
        results = self._results()
        for belongs, draw in _DRAWN:
            found = [result for result in results if belongs(result)]
            if found:
                draw(sheet, found, _heading(results))
                return

    def _results(self) -> list[Result]:
        known = self._board.latest()
        run_uid = self.run_uid or (known[-1].run_uid if known else "")
        return [result for result in known if result.run_uid == run_uid]


def _heading(results: list[Result]) -> str:
    """What a run is called, and the state of charge that it was made in, where that is known."""
    return "\n".join(part for part in (run_name(results[0]), charge_of(results)) if part)
