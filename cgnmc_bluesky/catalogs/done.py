"""Which samples of a series have been measured."""

from cgnmc_bluesky.beamline import edge_of
from cgnmc_bluesky.catalogs.opening import open_source
from cgnmc_bluesky.catalogs.source import Run


def done_samples(named: object, series: str) -> list[tuple[str, str]]:
    """Look up what has been measured of a series, so that it is not measured again.

    Parameters
    ----------
    named
        Whatever holds runs, as `open_source` takes it.
    series
        Name of the series, as its runs carry it.

    Returns
    -------
    list[tuple[str, str]]
        Each sample's name with the edge at which it was measured, empty where a run names none;
        in the order in which they were first done. Only runs count that ended well and with all of
        their points: one that was stopped early is to be made again.

    Raises
    ------
    SourceError
        Where the source cannot be read.

    Examples
    --------
    >>> start = {"uid": "4c9e", "time": 0.0, "sample": "a", "series": "aged", "edge": "Ni L3"}
    >>> stop = {"uid": "5d", "run_start": "4c9e", "exit_status": "success"}
    >>> done_samples([("start", start), ("stop", stop)], "aged")
    [('a', 'Ni L3')]
    """
    with open_source(named) as source:
        done = [run for run in source.of_series(series) if _is_whole(run)]
    return list(dict.fromkeys((_sample(run), str(edge_of(run.start) or "")) for run in done))


def _sample(run: Run) -> str:
    sample = run.start.get("sample", "")
    return str(sample.get("name", "") if isinstance(sample, dict) else sample)


def _is_whole(run: Run) -> bool:
    """Whether a run ended well, with as many events as its first axis has points or lines."""
    shape = run.start.get("shape") or [0]
    events = run.stop.get("num_events", {}).get("primary", shape[0])
    return run.stop.get("exit_status") == "success" and events >= shape[0]
