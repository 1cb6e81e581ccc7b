"""The paper in one command: verdicts from numbers and sigmas alone, and a report that stays."""

import csv
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from cgnmc_bluesky import replay
from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.demo.paper.bench import Bench
from cgnmc_bluesky.demo.paper.chapter import Chapter, Picture
from cgnmc_bluesky.demo.paper.findings import Findings
from cgnmc_bluesky.demo.paper.hard import HardEdges
from cgnmc_bluesky.demo.paper.heating import Heating
from cgnmc_bluesky.demo.paper.maps import CycledMaps, Maps
from cgnmc_bluesky.demo.paper.panels import Curve, Panel, save_panels
from cgnmc_bluesky.demo.paper.paper import CHAPTERS, run_paper
from cgnmc_bluesky.demo.paper.soft import ManganeseSeries, NickelSeries
from cgnmc_bluesky.demo.paper.statements import Verdict, exceeds, falls_short, is_near
from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.sim import SimulatedBeamline

SHORT = [(-60.0, -15.0, 5.0), (-15.0, 40.0, 1.0), (40.0, 200.0, 8.0)]
CYCLES = (0, 1, 50, 100)


def result(analysis, material, cycles, values, *, sigma=0.004, mode=None, **settings) -> Result:
    told = {"cutoff_v": settings.pop("cutoff_v")} if "cutoff_v" in settings else {}
    return Result(
        run_uid=f"{analysis}-{material}-{cycles}-{told}",
        scan_id=1,
        plan_name="a_plan",
        sample=None,
        analysis=analysis,
        mode=mode,
        status=Status.FINAL,
        reason="",
        values=values,
        sigmas=dict.fromkeys(values, sigma),
        units=dict.fromkeys(values, ""),
        conditions={"material": material, "cycles": cycles, **told},
        **settings,
    )


def nickel(material: str, tey: tuple[float, ...], *, hard: float = 0.33, sigma: float = 0.004):
    """What Figures 3 and 4 show of the nickel of a material, whose bulk does not change by PFY."""
    of_k = {"mode": "transmission", "sigma": 0.002}
    for cycles, ni2 in ((0, 0.33), (100, hard)):
        values = {"ni2_fraction": ni2, "mean_valence": 3 - ni2}
        yield result("ni2_fraction", material, cycles, values, **of_k)
    for cycles, ni2 in zip(CYCLES, tey, strict=True):
        for mode, share in (("tey", ni2), ("pfy", 0.33)):
            values = {"ni2_fraction": share, "mean_valence": 3 - share}
            yield result("ni2_fraction", material, cycles, values, mode=mode, sigma=sigma)
        values = {"ni2_fraction_difference": ni2 - 0.33}
        yield result("surface_bulk", material, cycles, values, sigma=sigma)


def as_in_the_paper(sigma: float = 0.004) -> Findings:
    return Findings(
        [
            *nickel("conventional", (0.42, 0.45, 0.53, 0.62), hard=0.45, sigma=sigma),
            *nickel("gradient", (0.42, 0.41, 0.38, 0.35), sigma=sigma),
        ]
    )


def verdicts(chapter: Chapter, found: Findings) -> list[Verdict]:
    return [each.verdict for each in chapter.statements(found)]


@pytest.mark.parametrize(
    ("judgement", "verdict"),
    [
        (exceeds((0.031, 0.01), worth=0.05), Verdict.HOLDS),
        (exceeds((0.029, 0.011), worth=0.05), Verdict.UNKNOWN),
        (exceeds((0.029, 0.010), worth=0.05), Verdict.FAILS),
        (exceeds((1.6, 0.01), 1.5, worth=0.5), Verdict.HOLDS),
        (falls_short((17.0, 1.0), 40.0, worth=5.0), Verdict.HOLDS),
        (falls_short((50.0, 1.0), 40.0, worth=5.0), Verdict.FAILS),
        (is_near((4.05, 0.02), 4.0, within=0.1), Verdict.HOLDS),
        (is_near((4.05, 0.03), 4.0, within=0.1), Verdict.UNKNOWN),
        (is_near((4.15, 0.02), 4.0, within=0.1), Verdict.FAILS),
        (is_near(None, within=0.1), Verdict.MISSING),
    ],
)
def test_a_verdict_needs_more_than_its_sigmas(judgement, verdict):
    assert judgement.verdict is verdict


def test_what_the_paper_says_of_nickel_holds_where_it_was_measured():
    statements = NickelSeries().statements(as_in_the_paper())
    assert {each.verdict for each in statements} == {Verdict.HOLDS}
    (apart,) = [each for each in statements if "disagree" in each.text]
    assert apart.value == pytest.approx(0.12)
    assert any("Ni2+ falls slightly" in each.text for each in statements)


def test_other_samples_are_not_taken_for_the_papers():
    alike = (0.42, 0.42, 0.42, 0.42)
    found = Findings([*nickel("conventional", alike), *nickel("gradient", alike)])
    statements = {each.text: each.verdict for each in NickelSeries().statements(found)}
    failing = [text for text, verdict in statements.items() if verdict is Verdict.FAILS]
    assert len(failing) == 4
    assert all("PFY" in text or "more Ni3+" in text or "Ni2+" in text for text in failing)


def test_uncertain_numbers_leave_it_open():
    open_to_doubt = verdicts(NickelSeries(), as_in_the_paper(sigma=0.08))
    assert set(open_to_doubt) == {Verdict.UNKNOWN}


@pytest.mark.parametrize("kind", CHAPTERS)
def test_what_was_not_measured_is_said(kind):
    said = kind().statements(Findings([]))
    assert len(said) > 1
    assert {each.verdict for each in said} == {Verdict.MISSING}
    assert all(each.measured == "–" for each in said)


def test_every_figure_of_the_paper_has_its_chapter():
    assert {"1", "3", "4", "5", "6", "S5"} <= {kind.key for kind in CHAPTERS}
    assert {Maps, HardEdges, NickelSeries, ManganeseSeries, CycledMaps, Heating} <= set(CHAPTERS)


def test_a_gradient_that_is_kept_or_lost_is_told():
    def mapped(cycles, shell, **settings):
        values = {"mn_ni_core": 0.21, "mn_ni_shell": shell, "gradient_width_um": 0.8}
        return result("mn_ni_ratio", "gradient", cycles, values, sigma=0.02, **settings)

    found = Findings(
        [mapped(0, 1.0), mapped(100, 0.99, cutoff_v=4.4), mapped(100, 0.22, cutoff_v=4.8)]
    )
    kept, lost = CycledMaps().statements(found)
    assert (kept.verdict, lost.verdict) == (Verdict.HOLDS, Verdict.FAILS)
    assert "not kept" in lost.why


class Fabricated(Chapter):
    """A figure whose results are as in the paper, and which is quickly drawn."""

    key = "4"
    title = "nickel <b>and</b> more"

    def measure(self, bench):
        bench.results += as_in_the_paper().results

    def statements(self, found):
        first, *others = NickelSeries().statements(found)
        return [replace(first, text="PFY & TEY"), *others]

    def pictures(self, bench, found):
        x = np.linspace(0.0, 1.0, 5)
        panels = [Panel("one", "x", "y", [Curve("a", x, x)]), Panel("none", "x", "y")]
        return [Picture(save_panels(bench.folder / "fig4.png", panels), "a picture")]


class Interrupted(Fabricated):
    """A figure at which the user loses patience."""

    key = "5"

    def measure(self, bench):
        raise KeyboardInterrupt

    def pictures(self, bench, found):
        return []


class Page(HTMLParser):
    """What a page refers to and says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.said = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.pictures.append(dict(attributes)["src"])

    def handle_data(self, data):
        self.said += data


def test_a_report_has_its_pictures_and_its_statements(tmp_path, capsys):
    console = Console(width=120)
    assert run_paper(tmp_path / "report", console=console, chapters=(Fabricated,)) == 0
    page = Page(tmp_path / "report" / "index.html")
    assert page.pictures == ["fig4.png"]
    assert (tmp_path / "report" / "fig4.png").stat().st_size > 5_000
    assert "nickel <b>and</b> more" in page.said
    assert "PFY & TEY" in page.said
    assert "Where the paper's own methods disagree" in page.said
    assert "Of 8 statements: 8 hold" in page.said
    rows = json.loads((tmp_path / "report" / "statements.json").read_text(encoding="utf-8"))
    with (tmp_path / "report" / "statements.csv").open(encoding="utf-8") as lines:
        assert [row["text"] for row in csv.DictReader(lines)] == [row["text"] for row in rows]
    assert {row["verdict"] for row in rows} == {"holds"}
    assert "0.199" in (shown := capsys.readouterr().out) or "0.200" in shown
    assert "8 hold" in shown
    assert shown.count("methods disagree: ") == 3


def test_an_interrupted_report_can_be_used(tmp_path):
    console = Console(quiet=True)
    with pytest.raises(KeyboardInterrupt):
        run_paper(tmp_path, console=console, chapters=(Fabricated, Interrupted, Fabricated))
    page = Page(tmp_path / "index.html")
    assert page.pictures == ["fig4.png"]
    assert "It was interrupted" in page.said
    assert len(json.loads((tmp_path / "statements.json").read_text(encoding="utf-8"))) == 16


def test_a_bench_analyses_runs_and_keeps_them_for_a_replay(tmp_path):
    beamline = SimulatedBeamline(seed=3)
    bench = Bench(tmp_path, Console(quiet=True), seed=3)
    detectors = [beamline.i0, beamline.it, beamline.ir]
    told = {"material": "conventional", "cycles": 0}
    bench.run(beamline, xanes_scan(detectors, beamline.mono, regions=SHORT, md=told))
    found = Findings(bench.results)
    ni2, sigma = found.number("ni2_fraction", "ni2_fraction", "conventional", 0)
    assert abs(ni2 - 0.33) < 5 * sigma
    assert found.number("ni2_fraction", "ni2_fraction", "conventional", 100) is None
    replayed = list(replay(tmp_path / "runs.jsonl"))
    assert [each.as_dict() for each in replayed] == [each.as_dict() for each in bench.results]
    assert replayed[0].conditions == told
