import h5py
import numpy as np
import pytest
from made_ramps import onset, phases
from silx.io.nxdata import get_default

from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.views import write_nexus


@pytest.fixture
def saved(result_documents, tmp_path):
    """Give the open file of a ramp."""
    opened = []

    def save(**ramp):
        collector = ResultCollector()
        for name, made in (("o2_onset", onset()), ("phases", phases(**ramp))):
            for document in result_documents(name, *made, particle=None):
                collector(*document)
        path = write_nexus(tmp_path / f"ramp{len(opened)}.nxs", collector.results)
        opened.append(h5py.File(path))
        return opened[-1]

    yield save
    for file in opened:
        file.close()


def _plots(file):
    entry = file["entry"]
    return {
        name: get_default(entry[name])
        for name in entry
        if entry[name].attrs.get("NX_class") == "NXdata"
    }


def test_every_plot_of_a_ramp_is_valid(saved):
    plots = _plots(saved())
    assert all(plot is not None for plot in plots.values())
    assert plots.keys() == {
        "o2_onset_release",
        "o2_onset_trace",
        "phases_patterns",
        "phases_pattern",
        *(
            f"phases_series_{name}"
            for name in (
                *("a_angstrom", "c_angstrom", "c_over_a", "split_108_110_deg"),
                *("i003_i104", "i220_spinel", "layered_fraction"),
            )
        ),
    }


def test_the_file_opens_as_the_release(saved):
    plot = get_default(saved())
    assert plot.signal_dataset_name == "release"
    assert plot.axes_dataset_names == ["temperature_c"]
    assert plot.auxiliary_signals_dataset_names == ["current", "background"]
    assert plot.errors.shape == plot.signal.shape


def test_oxygen_is_the_first_of_the_ion_currents(saved):
    file = saved()
    plot = get_default(file["entry/o2_onset_trace"])
    assert plot.signal_dataset_name == "ion_32"
    assert plot.auxiliary_signals_dataset_names == ["ion_18", "ion_28", "ion_40", "ion_44"]
    assert file["entry/o2_onset_trace/ion_32"].attrs["units"] == "A"
    assert file["entry/o2_onset_trace/temperature_c"].attrs["units"] == "degC"


def test_patterns_are_an_image_over_their_temperatures(saved):
    file = saved()
    plot = get_default(file["entry/phases_patterns"])
    assert (plot.signal.shape, plot.interpretation) == ((119, 700), "image")
    assert plot.axes_dataset_names == ["temperature_c", "two_theta_deg"]
    assert np.ptp(np.diff(plot.axes[0])) > 0.1
    assert file["entry/phases_patterns/two_theta_cu_deg"].shape == (700,)


def test_patterns_of_a_ramp_that_went_back_are_an_image_over_time(saved):
    there_and_back = 300.0 - np.abs(np.arange(40.0) - 20.0) * 10.0
    plot = get_default(saved(temperature_c=there_and_back)["entry/phases_patterns"])
    assert plot.axes_dataset_names == ["time_s", "two_theta_deg"]


def test_each_value_of_the_patterns_has_its_errors(saved):
    plot = get_default(saved()["entry/phases_series_layered_fraction"])
    assert plot.signal_dataset_name == "layered_fraction"
    np.testing.assert_array_equal(plot.errors, 0.012)
