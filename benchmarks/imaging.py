"""What an image of a stack costs beside what others take for it, and how right its maps are."""

import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
from bluesky import RunEngine
from numpy.typing import NDArray

from benchmarks.figure import Figure
from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.callbacks.imaging import XpeemAnalysis
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.plans.stack import xpeem_stack
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.sim import SimulatedMicroscope

SIDE = 1024
TINY_SIDE = 64
TINY_EV = [842.0, 847.0, *(851.0 + 0.6 * step for step in range(12)), 860.0, 866.0, 872.0, 880.0]
UPSAMPLING = 100
EVERY = 16
"""Every how many images the peers are shown one, and every how many rows they fit."""

Document = tuple[str, dict[str, Any]]
Images = NDArray[np.uint16]


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    side = TINY_SIDE if tiny else SIDE
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        microscope = SimulatedMicroscope(
            "conventional, 100 cycles",
            shape=(side, side),
            folder=Path(temporary).resolve(),
            compression=None,
            seed=1,
            jumps={40: (0.02 * side, -0.015 * side)},
        )
        documents = _taken(microscope, TINY_EV if tiny else None)
        [path] = microscope.folder.glob("*.h5") if microscope.folder else ()
        result, spent_s, end_s = _analysed(documents, path)
        yield from _costs(spent_s, end_s, path, side)
        yield _memory(documents, path, side)
        yield from _truths(microscope, result)


def _taken(microscope: SimulatedMicroscope, energies_ev: list[float] | None) -> list[Document]:
    documents: list[Document] = []
    engine = RunEngine({}, context_managers=[])
    plan = xpeem_stack(
        [microscope.camera, microscope.mesh], microscope.pgm, energies_ev=energies_ev
    )
    engine(microscope.with_metadata(plan), lambda name, doc: documents.append((name, dict(doc))))
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    return documents


def _analysed(documents: Sequence[Document], path: Path) -> tuple[Result, list[float], float]:
    """The result, what each image took in s, and what the end took."""
    collector = ResultCollector()
    pipeline = Pipeline([XpeemAnalysis], collector, folders=[path.parent], own=True)
    spent_s: list[float] = []
    end_s = 0.0
    for name, doc in documents:
        start_s = time.perf_counter()
        pipeline(name, doc)
        if name == "event":
            spent_s.append(0.0)
        if name != "stop":
            pipeline.update()
        elapsed_s = time.perf_counter() - start_s
        if name == "stop":
            end_s = elapsed_s
        elif spent_s:
            spent_s[-1] += elapsed_s
    [result] = collector.results
    if result.status is Status.FAILED:
        raise RuntimeError(f"there is nothing to measure: {result.reason}")
    return result, spent_s, end_s


def _costs(spent_s: Sequence[float], end_s: float, path: Path, side: int) -> Iterator[Figure]:
    with h5py.File(path) as file:
        dataset = file["entry/peem_image"]
        reading_s = median(_timed(lambda at=at: dataset[at])[1] for at in range(len(dataset)))
        some = dataset[::EVERY].astype(np.float32)
    peers = {
        "scikit-image's registration of whole images and scipy's shift": _registered_ms(some),
        "numpy's least squares over all images anew": _refitted_ms(len(spent_s), side),
        "reading it": 1e3 * reading_s,
    }
    told = sorted(1e3 * each for each in spent_s)
    yield Figure(
        f"an image of {side} × {side} in a stack of {len(spent_s)}: from its documents to a result",
        median(told),
        "ms",
        at_most=50.0,
        peers=peers,
        remark=f"read, divided, laid on the others, moved, added, composed; nine of ten within "
        f"{told[int(0.9 * (len(told) - 1))]:.0f} ms",
    )
    yield Figure(
        "the end of the stack: maps of all pixels with uncertainties", end_s, "s", at_most=2.0
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start_s = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start_s


def _registered_ms(images: NDArray[np.float32]) -> float:
    """Registration of whole images, each with the one before, and interpolation, in ms each."""
    from scipy.ndimage import shift
    from skimage.registration import phase_cross_correlation

    spent_s = []
    for before, image in pairwise(images):
        start_s = time.perf_counter()
        moved, *_ = phase_cross_correlation(before, image, upsample_factor=UPSAMPLING)
        shift(image, moved, order=1)
        spent_s.append(time.perf_counter() - start_s)
    return 1e3 * median(spent_s)


def _refitted_ms(n_images: int, side: int) -> float:
    """A fit of every pixel over all images, as for a new map after every image, in ms."""
    random = np.random.default_rng(1)
    columns = random.normal(size=(n_images, 4)).astype(np.float32)
    pixels = random.normal(size=(n_images, side * side // EVERY)).astype(np.float32)
    _, spent_s = _timed(lambda: np.linalg.lstsq(columns, pixels, rcond=None))
    return 1e3 * EVERY * spent_s


def _memory(documents: Sequence[Document], path: Path, side: int) -> Figure:
    """What is kept when all images but the last are there."""
    pipeline = Pipeline([XpeemAnalysis], lambda name, doc: None, folders=[path.parent], own=True)
    tracemalloc.start()
    try:
        for name, doc in documents[:-1]:
            pipeline(name, doc)
        held_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    n_images = sum(name == "event" for name, _ in documents)
    return Figure(
        "memory that a stack takes, a pixel",
        held_bytes / side**2,
        "B",
        at_most=120.0,
        peers={"its images": n_images * 4.0},
        remark="sums in single precision, and the last image; it does not grow with the stack",
    )


def _truths(microscope: SimulatedMicroscope, result: Result) -> Iterator[Figure]:
    fraction, amount = microscope.fraction_map("Ni")
    maps = result.curves["image"]
    mapped, sigma = maps["ni2_fraction"], maps["ni2_fraction_sigma"]
    seen = np.isfinite(mapped)
    truth = float(np.average(fraction[seen], weights=amount[seen]))
    value, of_field = result.values["ni2_fraction"], result.sigmas["ni2_fraction"]
    yield Figure(
        "Ni2+ of the field less its truth",
        (value or 0.0) - truth,
        "",
        remark=f"σ {of_field or 0.0:.4f}; {np.count_nonzero(seen)} pixels, "
        f"σ of one {np.median(sigma[seen]):.3f}",
    )
    within = float(np.mean(np.abs(mapped - fraction)[seen] < sigma[seen]))
    yield Figure("pixels within one σ of their truth", 100 * within, "%", at_least=62.0)
    drift = result.curves["drift"]
    rows = drift["row"].astype(int) - 1
    found = np.stack([drift["drift_y_px"], drift["drift_x_px"]], axis=1)
    away = found - microscope.drifts_px[rows]
    yield Figure("drift less its truth, rms", float(np.sqrt(np.mean(away**2))), "px", at_most=0.1)
