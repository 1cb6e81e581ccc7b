"""Cells in runs: cycled, and in the beam while something else is measured."""

import csv
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from run_documents import RunDocuments, data_key

from cgnmc_bluesky import Beamline, replay
from cgnmc_bluesky.beamline import ConfigurationError
from cgnmc_bluesky.callbacks import EVERY, CyclingCapacity, StateOfCharge
from cgnmc_bluesky.callbacks.cycling import CyclingAnalysis, StateOfChargeAnalysis
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.sim import SimulatedCycler

START_S = 1658870000.0
MASS_MG = 8.0
XANES = {"energy_ev": "mono", "i0": "i0", "itrans": "it"}


@pytest.fixture(scope="module")
def cycler() -> SimulatedCycler:
    return SimulatedCycler(cycles=2, row_s=120.0, active_mass_mg=MASS_MG, start_s=START_S)


@pytest.fixture(scope="module")
def record(cycler, tmp_path_factory) -> Path:
    return cycler.write_mpt(tmp_path_factory.mktemp("cell") / "cell.mpt")


def scan_at(*times_s: float, **metadata) -> list:
    """A scan with events at these times."""
    run = RunDocuments({"scan_id": 3, **metadata})
    bundle = run.describe({key: data_key((), "eV" if key == "mono" else "A") for key in
                           ("mono", "i0", "it")})  # fmt: skip
    for number, time_s in enumerate(times_s, 1):
        data = {"mono": 8300.0 + number, "i0": 1.0, "it": 0.5}
        run.event(bundle, number, data, time_s=time_s)
    return run.stop()


def state_in(documents: list, record: Path, **cell) -> Result:
    settings = {"xanes": XANES, "cell": {"record": str(record), **cell}}
    results = replay(documents, Beamline.from_dict(settings))
    return next(one for one in results if one.analysis == "state_of_charge")


def cycled(documents, kinds=(CyclingAnalysis,), **settings) -> list[Result]:
    collector = ResultCollector()
    beamline = Beamline.from_dict(settings) if settings else None
    pipeline = Pipeline(kinds, collector, beamline=beamline)
    for name, doc in documents:
        pipeline(name, doc)
        pipeline.update(curves=True)
    pipeline.close()
    return collector.results


def test_a_simulated_record_is_what_its_cell_passed(cycler):
    [result] = cycled(cycler.documents())
    assert (result.status, result.analysis) == ("final", "cycling")
    assert result.values["discharge_capacity_mah_per_g"] == pytest.approx(
        cycler.truth()[-1].discharge_mah_per_g, abs=0.05
    )


@pytest.mark.parametrize("write", ["write_mpt", "write_csv"])
def test_files_say_the_same_as_documents(cycler, write, tmp_path):
    [result] = cycled(cycler.documents())
    path = getattr(cycler, write)(tmp_path / "cell.txt")
    [other] = replay(path, Beamline.from_dict({"cycling": {"active_mass_mg": MASS_MG}}))
    for name in ("cycles", "charge_capacity_mah_per_g", "coulombic_efficiency", "dqdv_peak_v"):
        assert other.values[name] == pytest.approx(result.values[name], rel=2e-4), name


def test_every_session_has_both():
    assert {CyclingCapacity, StateOfCharge} <= set(EVERY)
    assert CyclingCapacity.kinds == (CyclingAnalysis,)
    assert StateOfCharge.kinds == (StateOfChargeAnalysis,)


def test_the_mass_in_a_files_header_is_not_believed(shared):
    path = shared / "galvanostatic" / "perex_LNO_cell4_C06.mpt.gz"
    [bare] = replay(path, Beamline.from_dict({"cycling": {}}))
    assert bare.values["charge_capacity_mah_per_g"] is None
    assert bare.values["charge_capacity_mah"] == pytest.approx(1.43356, abs=1e-4)
    assert "the header's mass of 7000.000 mg is not used" in bare.reason
    [known] = replay(path, Beamline.from_dict({"cycling": {"active_mass_mg": 7.0}}))
    assert known.values["charge_capacity_mah_per_g"] == pytest.approx(204.795, abs=1e-2)
    assert known.values["cycles"] == 2


def test_a_mass_that_is_none_is_refused(cycler):
    with pytest.raises(ConfigurationError, match="active_mass_mg = 0: expected a number above 0"):
        Beamline.from_dict({"cycling": {"active_mass_mg": 0.0}})
    documents = list(cycler.documents())
    start = documents[0][1] | {"active_mass_mg": 0.0}
    [result] = cycled([("start", start), *documents[1:]])
    assert result.values["charge_capacity_mah_per_g"] is None
    assert "active_mass_mg = 0.0 in the run's metadata is no mass" in result.reason


def test_millivolts_are_converted_or_asked_for(cycler):
    documents = list(cycler.documents())

    def in_millivolts(unit: str, **cycling) -> Result:
        changed = deepcopy(documents)
        for name, doc in changed:
            if name == "descriptor":
                doc["data_keys"]["cycler_voltage"]["units"] = unit
            if name == "event_page":
                volts = doc["data"]["cycler_voltage"]
                doc["data"]["cycler_voltage"] = [1e3 * volt for volt in volts]
        [result] = cycled(changed, cycling=cycler.roles()["cycling"] | cycling)
        return result

    assert in_millivolts("mV").status == "final"
    assert in_millivolts("", voltage_unit="mV").status == "final"
    guessed = in_millivolts("")
    assert guessed.status == "failed"
    assert 'give voltage_unit = "mV" in [cycling]' in guessed.reason


def test_the_real_cell_at_its_real_spectra(shared):
    folder = shared / "kedge_operando_LNO"
    settings = {
        "xanes": {"energy_ev": "shifted energy", "mutrans": "normalized"},
        "cell": {
            "record": str(shared / "galvanostatic" / "perex_LNO_cell4_C06.mpt.gz"),
            "active_mass_mg": 7.0,
            "formula": "LiNiO2",
        },
    }
    beamline = Beamline.from_dict(settings)
    with (folder / "index_time_charge.csv").open() as file:
        truth = list(csv.DictReader(file))
    for row in truth[::6]:
        found = replay(folder / row["file"], beamline)
        state = next(one for one in found if one.analysis == "state_of_charge")
        assert state.status == "final"
        assert state.values["x_li"] == pytest.approx(float(row["x_Li_if_7.000mg"]), abs=2e-4)
        assert state.values["voltage_v"] == pytest.approx(float(row["Ewe_V"]), abs=2e-4)
        assert state.values["cycle"] == 1
        assert "names a time zone: one is assumed" in state.reason


def test_the_state_is_the_mean_over_a_scans_events(cycler, record):
    rows = cycler.rows
    times_s = START_S + 4000.0 + 30.0 * np.arange(40)
    state = state_in(
        scan_at(*times_s),
        record,
        time_zone="UTC",
        active_mass_mg=MASS_MG,
        theoretical_mah_per_g=276.0,
    )
    volts = np.interp(times_s - START_S, rows.time_s, rows.voltage_v).mean()
    passed = np.interp(times_s - START_S, rows.time_s, rows.capacity_mah).mean()
    assert state.values["voltage_v"] == pytest.approx(volts, abs=1e-6)
    assert state.values["capacity_mah"] == pytest.approx(passed, abs=1e-4)
    assert state.values["x_li"] == pytest.approx(1.0 - 1e3 * passed / MASS_MG / 276.0, abs=1e-4)
    assert state.values["current_a"] == pytest.approx(cycler.current_a, rel=1e-3)
    assert 0.0 < state.sigmas["voltage_v"] < 2e-3
    assert state.values["clock_offset_s"] == 0.0
    assert "a gram of 8 mg, whose uncertainty is not included" in state.reason


def test_a_clock_without_a_zone_is_not_guessed(record):
    scan = scan_at(START_S + 4000.0)
    state = state_in(scan, record)
    assert state.status == "failed"
    assert state.values["voltage_v"] is None
    assert 'cell.mpt names no time zone: give [cell] time_zone, such as "Europe/Paris"' in (
        state.reason
    )
    assert state_in(scan, record, clock_offset_s=0.0).status == "final"


def test_a_clock_that_is_off_by_hours_is_named_with_its_remedy(record):
    early = state_in(scan_at(START_S - 3500.0), record, time_zone="UTC")
    assert early.status == "failed"
    assert "58.3 min before it begins; 1 h, as of another time zone, would put it inside" in (
        early.reason
    )
    assert "clock_offset_s = -3600" in early.reason
    put_right = state_in(scan_at(START_S - 3500.0), record, clock_offset_s=-3600.0)
    assert put_right.status == "final"
    assert put_right.values["clock_offset_s"] == -3600.0


def test_a_scan_far_outside_the_record_has_no_state(record):
    late = state_in(scan_at(START_S + 9e5), record, time_zone="UTC")
    assert late.status == "failed"
    assert "after it ends; if a clock is off, give [cell] clock_offset_s" in late.reason


def test_a_time_zone_moves_the_record(record):
    state = state_in(scan_at(START_S - 7200.0 + 4000.0), record, time_zone="Europe/Paris")
    assert state.status == "final"
    assert state.values["clock_offset_s"] == -7200.0


def test_an_impossible_amount_of_lithium_is_not_said(record):
    state = state_in(
        scan_at(START_S + 12000.0),
        record,
        time_zone="UTC",
        active_mass_mg=0.8,
        formula="LiNi0.6Mn0.2Co0.2O2",
    )
    assert state.values["x_li"] is None
    assert state.values["voltage_v"] is not None
    assert "is not possible: look at active_mass_mg and x_start in [cell]" in state.reason


def test_a_record_without_a_date_needs_one(cycler, tmp_path):
    path = cycler.write_csv(tmp_path / "cell.csv")
    scan = scan_at(START_S + 4000.0)
    assert "cell.csv tells no date" in state_in(scan, path).reason
    dated = state_in(scan, path, clock_offset_s=START_S)
    assert dated.status == "final"
    assert dated.values["cycle"] == 1


def test_a_record_that_is_none_is_a_wrong_configuration(tmp_path):
    path = tmp_path / "cell.txt"
    path.write_text("energy mu\n8300 0.1\n8301 0.2\n")
    with pytest.raises(ConfigurationError, match=r"cell\.txt holds no voltage with a current"):
        state_in(scan_at(START_S), path)
    with pytest.raises(ConfigurationError, match=r"nowhere\.mpt"):
        state_in(scan_at(START_S), tmp_path / "nowhere.mpt")


def test_sections_of_cells_are_refused_where_they_are_wrong():
    def refused(**sections) -> str:
        with pytest.raises(ConfigurationError) as caught:
            Beamline.from_dict(sections)
        return str(caught.value)

    assert "names current_a but no 'voltage_v'" in refused(cycling={"current_a": "I"})
    assert "names neither a current nor a capacity" in refused(cycling={"voltage_v": "U"})
    assert "did you mean 'voltage_v'?" in refused(cycling={"voltage": "U"})
    assert "expected the lower voltage first" in refused(cycling={"peak_window_v": [4.0, 3.7]})
    assert "there is no such time zone" in refused(cell={"time_zone": "Paris"})
    assert "there is no element Xx" in refused(cell={"formula": "LiXxO2"})
    assert "keep one" in refused(cell={"formula": "LiNiO2", "theoretical_mah_per_g": 274.0})


def test_theoretical_capacities_follow_from_the_formula():
    cell = Beamline.from_dict({"cell": {"formula": "LiNiO2"}}).cell
    assert cell.mah_per_g == pytest.approx(274.5, abs=0.1)
