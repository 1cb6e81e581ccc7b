from pathlib import Path

import pytest
from checked_documents import said

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.check import Findings, Severity, check

HEADER = "name,material,cycles,position,edges"
ROWS = [f"g{n},gradient,{n},{n},Ni L3; Mn L3" for n in (0, 1, 50, 100)]


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CGNMC_BEAMLINE", raising=False)


def checked(*rows: str, header: str = HEADER, beamline: Beamline | None = None) -> Findings:
    Path("samples.csv").write_text("\n".join([header, *rows]) + "\n")
    return check(beamline, "samples.csv")


def test_a_table_that_is_right():
    [finding] = checked(*ROWS)
    assert str(finding) == "ok: samples.csv: samples: 4 (gradient), scans: 8"


def test_an_error_in_row_7_is_named_with_all_others():
    rows = [f"c{n},conventional,{n},{n}," for n in range(6)]
    rows += ["c6,conventional,none,6,", "c7,conventional,7,,", "c8,conventional,8,5,"]
    lines = said(checked(*rows), Severity.ERROR)
    assert len(lines) == 3
    assert lines[0].startswith("error: samples.csv row 7 (line 8): cycles is 'none'; give a whole")
    assert "row 8 (line 9): position is missing; say where the sample stands" in lines[1]
    assert "position is '5'; row 6 stands there too" in lines[2]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("name,material,cycels,position", "column 'cycels': there is no such column; did you"),
        ("name,material,cycles,comment", "no column says where the samples stand; add position"),
        ("name,material,cycles,cycles", "has 2 columns 'cycles'"),
    ],
)
def test_columns_that_are_wrong(header, message):
    lines = said(checked("a,gradient,0,0", header=header), Severity.ERROR)
    assert any(message in line for line in lines), lines


def test_axes_with_a_column_each():
    findings = checked(
        "a,gradient,0,1.5,2", "b,gradient,1,1.5,3", header="name,material,cycles,x_mm,y_mm"
    )
    assert findings.worst is Severity.OK


def test_edges_without_references():
    beamline = Beamline.from_dict({"xanes": {"energy_ev": "e", "mutrans": "mu"}})
    lines = said(checked(*ROWS, beamline=beamline), Severity.WARNING)
    assert "Mn L3 has no reference in the configuration: no fraction" in lines[-1]


def test_a_table_in_toml():
    Path("samples.toml").write_text(
        '[[sample]]\nname = "a"\nmaterial = "gradient"\ncycles = 0\nposition = "A1"\n'
    )
    assert check(None, "samples.toml").worst is Severity.OK
    Path("broken.toml").write_text("[[sample]\n")
    [line] = said(check(None, "broken.toml"), Severity.ERROR)
    assert "broken.toml is no TOML" in line
