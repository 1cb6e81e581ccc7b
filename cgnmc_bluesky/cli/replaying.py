"""`cgnmc replay`: stored runs through the same analyses, to the screen, files and catalog."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import CatalogWriter, Source, SourceError
from cgnmc_bluesky.catalogs.source import Writer
from cgnmc_bluesky.cli.axis import Axis
from cgnmc_bluesky.cli.boundary import output, progress_bar
from cgnmc_bluesky.cli.outcome import Outcome
from cgnmc_bluesky.cli.parallel import replayed
from cgnmc_bluesky.cli.saving import ResultFolder
from cgnmc_bluesky.cli.selection import Selection
from cgnmc_bluesky.cli.sources import drafting, open_named
from cgnmc_bluesky.replay import NothingFits, Replay
from cgnmc_bluesky.views import ResultTable


@dataclass(frozen=True)
class Request:
    """What the user wants replayed, and where to.

    Parameters
    ----------
    source
        The source, as the user named it.
    selection
        Which of its runs.
    config
        The configuration; without it what the runs carry, else the one that is found as usual.
    as_json
        Whether results are written as JSON instead of a table.
    out
        Folder for figures, tables and arrays.
    x
        Axis of the trend figure, as the user wrote it.
    write
        Whether results go into the catalog.
    verify
        Whether they are compared with those stored there.
    workers
        Number of processes; in this one without it.
    scheduler
        Address of a dask cluster to work on.
    """

    source: str
    selection: Selection = field(default_factory=Selection)
    config: Path | None = None
    as_json: bool = False
    out: Path | None = None
    x: str | None = None
    write: bool = False
    verify: bool = False
    workers: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.workers and self.scheduler:
            raise ValueError("--workers and --scheduler are two ways to the same end; give one")
        if self.write and self.verify:
            raise ValueError(
                "--write changes what --verify compares with; give one, then the other"
            )
        if self.x and not self.out:
            raise ValueError("--x is the axis of a figure; say with --out where that goes")


def replay_source(request: Request) -> int:
    """Replay what is asked for.

    Parameters
    ----------
    request
        What, and where to.

    Returns
    -------
    int
        The exit status: 1 where an analysis failed or a comparison differs.
    """
    beamline = Beamline.load(request.config) if request.config else None
    axis = Axis.of(request.x) if request.x else None
    with ExitStack() as stack:
        source = stack.enter_context(open_named(request.source, beamline))
        write = _writer(source) if request.write else None
        runs = list(request.selection.runs(source))
        console = output()
        progress = stack.enter_context(progress_bar(console, as_json=request.as_json))
        table = None if request.as_json else stack.enter_context(ResultTable(console, live=False))
        folder = ResultFolder(request.out, axis) if request.out else None
        outcome = Outcome(table, folder, write)
        answers = replayed(
            source,
            request.source,
            runs,
            beamline,
            workers=request.workers,
            scheduler=request.scheduler,
        )
        if not request.as_json:
            stack.enter_context(drafting(source))
        for start, documents in progress.track(answers, len(runs), description="runs"):
            results = outcome.take(start, documents)
            if request.verify:
                outcome.compare(results, source, start["uid"])
        if write is not None:
            _check_stored(source.name, write)
        if outcome.is_empty:
            raise NothingFits(Replay(source, beamline).why_nothing(runs[0]))
        return outcome.finish()


def _writer(source: Source) -> Writer:
    writer = source.writer()
    if writer is None:
        raise SourceError(f"{source.name} cannot be written; give --write a catalog, or use --out")
    return writer


def _check_stored(name: str, write: Writer) -> None:
    if not isinstance(write, CatalogWriter):
        return
    in_time = write.flush()
    if write.failures or not in_time:
        why = next(iter(write.failures.values()), "it did not answer in time")
        raise SourceError(f"{name} did not take all results: {why}")
