"""Whether maps are analysed as fast as they come: a row live, a whole map from its file, memory."""

import threading
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import h5py

from benchmarks.figure import Figure
from benchmarks.flown_maps import FlownMap, fly
from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.callbacks import MnNiRatio
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.xrf import MnNiRatioAnalysis
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.sim.rowfile import RowFile

N_ROWS, N_PIXELS = 100, 100
PERIOD_S = 0.4
WAIT_S = 60.0
REPEATS = 3


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    n_rows = 6 if tiny else N_ROWS
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        flown = fly(folder, n_rows, N_PIXELS)
        yield _live(flown, folder / "live.h5", period_s=0.0 if tiny else PERIOD_S)
        layouts = {
            "contiguous": flown.contiguous,
            "chunked": lambda path: flown.by_row(path, None),
            "gzip": lambda path: flown.by_row(path, "gzip"),
        }
        for layout, store in layouts.items():
            stored = store(folder / f"{layout}.h5")
            yield from _from_file(stored, layout, 1 if tiny else REPEATS)
            stored.path.unlink()
        yield _memory(flown)


def _live(flown: FlownMap, path: Path, *, period_s: float) -> Figure:
    """Write row after row as a detector would, and wait for what is said of it."""
    rows = list(flown.rows())
    seen_s: dict[int, float] = {}
    all_seen = threading.Event()

    def sink(name: str, doc: Mapping[str, Any]) -> None:
        if name == "event" and "n_points" in doc["data"]:
            seen_s.setdefault(doc["data"]["n_points"], time.monotonic())
        if name == "stop":
            all_seen.set()

    flushed_s = {}
    file = RowFile(path, rows[0], None)
    with MnNiRatio() as analysis:
        analysis.subscribe(sink)
        for row, documents in enumerate(_by_row(flown.at(path))):
            if row < len(rows):
                file.write(row, rows[row])
                flushed_s[(row + 1) * N_PIXELS] = time.monotonic()
            for document in documents:
                analysis(*document)
            time.sleep(period_s)
        all_seen.wait(WAIT_S)
    file.close()
    # The process has to start, and the lines to be found, before any row can be quick; the last
    # row's result may already be the closing one.
    counted = list(flushed_s)[len(rows) // 4 : -1]
    delays_ms = sorted(1e3 * (seen_s[n] - flushed_s[n]) for n in counted if n in seen_s)
    told = delays_ms or [float("nan")]
    return Figure(
        f"a row of {N_PIXELS} × 3 × 4096: from the last byte flushed to its result",
        median(told),
        "ms",
        at_most=50.0,
        remark=f"{len(delays_ms)} of {len(counted)} rows have a result of their own; nine of ten "
        f"within {told[int(0.9 * (len(told) - 1))]:.0f} ms, all within {told[-1]:.0f} ms",
    )


def _by_row(flown: FlownMap) -> list[list[tuple[str, dict[str, Any]]]]:
    """Documents that come with each row; behind the last those that end the run."""
    groups: list[list[tuple[str, dict[str, Any]]]] = [[]]
    begun = 0
    for name, doc in flown.documents:
        if name == "stream_datum" and doc["indices"]["start"] > begun:
            begun = doc["indices"]["start"]
            groups.append([])
        elif name == "stop":
            groups.append([])
        groups[-1].append((name, doc))
    return groups


def _from_file(stored: FlownMap, layout: str, repeats: int) -> Iterator[Figure]:
    alone_s, ours_s, row_s = [], [], []
    for _ in range(repeats):
        alone_s.append(_reading_s(stored))
        by_row_s = _analysing_s(stored)
        ours_s.append(sum(by_row_s))
        row_s.append(median(by_row_s))
    alone, ours, rows = median(alone_s), median(ours_s), median(row_s) * stored.n_rows
    yield Figure(
        f"rows of a map from its file, {layout}: speed over that of reading alone",
        100 * alone / rows,
        "%",
        at_least=90.0,
        remark=f"{3 * N_PIXELS * stored.n_rows} frames, not in memory before, each looked at once: "
        f"{rows:.2f} s; reading alone {alone:.2f} s",
    )
    yield Figure(
        "the same with what every map takes once",
        100 * alone / ours,
        "%",
        at_least=90.0,
        remark=f"{ours - rows:.2f} s more, whatever its size: finding the response of three "
        "elements at its beginning and end, and the closing fit",
    )


def _reading_s(stored: FlownMap) -> float:
    """Time that reading all spectra takes, row by row."""
    stored.forget()
    start_s = time.perf_counter()
    with h5py.File(stored.path) as file:
        datasets = [file[f"entry/xs_channel{n}"] for n in (1, 2, 3)]
        for row in range(stored.n_rows):
            for dataset in datasets:
                dataset[row * N_PIXELS : (row + 1) * N_PIXELS]
    return time.perf_counter() - start_s


def _analysing_s(stored: FlownMap) -> list[float]:
    """Time that the analysis of each row takes, the reading in it; the end last."""
    stored.forget()
    collector = ResultCollector()
    pipeline = Pipeline([MnNiRatioAnalysis], collector, folders=[stored.path.parent])
    spent_s = []
    for documents in _by_row(stored):
        start_s = time.perf_counter()
        for name, doc in documents:
            pipeline(name, doc)
        spent_s.append(time.perf_counter() - start_s)
    [result] = collector.results
    if result.status is Status.FAILED:
        raise RuntimeError(f"there is nothing to measure: {result.reason}")
    return spent_s


def _memory(flown: FlownMap) -> Figure:
    """What is kept of a pixel, from the growth over the last three quarters of the map."""
    folders = [flown.path.parent]
    pipeline = Pipeline([MnNiRatioAnalysis], lambda name, doc: None, folders=folders)
    groups = _by_row(flown)[:-1]
    first = len(groups) // 4
    held_bytes = []
    tracemalloc.start()
    try:
        for row, documents in enumerate(groups):
            for name, doc in documents:
                pipeline(name, doc)
            if row in (first, len(groups) - 1):
                held_bytes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    n_pixels = (len(groups) - 1 - first) * N_PIXELS
    return Figure(
        "memory that grows with the map, a pixel",
        (held_bytes[1] - held_bytes[0]) / n_pixels,
        "B",
        at_most=400.0,
        peers={"its spectra": 3 * 4096 * 4.0},
        remark="three elements' amounts with covariances, positions, dead times, I0",
    )
