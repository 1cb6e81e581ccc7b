"""What a point of a scan costs: in the analyses, and in the RunEngine's thread."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks import larch_peer, yields
from benchmarks.figure import Figure
from benchmarks.scans import Columns, Document, documents, grid_ev, nickel, simulated
from benchmarks.scans import simulated_beamline as configuration
from cgnmc_bluesky.analysis.xanes.fraction import FIT_RANGE_EV
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.callbacks import EdgePosition, Ni2Fraction
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.soft import SurfaceBulkAnalysis, YieldFractionAnalysis
from cgnmc_bluesky.callbacks.task import RunAnalysis
from cgnmc_bluesky.callbacks.xanes import EdgePositionAnalysis, FractionAnalysis
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.spectra import read_spectra
from cgnmc_bluesky.standards import Library

Clock = Callable[[], float]

SHORT, LONG = 400, 5000
HARD = (EdgePositionAnalysis, FractionAnalysis)
SOFT = (YieldFractionAnalysis, SurfaceBulkAnalysis)
LIVE_PLOT_POINTS = 60
LARCH_POINTS = 20


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    lengths = (60, 120) if tiny else (SHORT, LONG)
    short, long = (_scan(length) for length in lengths)
    library = Library()
    _analyses_ms(short, library)
    pairs = [
        (_analyses_ms(short, library), _analyses_ms(long, library)) for _ in range(1 if tiny else 5)
    ]
    short_ms, long_ms = (median(one) for one in zip(*pairs, strict=True))
    yield Figure(
        f"both analyses, a point of {lengths[0]}",
        short_ms,
        "ms",
        at_most=1.0,
        peers={
            "Larch": _larch_ms(short, 2 if tiny else LARCH_POINTS),
            "LivePlot": _live_plot_ms(documents(short), 2 if tiny else LIVE_PLOT_POINTS),
        },
        remark="a result after each point, processor time",
    )
    yield Figure(
        f"a point of {lengths[1]} over a point of {lengths[0]}",
        median(after / before for before, after in pairs),
        at_most=1.2,
        remark=f"{long_ms:.2f} ms a point",
    )
    soft = yields.draw(np.random.default_rng(1), signal_to_noise=300).columns
    soft = {key: values[: lengths[0]] for key, values in soft.items()}
    _yields_ms(soft, library)
    yield Figure(
        f"both soft X-ray yields and their difference, a point of {len(soft['gold_mesh'])}",
        median(_yields_ms(soft, library) for _ in range(1 if tiny else 5)),
        "ms",
        peers={"hard X-rays": short_ms},
        remark="a result after each point, processor time; over-absorption fitted along",
    )
    yield Figure(
        "both callbacks in the RunEngine's thread, a point",
        _queueing_ms(documents(short)),
        "ms",
        remark="the work is done in processes of their own",
    )


def _scan(n_points: int) -> Columns:
    random = np.random.default_rng(1)
    return simulated(nickel(0.4), random, signal_to_noise=500, energy_ev=grid_ev(n_points))


def _analyses_ms(scan: Columns, library: Library) -> float:
    return _results_ms(HARD, configuration(), documents(scan), library)


def _yields_ms(scan: Columns, library: Library) -> float:
    return _results_ms(SOFT, yields.configuration(), documents(scan, edge="Ni L3"), library)


def _results_ms(
    kinds: Sequence[type[RunAnalysis]],
    beamline: Beamline,
    run: Sequence[Document],
    library: Library,
) -> float:
    """Each analysis with a reader of its own, as the callbacks have."""
    pipelines = [
        Pipeline([kind], ResultCollector(), beamline=beamline, library=library) for kind in kinds
    ]

    def take(name: str, doc: Mapping[str, Any]) -> None:
        for pipeline in pipelines:
            pipeline(name, doc)
            pipeline.update()

    return _an_event_ms(take, run, time.process_time)


def _an_event_ms(
    take: Callable[[str, Mapping[str, Any]], object], run: Sequence[Document], clock: Clock
) -> float:
    """Time that taking an event takes on the average."""
    begin, events, end = run[:2], run[2:-1], run[-1]
    for name, doc in begin:
        take(name, doc)
    start_s = clock()
    for name, doc in events:
        take(name, doc)
    spent_s = clock() - start_s
    take(*end)
    return spent_s / len(events) * 1e3


def _queueing_ms(run: Sequence[Document]) -> float:
    with EdgePosition(configuration()) as edge, Ni2Fraction(configuration()) as fraction:

        def take(name: str, doc: Mapping[str, Any]) -> None:
            edge(name, doc)
            fraction(name, doc)

        return _an_event_ms(take, run, time.thread_time)


def _live_plot_ms(run: Sequence[Document], n_points: int) -> float:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from bluesky.callbacks import LivePlot

    figure, axes = plt.subplots()
    plot = LivePlot("it", x="mono_energy", ax=axes)
    try:
        return _an_event_ms(plot, [*run[: 2 + n_points], run[-1]], time.process_time)
    finally:
        plt.close(figure)


def _larch_ms(scan: Columns, n_points: int) -> float:
    """`find_e0`, `pre_edge` and `lincombo_fit` at some of the points behind the edge."""
    energy_ev, mu = scan["mono_energy"], np.log(scan["i0"] / scan["it"])
    standards = []
    for reference in configuration().reference:
        assert reference.path is not None
        columns = read_spectra(reference.path)[0].columns
        standards.append(
            larch_peer.normalised(columns["energy"], columns["mutrans"], reference.name)
        )
    edge_ev = standards[0].e0
    range_ev = (edge_ev + FIT_RANGE_EV[0], edge_ev + FIT_RANGE_EV[1])
    first = int(np.searchsorted(energy_ev, edge_ev + 50.0))
    lengths = np.linspace(first, len(energy_ev), n_points + 1).astype(int)
    spent_s = []
    for length in lengths:
        start_s = time.process_time()
        group = larch_peer.normalised(energy_ev[:length], mu[:length])
        larch_peer.combine(group, standards, range_ev)
        spent_s.append(time.process_time() - start_s)
    return median(spent_s[1:]) * 1e3
