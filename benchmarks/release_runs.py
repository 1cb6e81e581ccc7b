"""Ramps that are drawn, analysed whole and in part, and seen by the peers, once for all figures."""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from benchmarks.ramps import Kind, Ramp, ramp
from benchmarks.release_peers import DETECTORS, Evidence, tangent, without_spikes
from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.heating.release import ReleaseAccumulator
from cgnmc_bluesky.analysis.rows import Block

Floats = NDArray[np.float64]
Values = Mapping[str, float | None]

PROCESSES = 2
CUTS_C = (5.0, 10.0, 20.0, 40.0)
"""How far behind its detection a release is looked at in part."""
EARLY_C = 30.0
"""So far before 1 % of the largest rate there is nothing: what alarms there is a false alarm."""
PEERS_FROM_C = 60.0
"""The peers are spared the first minutes of the pump-down."""


@dataclass(frozen=True)
class Part:
    """What was said of a ramp while it went on.

    Parameters
    ----------
    behind_c
        How far behind the detection it was.
    values, sigmas
        What the analysis said.
    tangent_c
        The onset that a tangent by hand gives.
    """

    behind_c: float
    values: Values
    sigmas: Values
    tangent_c: float


@dataclass(frozen=True, eq=False)
class Run:
    """A ramp, and what was said of it.

    Parameters
    ----------
    kind, seed, truth
        Of the ramp.
    values, sigmas
        What the analysis said at the end.
    parts
        What it had said before, from its detection on, unless that was a false alarm.
    peers
        Evidence of each peer, only where it is higher than ever before.
    """

    kind: Kind
    seed: int
    truth: Mapping[str, float]
    values: Values
    sigmas: Values
    parts: tuple[Part, ...]
    peers: Mapping[str, Evidence]

    def delay_c(self, detected_c: float | None) -> float:
        """Temperature from 1 % of the largest rate to a detection; NaN for none or a false one."""
        delay_c = np.nan if detected_c is None else detected_c - self.truth["t_one_percent_c"]
        return delay_c if delay_c > -EARLY_C else np.nan


@cache
def runs(kind: Kind, n: int) -> tuple[Run, ...]:
    """Draw and analyse ramps, seeds 0 to n − 1, in two processes where there are many.

    Parameters
    ----------
    kind
        Which release.
    n
        How many.
    """
    seeds = range(n)
    if n < 8:
        return tuple(analysed(kind, seed) for seed in seeds)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(analysed, [kind] * n, seeds, chunksize=4))


def analysed(kind: Kind, seed: int) -> Run:
    """Draw a ramp and analyse it.

    Parameters
    ----------
    kind, seed
        See `ramps.ramp`.
    """
    drawn = ramp(kind, seed)
    temperature_c, current = _of_the_gas(drawn), without_spikes(drawn.current_a)
    above = temperature_c > PEERS_FROM_C
    peers = {
        name: _records(detect(temperature_c[above], current[above]))
        for name, detect in DETECTORS.items()
    }
    whole = ReleaseAccumulator(model_of(drawn))
    whole.add(rows(drawn))
    said = whole.estimate(ended=True)
    run = Run(kind, seed, drawn.truth, said.values, said.sigmas, (), peers)
    detected_c = said.values["t_detect_c"]
    if detected_c is None or kind == "none" or np.isnan(run.delay_c(detected_c)):
        return run
    parts, growing, done = [], ReleaseAccumulator(model_of(drawn)), 0
    for behind_c in CUTS_C:
        end = int(np.searchsorted(temperature_c, detected_c + behind_c, "right"))
        growing.add(rows(drawn, slice(done, end)))
        said, done = growing.estimate(ended=False), end
        by_hand_c = tangent(temperature_c[:end], current[:end], detected_c)
        parts.append(Part(behind_c, said.values, said.sigmas, by_hand_c))
    return replace(run, parts=tuple(parts))


def model_of(drawn: Ramp) -> HeatingModel:
    """What the analysis is told of a ramp."""
    return HeatingModel(delay_s=drawn.delay_s)


def rows(drawn: Ramp, part: slice = slice(None)) -> Block:
    """Readings of a ramp as rows of one stream.

    Parameters
    ----------
    drawn
        The ramp.
    part
        Which readings.
    """
    numbers = np.arange(1, len(drawn.time_s) + 1)[part]
    values = {"temperature_c": drawn.temperature_c[part], "ion_32": drawn.current_a[part]}
    return Block("primary", numbers, drawn.time_s[part], values)


def _of_the_gas(drawn: Ramp) -> Floats:
    """Temperature of the sample when that gas left it, rising all the time."""
    rising_c = np.maximum.accumulate(drawn.temperature_c) + 1e-7 * drawn.time_s
    return np.interp(drawn.time_s - drawn.delay_s, drawn.time_s, rising_c)


def _records(evidence: Evidence) -> Evidence:
    at_c, height = evidence
    before = np.concatenate([[-np.inf], np.maximum.accumulate(height)[:-1]])
    return at_c[height > before], height[height > before]
