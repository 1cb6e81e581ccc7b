import h5py
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from stack_runs import NICKEL_EV, documents_of, microscope, results_of

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.results import ResultWriter, Subject
from cgnmc_bluesky.views import RunFigure, write_nexus
from cgnmc_bluesky.views.figure import Sheet


@pytest.fixture(autouse=True)
def _no_screen():
    mpl.use("agg")


@pytest.fixture(scope="module")
def result():
    instrument = microscope(jumps={14: (2.0, -3.0)})
    [found] = results_of(documents_of(instrument))
    return found


def drawn(estimate):
    view = RunFigure()
    start = {"uid": "r", "scan_id": 3, "sample": "electrode"}
    subject = Subject.of(start, "ni2_fraction", "1")
    writer = ResultWriter(Subject(**{**vars(subject), "mode": "xpeem"}), view)
    writer.update(estimate, 0.0, curves="stored")
    writer.close()
    sheet = Sheet(Figure(layout="constrained"))
    FigureCanvasAgg(sheet.figure)
    view.draw(sheet)
    sheet.figure.canvas.draw()
    return sheet.figure


def test_maps_drift_and_spectrum_are_drawn(result):
    estimate = Estimate(
        Status.FINAL, "", result.units, result.values, result.sigmas, 31, result.curves
    )
    figure = drawn(estimate)
    axes = figure.findobj(mpl.axes.Axes)
    images = [image.get_array() for one in axes for image in one.images]
    maps = [image for image in images if image.shape == (64, 64)]
    assert len(maps) == 2
    np.testing.assert_array_equal(
        maps[0].mask, ~np.isfinite(result.curves["image"]["ni2_fraction"])
    )
    labels = {one.get_ylabel() for one in axes}
    assert {"y (µm)", "drift (pixels)", "residual"} <= labels
    titles = {one.get_title() for one in axes}
    assert {"Ni²⁺", "σ of Ni²⁺"} <= titles


def test_what_waits_is_left_blank(result):
    waiting = Estimate(Status.WAITING, "no images yet", result.units)
    figure = drawn(waiting)
    assert not [image for one in figure.findobj(mpl.axes.Axes) for image in one.images]


def test_maps_open_as_plots(result, tmp_path):
    with h5py.File(write_nexus(tmp_path / "stack.nxs", [result])) as file:
        plot = file["entry/ni2_fraction_xpeem_map_ni2_fraction"]
        assert plot.attrs["signal"] == "ni2_fraction"
        assert list(plot.attrs["axes"]) == ["y_um", "x_um"]
        assert plot["ni2_fraction"].shape == plot["ni2_fraction_errors"].shape == (64, 64)
        assert file["entry/ni2_fraction_xpeem_drift/drift_y_px"].shape == (len(NICKEL_EV),)
