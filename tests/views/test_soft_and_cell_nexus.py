import h5py
import numpy as np
import pytest
from made_cycling import cell
from made_soft import soft_scan
from silx.io.nxdata import get_default

from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.views import write_nexus


@pytest.fixture
def plots_of(tmp_path):
    """Give the plots of a file, which stays open, with their signals and the units of these."""
    files = []

    def write(documents):
        collector = ResultCollector()
        for name, doc in documents:
            collector(name, doc)
        files.append(h5py.File(write_nexus(tmp_path / f"{len(files)}.nxs", collector.results)))
        groups = {
            name: group
            for name, group in files[-1]["entry"].items()
            if group.attrs.get("NX_class") == "NXdata"
        }
        plots = {name: get_default(group) for name, group in groups.items()}
        assert all(plot is not None and plot.is_valid for plot in plots.values())
        return {
            name: (plot, signal[()], signal.attrs.get("units", ""))
            for name, plot in plots.items()
            for signal in (groups[name][groups[name].attrs["signal"]],)
        }

    yield write
    for file in files:
        file.close()


def test_both_yields_and_their_sweeps_are_plots(result_documents, plots_of):
    plots = plots_of(soft_scan(result_documents))
    assert plots.keys() == {
        "ni2_fraction_tey",
        "ni2_fraction_pfy",
        "beam_damage_tey_sweeps",
        "beam_damage_pfy_sweeps",
    }
    sweeps, fraction, _ = plots["beam_damage_tey_sweeps"]
    assert sweeps.axes_dataset_names == ["sweep"]
    assert len(fraction) == len(sweeps.errors) == 5
    assert "mu_corrected" in plots["ni2_fraction_pfy"][0].auxiliary_signals_dataset_names


def test_each_half_cycle_is_a_plot_with_its_unit(result_documents, plots_of):
    documents = result_documents("cycling", *cell(3), particle=None)
    plots = plots_of(documents)
    halves = {f"{cycle}_{way}" for cycle in (1, 2, 3) for way in ("charge", "discharge")}
    assert plots.keys() == {
        *(f"cycling_voltage_{half}" for half in halves),
        *(f"cycling_dqdv_{half}" for half in halves),
        *(f"cycling_cycles_{of}" for of in ("capacity", "efficiency", "peak_v", "peak_height")),
    }
    capacity, discharge, unit = plots["cycling_cycles_capacity"]
    assert (capacity.signal_dataset_name, unit) == ("discharge_capacity", "mAh/g")
    assert discharge == pytest.approx(cell(3)[1]["cycles"]["discharge_capacity"])
    voltage, _, unit = plots["cycling_voltage_2_discharge"]
    assert (voltage.axes_dataset_names, unit) == (["capacity"], "V")
    slope, values, _ = plots["cycling_dqdv_2_charge"]
    np.testing.assert_array_equal(slope.errors, np.full(len(values), 5.0))
