"""Text exports of mass spectrometers and furnaces: what is written is what is read."""

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cgnmc_bluesky.spectra import MeasuredTrace, SpectrumError, read_spectra, read_trace

NAN = float("nan")


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, name: str = "export.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def read(path: Path, **known: str) -> MeasuredTrace:
    trace = read_trace(path, known)
    assert trace is not None
    return trace


def test_a_real_prismapro_file(shared) -> None:
    path = shared / "ramp_ms_tga" / "ecms_RGA_PrismaPro_air_FC.dat"
    trace = read(path, ion_32="32.00", ion_28="28_00")
    assert_allclose(trace.time_s, [1582625650.827, 1582625650.852, 1582625650.877])
    assert len(trace.columns) == 900
    assert {"Step", "31_90", "32.00", "28_00"} <= set(trace.columns)
    of_row = trace.columns["32.00"] / trace.columns["28_00"]
    assert_allclose(of_row[0], 0.260, atol=0.001)
    assert np.isnan(of_row[1])
    assert trace.notes == ()


@pytest.mark.parametrize(("number", "n_rows"), [(1, 695), (2, 770), (3, 770)])
def test_nists_real_tga(shared, number, n_rows) -> None:
    trace = read(shared / "ramp_ms_tga" / f"NIST_PMMA_TGA_N2_10K_{number}.csv")
    assert list(trace.columns) == ["Temperature", "Mass"]
    assert trace.units == {"Temperature": "K", "Mass": "mg"}
    assert len(trace.time_s) == n_rows
    assert trace.time_s[0] == 0.0
    assert trace.columns["Temperature"][0] == pytest.approx(303.147, abs=1.0)


HIDEN = """"header","12"
"Date","02/25/2020","Time","11:14:10 PM"
"Scans","1"
"Scan 1","Bar","SEM","18.00","32.00"

"Time","ms","mass 18.00","mass 32.00","TC1 (C)"
"00:00:00","0","1.5E-09","2.5E-10","25.0"
"00:00:01","1250","1.4E-09","","26.0"
"00:00:02","2500","1.3E-09","2.7E-10","---"
"""

QUADERA = (
    "Sourcefile\tC:\\data\\ramp.qmp\nExporttime\t30.08.2026 12:47:48\n\n"
    "Start Time\t27.08.2026 22:04:10,793\nEnd Time\t28.08.2026 14:44:46,913\n\n"
    "\t\t18\t\t\t32\t\t\tFurnace\n"
    + "\t".join(["Time\tTime Relative [s]\tIon Current [A]"] * 2)
    + "\tTime\tTime Relative [s]\tT [°C]\n"
    "27.08.2026 22:04:10,793\t0,0\t3,0E-06\t27.08.2026 22:04:10,993\t0,2\t5,0E-11\t"
    "27.08.2026 22:04:11,193\t0,4\t25,5\n"
    "27.08.2026 22:04:12,793\t2,0\t3,1E-06\t27.08.2026 22:04:12,993\t2,2\t5,1E-11\t"
    "27.08.2026 22:04:13,193\t2,4\t26,5\n"
)

SRS = """Start time, Nov 12, 2015  02:35:44 PM
Units, Torr
Noise Floor, 3

Ch, Label, Mass, Scan Speed
1, Water, 18, 3
2, Oxygen, 32, 3

Time(s), Water, Oxygen (32), Temperature (K)
0.00, 1.0e-7, 2.0e-9, 300.15
1.50, 1.1e-7, -nan, 301.15
3.00, 1.2e-7, 2.2e-9, 302.15
"""

MKS = """Date;Time;Mass 18;Mass 32;Furnace [°C]
31/01/2024;23:59:58;1,0E-9;2,0E-10;100,5
31/01/2024;23:59:59;1,1E-9;;101,0
01/02/2024;00:00:01;1,2E-9;2,2E-10;102,5
"""

PLAIN = """# ramp of a gradient cathode
# t/min  T/degC   32        O2 (32)
0.0      25.0     1.0e-9    2.0
0.5      27.0     nan       2.1
1.0      29.0     1.1e-9    2.2
"""


@pytest.mark.parametrize(
    ("text", "times", "ion", "temperature", "units"),
    [
        (
            HIDEN,
            1582672450.0 + np.array([0.0, 1.25, 2.5]),
            ("mass 32_00", [2.5e-10, NAN, 2.7e-10]),
            ("TC1", [25.0, 26.0, NAN]),
            ("", "C"),
        ),
        (
            QUADERA,
            1787868250.793 + np.array([0.0, 2.0]),
            ("32", [5.0e-11, 5.1e-11]),
            ("Furnace", [25.5, 26.5]),
            ("A", "°C"),
        ),
        (
            SRS,
            1447338944.0 + np.array([0.0, 1.5, 3.0]),
            ("Oxygen (32)", [2.0e-9, NAN, 2.2e-9]),
            ("Temperature", [300.15, 301.15, 302.15]),
            ("", "K"),
        ),
        (
            MKS,
            1706745598.0 + np.array([0.0, 1.0, 3.0]),
            ("Mass 32", [2.0e-10, NAN, 2.2e-10]),
            ("Furnace", [100.5, 101.0, 102.5]),
            ("", "°C"),
        ),
        (
            PLAIN,
            np.array([0.0, 30.0, 60.0]),
            ("32", [1.0e-9, NAN, 1.1e-9]),
            ("T", [25.0, 27.0, 29.0]),
            ("", "degC"),
        ),
    ],
    ids=["hiden", "quadera", "srs", "mks", "plain"],
)
def test_each_makers_export(written, text, times, ion, temperature, units) -> None:
    trace = read(written(text))
    assert_allclose(trace.time_s, times, atol=1e-3, rtol=0)
    for (name, values), unit in zip((ion, temperature), units, strict=True):
        assert_array_equal(trace.columns[name], values)
        assert trace.units[name] == unit
    assert not any("ime" in name or name == "ms" for name in trace.columns)
    assert trace.notes == ()


def test_a_column_with_times_of_its_own_keeps_them(written) -> None:
    trace = read(written(QUADERA))
    for name, late_s in (("18", 0.0), ("32", 0.2), ("Furnace", 0.4)):
        assert_allclose(trace.stamps_s[name] - trace.time_s, late_s, atol=1e-3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_encodings_and_line_ends_do_not_matter(written, encoding, line_end) -> None:
    trace = read(written(MKS.replace("\n", line_end).encode(encoding)))
    assert_array_equal(trace.columns["Furnace"], [100.5, 101.0, 102.5])
    assert trace.units["Furnace"] == "°C"


def test_columns_are_called_as_the_configuration_calls_them(written) -> None:
    known = {"temperature_c": "temperature (K)", "ion_18": "WATER", "ion_32": "oxygen (32)"}
    assert list(read(written(SRS), **known).columns) == ["WATER", "oxygen (32)", "temperature (K)"]


def test_columns_may_stand_before_the_time(written) -> None:
    rows = (
        "cycle,T (K),date,time,32",
        "1,300,2024-01-31,10:00:00,1e-9",
        "2,301,2024-01-31,10:00:02,2",
    )
    text = "\n".join(rows)
    trace = read(written(text))
    assert list(trace.columns) == ["cycle", "T", "32"]
    assert_array_equal(trace.time_s, 1706695200.0 + np.array([0.0, 2.0]))


def test_rows_that_are_none_are_left_out_and_named(written) -> None:
    text = SRS.replace("1.50, 1.1e-7, -nan, 301.15", "valve opened").removesuffix(", 302.15\n")
    trace = read(written(text + "\n4.5, 1.2e-7, 2.3e-9, 303.15\n"))
    assert_allclose(trace.time_s - trace.time_s[0], [0.0, 4.5])
    assert trace.notes == (
        "row left out: line 11 of export.txt, 'valve opened'",
        "row left out: line 12 of export.txt, '3.00, 1.2e-7, 2.2e-9'",
    )


def test_a_spectrum_is_no_trace(shared, written) -> None:
    for path in sorted(shared.glob("kedge_*/*")) + sorted(shared.glob("xrd/*")):
        if path.is_file() and path.suffix not in {".prj", ".md", ".json"}:
            assert read_trace(path) is None, path.name
    table = "energy time i0 it\n8333.0 1.0 2.0 3.0\n8334.0 2.0 2.0 3.0\n"
    assert read_trace(written(table)) is None
    [spectrum] = read_spectra(written(table))
    assert list(spectrum.columns) == ["energy", "time", "i0", "it"]


@pytest.mark.parametrize("text", ["", "no columns\n", "1.0 2.0\n3.0 4.0\n", "time\n1\n2\n"])
def test_what_is_no_trace_is_none(written, text) -> None:
    assert read_trace(written(text)) is None


def test_a_file_that_is_damaged_is_named(written) -> None:
    with pytest.raises(SpectrumError, match=r"export\.gz is damaged"):
        read_trace(written(b"\x1f\x8b\x08broken", "export.gz"))


def test_five_hours_are_read_at_once(written) -> None:
    rows = [
        f"2024-01-31 {n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}.5,{n}.0,{25 + n / 15:.2f},"
        f"{1e-9 + n * 1e-14:.6e},,{n},2.0,3.0"
        for n in range(18_000)
    ]
    header = "Time,Time Relative (sec),Temperature (°C),32,28,18,40,44\n"
    path = written(header + "\n".join(rows))
    began = time.process_time()
    trace = read(path)
    assert time.process_time() - began < 3.0
    assert len(trace.time_s) == 18_000
    assert_allclose(np.diff(trace.time_s), 1.0, atol=1e-3)
    assert np.isnan(trace.columns["28"]).all()
