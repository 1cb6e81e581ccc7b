"""Figure 2: galvanostatic cycling of both materials, and dQ/dV."""

from collections.abc import Sequence

import numpy as np

from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import MATERIALS, Chapter, Picture, run_picture
from cgnmc_bluesky.demo.paper.findings import Findings
from cgnmc_bluesky.demo.paper.statements import (
    Number,
    Statement,
    difference,
    exceeds,
    falls_short,
    is_near,
    ratio,
    stated,
)
from cgnmc_bluesky.sim.cycler import SimulatedCycler

ANALYSIS = "cycling"
ROW_S = 120.0
EARLY, BEFORE, LATE = (2, 20), (40, 60), (91, 100)
"""Cycles whose peaks are averaged: first ones, those before the paper's 60th, and the last."""
PEAK_V = 3.8


class Cycling(Chapter):
    """Figures 2 and S2: a hundred cycles of a cell of each material."""

    key = "2"
    title = "A hundred cycles at C/3 to 4.4 V, and dQ/dV"

    def measure(self, bench: Bench) -> None:
        """Cycle a cell of each material."""
        for material in MATERIALS:
            bench.take(SimulatedCycler(material, seed=bench.seed, row_s=ROW_S).documents())

    def statements(self, found: Findings) -> list[Statement]:
        """Capacity retained, and what becomes of the oxidation peak."""
        kept = [found.number("capacity_retention", ANALYSIS, name) for name in MATERIALS]
        better = difference(kept[1], kept[0])
        at = _peak(found, "peak_v", "conventional", EARLY)
        shifts = [_shift(found, name) for name in MATERIALS]
        heights = [_left(found, name) for name in MATERIALS]
        less, more = difference(*shifts), difference(heights[1], heights[0])
        return [
            stated(
                "2", "The gradient material cycles more stably.",
                "capacity retained, gradient − conventional", better, exceeds(better, worth=0.03),
            ),
            stated(
                "S2", "There is an oxidation peak at around 3.8 V.",
                "peak of dQ/dV, conventional", at, is_near(at, PEAK_V, within=0.08), "V",
            ),
            stated(
                "S2", "Conventional: over 60 cycles, it shifts to higher voltage.",
                "its shift", shifts[0], exceeds(shifts[0], worth=0.02), "V",
            ),
            stated(
                "S2", "Conventional: it vanishes drastically.",
                "its height, last over first", heights[0], falls_short(heights[0], 0.6, worth=0.1),
            ),
            stated(
                "S2", "Gradient: the voltage of the peak changes less.",
                "shift, conventional − gradient", less, exceeds(less, worth=0.02), "V",
            ),
            stated(
                "S2", "Gradient: its height changes less.",
                "height left, gradient − conventional", more, exceeds(more, worth=0.1),
            ),
        ]  # fmt: skip

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Voltage, dQ/dV and capacities of each material."""
        results = {name: found.result(ANALYSIS, name) for name in MATERIALS}
        return [
            run_picture(bench, result.run_uid, f"fig2_{name}", f"{name} material")
            for name, result in results.items()
            if result
        ]


def _peak(found: Findings, value: str, material: str, cycles: tuple[int, int]) -> Number | None:
    """Mean over some cycles, its sigma from how they scatter, or from theirs where that is more."""
    arrays = found.curves("cycles", ANALYSIS, material)
    if arrays is None:
        return None
    number, sigma = arrays[value], arrays[f"{value}_sigma"]
    chosen = (arrays["cycle"] >= cycles[0]) & (arrays["cycle"] <= cycles[1]) & np.isfinite(number)
    count = int(chosen.sum())
    if count < 2:
        return None
    scatter = float(np.std(number[chosen], ddof=1))
    own = float(np.sqrt(np.mean(sigma[chosen] ** 2)))
    return float(np.mean(number[chosen])), max(scatter, own) / count**0.5


def _shift(found: Findings, material: str) -> Number | None:
    late = _peak(found, "peak_v", material, LATE)
    return difference(late, _peak(found, "peak_v", material, BEFORE))


def _left(found: Findings, material: str) -> Number | None:
    late = _peak(found, "peak_height", material, LATE)
    return ratio(late, _peak(found, "peak_height", material, EARLY))
