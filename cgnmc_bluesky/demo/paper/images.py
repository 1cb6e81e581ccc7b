"""Figure S4: the surface in a photoemission electron microscope."""

from collections.abc import Sequence

import numpy as np

from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import MATERIALS, Chapter, Picture, run_picture
from cgnmc_bluesky.demo.paper.findings import Findings, of_series
from cgnmc_bluesky.demo.paper.statements import (
    Statement,
    difference,
    falls_short,
    is_near,
    stated,
)
from cgnmc_bluesky.plans import xpeem_stack
from cgnmc_bluesky.sim import SimulatedMicroscope

ANALYSIS, MODE = "ni2_fraction", "xpeem"
AGES = {0: "pristine", 100: "100 cycles"}
SHAPE = (128, 128)
ENERGIES_EV = (
    *np.arange(840.0, 850.0, 2.0),
    *np.arange(850.0, 860.0, 0.4),
    *np.arange(860.0, 882.0, 1.5),
    *np.arange(882.0, 898.0, 3.0),
)


class Images(Chapter):
    """Figure S4: image stacks over Ni L3 of both materials."""

    key = "S4"
    title = "Ni at the surface by image stacks (XPEEM)"

    def measure(self, bench: Bench) -> None:
        """Take a stack of each material, pristine and cycled."""
        seed = bench.seed
        for material in MATERIALS:
            for cycles, age in AGES.items():
                seed += 1
                microscope = SimulatedMicroscope(
                    f"{material}, {age}", shape=SHAPE, seed=seed, folder=bench.folder / "images"
                )
                told = {"material": material, "cycles": cycles}
                plan = xpeem_stack(
                    [microscope.camera, microscope.mesh],
                    microscope.pgm,
                    edge="Ni L3",
                    energies_ev=[float(energy_ev) for energy_ev in ENERGIES_EV],
                    md=told,
                )
                bench.run(microscope, plan)

    def statements(self, found: Findings) -> list[Statement]:
        """Whether images show what electrons from the whole sample do."""
        changes = {name: found.change(ANALYSIS, ANALYSIS, name, mode=MODE) for name in MATERIALS}
        falls = changes["gradient"]
        said = [
            stated(
                "S4", "XPEEM repeats it: Ni2+ falls at the surface of the gradient material.",
                "change of Ni2+ by XPEEM", falls, falls_short(falls, worth=0.02),
            )
        ]  # fmt: skip
        for name in MATERIALS:
            tey = of_series(found.trend("ni2_fraction_trend", "tey", name), "change")
            apart = difference(changes[name], tey)
            said.append(
                stated(
                    "S4", f"It agrees with TEY ({name}).", "change of Ni2+, XPEEM − TEY",
                    apart, is_near(apart, within=0.06),
                )
            )  # fmt: skip
        return said

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Maps of the fraction."""
        drawn = []
        for material in MATERIALS:
            for cycles, age in AGES.items():
                result = found.result(ANALYSIS, material, cycles, mode=MODE)
                if result is not None:
                    name = f"figS4_{material}_{cycles}"
                    drawn.append(run_picture(bench, result.run_uid, name, f"{material}, {age}"))
        return drawn
