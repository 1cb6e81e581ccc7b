import matplotlib as mpl
import numpy as np
import pytest
from made_soft import soft_scan
from matplotlib.figure import Figure

from cgnmc_bluesky.views import RunFigure
from cgnmc_bluesky.views.figure import Sheet


def _axes(documents):
    view = RunFigure()
    for name, doc in documents:
        view(name, doc)
    figure = Figure()
    view.draw(Sheet(figure))
    return figure.findobj(mpl.axes.Axes)


def _points(axes):
    return sum(np.size(line.get_xdata()) for line in axes.lines)


def test_both_yields_stand_beside_each_other_and_below_them_what_sets_them_apart(result_documents):
    tey, tey_left, pfy, pfy_left, fractions, sweeps = _axes(soft_scan(result_documents))
    assert tey.get_title() == "TEY (surface): Ni²⁺ 0.530 ± 0.009\nmean valence 2.470 ± 0.009"
    assert "PFY (bulk): Ni²⁺ 0.330 ± 0.009 (uncorrected 0.380)" in pfy.get_title()
    assert "corrected" in pfy.get_legend_handles_labels()[1]
    assert (tey_left.get_xlabel(), pfy_left.get_ylabel()) == ("energy (eV)", "residual")
    assert "surface − bulk: Ni²⁺ +0.200 ± 0.011" in fractions.get_title()
    assert fractions.get_legend_handles_labels()[1] == [
        "TEY (surface)",
        "PFY (bulk)",
        "PFY, uncorrected",
    ]
    assert "TEY: Ni²⁺ drifts by +0.040 ± 0.011 (4 σ) over 5 sweeps" in sweeps.get_title()
    assert (sweeps.get_xlabel(), sweeps.get_ylabel()) == (
        "sweep (dose 1.55 µA s in all)",
        "Ni²⁺ fraction",
    )


def test_a_scan_of_one_sweep_has_no_beam_damage(result_documents):
    assert len(_axes(soft_scan(result_documents, sweeps=1))) == 5


def test_a_soft_scan_that_waits_says_why_and_shows_nothing(result_documents):
    panels = _axes(soft_scan(result_documents, status="waiting", reason="before the edge"))
    assert sum(map(_points, panels)) == 0
    assert all("before the edge" in axes.get_title() for axes in panels if axes.get_title())


@pytest.mark.parametrize("mode", ["tey", "pfy"])
def test_a_yield_alone_is_drawn(result_documents, mode):
    documents = [(name, doc) for name, doc in soft_scan(result_documents, sweeps=1)]
    kept = {doc["uid"] for name, doc in documents if name == "start" and doc.get("mode") == mode}
    own = [
        (name, doc)
        for name, doc in documents
        if any(str(doc.get(key, "")).startswith(uid) for uid in kept
               for key in ("uid", "run_start", "descriptor"))
    ]  # fmt: skip
    spectrum, _, fractions = _axes(own)
    assert _points(spectrum) > 100
    assert fractions.get_title() == ""
