"""What cyclers export, read as records of cells."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from cgnmc_bluesky.catalogs import open_source
from cgnmc_bluesky.sim import SimulatedCycler
from cgnmc_bluesky.spectra import SpectrumError, read_record, read_spectra, read_trace

START_S = 1658875110.19  # 2022-07-26 22:38:30.190 UTC
MACCOR = """Today's Date	11/22/2020	Date of Test:	07/14/2015	 Filename:	cell 7
Rec#	Cyc#	Step	Test (Sec)	Step (Sec)	Amp-hr	Watt-hr	Amps	Volts	State	ES	DPt Time
1	0	1	0.00	0.00	0.0000000	0.0	0.000000	3.1000	R	0	07/14/2015 15:00:00
2	0	2	10.00	10.00	0.0000028	0.0	0.001000	3.5000	C	1	07/14/2015 15:00:10
3	0	2	3610.00	3610.00	0.0010028	0.0	0.001000	4.3000	C	1	07/14/2015 16:00:10
4	0	3	3620.00	10.00	0.0000028	0.0	0.001000	4.2000	D	1	07/14/2015 16:00:20
5	0	3	7220.00	3610.00	0.0010028	0.0	0.001000	3.0000	D	1	07/14/2015 17:00:20
"""
CSV = "Test Time (min);Cell Voltage (mV);Current (µA)\n0;3100;0\n1;3500;154,5\n2;3600;154,5\n"


@pytest.fixture(scope="module")
def cycler() -> SimulatedCycler:
    return SimulatedCycler(cycles=2, row_s=300.0, start_s=START_S)


def test_eclab_text_is_read_with_its_start_and_decimal_commas(shared):
    record = read_record(shared / "galvanostatic" / "perex_LNO_cell4_C06.mpt.gz")
    assert record.roles == {
        "voltage_v": "Ewe",
        "mean_current_a": "<I>",
        "capacity_mah": "(Q-Qo)",
        "cycle": "cycle number",
    }
    assert record.units["<I>"] == "mA"
    assert record.clock == "local"
    assert record.time_s[0] == pytest.approx(START_S)
    assert len(record.time_s) == 6333
    assert record.columns["(Q-Qo)"][-1] == pytest.approx(0.8402035414918015)
    assert record.metadata["active_mass"] == "7000.000 mg"
    assert record.notes == ()


@pytest.mark.parametrize("decimal", [",", "."])
def test_eclab_text_of_the_simulation_is_what_it_passed(cycler, tmp_path, decimal):
    path = cycler.write_mpt(tmp_path / "cell.mpt", decimal=decimal)
    packed = tmp_path / "cell.mpt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, record = read_record(path), read_record(packed)
    assert plain.content_hash == record.content_hash
    assert record.time_s[0] == pytest.approx(START_S)
    np.testing.assert_allclose(record.columns["Ewe"], cycler.rows.voltage_v, atol=1e-8)
    np.testing.assert_allclose(record.columns["(Q-Qo)"], cycler.rows.capacity_mah, atol=1e-7)


def test_a_file_that_is_cut_off_loses_its_last_row_or_is_refused(cycler, tmp_path):
    path = cycler.write_mpt(tmp_path / "cell.mpt")
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    record = read_record(path)
    assert len(record.time_s) == len(cycler.rows.time_s) - 1
    assert "row left out: line" in record.notes[0]
    path.write_bytes(whole[:150])
    with pytest.raises(SpectrumError, match=r"cell\.mpt is cut off: it announces 10 header lines"):
        read_record(path)


def test_a_missing_column_is_named(cycler, tmp_path):
    path = cycler.write_mpt(tmp_path / "cell.mpt")
    path.write_bytes(path.read_bytes().replace(b"<I>/mA", b"P/W"))
    with pytest.raises(SpectrumError, match=r"has no current \(<I>/mA or I/mA\) among its columns"):
        read_record(path)


def test_the_charge_between_rows_stands_for_a_current_that_was_not_exported(tmp_path):
    path = tmp_path / "cell.mpt"
    rows = "0\t3.1\t0\n1800\t3.6\t0.5\n3600\t3.7\t0.5\n"
    path.write_text(f"EC-Lab ASCII FILE\nNb header lines : 3\ntime/s\tEwe/V\tdq/mA.h\n{rows}")
    record = read_record(path)
    assert record.columns["<I>"].tolist() == [0.0, 1.0, 1.0]
    assert record.units["<I>"] == "mA"
    assert record.clock == ""


def test_maccor_currents_get_their_sign_from_the_state(tmp_path):
    path = tmp_path / "cell.txt"
    path.write_text(MACCOR)
    record = read_record(path)
    assert record.columns["Amps"].tolist() == [0.0, 1e-3, 1e-3, -1e-3, -1e-3]
    assert (record.units["Amps"], record.units["Amp-hr"]) == ("A", "Ah")
    assert record.roles["capacity_ah"] == "Amp-hr"
    assert np.diff(record.time_s).tolist() == [10.0, 3600.0, 10.0, 3600.0]
    assert record.time_s[0] == 1436886000.0


@pytest.mark.parametrize(
    ("headers", "row", "units"),
    [
        (
            "Rec#,Cyc#,Step,TestTime,StepTime,mAmp-hr,mWatt-hr,mAmps,Volts,State,ES,DPt Time,more",
            "{n},0,1,  0d 01:{n:02}:00.00,  0d 00:00:00.00,0.5,0.0,1.5,3.5,D,0,"
            "08/23/2021 6:{n:02}:18 PM",
            {"mAmp-hr": "mAh", "mAmps": "mA", "Volts": "V"},
        ),
        (
            "Rec,Cycle P,Cycle C,Step,Test Time,Step Time,Capacity (AHr),Energy (WHr),Current (A),"
            "Voltage (V),MD,ES,DPT Time",
            "{n},0,0,1,0d 01:{n:02}:00,0d 00:00:00,0.0005,0.1,0.0015,3.5,D,1,"
            "23/08/2021 18:{n:02}:18",
            {"Capacity": "Ah", "Current": "A", "Voltage": "V"},
        ),
    ],
)
def test_maccor_has_several_ways_to_name_its_columns(tmp_path, headers, row, units):
    path = tmp_path / "cell.txt"
    rows = [row.format(n=number) for number in range(1, 9)]
    path.write_text("\n".join(["Date of Test:\t08/23/2021", headers, *rows]))
    record = read_record(path)
    assert {name: record.units[name] for name in units} == units
    current = record.columns[record.roles["current_a"]]
    assert (current < 0.0).all()
    assert np.diff(record.time_s).tolist() == [60.0] * 7
    assert record.time_s[0] == 1629741678.0
    assert record.clock == "local"


def test_csv_has_its_units_in_the_header(cycler, tmp_path):
    path = tmp_path / "cell.csv"
    path.write_text(CSV)
    record = read_record(path)
    assert record.time_s.tolist() == [0.0, 60.0, 120.0]
    assert record.units == {"Cell Voltage": "mV", "Current": "µA"}
    assert record.columns["Current"].tolist() == [0.0, 154.5, 154.5]
    written = read_record(cycler.write_csv(tmp_path / "sim.csv"))
    assert set(written.roles) == {"voltage_v", "current_a", "capacity_mah", "cycle"}


def test_columns_of_a_csv_without_header_are_given(tmp_path):
    path = tmp_path / "cell.csv"
    path.write_text("0,3.1,0.0\n60,3.5,0.001\n120,3.6,0.001\n")
    columns = {"time_s": 1, "voltage_v": 2, "current_a": 3}
    record = read_record(path, columns)
    assert record.roles == {"voltage_v": "voltage_v", "current_a": "current_a"}
    assert record.columns["current_a"].tolist() == [0.0, 1e-3, 1e-3]
    with pytest.raises(SpectrumError, match="no column 4 for current_a; it has 3"):
        read_record(path, columns | {"current_a": 4})


def test_keys_of_the_configuration_name_columns(tmp_path):
    path = tmp_path / "cell.csv"
    path.write_text("s,U cell,I cell\n0,3.1,0.0\n60,3.5,0.001\n")
    known = {"time_s": "s", "voltage_v": "U cell", "current_a": "I cell"}
    assert read_record(path) is None
    assert read_record(path, known=known).roles["voltage_v"] == "U cell"


def test_curves_side_by_side_are_joined(shared):
    record = read_record(shared / "galvanostatic" / "hailijia_811.csv")
    assert record.roles["capacity_mah_per_g"] == "Capacity"
    assert np.unique(record.columns["cycle"]).tolist() == [1.0, 2.0, 5.0, 10.0]
    assert record.columns["Capacity"][-1] == pytest.approx(199.019767)


@pytest.mark.parametrize(
    "name",
    [
        "ramp_ms_tga/ecms_RGA_PrismaPro_air_FC.dat",
        "ramp_ms_tga/NIST_PMMA_TGA_N2_10K_1.csv",
        "kedge_oxides/lisa_NiO_111.xdi",
    ],
)
def test_spectra_and_ramps_are_no_records(shared, name):
    assert read_record(shared / name) is None


def test_records_are_neither_spectra_nor_ramps(cycler, tmp_path):
    path = cycler.write_mpt(tmp_path / "cell.mpt")
    [run] = open_source(path).runs()
    assert run.start["plan_name"] == "measured_cycling"
    assert run.start["clock"] == "local"
    moved = path.rename(tmp_path / "other.mpt")
    assert open_source(moved).find(-1).uid == run.uid
    names = [name for name, _ in run.documents()]
    assert names == ["start", "descriptor", "event_page", "stop"]


def test_what_galvani_is_needed_for_is_said_where_it_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "galvani", None)
    path = tmp_path / "cell.mpr"
    path.write_bytes(b"BIO-LOGIC MODULAR FILE\x1a" + bytes(40))
    with pytest.raises(SpectrumError, match=r"pip install 'cgnmc-bluesky\[biologic\]'"):
        read_record(path)


def test_times_of_a_technique_without_a_number_are_left_out(tmp_path):
    path = tmp_path / "cell.mpt"
    rows = "XXX\t3.1\t0\n0.5\t3.6\t0.5\n"
    path.write_text(f"EC-Lab ASCII FILE\nNb header lines : 3\ntime/s\tEwe/V\tI/mA\n{rows}")
    record = read_record(path)
    assert record.time_s.tolist() == [0.5]
    assert record.notes == ("row left out: 1 without a time",)


def test_spectra_begin_when_their_header_says_that_they_were_measured(shared):
    folder = shared / "kedge_operando_LNO"
    path = Path(folder / "norm_op2_cell4_pos1_dq1_0001_av240_00001.txt.gz")
    [spectrum] = read_spectra(path)
    assert spectrum.metadata["Scan"]["from_start_s"] == pytest.approx(65.0039)
    assert read_trace(path) is None
    [run] = open_source(path).runs()
    page = next(doc for name, doc in run.documents() if name == "event_page")
    assert page["time"][0] - run.start["time"] == pytest.approx(65.0039, abs=1e-4)


def test_a_furnaces_table_is_a_ramp(tmp_path):
    path = tmp_path / "furnace.csv"
    rows = [f"{second},{25 + second},12.0,3.5" for second in range(0, 100, 10)]
    path.write_text("\n".join(["Time (s),Temperature (C),Voltage (V),Current (A)", *rows]))
    assert read_record(path) is None
    assert read_trace(path) is not None
    known = {"voltage_v": "Voltage (V)", "current_a": "Current (A)"}
    assert read_record(path, known=known) is not None


@pytest.mark.parametrize("names", ["", "Time (s),Voltage (V),Current (mA)\n"])
def test_a_time_that_is_counted_anew_goes_on(tmp_path, names):
    head = "Time (s),Voltage (V),Current (mA)\n"
    parts = [
        "".join(f"{10 * row},{3 + 0.1 * row},{sign}\n" for row in range(9)) for sign in (1, -1)
    ]
    path = tmp_path / "cell.csv"
    path.write_text(head + names.join(parts))
    record = read_record(path)
    np.testing.assert_allclose(record.time_s, [*range(0, 90, 10), *range(80, 170, 10)])
    assert any(
        "time counts from its beginning again once (row 10)" in note for note in record.notes
    )


def test_rows_out_of_order_are_not_taken_for_a_time_that_is_counted_anew(tmp_path):
    path = tmp_path / "cell.csv"
    rows = [0, 10, 20, 50, 60, 30, 40, 70]
    path.write_text("Time (s),Voltage (V),Current (mA)\n" + "".join(f"{t},3.5,1\n" for t in rows))
    np.testing.assert_allclose(read_record(path).time_s, rows)


def test_names_may_be_joined_by_underscores(tmp_path):
    path = tmp_path / "cell.txt"
    path.write_text("Test_Time(s)\tVoltage(V)\tCurrent(A)\tCycle_Index\n" + "0\t3.5\t1e-3\t1\n" * 9)
    assert read_record(path).roles.keys() == {"voltage_v", "current_a", "cycle"}
