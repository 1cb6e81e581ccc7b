"""Figures 4 and 5: L edges by electrons, which see the surface, and by fluorescence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cgnmc_bluesky.analysis.series.trend import Course
from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import MATERIALS, Chapter, Picture
from cgnmc_bluesky.demo.paper.findings import Findings, of_series
from cgnmc_bluesky.demo.paper.panels import Curve, Panel, save_panels
from cgnmc_bluesky.demo.paper.statements import (
    Judgement,
    Statement,
    Verdict,
    difference,
    exceeds,
    falls_short,
    is_near,
    stated,
)
from cgnmc_bluesky.plans import sample_series
from cgnmc_bluesky.series import SeriesResult
from cgnmc_bluesky.sim import SimulatedSoftBeamline
from cgnmc_bluesky.sim.soft.sample import CYCLES
from cgnmc_bluesky.views import TrendFigure
from cgnmc_bluesky.views.text import label

YIELDS = {"tey": "electrons", "pfy": "fluorescence"}
SAME_FRACTION, SAME_VALENCE = 0.05, 0.1
"""Changes that one would not call any."""
LEAST_FRACTION = 0.02
"""Changes that one would not want to miss."""
_SHOWN_EV = {"Ni": (849.0, 876.0), "Mn": (636.0, 658.0)}


class NickelSeries(Chapter):
    """Figure 4: nickel at surface and bulk, over the cycles."""

    key = "4"
    title = "Ni L edge over the cycles: surface (TEY) and bulk (PFY)"

    def measure(self, bench: Bench) -> None:
        """Scan Ni L3 of all samples of the series."""
        _series(bench, "Ni L3")

    def statements(self, found: Findings) -> list[Statement]:
        """Trends of both yields, and where the paper's methods disagree."""
        said = [_bulk_stays(found, material) for material in MATERIALS]
        said.append(_methods_disagree(found))
        said += [_surface_has_more(found, material) for material in MATERIALS]
        said += [_surface_changes(found, material) for material in MATERIALS]
        apart = difference(
            *(found.number("ni2_fraction", "ni2_fraction", name, 100, mode="tey")
              for name in MATERIALS)
        )  # fmt: skip
        said.append(
            stated(
                "4c", "After 100 cycles the surface of the gradient material has more Ni3+.",
                "Ni2+, conventional − gradient", apart, exceeds(apart, worth=LEAST_FRACTION),
            )
        )  # fmt: skip
        return said

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Spectra by both yields, and Figure 4d."""
        path = save_panels(bench.folder / "fig4.png", _spectra(found, "Ni"))
        trend = _trend_picture(bench, "ni2_fraction", "fig4d")
        return [Picture(path, "Ni L edge of both materials"), trend]


class ManganeseSeries(Chapter):
    """Figure 5: manganese and cobalt, and the charge balance."""

    key = "5"
    title = "Mn and Co L edges over the cycles, and the charge balance"

    def measure(self, bench: Bench) -> None:
        """Scan Mn L3 and Co L3 of all samples of the series."""
        _series(bench, "Mn L3; Co L3")

    def statements(self, found: Findings) -> list[Statement]:
        """Valences at surface and bulk, and where the electrons went."""
        said = [_manganese_stays(found, material) for material in MATERIALS]
        said += [_manganese_reduced(found, material) for material in MATERIALS]
        said += [_cobalt(found, material) for material in MATERIALS]
        said += [_cobalt_stays(found, material) for material in MATERIALS]
        return said + _balance(found)

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Spectra by both yields, and trends."""
        path = save_panels(bench.folder / "fig5.png", _spectra(found, "Mn"))
        return [
            Picture(path, "Mn L edge of both materials"),
            _trend_picture(bench, "mn2_fraction", "fig5_trend"),
            _trend_picture(bench, "co2_fraction", "fig5_co"),
        ]


def age_of(cycles: int) -> str:
    """Name an age as the simulated samples do.

    Examples
    --------
    >>> age_of(0), age_of(1), age_of(50)
    ('pristine', '1 cycle', '50 cycles')
    """
    return {0: "pristine", 1: "1 cycle"}.get(cycles, f"{cycles} cycles")


def _series(bench: Bench, edges: str) -> None:
    beamline = SimulatedSoftBeamline(edge=edges.partition(";")[0], seed=bench.seed)
    rows: list[dict[str, Any]] = []
    for material in MATERIALS:
        for cycles in CYCLES:
            name = f"{material}, {age_of(cycles)}"
            rows.append(
                {"name": name, "position": name, "material": material, "cycles": cycles,
                 "edges": edges}
            )  # fmt: skip
    detectors = [beamline.gold_mesh, beamline.tey, beamline.sdd, beamline.reference]
    scan = {"detectors": detectors, "energy": beamline.pgm}
    bench.run(beamline, sample_series(rows, beamline.sample, scan, md={"series": "paper"}))


def _bulk_stays(found: Findings, material: str) -> Statement:
    trend = found.trend("ni2_fraction_trend", "pfy", material)
    change = of_series(trend, "change")
    return stated(
        "4b", f"PFY of the {material} material shows no notable change over 100 cycles.",
        "change of Ni2+ by PFY", change, _because(is_near(change, within=SAME_FRACTION), trend),
    )  # fmt: skip


def _methods_disagree(found: Findings) -> Statement:
    hard = found.change("ni2_fraction", "ni2_fraction", "conventional", mode="transmission")
    bulk = found.change("ni2_fraction", "ni2_fraction", "conventional", mode="pfy")
    apart = difference(hard, bulk)
    return stated(
        "3a, 4b", "The methods disagree on the conventional material: its Ni K edge moves, PFY "
        "does not.", "change of Ni2+, K edge − PFY", apart, exceeds(apart, worth=LEAST_FRACTION),
        methods="Ni K edge of the conventional material against PFY, both taken for the bulk",
    )  # fmt: skip


def _surface_has_more(found: Findings, material: str) -> Statement:
    more = found.number("ni2_fraction_difference", "surface_bulk", material, 0)
    return stated(
        "4d", f"TEY shows slightly more Ni2+ than PFY ({material}, pristine).",
        "Ni2+, TEY − PFY", more, exceeds(more, worth=LEAST_FRACTION),
        methods=f"TEY against PFY of the pristine {material} material",
    )  # fmt: skip


def _surface_changes(found: Findings, material: str) -> Statement:
    trend = found.trend("ni2_fraction_trend", "tey", material)
    change = of_series(trend, "change")
    if material == "conventional":
        text = "Ni2+ rises notably at the surface of the conventional material."
        course, judgement = Course.RISES, exceeds(change, worth=SAME_FRACTION)
    else:
        text = "Ni2+ falls slightly at the surface of the gradient material."
        course, judgement = Course.FALLS, falls_short(change, worth=LEAST_FRACTION)
    if trend is not None and judgement.verdict is Verdict.HOLDS and trend.verdict != course:
        judgement = Judgement(Verdict.UNKNOWN, trend.reason)
    return stated("4d", text, "change of Ni2+ by TEY", change, judgement)


def _manganese_stays(found: Findings, material: str) -> Statement:
    valence = found.number("mean_valence", "mn2_fraction", material, 100, mode="pfy")
    return stated(
        "5a", f"PFY: Mn of the {material} material stays Mn4+ over 100 cycles.",
        "mean valence of Mn by PFY", valence, is_near(valence, 4.0, within=SAME_VALENCE),
    )  # fmt: skip


def _manganese_reduced(found: Findings, material: str) -> Statement:
    change = of_series(found.trend("mn2_fraction_trend", "tey", material), "change")
    return stated(
        "5b", f"TEY: Mn2+ is significantly increased at the surface ({material}).",
        "change of Mn2+ by TEY", change, exceeds(change, worth=SAME_FRACTION),
    )  # fmt: skip


def _cobalt(found: Findings, material: str) -> Statement:
    share = found.number("co2_fraction", "co2_fraction", material, 100, mode="tey")
    return stated(
        "text", f"A bit of Co2+ forms at the surface ({material}).",
        "Co2+ by TEY, 100 cycles", share, exceeds(share, worth=LEAST_FRACTION),
    )  # fmt: skip


def _cobalt_stays(found: Findings, material: str) -> Statement:
    valence = found.number("mean_valence", "co2_fraction", material, 100, mode="pfy")
    return stated(
        "text", f"The bulk remains Co3+ ({material}).",
        "mean valence of Co by PFY", valence, is_near(valence, 3.0, within=SAME_VALENCE),
    )  # fmt: skip


def _balance(found: Findings) -> list[Statement]:
    balances = {each.material: each for each in found.balances}
    said = []
    for material, gained, released in (("conventional", 0.4, 0.6), ("gradient", 0.8, 0.4)):
        for value, limit, text in (
            ("limit_gained_mn", gained, "Mn4+ to Mn2+ takes"),
            ("limit_released_ni", released, "Ni3+ to Ni2+ gives"),
        ):
            number = of_series(balances.get(material), value)
            said.append(
                stated(
                    "text", f"{text} {limit:g} electrons at the surface ({material}).",
                    "electrons by formula unit", number, is_near(number, limit, within=1e-9),
                )
            )  # fmt: skip
    return [*said, *_went(balances)]


def _went(balances: Mapping[str | None, SeriesResult]) -> list[Statement]:
    """Where the electrons went, by the valences that were measured."""
    told = {name: balances.get(name) for name in MATERIALS}
    gained = [of_series(one, "electrons_gained_mn") for one in told.values()]
    conventional, gradient = (of_series(one, "electrons_released_ni") for one in told.values())
    more = difference(gained[1], gained[0])
    said = [
        stated(
            "text", "A larger amount of Mn takes part at the surface of the gradient material.",
            "electrons that Mn took, gradient − conventional", more, exceeds(more, worth=0.02),
        ),
        stated(
            "text", "Charge neutrality: Ni of the conventional material is reduced.",
            "electrons of Ni3+ → Ni2+", conventional,
            _because(exceeds(conventional, worth=0.02), told["conventional"]),
        ),
        stated(
            "text", "Charge neutrality: Ni of the gradient material is oxidised.",
            "electrons of Ni3+ → Ni2+", gradient,
            _because(falls_short(gradient, worth=0.01), told["gradient"]),
        ),
    ]  # fmt: skip
    for name, one in told.items():
        taken = of_series(one, "electrons_to_metals")
        said.append(
            stated(
                "text", f"The metals alone maintain charge neutrality at the surface ({name}).",
                "electrons that Ni, Mn and Co took", taken, is_near(taken, within=0.05),
            )
        )  # fmt: skip
    return said


def _because(judged: Judgement, found: SeriesResult | None) -> Judgement:
    """Add what a series says by itself."""
    parts = (judged.why, found.reason if found else "")
    return replace(judged, why="; ".join(part for part in parts if part))


def _spectra(found: Findings, element: str) -> list[Panel]:
    return [
        Panel(
            f"{element} L, {mode.upper()} ({seen}), {material}", "energy (eV)", "scaled to 1",
            _scaled(found, element, mode, material), _SHOWN_EV[element],
        )
        for mode, seen in YIELDS.items()
        for material in MATERIALS
    ]  # fmt: skip


def _scaled(found: Findings, element: str, mode: str, material: str) -> list[Curve]:
    curves = []
    low_ev, high_ev = _SHOWN_EV[element]
    for number, cycles in enumerate(CYCLES):
        analysis = f"{element.lower()}2_fraction"
        arrays = found.curves("spectrum", analysis, material, cycles, mode=mode)
        if arrays is None:
            continue
        energy_ev, mu = arrays["energy_ev"], arrays.get("mu_corrected", arrays["mu"])
        shown = (energy_ev >= low_ev) & (energy_ev <= high_ev) & np.isfinite(mu)
        x, y = energy_ev[shown], mu[shown]
        scaled = (y - y.min()) / (y.max() - y.min())
        curves.append(Curve(age_of(cycles), x, scaled, number))
    return curves


def _trend_picture(bench: Bench, value: str, name: str) -> Picture:
    figure = TrendFigure(against="cycles", quantities=(value,))
    soft = dict.fromkeys(each.run_uid for each in bench.results if each.mode in YIELDS)
    for run_uid in soft:
        for doc_name, doc in bench.documents[run_uid]:
            figure(doc_name, doc)
    return Picture(figure.save(bench.folder / f"{name}.png"), f"{label(value)} against cycles")
