"""Figure 3: Ni and Mn K edges, pristine and after 100 cycles."""

from collections.abc import Sequence
from dataclasses import replace

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator

from cgnmc_bluesky import Beamline, replay
from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import MATERIALS, Chapter, Picture
from cgnmc_bluesky.demo.paper.findings import Findings
from cgnmc_bluesky.demo.paper.panels import Curve, Panel, save_panels
from cgnmc_bluesky.demo.paper.statements import (
    Number,
    Statement,
    falls_short,
    is_near,
    stated,
)
from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.sim import SimulatedBeamline
from cgnmc_bluesky.sim.spectra import ELEMENTS

ELEMENTS_SEEN = ("Ni", "Mn")
AGES = {0: "pristine", 100: "100 cycles"}
REGIONS = [(-100.0, -20.0, 10.0), (-20.0, 40.0, 0.5), (40.0, 200.0, 4.0)]
FLUX_PH_S = 5e8
AGAINST = "against pristine"
"""What a result is called whose template is the pristine scan."""
SAME_EV, SAME_VALENCE = 0.1, 0.04
"""Shifts and valences that one would not call a change."""
MEAN_VALENCE = 2.67
_SHOWN_EV = (-15.0, 50.0)


class HardEdges(Chapter):
    """Figure 3: the mean of the whole sample."""

    key = "3"
    title = "Ni and Mn K edges, which see the whole sample"

    def measure(self, bench: Bench) -> None:
        """Scan both edges of both materials, pristine and cycled."""
        for element in ELEMENTS_SEEN:
            beamline = SimulatedBeamline(edge=f"{element} K", seed=bench.seed, flux_ph_s=FLUX_PH_S)
            bench.run(beamline, _scans(beamline))
            _shift_from_pristine(bench, beamline)

    def statements(self, found: Findings) -> list[Statement]:
        """Edges and valences."""
        said = [_edge_moves(found), _valence_falls(found)]
        pristine = found.number(
            "mean_valence", "ni2_fraction", "conventional", 0, mode="transmission"
        )
        said.insert(
            0,
            stated(
                "3a", "The mean oxidation state of Ni in pristine NMC622 is about +2.67.",
                "mean valence of Ni, conventional", pristine,
                is_near(pristine, MEAN_VALENCE, within=0.1),
            ),
        )  # fmt: skip
        said.append(_is_unchanged(found, "3b", "Ni", "gradient"))
        said += [
            _is_unchanged(found, panel, "Mn", material)
            for panel, material in zip(("3c", "3d"), MATERIALS, strict=True)
        ]
        return said

    def pictures(self, bench: Bench, found: Findings) -> Sequence[Picture]:
        """Normalised absorption, a panel for each element and material."""
        panels = [
            _panel(found, element, material) for element in ELEMENTS_SEEN for material in MATERIALS
        ]
        path = save_panels(bench.folder / "fig3.png", panels)
        return [Picture(path, "K edges, normalised, pristine and after 100 cycles")]


def _scans(beamline: SimulatedBeamline) -> MsgGenerator[None]:
    detectors = [beamline.i0, beamline.it, beamline.ir]
    for material in MATERIALS:
        for cycles, age in AGES.items():
            yield from bps.mv(beamline.sample, f"{material}, {age}")
            told = {"material": material, "cycles": cycles}
            yield from xanes_scan(
                detectors, beamline.mono, edge=beamline.edge, regions=REGIONS, md=told
            )


def _shift_from_pristine(bench: Bench, beamline: SimulatedBeamline) -> None:
    """Match each cycled scan to the pristine one as its template: what both share cancels so."""
    uids = {
        (each.conditions["material"], each.conditions["cycles"]): each.run_uid
        for each in bench.results
        if each.about["analysis"]["parameters"].get("edge") == beamline.edge
    }
    last = max(AGES)
    for material in MATERIALS:
        reference = {"edge": beamline.edge, "run": uids[material, 0], "template": True}
        settings = {**beamline.roles(), "reference": [{"name": "pristine", **reference}]}
        matched = replay(bench.runs, Beamline.from_dict(settings), runs=[uids[material, last]])
        bench.results += [replace(each, mode=AGAINST) for each in matched]


def _shift(found: Findings, element: str, material: str) -> Number | None:
    of_edge = {"mode": AGAINST, "edge": f"{element} K"}
    return found.number("edge_shift_ev", "edge_position", material, max(AGES), **of_edge)


def _edge_moves(found: Findings) -> Statement:
    shift = _shift(found, "Ni", "conventional")
    return stated(
        "3a", "The Ni K edge of the conventional material moves to lower energy in 100 cycles.",
        "edge against the pristine one's", shift, falls_short(shift, worth=SAME_EV), "eV",
    )  # fmt: skip


def _valence_falls(found: Findings) -> Statement:
    change = found.change("mean_valence", "ni2_fraction", "conventional", mode="transmission")
    return stated(
        "3a", "Its Ni is reduced.", "change of the mean valence",
        change, falls_short(change, worth=SAME_VALENCE),
    )  # fmt: skip


def _is_unchanged(found: Findings, panel: str, element: str, material: str) -> Statement:
    shift = _shift(found, element, material)
    return stated(
        panel, f"The {element} K edge of the {material} material does not change in 100 cycles.",
        "edge against the pristine one's", shift, is_near(shift, within=SAME_EV), "eV",
    )  # fmt: skip


def _panel(found: Findings, element: str, material: str) -> Panel:
    curves = []
    for number, (cycles, age) in enumerate(AGES.items()):
        arrays = found.curves("spectrum", "edge_position", material, cycles, edge=f"{element} K")
        if arrays is not None:
            order = np.argsort(arrays["energy_ev"])
            x, y = arrays["energy_ev"][order], arrays["normalised"][order]
            curves.append(Curve(age, x, y, number, "-" if number == 0 else "--"))
    edge_ev = ELEMENTS[element].energy_ev
    return Panel(
        f"{element} K, {material}", "energy (eV)", "normalised absorption", curves,
        (edge_ev + _SHOWN_EV[0], edge_ev + _SHOWN_EV[1]),
    )  # fmt: skip
