"""How near lattice and phases come to the truth of simulated patterns, and what each costs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from benchmarks.patterns import EXPOSURE_S, MODEL, PatternSeries, series
from cgnmc_bluesky.analysis.heating.phases import PhasesAccumulator

Floats = NDArray[np.float64]

MATERIALS = ("conventional", "gradient")
SEEDS = 3
IS_LAYERED = 0.5
"""Share from which on a pattern counts as one of the layered phase."""
BOUNDS = {"c_over_a": (5e-4, ""), "split_108_110_deg": (0.01, "°")}
SHARE = 0.03
PATTERN_MS = 20.0
COVERAGE = {"at_least": 0.62, "at_most": 0.74}


@dataclass(frozen=True)
class Analysed:
    """A ramp's patterns, what the analysis says of each, and how long that took.

    Parameters
    ----------
    measured
        The patterns.
    found
        Its values, and their sigmas, by name, shape `(n,)` each.
    spent_ms
        Processor time of each pattern, shape `(n,)`.
    """

    measured: PatternSeries
    found: dict[str, Floats]
    spent_ms: Floats

    def errors(self, name: str) -> Floats:
        """Found minus true."""
        return self.found[name] - self.measured.truth[name]


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    seeds, n = (1, 6) if tiny else (SEEDS, None)
    ramps = [_analysed(series(one, seed, n)) for one in MATERIALS for seed in range(seeds)]
    for name, (bound, unit) in BOUNDS.items():
        errors, pulls = _told(ramps, name, of_the_layered=True)
        yield Figure(
            f"{name} where the phase is layered, rms error",
            float(np.sqrt(np.mean(errors**2))),
            unit,
            at_most=bound,
            remark=f"{len(errors)} patterns of {EXPOSURE_S:g} s; {_worst(errors)}",
        )
        yield _coverage(name, pulls)
    for name in ("spinel_fraction", "layered_fraction"):
        errors, pulls = _told(ramps, name, of_the_layered=False)
        yield Figure(
            f"{name}, rms error",
            float(np.sqrt(np.mean(errors**2))),
            at_most=SHARE,
            remark=f"{len(errors)} patterns; {_worst(errors)}",
        )
        yield _coverage(name, pulls)
    spent_ms = np.concatenate([one.spent_ms for one in ramps])
    yield Figure(
        "a pattern of 3000 bins, median",
        float(np.median(spent_ms)),
        "ms",
        at_most=PATTERN_MS,
        remark=f"processor time; nine of ten within {np.quantile(spent_ms, 0.9):.1f} ms, all "
        f"within {spent_ms.max():.0f} ms; the first of a ramp "
        f"{np.median([one.spent_ms[0] for one in ramps]):.0f} ms",
    )


def _analysed(measured: PatternSeries) -> Analysed:
    accumulator, spent_ms = PhasesAccumulator(MODEL), []
    for pattern, temperatures in measured.blocks():
        start_s = time.process_time()
        accumulator.add(temperatures)
        accumulator.add(pattern)
        accumulator.estimate(ended=False)
        spent_ms.append(1e3 * (time.process_time() - start_s))
    found = dict(accumulator.estimate(ended=True).curves["series"])
    return Analysed(measured, found, np.array(spent_ms))


def _told(ramps: list[Analysed], name: str, *, of_the_layered: bool) -> tuple[Floats, Floats]:
    errors, pulls = [], []
    for one in ramps:
        error, sigma = one.errors(name), one.found[f"{name}_sigma"]
        is_layered = one.measured.truth["layered_fraction"] > IS_LAYERED
        chosen = np.isfinite(error) & (is_layered | (not of_the_layered))
        errors.append(error[chosen])
        pulls.append((error / sigma)[chosen])
    return np.concatenate(errors), np.concatenate(pulls)


def _coverage(name: str, pulls: Floats) -> Figure:
    return Figure(
        f"{name} within one sigma of the truth, share",
        float(np.mean(np.abs(pulls) <= 1)),
        **COVERAGE,
        remark=f"pulls {np.nanmean(pulls):+.2f} ± {np.nanstd(pulls):.2f}",
    )


def _worst(errors: Floats) -> str:
    return f"mean {np.mean(errors):+.2g}, largest {np.max(np.abs(errors)):.2g}"
