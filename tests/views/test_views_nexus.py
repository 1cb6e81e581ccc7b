import json

import h5py
import numpy as np
import pytest
from silx.io.nxdata import get_default

from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.views import write_nexus


def _results(*documents):
    collector = ResultCollector()
    for some in documents:
        for name, doc in some:
            collector(name, doc)
    return collector.results


def _snake(rows, columns=21, jitter=0.0):
    axis = np.linspace(-5, 5, columns)
    x = np.concatenate([axis[:: (-1) ** row] for row in range(rows)])
    line = np.repeat(np.arange(rows), columns).astype(float)
    off = np.random.default_rng(0).normal(0, jitter, (2, x.size))
    return x + off[0], line / 2 - 5 + off[1], line


@pytest.fixture
def saved(particle_map, result_documents, tmp_path):
    """Give the file of a map of two particles."""

    def save(x, y, line):
        values, curves = particle_map(x, y, line)
        second = {"profile": curves["profile"]}
        results = _results(
            result_documents("mn_ni_ratio", values, curves, particle=1, reason="no foil"),
            result_documents("mn_ni_ratio", values, second, particle=2),
        )
        return write_nexus(tmp_path / "map.nxs", results), curves["map"]

    return save


def _every_plot(path):
    with h5py.File(path) as file:
        entry = file["entry"]
        for name in entry:
            if entry[name].attrs.get("NX_class") != "NXdata":
                continue
            plot = get_default(entry[name])
            assert plot is not None, name
            yield name, plot.signal_dataset_name


def test_the_file_opens_as_the_map_of_mn_over_ni(saved):
    path, pixels = saved(*_snake(21))
    with h5py.File(path) as file:
        plot = get_default(file)
        assert (plot.signal_dataset_name, plot.interpretation) == ("mn_ni", "image")
        assert plot.auxiliary_signals_dataset_names == ["ni", "co", "mn"]
        assert plot.axes_dataset_names == ["y_um", "x_um"]
        assert plot.errors.shape == plot.signal.shape == (21, 21)
        row, column = 10, 3
        at = np.flatnonzero(
            np.isclose(pixels["y_um"], plot.axes[0][row])
            & np.isclose(pixels["x_um"], plot.axes[1][column])
        )
        assert plot.auxiliary_signals[0][row, column] == pixels["ni"][at[0]]


def test_every_plot_is_valid(saved):
    path, _ = saved(*_snake(21))
    plots = dict(_every_plot(path))
    assert plots.keys() == {
        "mn_ni_ratio_map",
        "mn_ni_ratio_map_covariance",
        "mn_ni_ratio_spectrum",
        *(f"mn_ni_ratio_particle_{n}_profile{kind}" for n in (1, 2) for kind in ("", "_mn_ni")),
    }


def test_a_profile_has_its_errors_and_its_fit(saved):
    path, _ = saved(*_snake(21))
    with h5py.File(path) as file:
        plot = get_default(file["entry/mn_ni_ratio_particle_2_profile_mn_ni"])
        assert (plot.signal_dataset_name, plot.signal_ndim) == ("mn_ni", 1)
        assert plot.auxiliary_signals_dataset_names == ["mn_ni_fit"]
        assert plot.errors.shape == plot.signal.shape
        spectrum = get_default(file["entry/mn_ni_ratio_spectrum"])
        assert spectrum.signal_dataset_name == "counts"
        assert spectrum.plot_style.signal_scale_type == "log"
        assert file["entry/mn_ni_ratio_spectrum/energy_ev"].attrs["units"] == "eV"


def test_a_map_off_a_grid_is_saved_as_points(saved):
    path, pixels = saved(*_snake(21, jitter=0.2))
    with h5py.File(path) as file:
        plot = get_default(file)
        assert [len(axis) for axis in plot.axes] == [len(plot.signal)] * 2
        np.testing.assert_array_equal(plot.axes[0], pixels["x_um"])
        assert plot.axes_dataset_names == ["x_um", "y_um"]


def test_an_aborted_map_has_holes_and_its_own_positions(saved):
    path, pixels = saved(*(array[:-5] for array in _snake(21, jitter=0.01)))
    with h5py.File(path) as file:
        data = file["entry/mn_ni_ratio_map"]
        assert data["ni"].shape == (21, 21)
        assert np.isnan(data["ni"]).sum() == 5
        measured = data["x_measured_um"][:]
        assert sorted(measured[np.isfinite(measured)]) == sorted(pixels["x_um"])
        assert data["x_measured_um"].attrs["units"] == "um"


def test_a_single_line_is_saved_as_a_curve(saved):
    path, pixels = saved(np.linspace(-5, 5, 40), np.zeros(40), np.zeros(40))
    with h5py.File(path) as file:
        plot = get_default(file)
        assert plot.signal_ndim == len(plot.axes) == 1
        np.testing.assert_array_equal(plot.axes[0], pixels["x_um"])


def test_a_map_without_positions_is_saved_in_the_order_of_its_pixels(saved):
    path, pixels = saved(np.full(40, np.nan), np.full(40, np.nan), np.zeros(40))
    with h5py.File(path) as file:
        plot = get_default(file)
        assert plot.axes_dataset_names == ["pixel"]
        assert len(plot.signal) == len(pixels["ni"])


def test_what_a_result_rests_on_is_in_the_file(saved):
    path, _ = saved(*_snake(21))
    with h5py.File(path) as file:
        entry = file["entry"]
        assert entry["entry_identifier"].asstr()[()] == "run-1"
        process = entry["mn_ni_ratio_particle_1_result"]
        assert process["status"].asstr()[()] == "final"
        assert process["reason"].asstr()[()] == "no foil"
        assert json.loads(process["parameters"].asstr()[()]) == {}
        width = process["values/gradient_width_um"]
        assert (width[()], width.attrs["units"]) == (1.0, "um")
        assert process["values/gradient_width_um_errors"][()] == 0.06


def test_a_scan_is_saved_in_the_same_way(result_documents, spectrum, tmp_path):
    values = {"fraction_Li0.5NiO2/a": (0.35, 0.01, "")}
    results = _results(result_documents("ni2_fraction", values, {"spectrum": spectrum}))
    path = write_nexus(tmp_path / "scan.nxs", results)
    ((name, signal),) = _every_plot(path)
    assert (name, signal) == ("ni2_fraction_transmission", "mu")
