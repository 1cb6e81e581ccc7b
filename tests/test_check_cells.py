"""Checks of cycling, of the cell in the beam, and of image stacks."""

from pathlib import Path

import pytest
from checked_documents import documents, drafted, said

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.check import Findings, Severity, check, draft

EV = {"units": "eV"}
IMAGE = {"shape": [64, 64], "dtype": "array"}
STACK = {"peem_image": IMAGE, "pgm_energy": EV, "gold_mesh": {"units": "A"}}
XPEEM = {"image": "peem_image", "energy_ev": "pgm_energy", "i0": "gold_mesh"}
NOON_S = 1_800_014_400.0  # 2027-01-15 12:00 UTC


def record(folder: Path, *, dated: bool = True, hour: int = 11) -> Path:
    """An hour and a half of a cell, from the hour before noon on."""
    rows = [
        f"2027-01-15 {hour + n // 4:02d}:{n % 4 * 15:02d}:00,{3.6 + n / 20},0.2" for n in range(7)
    ]
    if not dated:
        rows = [f"{n * 900},{3.6 + n / 20},0.2" for n in range(7)]
    header = "Date time,Voltage (V),Current (mA)" if dated else "Time (s),Voltage (V),Current (mA)"
    file = folder / "cell.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def with_cell(file: Path, **said_of_it) -> Findings:
    cell = {"record": str(file), "active_mass_mg": 7.0, "formula": "LiNiO2"} | said_of_it
    xanes = {"energy_ev": "mono_energy", "mutrans": "mu"}
    beamline = Beamline.from_dict({"xanes": xanes, "cell": cell})
    docs = documents({"mono_energy": EV, "mu": {}})
    docs[0][1]["time"] = NOON_S
    return check(beamline, docs)


def of_cell(findings: Findings, severity: Severity) -> list[str]:
    return [line for line in said(findings, severity) if "[cell]" in line]


def test_a_cell_that_was_recorded_while_the_scan_ran(tmp_path):
    findings = with_cell(record(tmp_path), time_zone="UTC")
    assert of_cell(findings, Severity.ERROR) == of_cell(findings, Severity.WARNING) == []
    assert "ok: [cell] record: runs within it: 1 of 1" in list(map(str, findings))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "[cell] time_zone: cell.csv names no time zone: no state of charge"),
        ({"active_mass_mg": None}, "[cell] active_mass_mg: none: neither mAh/g nor x in Li(x)"),
        ({"formula": None}, "[cell] formula: none, nor theoretical_mah_per_g: no x"),
        ({"record": None}, "[cell] record: none: no state of charge"),
    ],
)
def test_what_a_cell_lacks(tmp_path, changes, message):
    findings = with_cell(record(tmp_path), **changes)
    assert any(message in line for line in of_cell(findings, Severity.WARNING))


def test_a_cell_on_the_clock_of_another_zone(tmp_path):
    findings = with_cell(record(tmp_path, hour=13), time_zone="UTC")
    [line] = of_cell(findings, Severity.ERROR)
    assert "on its clock it lasts from 2027-01-15 13:00 to 2027-01-15 14:30" in line
    assert "the runs were made from 2027-01-15 12:00" in line
    assert line.endswith("a time_zone 1 h further east would fit, or clock_offset_s = -3600")
    right = with_cell(record(tmp_path, hour=13), time_zone="Etc/GMT-1")
    assert of_cell(right, Severity.ERROR) == []


def test_a_cell_that_does_not_say_when_it_was(tmp_path):
    lines = of_cell(with_cell(record(tmp_path, dated=False)), Severity.ERROR)
    assert "cell.csv tells no date; give the time of its second 0 since 1970" in lines[0]
    assert "name the record of this cell" in lines[1]
    told = with_cell(record(tmp_path, dated=False), clock_offset_s=NOON_S - 1800.0)
    assert of_cell(told, Severity.ERROR) == []


def test_a_record_that_is_none(tmp_path):
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    [line] = of_cell(with_cell(tmp_path / "notes.csv"), Severity.ERROR)
    assert "notes.csv holds no voltage with a current" in line
    [line] = of_cell(with_cell(tmp_path / "notse.csv"), Severity.ERROR)
    assert line.endswith("did you mean 'notes.csv'?")


@pytest.mark.parametrize(
    ("keys", "roles"),
    [
        (
            {"Ewe": {"units": "V"}, "<I>": {"units": "mA"}, "cycle number": {}, "x": {}},
            {"voltage_v": "Ewe", "mean_current_a": "<I>", "cycle": "cycle number"},
        ),
        (
            {"biologic_voltage": {"units": "V"}, "biologic_current": {"units": "mA"}},
            {"voltage_v": "biologic_voltage", "current_a": "biologic_current"},
        ),
        ({"voltage": {}, "capacity_mah_per_g": {}}, {"voltage_v": "voltage"}),
    ],
)
def test_a_draft_of_cycling(keys, roles):
    written = drafted(documents(keys, energies_ev=()))
    assert {role: written["cycling"][role] for role in roles} == roles
    assert "# [cell]" in draft(documents(keys, energies_ev=()))


def test_a_beam_is_no_cell():
    keys = {"ring_current": {"units": "mA"}, "hv_voltage": {"units": "V"}, "sample_current": {}}
    assert "cycling" not in drafted(documents(keys, energies_ev=()))


def test_cycling_without_a_mass():
    beamline = Beamline.from_dict({"cycling": {"voltage_v": "v", "current_a": "i"}})
    [line] = said(check(beamline), Severity.WARNING)
    assert line.startswith("warning: [cycling] active_mass_mg: none")


def test_a_draft_of_an_image_stack():
    docs = documents(STACK, edge="Ni L3")
    written = drafted(docs)
    assert set(written) == {"beamline", "xpeem", "foil"}
    assert written["xpeem"] == XPEEM
    assert '# mode = "tey"' in draft(docs)
    hard = {"det_image": IMAGE, "mono_energy": EV}
    assert "xpeem" not in drafted(documents(hard))


def test_each_section_is_drafted_from_runs_of_its_own():
    scan = {"pgm_energy": EV, "gold_mesh": {}, "sample_current": {}}
    stack = {"peem_image": IMAGE, "peem_pgm_energy": EV, "peem_mesh": {}}
    written = drafted([*documents(stack), *documents(scan)])
    assert written["soft_xanes"]["energy_ev"] == "pgm_energy"
    assert written["xpeem"] == {
        "image": "peem_image",
        "energy_ev": "peem_pgm_energy",
        "i0": "peem_mesh",
    }


def test_what_a_stack_lacks(tmp_path):
    beamline = Beamline.from_dict({"xpeem": XPEEM | {"flat": str(tmp_path / "flat.tif")}})
    findings = check(beamline, documents(STACK | {"peem_image": {"shape": [64], "dtype": "array"}}))
    lines = said(findings, Severity.ERROR)
    assert any(line.startswith("error: [xpeem] flat: names a file that does") for line in lines)
    assert any("shape [64]: these are no images" in line for line in lines)
    [line] = said(findings, Severity.WARNING)
    assert "none of a soft X-ray edge: no fraction; add one for each valence" in line


def test_images_without_their_mesh():
    without = {key: said_of for key, said_of in STACK.items() if key != "gold_mesh"}
    findings = check(Beamline.from_dict({"xpeem": XPEEM}), documents(without))
    assert any(
        line.startswith("error: run 7: it holds images, but no 'gold_mesh'")
        for line in said(findings, Severity.ERROR)
    )
