"""`cgnmc trend`: what a series of samples says together, to the screen and into files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table
from rich.text import Text

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.beamline import Beamline, ConfigurationMissing
from cgnmc_bluesky.catalogs import Run, Source, SourceError
from cgnmc_bluesky.catalogs.source import Document
from cgnmc_bluesky.cli.boundary import output, progress_bar
from cgnmc_bluesky.cli.lines import write_object
from cgnmc_bluesky.cli.parallel import replayed
from cgnmc_bluesky.cli.saving import write_table
from cgnmc_bluesky.cli.selection import Selection
from cgnmc_bluesky.cli.sources import drafting, open_named
from cgnmc_bluesky.replay import NothingFits, Replay
from cgnmc_bluesky.results import Result, ResultCollector, conditions_of
from cgnmc_bluesky.series import Against, SeriesResult, charge_balances, kept_gradients, trends
from cgnmc_bluesky.views import TrendFigure
from cgnmc_bluesky.views.series import mode_name, name_of, sample_of

_HOW = {
    "cycles": 'let the plan record it: md={"cycles": 50, "material": "gradient"}',
    "cutoff_v": 'let the plan record it: md={"cutoff_v": 4.8, "material": "gradient"}',
}
_PLACES = frozenset(_HOW)
"""Conditions that a series may go along."""
_SERIES_HEAD = ("analysis", "mode", "against", "edge", "status", "verdict", "reason")
_WHICH = ("mode", "particle")
_CONDITIONS = ("material", "cycles", "cutoff_v")
_POINT_HEAD = ("run_uid", "scan_id", "sample", "particle")


@dataclass(frozen=True)
class Wanted:
    """Which series the user wants to see, and where to.

    Parameters
    ----------
    source
        The source, as the user named it.
    selection
        Which of its runs.
    against
        What the samples differ in.
    values
        Names of the values that are followed; what sums up each analysis without any.
    config
        The configuration; without it what the runs carry, else the one that is found as usual.
    as_json
        Whether results are written as JSON instead of a table.
    out
        Folder for the figure and the tables.
    stored
        Whether the results in the catalog are taken, instead of a replay's.
    workers
        Number of processes; in this one without it.
    """

    source: str
    selection: Selection = field(default_factory=Selection)
    against: Against = "cycles"
    values: tuple[str, ...] = ()
    config: Path | None = None
    as_json: bool = False
    out: Path | None = None
    stored: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.stored and self.workers:
            raise ValueError("--workers replays, and --stored does not; give one")


def trend_source(wanted: Wanted) -> int:
    """Test what is asked for.

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
        samples, others = _samples(source, wanted)
        if not wanted.as_json:
            stack.enter_context(drafting(source))
        find = _stored if wanted.stored else _replayed
        documents = find(wanted, source, samples, beamline)
    figure = TrendFigure(against=wanted.against, quantities=wanted.values or None)
    collector = ResultCollector()
    for name, doc in documents:
        collector(name, doc)
        figure(name, doc)
    series = series_of(collector.results, wanted, beamline or _found())
    files = save_series(series, figure, wanted.out) if wanted.out else {}
    if wanted.as_json:
        for each in series:
            write_object(each.as_dict() | ({"files": files} if files else {}))
    else:
        _show(series, others, files)
    return 1 if any(result.status is Status.FAILED for result in collector.results) else 0


def series_of(
    results: Sequence[Result], wanted: Wanted, beamline: Beamline | None
) -> list[SeriesResult]:
    """Put the results of all samples together.

    Parameters
    ----------
    results
        Of all samples.
    wanted
        What they differ in, and which values are followed.
    beamline
        The configuration, which may say what materials consist of.

    Raises
    ------
    ValueError
        If no result has a value that is asked for.
    """
    names = list(dict.fromkeys(name for result in results for name in result.values))
    unknown = [name for name in wanted.values if name not in names]
    if unknown:
        there = ", ".join(names)
        raise ValueError(f"--value {unknown[0]!r} is in no result; there are {there}")
    placed = [result for result in results if wanted.against in result.conditions]
    found = trends(placed, against=wanted.against, quantities=wanted.values or None)
    if wanted.values:
        return found
    return [*found, *kept_gradients(results), *charge_balances(results, beamline=beamline)]


def save_series(
    series: Sequence[SeriesResult], figure: TrendFigure, folder: Path
) -> dict[str, str]:
    """Write the figure, a table of each kind of result, and the points that they rest on.

    Parameters
    ----------
    series
        What was found.
    figure
        What shows it.
    folder
        Where to write; made where it is not there.

    Returns
    -------
    dict[str, str]
        The files written, by what they hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    followed = [each for each in series if each.quantity]
    figure.said = [
        f"{sample_of(each)}: {_parts(each)[0]}"
        for each in series
        if not each.quantity and each.status is Status.FINAL
    ]
    points = [_point_row(each, place) for each in followed for place in range(len(each.points))]
    files = {
        "figure": str(figure.save(folder / "trend.png")),
        "points": str(write_table(folder / "points.csv", points)),
    }
    kinds = {"trends": followed}
    for each in series:
        if not each.quantity:
            kinds.setdefault(each.analysis, []).append(each)
    for kind, rows in kinds.items():
        table = [(_head(each), each.values, each.sigmas) for each in rows]
        files[kind] = str(write_table(folder / f"{kind}.csv", table))
    return files


def _samples(source: Source, wanted: Wanted) -> tuple[list[Run], int]:
    """Find the runs that belong to a series, and how many others there are.

    Pristine samples name no cut-off voltage: they count in a series over that, too.
    """
    runs = list(wanted.selection.runs(source))
    samples = [run for run in runs if not _PLACES.isdisjoint(conditions_of(run.start))]
    if not any(wanted.against in conditions_of(run.start) for run in samples):
        raise SourceError(
            f"no run of {source.name} names its {wanted.against}, which a series goes along; "
            f"{_HOW[wanted.against]}"
        )
    return samples, len(runs) - len(samples)


def _replayed(
    wanted: Wanted, source: Source, samples: Sequence[Run], beamline: Beamline | None
) -> list[Document]:
    answers = replayed(source, wanted.source, samples, beamline, workers=wanted.workers)
    with progress_bar(output(), as_json=wanted.as_json) as progress:
        tracked = progress.track(answers, len(samples), description="samples")
        documents = [document for _, found in tracked for document in found]
    if not documents:
        raise NothingFits(Replay(source, beamline).why_nothing(samples[0]))
    return documents


def _stored(
    wanted: Wanted, source: Source, samples: Sequence[Run], _beamline: Beamline | None
) -> list[Document]:
    """Read the results in the catalog, of each run and analysis the newest."""
    newest: dict[tuple[object, ...], list[Document]] = {}
    with progress_bar(output(), as_json=wanted.as_json) as progress:
        for run in progress.track(samples, description="samples"):
            for stored in source.results_of(run.uid):
                of = (stored.start["analysis"]["name"], *map(stored.start.get, _WHICH))
                newest[run.uid, *of] = list(stored.documents())
    if not newest:
        raise SourceError(
            f"{source.name} holds no results of these runs; leave --stored out to replay them"
        )
    return [document for documents in newest.values() for document in documents]


def _found() -> Beamline | None:
    try:
        return Beamline.load()
    except ConfigurationMissing:
        return None


def _head(series: SeriesResult) -> dict[str, object]:
    told: dict[str, object] = {name: getattr(series, name) for name in _SERIES_HEAD}
    return told | {name: series.conditions.get(name) for name in _CONDITIONS}


def _point_row(
    series: SeriesResult, place: int
) -> tuple[dict[str, object], dict[str, float | None], dict[str, float | None]]:
    point = series.points[place]
    result = point.result
    about: dict[str, object] = {"quantity": series.quantity, "of": result.analysis}
    about |= {"mode": result.mode, "edge": series.edge, "unit": series.quantity_unit}
    about |= {name: result.conditions.get(name) for name in _CONDITIONS}
    about |= {name: getattr(result, name) for name in _POINT_HEAD}
    about["status"] = str(result.status)
    return about, {"value": point.value}, {"value": point.sigma}


def _show(series: Sequence[SeriesResult], others: int, files: dict[str, str]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("quantity", "of", "material", "samples"):
        table.add_column(heading, justify="right" if heading == "samples" else "left")
    table.add_column("what it says", overflow="fold", ratio=1)
    remarks = Counter(part for each in series for part in dict.fromkeys(_parts(each)[1:]))
    notes = [remark for remark, count in remarks.items() if count > 1]
    for each in series:
        table.add_row(*map(Text, _cells(each, notes)))
    console = output()
    console.print(table)
    below = [f"{_mark(place)} {note}" for place, note in enumerate(notes, start=1)]
    for text in (*below, *_remarks(others, files)):
        console.print(text, markup=False, highlight=False)


def _parts(series: SeriesResult) -> list[str]:
    return series.reason.split("; ")


def _cells(series: SeriesResult, notes: Sequence[str]) -> tuple[str, ...]:
    """Write a line: what many lines have to say stands below, once."""
    marks = (_mark(place) for place, note in enumerate(notes, start=1) if note in _parts(series))
    said = "; ".join(part for part in _parts(series) if part not in notes)
    found = (name_of(series), mode_name(series.mode), sample_of(series))
    return (*found, str(len(series.points)), " ".join((said, *marks)))


def _mark(place: int) -> str:
    return f"[{place}]"


def _remarks(others: int, files: dict[str, str]) -> Iterator[str]:
    if others:
        yield f"left out, for they name no condition: {others} run{'s' * (others > 1)}"
    if files:
        yield f"written: {', '.join(files.values())}"
