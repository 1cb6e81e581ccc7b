"""Figures 1 and S5: fluorescence maps of particles, pristine and cycled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.analysis.series.gradient import Kept
from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import MATERIALS, Chapter, Picture, run_picture
from cgnmc_bluesky.demo.paper.findings import Findings
from cgnmc_bluesky.demo.paper.statements import (
    Judgement,
    Statement,
    Verdict,
    is_near,
    stated,
)
from cgnmc_bluesky.plans import xrf_fly_map
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.series import CORRECTED, SeriesResult, contrast_of
from cgnmc_bluesky.sim import SimulatedNanoprobe
from cgnmc_bluesky.sim.particle import PARTICLES, RAMP_10_TO_90, CoreShell

ANALYSIS = "mn_ni_ratio"
SURFACE, CORE, WHOLE = 0.4 / 0.4, 0.15 / 0.7, 0.2 / 0.6
"""Mn/Ni of NMC 442, 701515 and 622."""
HALF_UM, PIXELS, DWELL_S = 5.6, 33, 0.05
CUT_OFFS_V = (4.4, 4.8)
_NO_MIXTURE = (
    "no mixture of such a core and shell is NMC 622: Mn 20 % takes a fifth of the metal in the "
    "shell, Ni 60 % a third"
)


def _smaller(particle: CoreShell) -> CoreShell:
    """Another particle of the same material: a little smaller, its shell as thick."""
    by_um = 0.4
    return replace(
        particle,
        radius_um=particle.radius_um - by_um,
        gradient_centre_um=particle.gradient_centre_um - by_um,
    )


GRADIENT = PARTICLES["gradient"]
MOUNTED: Mapping[str, tuple[CoreShell, ...]] = MappingProxyType(
    {
        "conventional, pristine": (PARTICLES["conventional"],),
        "gradient, pristine": (GRADIENT,),
        "gradient, pristine, second": (_smaller(GRADIENT),),
        **{
            f"gradient, 100 cycles to {volts} V{which}": (particle,)
            for volts in CUT_OFFS_V
            for which, particle in (("", GRADIENT), (", second", _smaller(GRADIENT)))
        },
    }
)
"""Particles: cycling changes nothing in their composition, as the paper found."""


class Maps(Chapter):
    """Figure 1: a particle of each material."""

    key = "1"
    title = "Composition of a pristine particle, nanoscale fluorescence"

    def measure(self, bench: Bench) -> None:
        """Map a particle of each material, and a second one of the gradient material."""
        _map(bench, [name for name in MOUNTED if "pristine" in name])

    def statements(self, found: Findings) -> list[Statement]:
        """Core, shell and gradient."""
        shell, core, whole = (
            found.number(f"{name}_corrected", ANALYSIS, "gradient", 0)
            for name in ("mn_ni_shell", "mn_ni_core", "mn_ni")
        )
        width = found.number("gradient_width_um", ANALYSIS, "gradient", 0)
        ramp = None if width is None else (width[0] / RAMP_10_TO_90, width[1] / RAMP_10_TO_90)
        plain = found.result(ANALYSIS, "conventional", 0)
        contrast = contrast_of(plain, CORRECTED) if plain else None
        average = is_near(whole, WHOLE, within=0.05)
        return [
            stated(
                "1f", "The surface is Mn-rich, NMC 442 (Mn/Ni 1.0).", "Mn/Ni of the shell",
                shell, is_near(shell, SURFACE, within=0.2),
            ),
            stated(
                "1f", "The core is Ni-rich, NMC 701515 (Mn/Ni 0.21).", "Mn/Ni of the core",
                core, is_near(core, CORE, within=0.04),
            ),
            stated(
                "1f", "Between them lies a gradient of 1 µm.", "width of the gradient",
                ramp, is_near(ramp, 1.0, within=0.3), "um",
            ),
            stated(
                "1", "On average it is NMC 622 (Mn/Ni 0.33).", "Mn/Ni of the particle",
                whole, replace(average, why=f"{average.why}; {_NO_MIXTURE}"),
            ),
            stated(
                "1", "The conventional material has no gradient.", "shell − core in Mn/Ni",
                contrast, is_near(contrast, within=0.05),
            ),
        ]  # fmt: skip

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Map and profile of a particle of each material."""
        results = {name: found.result(ANALYSIS, name, 0) for name in MATERIALS}
        return [
            run_picture(bench, result.run_uid, f"fig1_{name}", f"{name} material, pristine")
            for name, result in results.items()
            if result
        ]


class CycledMaps(Chapter):
    """Figure S5: particles after 100 cycles to 4.4 and 4.8 V."""

    key = "S5"
    title = "Is the gradient kept over 100 cycles, to 4.4 and 4.8 V?"

    def measure(self, bench: Bench) -> None:
        """Map two particles for each cut-off voltage."""
        _map(bench, [name for name in MOUNTED if "cycles" in name])

    def statements(self, found: Findings) -> list[Statement]:
        """Whether the gradient is kept."""
        by_voltage = {each.conditions.get("cutoff_v"): each for each in found.gradients}
        return [_kept(volts, by_voltage.get(volts)) for volts in CUT_OFFS_V]

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """A particle for each cut-off voltage."""
        return [
            run_picture(bench, one.run_uid, f"figS5_{volts}V", f"after 100 cycles to {volts} V")
            for volts in CUT_OFFS_V
            for one in _cycled(found.results, volts)[:1]
        ]


def _kept(volts: float, found: SeriesResult | None) -> Statement:
    text = f"After 100 cycles to {volts} V the Mn-rich surface is preserved."
    quantity = "change of shell − core in Mn/Ni"
    if found is None:
        return stated("S5", text, quantity, None, Judgement(Verdict.MISSING, ""))
    verdict = {
        Kept.KEPT: Verdict.HOLDS,
        Kept.ALTERED: Verdict.FAILS,
        Kept.LOST: Verdict.FAILS,
    }.get(Kept(found.verdict or Kept.UNKNOWN), Verdict.UNKNOWN)
    change, sigma = found.values["contrast_change"], found.sigmas["contrast_change"]
    number = None if change is None or sigma is None else (change, sigma)
    return stated("S5", text, quantity, number, Judgement(verdict, found.reason))


def _cycled(results: Sequence[Result], volts: float) -> list[Result]:
    return [
        each
        for each in results
        if each.analysis == ANALYSIS and each.conditions.get("cutoff_v") == volts
    ]


def _map(bench: Bench, names: Sequence[str]) -> None:
    nanoprobe = SimulatedNanoprobe(
        names[0], mounted=MOUNTED, seed=bench.seed, folder=bench.folder / "maps"
    )
    area = (-HALF_UM, HALF_UM, PIXELS)

    def maps() -> MsgGenerator[None]:
        stage = nanoprobe.stage
        for name in names:
            yield from bps.mv(nanoprobe.particle, name)
            yield from xrf_fly_map(
                nanoprobe.xspress3, stage.x, *area, stage.y, *area, dwell_s=DWELL_S, md=_told(name)
            )

    bench.run(nanoprobe, maps())


def _told(name: str) -> dict[str, Any]:
    """What a run says of its particle, whose name says it."""
    material, age, *_ = name.split(", ")
    told: dict[str, Any] = {"material": material, "cycles": 0}
    if age != "pristine":
        told |= {"cycles": 100, "cutoff_v": float(age.split()[-2])}
    return told
