"""`cgnmc compare`: two ramps replayed, and their O2 releases set against each other."""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import Source, SourceError
from cgnmc_bluesky.catalogs.source import Document
from cgnmc_bluesky.cli.boundary import output
from cgnmc_bluesky.cli.contrasts import Comparison
from cgnmc_bluesky.cli.lines import write_object
from cgnmc_bluesky.cli.sources import drafting, open_named
from cgnmc_bluesky.replay import KINDS, NothingFits, Replay
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.views import ComparisonFigure
from cgnmc_bluesky.views.headline import O2_ONSET, PHASES


@dataclass(frozen=True)
class Pair:
    """Which runs the user wants compared, and where to.

    Parameters
    ----------
    source
        The source, as the user named it.
    runs
        Two of its runs, likewise.
    config
        The configuration; without it what the runs carry, else the one that is found as usual.
    as_json
        Whether the comparison is written as JSON instead of a table.
    out
        Folder for the figure and the table.
    """

    source: str
    runs: tuple[str, str]
    config: Path | None = None
    as_json: bool = False
    out: Path | None = None


def compare_source(wanted: Pair) -> int:
    """Compare what is asked for.

    Parameters
    ----------
    wanted
        What, and where to.

    Returns
    -------
    int
        The exit status: 1 where an analysis failed.
    """
    beamline = Beamline.load(wanted.config) if wanted.config else None
    with ExitStack() as stack:
        source = stack.enter_context(open_named(wanted.source, beamline))
        if not wanted.as_json:
            stack.enter_context(drafting(source))
        # Patterns are for the figure alone: to analyse them takes longer than the gas.
        analyses = (O2_ONSET, PHASES) if wanted.out else (O2_ONSET,)
        documents = _replayed(source, wanted.runs, beamline, analyses)
    collector = ResultCollector()
    for name, doc in documents:
        collector(name, doc)
    onsets = [result for result in collector.results if result.analysis == O2_ONSET]
    comparison = Comparison.of(*onsets)
    files = save_comparison(comparison, documents, wanted.out) if wanted.out else {}
    if wanted.as_json:
        write_object(comparison.as_dict() | ({"files": files} if files else {}))
    else:
        _show(comparison, files)
    return 1 if comparison.status is Status.FAILED else 0


def save_comparison(
    comparison: Comparison, documents: Sequence[Document], folder: Path
) -> dict[str, str]:
    """Write the figure of both ramps, and the comparison as a table.

    Parameters
    ----------
    comparison
        The comparison.
    documents
        Documents of the results of both runs.
    folder
        Where to write; made where it is not there.

    Returns
    -------
    dict[str, str]
        The files written, by what they hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uids = [result.run_uid for result in comparison.results]
    figure = ComparisonFigure(uids, comparison.headline)
    for name, doc in documents:
        figure(name, doc)
    path = folder / "comparison.csv"
    with path.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        table.writerow(
            ("quantity", "first", "first_sigma", "second", "second_sigma", "contrast", "value",
             "sigma", "significance", "reason")
        )  # fmt: skip
        for each in comparison.contrasts:
            of_each = (*each.first, *each.second)
            between = (each.name, each.value, each.sigma, each.significance, each.reason)
            table.writerow((each.quantity, *of_each, *between))
    return {"figure": str(figure.save(folder / "comparison.png")), "table": str(path)}


def _replayed(
    source: Source, names: Sequence[str], beamline: Beamline | None, analyses: Sequence[str]
) -> list[Document]:
    runs = [source.find(name) for name in names]
    if runs[0].uid == runs[1].uid:
        raise SourceError(f"{names[0]} and {names[1]} are one run; name two")
    replay = Replay(source, beamline, [kind for kind in KINDS if kind.name in analyses])
    documents: list[Document] = []
    for run in runs:
        found = replay.documents(run)
        if not _holds_onset(found):
            raise NothingFits(replay.why_nothing(run))
        documents += found
    return documents


def _holds_onset(documents: Sequence[Document]) -> bool:
    return any(name == "start" and doc["analysis"]["name"] == O2_ONSET for name, doc in documents)


def _show(comparison: Comparison, files: dict[str, str]) -> None:
    console = output()
    console.print(comparison.table())
    for text in dict.fromkeys((comparison.headline, comparison.reason)):
        if text:
            console.print(text, markup=False, highlight=False)
    if files:
        console.print(f"written: {', '.join(files.values())}", markup=False, highlight=False)
