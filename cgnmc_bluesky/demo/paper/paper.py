"""`cgnmc demo --paper`: every figure measured, its statements judged, a report written."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import Chapter, Picture
from cgnmc_bluesky.demo.paper.cycling import Cycling
from cgnmc_bluesky.demo.paper.findings import Findings
from cgnmc_bluesky.demo.paper.hard import HardEdges
from cgnmc_bluesky.demo.paper.heating import Heating
from cgnmc_bluesky.demo.paper.images import Images
from cgnmc_bluesky.demo.paper.maps import CycledMaps, Maps
from cgnmc_bluesky.demo.paper.page import write_page
from cgnmc_bluesky.demo.paper.soft import ManganeseSeries, NickelSeries
from cgnmc_bluesky.demo.paper.statements import (
    Statement,
    counted,
    disagreements,
    table_of,
    write_statements,
)

CHAPTERS: tuple[type[Chapter], ...] = (
    Maps,
    Cycling,
    HardEdges,
    NickelSeries,
    Images,
    ManganeseSeries,
    CycledMaps,
    Heating,
)


def run_paper(
    folder: Path,
    *,
    seed: int = 0,
    console: Console | None = None,
    chapters: Sequence[type[Chapter]] = CHAPTERS,
) -> int:
    """Measure what each figure of the paper shows, and say which of its statements hold.

    Parameters
    ----------
    folder
        Where the report goes: `index.html`, pictures, `statements.csv`, `statements.json`, and the
        documents of all runs as `runs.jsonl`.
    seed
        Of the simulated noise.
    console
        Where to show it; standard output without one.
    chapters
        Which figures.

    Returns
    -------
    int
        0; 1 where an analysis failed.
    """
    console = console or Console()
    began_s = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    report = _Report(Bench(folder, console, seed), console)
    try:
        with report.bench.progress:
            for kind in chapters:
                report.add(kind())
    except KeyboardInterrupt:
        report.write("It was interrupted: what is missing here was not measured.")
        raise
    report.write("")
    for text in disagreements(report.statements):
        console.print(f"methods disagree: {text}", markup=False, highlight=False)
    console.print(f"\n{counted(report.statements)}", style="bold", highlight=False)
    console.print(
        f"done in {time.monotonic() - began_s:.0f} s: {folder / 'index.html'} has the figures",
        style="bold", markup=False, highlight=False,
    )  # fmt: skip
    failed = any(result.status is Status.FAILED for result in report.bench.results)
    return 1 if failed else 0


class _Report:
    """What the report consists of so far."""

    def __init__(self, bench: Bench, console: Console) -> None:
        self.bench = bench
        self._console = console
        self._chapters: list[tuple[Chapter, list[Statement], Sequence[Picture]]] = []

    @property
    def statements(self) -> list[Statement]:
        """Statements of all chapters."""
        return [each for _, some, _ in self._chapters for each in some]

    def add(self, chapter: Chapter) -> None:
        """Measure a chapter, and print what it says; also of a part where it is interrupted."""
        began_s = time.monotonic()
        try:
            chapter.measure(self.bench)
        finally:
            self._say(chapter, began_s)

    def _say(self, chapter: Chapter, began_s: float) -> None:
        found = Findings(self.bench.results)
        said, pictures = chapter.statements(found), chapter.pictures(self.bench, found)
        self._chapters.append((chapter, said, pictures))
        duration_s = time.monotonic() - began_s
        self._console.print(
            f"\nFig. {chapter.key}: {chapter.title} ({duration_s:.0f} s)",
            style="bold", markup=False, highlight=False,
        )  # fmt: skip
        self._console.print(table_of(said))

    def write(self, remark: str) -> None:
        """Write the report."""
        write_statements(self.bench.folder, self.statements)
        write_page(self.bench.folder / "index.html", self._chapters, remark)
