"""How many spectra a second are turned into amounts with their covariance, on one core."""

import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks import pymca_peer
from benchmarks.figure import Figure
from benchmarks.maps import CHANNELS, GAIN_EV, INCIDENT_EV, Raster, spectra
from cgnmc_bluesky.analysis.mixture import ROWS, Projector
from cgnmc_bluesky.analysis.xrf.calibration import calibrate, explain, nominal
from cgnmc_bluesky.analysis.xrf.lines import Emitter
from cgnmc_bluesky.analysis.xrf.response import Response, components
from cgnmc_bluesky.standards.fluorescence import emitters_of

Counts = NDArray[np.float32]
Emitters = tuple[Emitter, ...]
Work = Callable[[], object]

ELEMENTS = ("Mn", "Co", "Ni")
SIDE = 101
REPEATS = 15


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    repeats = 1 if tiny else REPEATS
    counts = spectra(Raster(24 if tiny else SIDE), np.random.default_rng(5))
    emitters = emitters_of(ELEMENTS, INCIDENT_EV)
    start = nominal(GAIN_EV, 0.0, INCIDENT_EV)
    response = calibrate(_sum(counts), CHANNELS, emitters, start).response
    yield from _beside_the_product(counts, _projector(counts, emitters, response), repeats)
    yield from _beside_pymca(counts, emitters, response, repeats)


def _beside_the_product(counts: Counts, projector: Projector, repeats: int) -> Iterator[Figure]:
    n_outputs = projector.packed(counts[:1]).shape[1]
    outputs = np.random.default_rng(6).random((len(CHANNELS), n_outputs), dtype=np.float32)
    rates = _rates(
        len(counts),
        {
            "amounts": lambda: projector.packed(counts),
            "whole": lambda: counts @ outputs,
            "blocks": lambda: _in_blocks(counts, outputs),
        },
        repeats,
    )
    yield Figure(
        f"amounts with covariance, {len(CHANNELS)} channels × {len(projector.matrix)} components",
        rates["amounts"],
        "/s",
        at_least=1e6,
        peers={
            f"bare product, {n_outputs} columns": rates["whole"],
            f"the same, {ROWS} rows at a time": rates["blocks"],
        },
        remark=f"{len(counts)} spectra of a simulated map, float32; processor time",
    )
    yield Figure(
        "the same, over the time of the bare product",
        rates["whole"] / rates["amounts"],
        at_most=2.0,
        remark="each detector element has dead times, and so a product, of its own: "
        f"{rates['amounts'] / 3:.3g} pixels/s with three",
    )


def _beside_pymca(
    counts: Counts, emitters: Emitters, response: Response, repeats: int
) -> Iterator[Figure]:
    """All spectra of a map in memory, and what a spectrum is made of, known to both."""
    fit = pymca_peer.FastFit(ELEMENTS, CHANNELS, gain_ev=GAIN_EV, incident_ev=INCIDENT_EV)
    projector = _projector(counts, emitters, response)
    of_metals = _projector(counts, emitters, response, of=np.arange(len(ELEMENTS)))
    refitted, as_is = "PyMca, weight 1, refit", "PyMca, weight 1"
    metals, anew = "covariance of the metals alone", "weights and projector made anew"

    def rates(of: Counts, repeats: int) -> dict[str, float]:
        work = {
            "all": lambda: projector.packed(of),
            metals: lambda: of_metals.packed(of),
            anew: lambda: _projector(of, emitters, response).packed(of),
            refitted: lambda: fit(of, weight=1, refit=True),
            as_is: lambda: fit(of, weight=1, refit=False),
        }
        return _rates(len(of), work, repeats)

    one, four = rates(counts, repeats), rates(np.tile(counts, (4, 1)), max(1, repeats // 3))
    told = [
        f"{how} {one[how] / one[refitted]:.1f} (four such maps {four[how] / four[refitted]:.1f})"
        for how in ("all", metals, anew)
    ]
    yield Figure(
        "times as fast as PyMca's FastXRFLinearFit, weight 1, refit",
        one["all"] / one[refitted],
        at_least=10.0,
        remark=f"PyMca sets up its model for each map; {', '.join(told)}",
    )
    few = counts[:: len(counts) // 500]
    by_spectrum = {"PyMca, weight 2, refit": lambda: fit(few, weight=2, refit=True)}
    one |= _rates(len(few), by_spectrum, 1)
    yield Figure(
        "the same, spectra",
        one["all"],
        "/s",
        peers={how: rate for how, rate in one.items() if how != "all"},
    )


def _projector(
    counts: Counts, emitters: Emitters, response: Response, of: NDArray[np.intp] | None = None
) -> Projector:
    """Weights from the sum; as many known curves as PyMca is given: a constant, but no slope."""
    found = explain(_sum(counts), components(response, emitters, CHANNELS), response)
    wanted = [n for n, name in enumerate(found.components.names) if name not in {"slope", "bend"}]
    return Projector(found.components.columns[:, wanted], found.fit, of)


def _sum(counts: Counts) -> NDArray[np.float64]:
    return np.add.reduce(counts, axis=0, dtype=np.float64)


def _rates(n_spectra: int, pending: Mapping[str, Work], repeats: int) -> dict[str, float]:
    """Spectra a second of processor time, all of it taking turns; the median."""
    spent_s: dict[str, list[float]] = {name: [] for name in pending}
    for _ in range(repeats):
        for name, work in pending.items():
            start_s = time.process_time()
            work()
            spent_s[name].append(time.process_time() - start_s)
    return {name: n_spectra / median(one) for name, one in spent_s.items()}


def _in_blocks(counts: Counts, outputs: Counts) -> None:
    found = np.empty((len(counts), outputs.shape[1]), np.float32)
    for first in range(0, len(counts), ROWS):
        np.matmul(counts[first : first + ROWS], outputs, out=found[first : first + ROWS])
