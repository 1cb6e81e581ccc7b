import matplotlib as mpl
import numpy as np
from made_cycling import cell
from matplotlib.figure import Figure

from cgnmc_bluesky.views import RunFigure
from cgnmc_bluesky.views.figure import Sheet

CHARGED = {
    "voltage_v": (4.121, 0.002, "V"),
    "x_li": (0.4512, 0.0021, ""),
    "cycle": (1.0, 0.0, ""),
}


def _drawn(*documents):
    view = RunFigure()
    for some in documents:
        for name, doc in some:
            view(name, doc)
    figure = Figure()
    view.draw(Sheet(figure))
    return figure


def _axes(figure):
    return {axes.get_ylabel(): axes for axes in figure.findobj(mpl.axes.Axes)}


def test_a_cell_shows_its_curves_and_what_is_left_after_each_cycle(result_documents):
    figure = _drawn(result_documents("cycling", *cell(100), particle=None))
    axes = _axes(figure)
    assert list(axes)[1:] == [
        "voltage (V)",
        "dQ/dV (mAh/(g V))",
        "capacity (mAh/g)",
        "Coulombic efficiency (%)",
        "peak of dQ/dV (V)",
        "height of the peak (mAh/(g V))",
    ]
    assert axes["voltage (V)"].get_xlabel() == "capacity (mAh/g)"
    names = axes["voltage (V)"].get_legend_handles_labels()[1]
    assert names == [f"cycle {cycle}" for cycle in (1, 21, 41, 60, 80, 100)]
    assert len(axes["voltage (V)"].lines) == 12
    (marks,) = [line for line in axes["dQ/dV (mAh/(g V))"].lines if line.get_label() == "peak"]
    np.testing.assert_allclose(marks.get_xdata()[[0, -1]], [3.76, 3.814])
    title = axes[""].get_title()
    assert "100 cycles, discharge 149.8 mAh/g in the last, 84.2 % of the first's" in title
    assert "dQ/dV peak at 3.8140 ± 0.0020 V, shifted by +0.054 ± 0.003 V" in title


def test_what_a_cell_does_not_show_is_said(result_documents):
    values, curves = cell(3)
    only = {"voltage": curves["voltage"]}
    axes = _drawn(result_documents("cycling", values, only, particle=None)).axes
    texts = [text.get_text() for each in axes for text in each.texts]
    assert texts == ["no dQ/dV", "no whole cycle yet", "no peak of dQ/dV that is followed"]
    waiting = _drawn(
        result_documents("cycling", values, status="waiting", reason="no current", particle=None)
    )
    assert waiting.axes[0].get_title() == "cycling (waiting)\nno current"


def test_a_scan_says_in_which_state_of_charge_it_was_made(result_documents, spectrum):
    edge = {name: spectrum[name] for name in ("energy_ev", "mu", "normalised")}
    figure = _drawn(
        result_documents("edge_position", {"edge_ev": (8344.8, 0.02, "eV")}, {"spectrum": edge}),
        result_documents("state_of_charge", CHARGED, particle=None),
    )
    (row,) = figure.subfigs
    assert row.get_suptitle() == (
        "scan 1 · conventional\nx(Li) 0.451, 4.121 V, cycle 1 · transmission"
    )
