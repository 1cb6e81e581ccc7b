"""Figure 6: heating of both charged materials, diffraction and O2."""

from collections.abc import Sequence

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import MATERIALS, Chapter, Picture, run_picture
from cgnmc_bluesky.demo.paper.findings import Findings
from cgnmc_bluesky.demo.paper.panels import Curve, Panel, save_panels
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
from cgnmc_bluesky.plans import heating_ramp
from cgnmc_bluesky.sim import SimulatedHotStage

TARGET_C, RATE_C_PER_MIN, PATTERN_PERIOD_S, ION_PERIOD_S = 450.0, 4.0, 120.0, 6.0
ONSET_C = 190.0
BEGUN = 0.9
"""Share that is still layered where the transition counts as begun."""


class Heating(Chapter):
    """Figure 6: decomposition of both materials at 4.4 V."""

    key = "6"
    title = "Thermal stability of both charged materials"

    def measure(self, bench: Bench) -> None:
        """Heat both."""
        for material in MATERIALS:
            stage = SimulatedHotStage(material, seed=bench.seed)
            bench.run(stage, _ramp(stage, material))

    def statements(self, found: Findings) -> list[Statement]:
        """Onset, width and transition."""
        onset = found.number("t_rate_c", "o2_onset", "conventional")
        widths = [found.number("fwhm_c", "o2_onset", name) for name in MATERIALS]
        wider = ratio(widths[1], widths[0])
        apart = difference(*(_begins(found, name) for name in reversed(MATERIALS)))
        return [
            stated(
                "6ab", "Both begin to lose the layered structure at similar temperatures.",
                "difference of where a tenth is lost", apart, is_near(apart, within=30.0), "degC",
            ),
            stated(
                "6c", "Conventional: O₂ is released from about 190 °C on.",
                "onset of O₂", onset, is_near(onset, ONSET_C, within=15.0), "degC",
            ),
            stated(
                "6c", "Conventional: the release is a sharp peak.",
                "its width at half height", widths[0],
                falls_short(widths[0], 40.0, worth=5.0), "degC",
            ),
            stated(
                "6c", "Gradient: the release is spread over a wider range, without such a peak.",
                "its width over the conventional one's", wider, exceeds(wider, 1.5, worth=0.5),
            ),
        ]  # fmt: skip

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Patterns of each ramp, and both O2 traces."""
        results = {name: found.result("o2_onset", name) for name in MATERIALS}
        drawn = [
            run_picture(bench, result.run_uid, f"fig6_{name}", f"{name} material, heated")
            for name, result in results.items()
            if result
        ]
        curves = []
        for number, name in enumerate(MATERIALS):
            trace = found.curves("trace", "o2_onset", name)
            if trace is not None:
                curves.append(Curve(name, trace["temperature_c"], trace["ion_32"], number))
        phases = [
            Curve(name, series["temperature_c"], series["layered_fraction"], number)
            for number, name in enumerate(MATERIALS)
            if (series := found.curves("series", "phases", name)) is not None
        ]
        panels = [
            Panel("O₂ (m/z 32)", "temperature (°C)", "ion current (A)", curves),
            Panel("Layered phase", "temperature (°C)", "share of the metal", phases),
        ]
        path = save_panels(bench.folder / "fig6_release.png", panels)
        return [*drawn, Picture(path, "release and transition of both")]


def _ramp(stage: SimulatedHotStage, material: str) -> MsgGenerator[None]:
    yield from bps.mv(stage.sample, material)
    yield from heating_ramp(
        stage.furnace, [stage.diffractometer], [stage.rga], target_c=TARGET_C,
        rate_c_per_min=RATE_C_PER_MIN, pattern_period_s=PATTERN_PERIOD_S,
        ion_period_s=ION_PERIOD_S, md={"material": material, "cycles": 99, "cutoff_v": 4.4},
    )  # fmt: skip


def _begins(found: Findings, material: str) -> Number | None:
    """Temperature at which a tenth of the metal is layered no more, between two patterns.

    Its sigma is that of the share over the slope, and that of a place within the step between the
    two, which is uniform.
    """
    series = found.curves("series", "phases", material)
    if series is None:
        return None
    share, temperature_c = series["layered_fraction"], series["temperature_c"]
    sigma = series["layered_fraction_sigma"]
    known = np.isfinite(share) & np.isfinite(temperature_c)
    share, temperature_c, sigma = share[known], temperature_c[known], sigma[known]
    below = np.flatnonzero(share < BEGUN)
    if not below.size or below[0] == 0:
        return None
    after = int(below[0])
    before = after - 1
    step_c, fall = temperature_c[after] - temperature_c[before], share[before] - share[after]
    at_c = temperature_c[before] + step_c * (share[before] - BEGUN) / fall
    of_share_c = float(np.nanmax(sigma[[before, after]])) * step_c / fall
    return float(at_c), float(np.hypot(of_share_c, step_c / 12**0.5))
