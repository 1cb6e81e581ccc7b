from io import StringIO

import numpy as np
from rich.console import Console

from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views import ResultTable
from cgnmc_bluesky.views.headline import headline

FRACTION = {"ni2_fraction": (0.3481, 0.0062, ""), "mean_valence": (2.652, 0.0062, "")}


def _send(table, documents):
    for name, doc in documents:
        table(name, doc)


def test_lines_are_written_once_each_where_there_is_no_terminal(result_documents):
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("ni2_fraction", FRACTION, scan_id=7))
        first = out.getvalue()
        _send(table, result_documents("ni2_fraction", FRACTION, scan_id=8, reason="no foil"))
    assert "Ni²⁺ 0.348 ± 0.006" in first
    assert "mean valence 2.652 ± 0.006" in first
    assert out.getvalue().startswith(first)
    assert out.getvalue().count("scan ") == 1
    assert "no foil" in out.getvalue()


def test_no_number_stands_beside_a_failure(result_documents):
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("ni2_fraction", FRACTION, status="failed", reason="i0 is 0"))
    assert "0.348" not in out.getvalue()
    assert "failed" in out.getvalue()
    assert "i0 is 0" in out.getvalue()


def test_on_a_terminal_the_whole_table_stays(result_documents):
    out = StringIO()
    console = Console(file=out, width=160, height=30, force_terminal=True)
    with ResultTable(console, rows=2) as table:
        for scan_id in range(1, 6):
            _send(
                table,
                result_documents("ni2_fraction", FRACTION, scan_id=scan_id, sample=f"S{scan_id}"),
            )
    last_frame = out.getvalue().rpartition("value ± one sigma")[2]
    assert all(f"S{scan_id}" in last_frame for scan_id in range(1, 6))


def test_markup_in_a_name_is_taken_literally(result_documents):
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("ni2_fraction", FRACTION, sample="[red]x[/nonsense]"))
    assert "[red]x[/nonsense]" in out.getvalue()


METALS = {"ni": 0.6, "mn": 0.2, "co": 0.2}
SAME = {
    f"{end}_{metal}": (x, 0.004, "") for end in ("core", "shell") for metal, x in METALS.items()
}


def test_a_particle_is_written_as_what_it_is_made_of(result_documents, particle_map):
    values, _ = particle_map(*np.zeros((3, 4)))
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("mn_ni_ratio", values, particle=2))
    assert "particle 2" in out.getvalue()
    assert "core Ni 0.700 Mn 0.150 Co 0.150 ± 0.006 ≈ NMC 71515" in out.getvalue()
    assert "shell Ni 0.400 Mn 0.400 Co 0.200 ± 0.011 ≈ NMC 442" in out.getvalue()
    assert "gradient at 3.000 ± 0.020 µm, 1.00 ± 0.06 µm wide" in out.getvalue()
    assert "Mn/Ni 0.452 ± 0.003; 3.2 min more for the precision asked" in out.getvalue()


def test_a_homogeneous_particle_is_written_as_one(result_documents):
    values = {**SAME, "gradient_width_um": (np.nan, np.nan, "um"), "longer_s": (0.0, np.nan, "s")}
    out = StringIO()
    with ResultTable(Console(file=out, width=160)) as table:
        _send(table, result_documents("mn_ni_ratio", values, particle=1))
        _send(table, result_documents("mn_ni_ratio", values, particle=1, status="provisional"))
    assert "homogeneous Ni 0.600 Mn 0.200 Co 0.200 ± 0.004 ≈ NMC 622" in out.getvalue()
    assert "no gradient yet: Ni 0.600" in out.getvalue()
    assert "precise enough" in out.getvalue()


def test_a_low_terminal_shows_the_newest_rows_that_fit(result_documents, particle_map):
    values, _ = particle_map(*np.zeros((3, 4)))
    out = StringIO()
    console = Console(file=out, width=160, height=14, force_terminal=True)
    with ResultTable(console) as table:
        for scan in range(1, 5):
            _send(table, result_documents("mn_ni_ratio", values, scan_id=scan, sample=f"S{scan}"))
        table._live.refresh()
        newest = out.getvalue().rpartition("value ± one sigma")[2]
    assert [f"S{scan}" in newest for scan in range(1, 5)] == [False, False, True, True]


def test_a_ramp_is_told_in_a_line_or_two(result_documents):
    values = {
        "t_rate_c": (189.41, 1.23, "degC"),
        "t_detect_c": (191.0, np.nan, "degC"),
        "t_peak_c": (np.nan, np.nan, "degC"),
        "fwhm_c": (np.nan, np.nan, "degC"),
        "false_alarm_rate": (0.05, np.nan, ""),
    }
    nothing = {**dict.fromkeys(values, (np.nan, np.nan, "degC")), "false_alarm_rate": (0.05, 0, "")}
    phases = {
        "layered_fraction": (0.82, 0.02, ""),
        "temperature_c": (205.2, 0.3, "degC"),
        "c_over_a": (4.9321, 0.0004, ""),
        "split_108_110_deg": (0.427, 0.006, "deg"),
    }
    peak = {"t_peak_c": (206.0, 0.3, "degC"), "fwhm_c": (16.0, 0.4, "degC")}
    said = {
        "onset": _lines(result_documents("o2_onset", values, particle=None)),
        "peak": _lines(result_documents("o2_onset", {**values, **peak}, particle=None)),
        "none": _lines(result_documents("o2_onset", nothing, particle=None)),
        "so far": _lines(result_documents("o2_onset", nothing, status="provisional")),
        "waiting": _lines(result_documents("o2_onset", nothing, status="waiting")),
        "phases": _lines(result_documents("phases", phases, particle=None)),
    }
    assert said == {
        "onset": ["O₂ onset 189.4 ± 1.2 °C (5 % of background)"],
        "peak": [
            "O₂ onset 189.4 ± 1.2 °C (5 % of background)",
            "peak 206.0 ± 0.3 °C, FWHM 16.0 ± 0.4 °C",
        ],
        "none": ["no O₂ onset (false alarms 5 %)"],
        "so far": ["no O₂ onset so far (false alarms 5 %)"],
        "waiting": [],
        "phases": [
            "layered 0.820 ± 0.020 at 205.2 ± 0.3 °C",
            "c/a 4.9321 ± 0.0004, (110) − (108) 0.427 ± 0.006°",
        ],
    }


def _lines(documents):
    return headline(Result.from_documents(documents))
