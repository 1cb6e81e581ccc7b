"""What a run shows: spectra with their edge, or maps with the profiles of their particles."""

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.board import Board
from cgnmc_bluesky.views.figure import DocumentFigure, Sheet
from cgnmc_bluesky.views.headline import MN_NI_RATIO
from cgnmc_bluesky.views.maps import draw_maps
from cgnmc_bluesky.views.spectrum import draw_spectra, is_spectral


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
        maps = [result for result in results if result.analysis == MN_NI_RATIO]
        spectra = [result for result in results if is_spectral(result)]
        if maps:
            draw_maps(sheet, maps)
        elif spectra:
            draw_spectra(sheet, spectra)

    def _results(self) -> list[Result]:
        known = self._board.latest()
        run_uid = self.run_uid or (known[-1].run_uid if known else "")
        return [result for result in known if result.run_uid == run_uid]
