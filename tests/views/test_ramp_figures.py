import matplotlib as mpl
import numpy as np
import pytest
from made_ramps import native, onset, phases, ramp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from cgnmc_bluesky.views import ComparisonFigure, RunFigure, TrendFigure
from cgnmc_bluesky.views.contour import cells
from cgnmc_bluesky.views.course import is_steady
from cgnmc_bluesky.views.figure import Sheet
from cgnmc_bluesky.views.windows import Windows


@pytest.fixture(autouse=True)
def _no_screen():
    mpl.use("agg")


@pytest.fixture
def told(result_documents):
    """Give the documents of a ramp's results."""

    def tell(gas=None, patterns=None, **about):
        if gas is not None:
            yield from result_documents("o2_onset", *gas, particle=None, **about)
        if patterns is not None:
            yield from result_documents("phases", *patterns, particle=None, **about)

    return tell


def _view(documents, view=None):
    view = view or RunFigure()
    for name, doc in documents:
        view(name, doc)
    return view


def _sheet(view):
    sheet = Sheet(Figure(layout="constrained"))
    FigureCanvasAgg(sheet.figure)
    view.draw(sheet)
    return sheet


def _axes(view):
    found = _sheet(view).figure.findobj(mpl.axes.Axes)
    return {axes.get_ylabel(): axes for axes in found}


def _texts(view):
    return [text.get_text() for text in _sheet(view).figure.findobj(mpl.text.Text)]


def test_oxygen_is_drawn_over_the_temperature_of_the_sample(told):
    gas = onset()
    axes = _axes(_view(told(gas)))["ion current m/z 32 (pA)"]
    trace = gas[1]["trace"]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), trace["temperature_c"])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 1e12 * trace["ion_32"])
    assert axes.get_xlabel() == "temperature (°C)"
    title = axes.get_title()
    assert title.startswith("O₂ onset 186.8 ± 1.2 °C (5 % of background)\npeak 206.00 ± 0.20 °C")


def test_other_masses_are_faint_and_on_a_scale_of_their_own(told):
    axes = _axes(_view(told(onset())))["other masses (A)"]
    assert axes.get_yscale() == "log"
    assert [line.get_label() for line in axes.lines] == [f"m/z {m}" for m in (18, 28, 40, 44)]
    assert all(line.get_alpha() < 0.5 for line in axes.lines)


def test_each_temperature_is_marked_and_defined(told):
    gas = onset()
    view = _view(told(gas))
    texts = _texts(view)
    for value, definition in (
        ("186.8 ± 1.2 °C", "onset: release is 5 % of background (primary)"),
        ("188.4 °C", "detected: the test alarms, in order of time"),
        ("180.4 ± 2.4 °C", "first deviation from background (ASTM E2550)"),
        ("194.0 ± 0.7 °C", "extrapolated by the tangent (ISO 11358-1)"),
        ("206.00 ± 0.20 °C", "peak of the release"),
        ("16.0 ± 0.3 °C", "full width at half maximum"),
        ("9.62 ± 0.20 pA/°C", "largest slope of the rise"),
    ):
        assert texts.index(definition) == texts.index(value) + 1
    axes = _axes(view)["ion current m/z 32 (pA)"]
    marked = {line.get_marker(): line.get_xdata()[0] for line in axes.lines[3:]}
    assert marked["D"] == gas[0]["t_rate_c"][0]
    assert marked["o"] == gas[0]["t_peak_c"][0]
    (band,) = axes.patches
    assert band.get_width() == pytest.approx(2 * 1.2)


def test_a_tangent_is_provisional_until_the_peak_has_passed(told):
    values, curves = onset()
    early = {**values, "t_peak_c": (np.nan, np.nan, "degC"), "fwhm_c": (np.nan, np.nan, "degC")}
    remark = "extrapolated by the tangent (ISO 11358-1), provisional until the peak has passed"
    assert remark in _texts(_view(told((early, curves), status="provisional")))
    assert remark not in _texts(_view(told((values, curves), status="provisional")))


def test_no_onset_is_an_answer(told):
    view = _view(told(onset(stop_c=150.0), reason="no onset"))
    axes = _axes(view)["ion current m/z 32 (pA)"]
    assert axes.get_title() == "no O₂ onset up to 150 °C (false alarms 5 %)\nno onset"
    assert not axes.patches
    assert axes.get_legend_handles_labels()[1] == ["m/z 32", "background"]
    assert _texts(view).count("–") == 7


@pytest.mark.parametrize("status", ["waiting", "failed"])
def test_without_arrays_only_the_reason_is_there(told, status):
    nothing = (onset(stop_c=100.0)[0], {})
    view = _view(told(nothing, nothing, status=status, reason="no m/z 32"))
    all_axes = _sheet(view).figure.findobj(mpl.axes.Axes)
    titles = [each.get_title() for each in all_axes if each.get_title()]
    assert titles == [f"O₂ onset ({status})\nno m/z 32", f"phases ({status})\nno m/z 32"]


def test_another_mass_may_be_what_is_looked_for(told):
    values, curves = onset()
    without = {n: a for n, a in curves["trace"].items() if n != "ion_32"}
    axes = _axes(_view(told((values, {**curves, "trace": without}))))
    assert "ion current m/z 18 (pA)" in axes


def test_patterns_stand_where_their_temperatures_are(told):
    made = phases()
    view = _view(told(patterns=made))
    axes = _axes(view)["2θ (°)"]
    temperature_c = made[1]["patterns"]["temperature_c"]
    for mesh in axes.collections:
        edges = mesh.get_coordinates()[0, :, 0]
        assert np.all(edges[:-1] < np.sort(temperature_c))
        assert np.all(np.sort(temperature_c) < edges[1:])
    assert axes.get_xlim() == pytest.approx((25.0, 502.0), abs=2.0)
    named = {text.get_text() for text in axes.texts}
    assert {"(003)", "(108)", "(110)", "(220)", "(440)"} <= named


def test_both_scales_are_of_the_same_angles(told):
    axes = _axes(_view(told(patterns=phases())))
    measured, copper = axes["2θ (°)"], axes["2θ (°) at Cu Kα"]

    def ticks(each):
        texts = (text.get_text() for text in each.get_yticklabels())
        return dict(zip(each.get_yticks(), map(float, texts), strict=True))

    windows = Windows.of(made := np.linspace(4.0, 20.0, 700), _copper(made))
    for scale, back in ((ticks(measured), lambda deg: deg), (ticks(copper), native)):
        assert len(scale) >= 5
        heights = windows.heights(np.array([back(angle) for angle in scale.values()]))
        np.testing.assert_allclose(heights, list(scale), atol=2e-4)


def _copper(native_deg):
    return np.degrees(2 * np.arcsin(1.5406 / 0.4522 * np.sin(np.radians(native_deg / 2))))


def test_a_pattern_without_any_known_line_is_shown_as_a_whole():
    cu_deg = np.linspace(70.0, 90.0, 100)
    windows = Windows.of(native(cu_deg), cu_deg)
    assert windows.shown == (slice(0, 100),)
    np.testing.assert_allclose(windows.edges(windows.shown[0])[[0, -1]], [0.0, 1.0])


def _without(made, group, name):
    values, curves = made
    return values, {**curves, group: {n: a for n, a in curves[group].items() if n != name}}


def test_without_a_wavelength_patterns_are_shown_as_a_whole(told):
    view = _view(told(patterns=_without(phases(), "axis", "two_theta_cu_deg")))
    (mesh,) = _axes(view)["2θ (°)"].collections
    assert mesh.get_array().shape == (700, 119)
    assert not _axes(view)["2θ (°) at Cu Kα"].yaxis.get_visible()


ODD = {
    "one pattern": phases(np.array([27.0])),
    "no temperatures": phases(np.full(9, np.nan)),
    "without cells": (phases()[0], {n: a for n, a in phases()[1].items() if n != "series"}),
    "without scales": (phases()[0], {n: a for n, a in phases()[1].items() if n != "axis"}),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_patterns_are_drawn_as_far_as_they_go(told, case):
    axes = _axes(_view(told(patterns=ODD[case])))
    assert ("2θ (°)" in axes) == (case in {"one pattern", "without cells"})


@pytest.mark.parametrize("name", ["temperature_c", "ion_32", "ion_18"])
def test_an_odd_trace_is_drawn_as_far_as_it_goes(told, name):
    values, curves = onset()
    odd = {**curves["trace"], name: np.full_like(curves["trace"][name], np.nan)}
    axes = _axes(_view(told((values, {**curves, "trace": odd}))))
    assert (
        "O₂ onset" in axes[f"ion current m/z 32 ({'' if name == 'ion_32' else 'p'}A)"].get_title()
    )


def test_cell_splitting_and_shares_have_their_errors(told):
    made = phases()
    series = made[1]["series"]
    axes = _axes(_view(told(patterns=made)))
    for name, panel in (
        ("c_over_a", "c/a"),
        ("split_108_110_deg", "(110) − (108)\nin 2θ (°)"),
    ):
        known = np.isfinite(series[name])
        (container,) = axes[panel].containers
        np.testing.assert_array_equal(container.lines[0].get_ydata(), series[name][known])
    layered, spinel = axes["share of\nthe metal"].containers
    np.testing.assert_allclose(
        layered.lines[0].get_ydata() + spinel.lines[0].get_ydata(), np.ones(119)
    )
    assert axes["share of\nthe metal"].get_xlabel() == "temperature (°C)"


def test_gas_and_patterns_stand_beside_each_other_on_one_stretch(told):
    axes = _axes(_view(told(onset(stop_c=400.0), phases())))
    assert axes["ion current m/z 32 (pA)"].get_xlim() == axes["2θ (°)"].get_xlim()


def test_a_ramp_that_goes_back_is_drawn_over_time(told):
    time_s, _ = ramp()
    temperature_c = 300.0 - np.abs(time_s - 3600.0) / 15.0
    gas = onset(time_s=time_s, temperature_c=temperature_c)
    patterns = phases(np.interp(np.arange(0.0, 7000.0, 60.0), time_s, temperature_c))
    axes = _axes(_view(told(gas, patterns)))
    trace = axes["ion current m/z 32 (pA)"]
    np.testing.assert_allclose(trace.lines[0].get_xdata(), time_s / 60.0)
    assert trace.get_xlabel() == "time (min), and temperature then"
    assert trace.xaxis.get_major_formatter()(60.0, 0) == "60\n300 °C"
    first = np.flatnonzero(temperature_c >= gas[0]["t_rate_c"][0])[0]
    marked = next(line for line in trace.lines if line.get_marker() == "D")
    assert marked.get_xdata()[0] == pytest.approx(time_s[first] / 60.0)
    edges = axes["2θ (°)"].collections[0].get_coordinates()[0, :, 0]
    np.testing.assert_allclose(np.diff(edges), 1.0)


@pytest.mark.parametrize(
    ("temperature_c", "steady"),
    [
        (np.linspace(25, 500, 300), True),
        (np.linspace(25, 500, 300) + np.random.default_rng(0).normal(0, 0.3, 300), True),
        (np.minimum(np.linspace(25, 520, 300), 500.0), True),
        (np.minimum(np.linspace(25, 800, 300), 500.0), False),
        (np.linspace(500, 25, 300), False),
        (np.full(300, 25.0), False),
        (np.full(300, np.nan), True),
    ],
)
def test_a_ramp_is_steady_while_it_rises(temperature_c, steady):
    assert is_steady(np.arange(300.0) * 20.0, temperature_c) is steady


def test_cells_of_few_or_equal_places():
    edges, values = cells(np.array([3.0]), np.ones((1, 2)))
    assert (list(edges), values.shape) == ([2.5, 3.5], (1, 2))
    edges, values = cells(np.array([np.nan]), np.ones((1, 2)))
    assert (len(edges), values.shape) == (2, (0, 2))
    edges, values = cells(np.array([1.0, 1.0, 2.0, np.nan]), np.arange(8.0).reshape(4, 2))
    assert (len(edges), values.shape) == (4, (3, 2))
    assert np.all(np.diff(edges) >= 0)


def test_axes_that_stay_show_what_new_ones_would(told):
    gas, patterns = onset(stop_c=180.0), phases(np.arange(27.0, 180.0, 4.0))
    documents = list(told(gas, patterns, status="provisional"))
    view = _view(documents)
    kept = _sheet(view)
    kept.show(settle=False)
    later = told(onset(), phases(), status="provisional")
    descriptors = [doc["uid"] for name, doc in documents if name == "descriptor"]
    events = [doc for name, doc in later if name == "event"]
    stops = [doc for name, doc in documents if name == "stop"]
    view = _view([document for document in documents if document[0] != "stop"])
    for uid, doc in zip(descriptors, events, strict=True):
        view("event", {**doc, "descriptor": uid})
    for doc in stops:
        view("stop", doc)
    axes = kept.figure.axes
    view.draw(kept)
    assert kept.figure.axes == axes
    assert _content(kept) == _content(_sheet(view))


def _content(sheet):
    return [
        (axes.get_title(), axes.axis(), len(axes.lines), len(axes.collections), len(axes.texts))
        for axes in sheet.figure.findobj(mpl.axes.Axes)
    ]


def test_two_ramps_stand_beside_each_other(told):
    figure = ComparisonFigure(["run-2", "run-1"], "twice as wide")
    first = told(onset(), phases(), scan_id=1)
    second = told(onset(260.0, 90.0), phases(), scan_id=2, sample="gradient")
    axes = _sheet(_view([*first, *second], figure)).figure.axes
    patterns = [each.get_title() for each in axes if each.get_title()]
    assert patterns == ["scan 2 · gradient", "scan 1 · conventional"]
    current, relative = (
        next(each for each in axes if each.get_ylabel().startswith(label))
        for label in ("ion current", "release")
    )
    assert current.get_legend_handles_labels()[1][0].startswith("scan 2 · gradient: O₂ onset")
    for line in relative.lines[::3]:
        assert line.get_ydata().max() == pytest.approx(1.0)
    assert len({each.get_xlim() for each in axes}) == 1


def test_a_ramp_without_onset_has_no_relative_release(told):
    figure = ComparisonFigure(["run-1", "run-2"])
    documents = [*told(onset()), *told(onset(stop_c=150.0), scan_id=2, sample="stable")]
    axes = {each.get_ylabel(): each for each in _sheet(_view(documents, figure)).figure.axes}
    assert len(axes["ion current m/z 32 (pA)"].lines) == 6
    assert len(axes["release / its largest"].lines) == 3


def test_onset_and_width_go_over_the_scans(told):
    view = TrendFigure()
    for scan_id, sample in ((1, "conventional"), (2, "gradient")):
        _view(told(onset(), phases(), scan_id=scan_id, sample=sample), view)
    labels = [axes.get_ylabel() for axes in _sheet(view).figure.axes]
    assert labels == ["O₂ onset (°C)", "FWHM of the release (°C)"]


def test_picture_is_not_empty(told, tmp_path):
    picture = imread(_view(told(onset(), phases())).save(tmp_path / "ramp.png"))
    assert picture.shape[:2] == (1280, 2080)
    assert 0.02 < (picture[..., :3].sum(axis=2) < 1.5).mean() < 0.4


def test_without_any_trend_the_figure_says_so(told):
    view = _view(told(patterns=phases()), TrendFigure())
    assert _texts(view)[-1:] == ["no value over the scans"]
