import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from cgnmc_bluesky.views import RunFigure, TrendFigure
from cgnmc_bluesky.views.figure import Sheet


@pytest.fixture(autouse=True)
def _no_screen():
    mpl.use("agg")


@pytest.fixture
def measured(particle_map):
    """Values and arrays of a snake over a particle."""
    x, y, line = _snake(31)
    return particle_map(x, y, line)


def _snake(rows, columns=31):
    axis = np.linspace(-5, 5, columns)
    x = np.concatenate([axis[:: (-1) ** row] for row in range(rows)])
    line = np.repeat(np.arange(rows), columns).astype(float)
    return x, line / 3 - 5, line


def _view(documents):
    view = RunFigure()
    for name, doc in documents:
        view(name, doc)
    return view


def _sheet(view):
    sheet = Sheet(Figure(layout="constrained"))
    FigureCanvasAgg(sheet.figure)
    view.draw(sheet)
    return sheet


def _axes(view):
    sheet = _sheet(view)
    return {
        axes.get_ylabel() or axes.get_title(): axes for axes in sheet.figure.findobj(mpl.axes.Axes)
    }


def test_maps_lie_where_the_encoders_were(result_documents, measured):
    values, curves = measured
    axes = _axes(_view(result_documents("mn_ni_ratio", values, curves, particle=1)))
    (image,) = axes["y (µm)"].images
    np.testing.assert_allclose(image.get_extent(), (-5.167, 5.167, -5.167, 5.167), atol=1e-3)
    assert image.get_array().shape == (31, 31)
    pixels = curves["map"]
    for at in (40, 500, 700):
        column, row = (round((pixels[name][at] + 5) * 3) for name in ("x_um", "y_um"))
        assert image.get_array()[row, column] == pixels["ni"][at]


def test_masked_pixels_are_grey_and_unmeasured_ones_are_left_out(result_documents, particle_map):
    x, y, line = _snake(20)
    values, curves = particle_map(x[:-9], y[:-9], line[:-9])
    view = _view(result_documents("mn_ni_ratio", values, curves, particle=1))
    maps = [axes for axes in _sheet(view).figure.axes if axes.images]
    ratio = maps[-1].images[0]
    shown = ratio.to_rgba(ratio.get_array())
    assert np.allclose(shown[0, 0], ratio.cmap.get_bad())
    assert ratio.get_alpha()[0, 0] == 1.0
    assert ratio.get_alpha()[-1].sum() == 31 - 9


def test_each_particle_has_its_number_and_its_profiles(result_documents, measured):
    values, curves = measured
    pixels = curves["map"]
    pixels["particle"][pixels["x_um"] > 3] = 2
    first = result_documents("mn_ni_ratio", values, curves, particle=1)
    second = result_documents(
        "mn_ni_ratio", values, {"profile": curves["profile"]}, particle=2, scan_id=1
    )
    figure = _sheet(_view([*second, *first])).figure
    titles = [axes.get_title() for axes in figure.axes]
    assert [title.split("\n")[0] for title in titles if title.startswith("particle")] == [
        "particle 1",
        "particle 2",
    ]
    maps = [axes for axes in figure.axes if axes.images]
    assert [text.get_text() for text in maps[0].texts] == ["1", "2"]


def test_of_many_particles_the_largest_are_drawn(result_documents, measured):
    values, curves = measured
    documents = [
        document
        for particle in range(1, 21)
        for document in result_documents(
            "mn_ni_ratio",
            values,
            curves if particle == 1 else {"profile": curves["profile"]},
            particle=particle,
        )
    ]
    figure = _sheet(_view(documents)).figure
    assert figure.get_suptitle().endswith("the first 3 of 20 particles")
    assert any(axes.images for axes in figure.axes)


def test_the_profile_shows_errors_fit_and_gradient(result_documents, measured):
    values, curves = measured
    axes = _axes(_view(result_documents("mn_ni_ratio", values, curves, particle=1)))
    fractions, ratio = axes["atomic fraction"], axes["Mn/Ni (atomic)"]
    title = fractions.get_title().replace("\N{NO-BREAK SPACE}", " ")
    assert "core Ni 0.700 Mn 0.150 Co 0.150 ± 0.006 ≈ NMC 71515" in title
    assert "gradient at 3.000 ± 0.020 µm, 1.00 ± 0.06 µm wide" in ratio.get_title()
    assert len(fractions.containers) == 3
    np.testing.assert_array_equal(ratio.lines[1].get_ydata(), curves["profile"]["mn_ni_fit"])
    assert ratio.patches[0].get_width() == pytest.approx(1.0)


def test_the_lines_of_the_summed_spectrum_are_named(result_documents, measured):
    values, curves = measured
    axes = _axes(_view(result_documents("mn_ni_ratio", values, curves, particle=1)))
    summed = axes["counts per channel"]
    assert summed.get_yscale() == "log"
    named = {text.get_text(): text.get_position()[0] for text in summed.texts}
    assert named.keys() == {f"{metal} K{line}" for metal in ("Mn", "Co", "Ni") for line in "αβ"}
    assert named["Mn Kα"] == pytest.approx(5.90, abs=0.02)
    assert named["Co Kβ"] == pytest.approx(7.65, abs=0.02)


def test_a_single_line_is_a_profile_along_it(result_documents, particle_map):
    x = np.linspace(-5, 5, 31)
    values, curves = particle_map(x, np.zeros(31), np.zeros(31))
    axes = _axes(_view(result_documents("mn_ni_ratio", values, curves, particle=1)))
    counts = axes["K counts"]
    assert counts.get_xlabel() == "position along the line (µm)"
    np.testing.assert_array_equal(counts.lines[0].get_ydata(), curves["map"]["ni"])


@pytest.mark.parametrize("status", ["waiting", "failed"])
def test_without_arrays_only_the_reason_is_there(result_documents, measured, status):
    documents = result_documents("mn_ni_ratio", measured[0], status=status, reason="no counts")
    axes = _axes(_view(documents))
    assert "no counts" in axes["atomic fraction"].get_title()
    assert "0.700" not in axes["atomic fraction"].get_title()


def test_without_positions_the_sum_is_left(result_documents, measured):
    values, curves = measured
    nowhere = {name: np.full(961, np.nan) for name in ("x_um", "y_um")}
    left = {"map": {**curves["map"], **nowhere}, "spectrum": curves["spectrum"]}
    axes = _axes(_view(result_documents("mn_ni_ratio", values, left, particle=1, reason="no x_um")))
    assert not any(each.images for each in axes.values())
    assert axes["counts per channel"].get_title() == "no x_um"


def test_only_elements_that_were_fitted_are_drawn(result_documents, measured):
    values, curves = measured
    without_co = {
        group: {name: array for name, array in arrays.items() if "co" not in name.split("_")}
        for group, arrays in curves.items()
    }
    assert "counts" in without_co["spectrum"]
    values = {name: value for name, value in values.items() if not name.endswith("_co")}
    figure = _sheet(_view(result_documents("mn_ni_ratio", values, without_co, particle=1))).figure
    assert sum(bool(axes.images) for axes in figure.axes) == 3
    titles = "".join(axes.get_title() for axes in figure.axes)
    assert "core Ni 0.700 Mn 0.150 ± 0.006" in titles


def test_axes_that_stay_show_what_new_ones_would(result_documents, particle_map):
    values, curves = particle_map(*_snake(20))
    documents = list(result_documents("mn_ni_ratio", values, curves, particle=1))
    view = _view(documents[:-1])
    kept = _sheet(view)
    kept.show(settle=False)
    _, more = particle_map(*_snake(31))
    later = list(result_documents("mn_ni_ratio", values, more, particle=1))
    descriptors = [doc["uid"] for name, doc in documents if name == "descriptor"]
    events = [doc for name, doc in later if name == "event"]
    for uid, doc in zip(descriptors, events, strict=True):
        view("event", {**doc, "descriptor": uid})
    axes = kept.figure.axes
    view.draw(kept)
    assert kept.figure.axes == axes
    assert _content(kept) == _content(_sheet(view))


def _content(sheet):
    return [
        (axes.get_title(), axes.axis(), len(axes.lines), len(axes.collections), len(axes.texts))
        for axes in sheet.figure.findobj(mpl.axes.Axes)
    ]


def test_core_and_shell_go_over_the_scans(result_documents, measured):
    view = TrendFigure()
    for scan_id, particle in ((4, 1), (4, 2), (5, 1)):
        documents = result_documents("mn_ni_ratio", measured[0], scan_id=scan_id, particle=particle)
        for name, doc in documents:
            view(name, doc)
    ((axes,),) = [_sheet(view).figure.axes]
    assert axes.get_ylabel() == "Mn/Ni"
    assert axes.get_legend_handles_labels()[1] == ["core", "shell"]
    joined = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert [list(line.get_ydata()) for line in joined] == [[0.214] * 2, [1.002] * 2]


def test_picture_is_not_empty(result_documents, measured, tmp_path):
    values, curves = measured
    view = _view(result_documents("mn_ni_ratio", values, curves, particle=1))
    picture = imread(view.save(tmp_path / "map.png"))
    assert picture.shape[:2] == (1160, 2000)
    assert 0.02 < (picture[..., :3].sum(axis=2) < 1.5).mean() < 0.4
