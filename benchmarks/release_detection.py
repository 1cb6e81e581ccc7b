"""How often a release is found that is there, how soon, and how often one that is not."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.figure import Figure
from benchmarks.ramps import Kind
from benchmarks.release_peers import DETECTORS, TEXTBOOK, first_above
from benchmarks.release_runs import Run, runs

N_WITHOUT, N_WITH = 500, 150
ALARMED = 0.05
BOUNDS: Mapping[Kind, tuple[float, float]] = {
    "sharp": (100.0, 14.0),
    "spread": (100.0, 60.0),
    "weak": (97.0, 16.0),
}
"""Share that is found at least, in per cent, and the median delay at most, in °C."""

Delays = Mapping[int, float]
"""Delay of each find, by its run's seed."""


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    without = runs("none", 1 if tiny else N_WITHOUT)
    yield _false_alarms(without)
    thresholds = {
        name: float(np.quantile([run.peers[name][1][-1] for run in without], 1 - ALARMED))
        for name in DETECTORS
    }
    for kind in BOUNDS:
        yield from _found(kind, runs(kind, 1 if tiny else N_WITH), thresholds)


def _false_alarms(without: Sequence[Run]) -> Figure:
    alarmed = [run.seed for run in without if run.values["t_detect_c"] is not None]
    peers = {
        f"{name} at {limit:g}": float(np.mean([run.peers[name][1][-1] > limit for run in without]))
        for name, limit in TEXTBOOK.items()
    }
    return Figure(
        "runs without release that alarm, of one",
        len(alarmed) / len(without),
        at_most=ALARMED,
        peers=peers,
        remark=f"{len(without)} runs; alarmed: {_seeds(alarmed)}",
    )


def _found(kind: Kind, ramps: Sequence[Run], thresholds: Mapping[str, float]) -> Iterator[Figure]:
    share, largest_c = BOUNDS[kind]
    ours = _delays({run: run.values["t_detect_c"] for run in ramps})
    peers = {
        name: _delays({run: first_above(run.peers[name], limit) for run in ramps})
        for name, limit in thresholds.items()
    }
    yield Figure(
        f"{kind} releases that are found",
        100 * len(ours) / len(ramps),
        "%",
        at_least=share,
        peers={name: 100 * len(found) / len(ramps) for name, found in peers.items()},
        remark=f"{len(ramps)} runs; not found, or too early: "
        + _seeds([run.seed for run in ramps if run.seed not in ours]),
    )
    last = sorted(ours, key=lambda seed: ours[seed])[-3:]
    yield Figure(
        f"{kind} releases: from 1 % of the largest rate to the alarm, median",
        _quantile(ours, 0.5),
        "°C",
        at_most=largest_c,
        peers={name: _quantile(found, 0.5) for name, found in peers.items()},
        remark=f"nine of ten within {_quantile(ours, 0.9):.0f} °C; latest: "
        + ", ".join(f"{ours[seed]:.0f} °C (seed {seed})" for seed in last),
    )


def _delays(detected_c: Mapping[Run, float | None]) -> Delays:
    delays = {run.seed: run.delay_c(at_c) for run, at_c in detected_c.items()}
    return {seed: delay_c for seed, delay_c in delays.items() if np.isfinite(delay_c)}


def _quantile(delays: Delays, share: float) -> float:
    return float(np.quantile([*delays.values()], share)) if delays else float("nan")


def _seeds(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) or "none"
