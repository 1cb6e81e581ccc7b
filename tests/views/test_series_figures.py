import matplotlib as mpl
import numpy as np
from made_samples import gradient_series, nickel_series
from matplotlib.figure import Figure

from cgnmc_bluesky.views import TrendFigure
from cgnmc_bluesky.views.figure import Sheet


def _drawn(documents):
    view = TrendFigure()
    for name, doc in documents:
        view(name, doc)
    figure = Figure()
    view.draw(Sheet(figure))
    return figure


def _axes(figure):
    return {axes.get_ylabel(): axes for axes in figure.findobj(mpl.axes.Axes)}


def test_a_series_is_drawn_over_cycles_with_the_verdict_on_each_material_and_yield(
    result_documents,
):
    (axes,) = _drawn(nickel_series(result_documents)).findobj(mpl.axes.Axes)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("cycle number", "Ni²⁺ fraction")
    assert axes.get_legend_handles_labels()[1] == [
        "conventional TEY\nrises (p < 0.001)",
        "gradient TEY\nfalls (p < 0.001)",
        "conventional PFY\nno change seen (p = 0.88)",
        "gradient PFY\nno change seen (p = 0.91)",
    ]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    rising, _, flat, _ = (np.diff(line.get_ydata())[0] for line in lines)
    assert 0.15 < rising < 0.25
    assert flat == 0


def test_with_one_number_of_cycles_it_stays_with_the_scans_and_tells_yields_apart(
    result_documents,
):
    axes = _axes(_drawn(nickel_series(result_documents, (0,))))
    assert list(axes) == ["Ni²⁺ fraction, TEY", "Ni²⁺ fraction, PFY"]
    assert axes["Ni²⁺ fraction, PFY"].get_xlabel() == "scan number"


def test_a_run_that_belongs_to_no_series_brings_the_scans_back(result_documents):
    documents = [*nickel_series(result_documents)]
    documents += result_documents("edge_position", {"edge_ev": (8344.8, 0.02, "eV")}, scan_id=20)
    assert "edge position (eV), transmission" in _axes(_drawn(documents))


def test_maps_are_followed_by_cut_off_voltage_with_the_pristine_particles_in_each(
    result_documents,
):
    axes = _axes(_drawn(gradient_series(result_documents)))
    assert set(axes) == {"Mn/Ni", "Mn/Ni core", "Mn/Ni shell", "gradient width (µm)"}
    labels = axes["Mn/Ni shell"].get_legend_handles_labels()[1]
    assert [label.splitlines()[0] for label in labels] == ["gradient, 4.4 V", "gradient, 4.8 V"]


def test_failed_samples_are_counted(result_documents):
    failed = {"status": "failed", "reason": "gold_mesh is zero"}
    figure = _drawn(nickel_series(result_documents, **failed))
    (text,) = (text.get_text() for text in figure.texts)
    assert "no value over the scans" in text
    assert "16 of 16 results failed, the last: gold_mesh is zero" in " ".join(text.split())
    rest = [*nickel_series(result_documents), *nickel_series(result_documents, (1,), **failed)]
    assert _drawn(rest).get_suptitle().startswith("4 of 20 results failed")
