from threading import Thread

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from cgnmc_bluesky.views import RunFigure, TrendFigure
from cgnmc_bluesky.views.figure import Sheet

EDGE = {"edge_ev": (8344.8, 0.02, "eV"), "half_step_ev": (8342.1, 0.1, "eV")}
FRACTIONS = {
    "fraction_NiO": (0.35, 0.01, ""),
    "fraction_LiNiO2": (0.65, 0.01, ""),
    "ni2_fraction": (0.35, 0.01, ""),
    "ni3_fraction": (0.65, 0.01, ""),
}


@pytest.fixture(autouse=True)
def _no_screen():
    mpl.use("agg")
    yield
    plt.close("all")


def _both(result_documents, spectrum, **run):
    edge = {name: spectrum[name] for name in ("energy_ev", "mu", "normalised")}
    combination = {name: curve for name, curve in spectrum.items() if name != "normalised"}
    yield from result_documents("edge_position", EDGE, {"spectrum": edge}, **run)
    yield from result_documents("ni2_fraction", FRACTIONS, {"spectrum": combination}, **run)


def _send(view, documents):
    for name, doc in documents:
        view(name, doc)


def _drawn(view) -> Figure:
    figure = Figure()
    view.draw(Sheet(figure))
    return figure


def _axes(figure):
    return {axes.get_ylabel(): axes for axes in figure.findobj(mpl.axes.Axes)}


def _points(axes):
    return sum(np.size(line.get_xdata()) for line in axes.lines)


def test_spectrum_shows_sum_components_and_residual(result_documents, spectrum):
    view = RunFigure()
    _send(view, _both(result_documents, spectrum))
    axes = _axes(_drawn(view))
    names = axes["absorption µ, less baseline"].get_legend_handles_labels()[1]
    assert names == ["measured", "sum", "NiO 0.350 ± 0.010", "LiNiO2 0.650 ± 0.010"]
    residual = axes["residual"].lines[-1].get_ydata()
    np.testing.assert_array_equal(residual, spectrum["residual"])
    assert axes["normalised absorption"].get_title() == "edge 8344.800 ± 0.020 eV"
    assert axes["normalised absorption"].get_xlabel() == "energy (eV)"


def test_picture_is_not_empty(result_documents, spectrum, tmp_path):
    view = RunFigure()
    _send(view, _both(result_documents, spectrum))
    picture = imread(view.save(tmp_path / "spectrum.png"))
    assert picture.shape[:2] == (720, 1440)
    dark = (picture[..., :3].sum(axis=2) < 1.5).mean()
    assert 0.005 < dark < 0.3


def test_no_document_gives_an_empty_picture_and_no_error(tmp_path):
    for view in (RunFigure(), TrendFigure()):
        picture = imread(view.save(tmp_path / "empty.png"))
        assert picture.min() == 1.0


def test_a_provisional_spectrum_is_open_and_says_so(result_documents, spectrum):
    view = RunFigure()
    _send(view, _both(result_documents, spectrum, status="provisional", reason="no foil"))
    axes = _axes(_drawn(view))["normalised absorption"]
    assert "(provisional)" in axes.get_title()
    assert "no foil" in axes.get_title()
    measured = max(axes.lines, key=lambda line: np.size(line.get_xdata()))
    assert measured.get_markerfacecolor() == "none"


def test_nothing_is_drawn_while_waiting(result_documents, spectrum):
    view = RunFigure()
    _send(view, _both(result_documents, spectrum, status="waiting", reason="before the edge"))
    axes = _axes(_drawn(view))
    assert sum(_points(each) for each in axes.values()) == 0
    assert "before the edge" in axes["absorption µ"].get_title()


def test_a_failed_result_shows_the_measurement_and_no_sum(result_documents, spectrum):
    view = RunFigure()
    _send(view, _both(result_documents, spectrum, status="failed", reason="i0 is 0"))
    axes = _axes(_drawn(view))
    assert axes["absorption µ"].get_legend_handles_labels()[1] == ["measured"]
    assert _points(axes["residual"]) == 0


def test_each_mode_has_its_row(result_documents, spectrum):
    view = RunFigure()
    for mode in ("transmission", "fluorescence"):
        _send(view, _both(result_documents, spectrum, mode=mode))
    assert len(_drawn(view).subfigs) == 2


def test_a_run_is_drawn_by_its_uid(result_documents, spectrum):
    view = RunFigure("run-1")
    _send(view, _both(result_documents, spectrum, scan_id=1))
    _send(view, _both(result_documents, spectrum, scan_id=2))
    (row,) = _drawn(view).subfigs
    assert row.get_suptitle().startswith("scan 1 ")


def test_trend_over_scan_numbers(result_documents, spectrum):
    view = TrendFigure()
    for scan_id, status in ((3, "final"), (4, "provisional"), (5, "failed")):
        _send(view, _both(result_documents, spectrum, scan_id=scan_id, status=status))
    axes = _axes(_drawn(view))
    assert list(axes) == ["edge position (eV)", "fraction of Ni"]
    assert axes["fraction of Ni"].get_legend_handles_labels()[1] == ["Ni²⁺", "Ni³⁺"]
    assert axes["fraction of Ni"].get_xlabel() == "scan number"
    (joined,) = [line for line in axes["edge position (eV)"].lines if len(line.get_xdata()) > 1]
    np.testing.assert_array_equal(joined.get_xdata(), [3, 4])
    assert "2 of 6 results failed" in axes["edge position (eV)"].get_title()


def test_samples_are_told_apart(result_documents, spectrum):
    view = TrendFigure()
    for scan_id, sample in enumerate(("conventional", "gradient"), start=1):
        _send(view, _both(result_documents, spectrum, scan_id=scan_id, sample=sample))
    figure = _drawn(view)
    assert list(_axes(figure)) == ["edge position (eV)", "Ni²⁺ fraction"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["conventional", "gradient"]


def test_trend_over_a_given_axis_leaves_out_runs_without_a_place(result_documents, spectrum):
    view = TrendFigure({"run-1": 0.99, "run-3": 0.5}, "x in Li$_x$NiO$_2$")
    for scan_id in (1, 2, 3):
        _send(view, _both(result_documents, spectrum, scan_id=scan_id))
    axes = _axes(_drawn(view))["fraction of Ni"]
    assert axes.get_xlabel() == "x in Li$_x$NiO$_2$"
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [0.5, 0.99])


def test_without_a_screen_there_is_no_window():
    assert RunFigure().show() is False
    assert plt.get_fignums() == []


def test_a_window_redraws_in_its_own_thread_only(result_documents, spectrum, monkeypatch):
    monkeypatch.setattr(FigureCanvasAgg, "required_interactive_framework", "made up")
    monkeypatch.setattr(Figure, "show", lambda self: None)
    view = RunFigure()
    assert view.show()
    figure = plt.gcf()
    sender = Thread(target=_send, args=(view, list(_both(result_documents, spectrum))))
    sender.start()
    sender.join()
    assert figure.findobj(mpl.axes.Axes) == []
    view.refresh()
    drawn = figure.findobj(mpl.axes.Axes)
    assert len(drawn) == 3
    view.refresh()
    assert figure.findobj(mpl.axes.Axes) == drawn


def test_axes_that_stay_show_what_new_ones_would(result_documents, spectrum):
    for view in (RunFigure(), TrendFigure()):
        documents = [sent for sent in _both(result_documents, spectrum) if sent[0] != "stop"]
        _send(view, documents)
        kept, fresh = (Sheet(Figure(layout="constrained")) for _ in range(2))
        view.draw(kept)
        before, axes = _picture(kept), kept.figure.findobj(mpl.axes.Axes)
        _send(view, (_moved(doc) for name, doc in documents if name == "event"))
        view.draw(kept)
        view.draw(fresh)
        assert kept.figure.findobj(mpl.axes.Axes) == axes
        np.testing.assert_array_equal(_picture(kept), _picture(fresh))
        assert not np.array_equal(before, _picture(kept))


def _moved(event):
    numbers = {name: value for name, value in event["data"].items() if isinstance(value, float)}
    return "event", {**event, "data": {**event["data"], **{k: 1.1 * v for k, v in numbers.items()}}}


def _picture(sheet):
    canvas = FigureCanvasAgg(sheet.figure)
    sheet.show(settle=True)
    return np.asarray(canvas.buffer_rgba())
