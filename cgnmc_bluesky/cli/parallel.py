"""Replays in several processes, here or on a dask cluster."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import Run, Source, SourceError
from cgnmc_bluesky.catalogs.source import Document, ListedSource
from cgnmc_bluesky.cli.sources import open_named
from cgnmc_bluesky.replay import Replay
from cgnmc_bluesky.standards import names_runs

BATCHES_PER_WORKER = 4

Answer = tuple[Mapping[str, Any], list[Document]]
"""Start document of a raw run, and the documents of its results."""


def replay_named(
    named: str, run_uids: Sequence[str], settings: dict[str, Any] | None
) -> list[Answer]:
    """Replay some runs of a source that this process opens for itself.

    Parameters
    ----------
    named
        The source, as a user may name it.
    run_uids
        The runs.
    settings
        The configuration as a mapping; `None` for what is found as usual.
    """
    beamline = None if settings is None else Beamline.from_dict(settings)
    with open_named(named, beamline) as source:
        return _answers(source, [source.find(uid) for uid in run_uids], beamline)


def replay_listed(name: str, runs: Sequence[Run], settings: dict[str, Any]) -> list[Answer]:
    """Replay runs whose documents another process has read.

    Parameters
    ----------
    name
        What the user called their source.
    runs
        The runs.
    settings
        The configuration as a mapping, which names no runs of the source.
    """
    return _answers(ListedSource(name, runs), runs, Beamline.from_dict(settings))


def replayed(
    source: Source,
    named: str,
    runs: Sequence[Run],
    beamline: Beamline | None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Iterator[Answer]:
    """Replay runs in the order given: in this process, in several, or on a cluster.

    Parameters
    ----------
    source, named
        The source, and how the user named it, for other processes to open.
    runs
        The runs.
    beamline
        The configuration; without it what the runs carry, else the one that is found as usual.
    workers
        Number of processes; in this one without it.
    scheduler
        Address of a dask cluster to work on.
    """
    uids = [run.uid for run in runs]
    if scheduler:
        yield from on_cluster(named, uids, beamline, scheduler)
    elif workers and _can_be_handed_on(source, beamline):
        yield from in_processes(replay_listed, named, runs, beamline, workers)
    elif workers:
        yield from in_processes(replay_named, named, uids, beamline, workers)
    else:
        replay = Replay(source, beamline)
        for run in runs:
            yield run.start, replay.documents(run)


def in_processes(
    replay_some: Callable[[str, Any, Any], list[Answer]],
    named: str,
    runs: Sequence[Run] | Sequence[str],
    beamline: Beamline | None,
    workers: int,
) -> Iterator[Answer]:
    """Replay runs in processes of this machine, in the order given.

    Parameters
    ----------
    replay_some
        What a process does with some of them: `replay_named` of uids, `replay_listed` of runs.
    named
        The source, as the user named it.
    runs
        The runs, or their uids.
    beamline
        The configuration; without it what the runs carry, else the one that is found as usual.
    workers
        Number of processes.
    """
    from concurrent.futures import ProcessPoolExecutor

    settings = beamline.to_dict() if beamline else None
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        batches = _batches(runs, workers)
        futures = [pool.submit(replay_some, named, batch, settings) for batch in batches]
        for future in futures:
            yield from future.result()


def on_cluster(
    named: str, run_uids: Sequence[str], beamline: Beamline | None, address: str
) -> Iterator[Answer]:
    """Replay runs on a dask cluster, in the order given.

    Raises
    ------
    SourceError
        If there is no dask, or no scheduler at that address.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise SourceError(
            "--scheduler needs dask.distributed, which is not installed; "
            "pip install 'cgnmc-bluesky[distributed]'"
        ) from error
    settings = beamline.to_dict() if beamline else None
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"--scheduler {address} does not answer; is it running?") from error
    with client:
        workers = max(1, len(client.scheduler_info()["workers"]))
        batches = _batches(run_uids, workers)
        futures = [client.submit(replay_named, named, batch, settings) for batch in batches]
        for future in futures:
            yield from future.result()


def _answers(source: Source, runs: Sequence[Run], beamline: Beamline | None) -> list[Answer]:
    replay = Replay(source, beamline)
    return [(run.start, replay.documents(run)) for run in runs]


def _can_be_handed_on(source: Source, beamline: Beamline | None) -> bool:
    """Whether other processes need not open a source, since its runs are read already and none of
    them is a standard for the others.
    """
    return isinstance(source, ListedSource) and beamline is not None and not names_runs(beamline)


def _batches(runs: Sequence[Any], workers: int) -> list[Sequence[Any]]:
    size = max(1, -(-len(runs) // (workers * BATCHES_PER_WORKER)))
    return [runs[first : first + size] for first in range(0, len(runs), size)]
