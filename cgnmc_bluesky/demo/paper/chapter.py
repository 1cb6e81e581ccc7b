"""What a figure of the paper needs: measurements, statements and pictures."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.findings import Findings
from cgnmc_bluesky.demo.paper.statements import Statement
from cgnmc_bluesky.views import RunFigure

MATERIALS = ("conventional", "gradient")
"""Names that both materials have in every simulated instrument."""


@dataclass(frozen=True)
class Picture:
    """A picture of the report.

    Parameters
    ----------
    path
        The file.
    caption
        What it shows.
    """

    path: Path
    caption: str


class Chapter(ABC):
    """One figure of the paper."""

    key: ClassVar[str]
    """The figure's number, as in file names."""
    title: ClassVar[str]

    @abstractmethod
    def measure(self, bench: Bench) -> None:
        """Measure what the figure shows.

        Parameters
        ----------
        bench
            Where to.
        """

    @abstractmethod
    def statements(self, found: Findings) -> list[Statement]:
        """What the paper says of it, and whether that holds.

        Parameters
        ----------
        found
            Results of all runs.
        """

    @abstractmethod
    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Draw it.

        Parameters
        ----------
        bench
            Where the documents are, and its folder the pictures' too.
        found
            Results of all runs.
        """


def run_picture(bench: Bench, run_uid: str, name: str, caption: str) -> Picture:
    """Draw the results of one run.

    Parameters
    ----------
    bench
        Where its result documents are.
    run_uid
        The run.
    name
        Name of the picture file, without its ending.
    caption
        What it shows.
    """
    figure = RunFigure()
    for doc_name, doc in bench.documents[run_uid]:
        figure(doc_name, doc)
    return Picture(figure.save(bench.folder / f"{name}.png"), caption)
