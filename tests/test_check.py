from pathlib import Path

import numpy as np
import pytest
from checked_documents import documents, drafted, said
from hypothesis import given, settings
from hypothesis import strategies as st

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.beamline import ConfigurationMissing
from cgnmc_bluesky.check import Findings, Severity, check, draft

EXAMPLES = Path(__file__).parents[1] / "examples"
EV = {"units": "eV"}
SCAN = {"mono_energy": EV, "i0": {}, "it": {}}
XANES = {"energy_ev": "mono_energy", "i0": "i0", "itrans": "it"}


def spectrum(
    file: Path, first_ev: float = 8100.0, last_ev: float = 8600.0, header: str = ""
) -> str:
    energies = np.arange(first_ev, last_ev, 0.5)
    mu = 1 / (1 + np.exp((8340 - energies) / 2)) - energies / 1e5
    rows = "\n".join(f"{energy} {value}" for energy, value in zip(energies, mu, strict=True))
    file.write_text(f"{header}{rows}\n")
    return str(file)


def standards(folder: Path) -> dict:
    """Settings in which everything is right."""
    return {
        "xanes": XANES,
        "reference": [
            {"name": "NiO", "edge": "Ni K", "valence": 2, "file": spectrum(folder / "nio.dat")},
            {"name": "LiNiO2", "edge": "Ni K", "valence": 3, "file": spectrum(folder / "lno.dat")},
        ],
        "foil": [{"edge": "Ni K", "energy_ev": 8333.0, "file": spectrum(folder / "foil.dat")}],
    }


def test_everything_right(tmp_path):
    beamline = Beamline.from_dict(standards(tmp_path))
    findings = check(beamline, documents(SCAN, edge="Ni K"))
    assert findings.worst is Severity.OK, list(map(str, findings))
    assert "ok: [xanes] energy_ev: 'mono_energy' in eV" in list(map(str, findings))
    assert len(findings) == len(findings.items)


def test_a_file_that_cannot_mean_anything_is_a_finding(tmp_path):
    config = tmp_path / "beamline.toml"
    config.write_text('[xanes]\nenergy_ev = "e"\ni0 = 5\nitrans = 6\n[data]\nreadabel = []\n')
    findings = check(config)
    assert findings.worst is Severity.ERROR
    assert [finding.where for finding in findings] == [str(config)] * 3
    assert findings.items[0].message == "[data] has no key 'readabel'"
    assert findings.items[0].remedy == "did you mean 'readable'?"
    assert findings.items[1].message == "[xanes] i0 = 5: expected a string"


def test_without_a_configuration_there_is_nothing_to_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CGNMC_BEAMLINE", raising=False)
    with pytest.raises(ConfigurationMissing):
        check()


def test_the_roles_that_a_run_carries_are_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CGNMC_BEAMLINE", raising=False)
    findings = check(source=documents(SCAN, edge="Ni K", beamline=standards(tmp_path)))
    assert findings.worst is Severity.OK
    assert findings.items[0].message == "the one that the last run carries"
    with pytest.raises(ConfigurationMissing):
        check(source=documents(SCAN))


def test_no_section_of_roles_and_no_folder():
    beamline = Beamline.from_dict({"data": {"readable": ["/not/there"]}})
    findings = check(beamline)
    assert said(findings, Severity.ERROR)[0].startswith(
        "error: sections: no section gives any data"
    )
    [line] = said(findings, Severity.WARNING)
    assert "/not/there is no folder here" in line


def with_reference(folder: Path, **changes) -> Findings:
    written = standards(folder)
    written["reference"][0] |= changes
    return check(Beamline.from_dict(written, folder))


def test_a_reference_that_is_missing(tmp_path):
    [line] = said(with_reference(tmp_path, file="noi.dat"), Severity.ERROR)
    assert line.startswith("error: [[reference]] 'NiO' (Ni K): names a file that does not exist")
    assert line.endswith("did you mean 'nio.dat'?")


def test_a_reference_that_does_not_reach(tmp_path):
    short = spectrum(tmp_path / "short.dat", 8330.0, 8350.0)
    [line] = said(with_reference(tmp_path, file=short), Severity.ERROR)
    assert "from 8330 to 8350 eV, where 8318 to 8383 eV is needed" in line


def test_a_reference_must_reach_the_fit_range(tmp_path):
    written = standards(tmp_path) | {"analysis": {"fraction": {"fit_range_ev": [8300.0, 8700.0]}}}
    lines = said(check(Beamline.from_dict(written)), Severity.ERROR)
    assert len(lines) == 2
    assert "where 8300 to 8700 eV is needed" in lines[0]


@pytest.mark.parametrize(
    ("header", "content", "line"),
    [
        ("", "", "is empty"),
        (
            "# energy temperature\n",
            "8300 1\n8400 2\n",
            "has no absorption among energy, temperature",
        ),
    ],
)
def test_a_reference_that_is_no_spectrum(tmp_path, header, content, line):
    (tmp_path / "odd.dat").write_text(header + content)
    [found] = said(with_reference(tmp_path, file="odd.dat"), Severity.ERROR)
    assert line in found


def test_columns_that_a_file_does_not_have(tmp_path):
    [line] = said(with_reference(tmp_path, columns={"energy": 1, "mutrans": 5}), Severity.ERROR)
    assert "column 5" in line


def test_a_reference_given_as_it_is(tmp_path):
    written = standards(tmp_path)
    inline = {"name": "NiO", "edge": "Ni K", "valence": 2, "mu": [0.0, 1.0]}
    written["reference"][0] = inline | {"energy_ev": [8000.0, 9000.0]}
    assert check(Beamline.from_dict(written)).worst is not Severity.ERROR
    written["reference"][0] = inline | {"energy_ev": [8330.0, 8340.0]}
    assert check(Beamline.from_dict(written)).worst is Severity.ERROR


def test_references_that_are_not_enough(tmp_path):
    written = standards(tmp_path) | {"foil": []}
    written["reference"] = [written["reference"][0] | {"valence": None}]
    lines = said(check(Beamline.from_dict(written)), Severity.WARNING)
    assert len(lines) == 3
    assert "only 'NiO' in transmission: edge positions, but no fraction" in lines[0]
    assert "no valence for NiO" in lines[1]
    assert "no [[foil]] of Ni K" in lines[2]


def test_a_foil_of_another_element(tmp_path):
    written = standards(tmp_path) | {"foil": [{"edge": "Ni K", "energy_ev": 7709.0}]}
    lines = said(check(Beamline.from_dict(written)), Severity.WARNING)
    [line] = [line for line in lines if "energy_ev = 7709" in line]
    assert "energy_ev = 7709, where xraydb" in line
    assert "has 8333" in line


def test_keys_that_no_run_has(tmp_path):
    written = standards(tmp_path) | {"xanes": XANES | {"itrans": "itt", "irefer": "foil"}}
    findings = check(Beamline.from_dict(written), documents(SCAN, edge="Ni K"))
    [line] = said(findings, Severity.ERROR)
    assert line == ("error: [xanes] itrans: no run has the data key 'itt'; the nearest are it")
    [line] = said(findings, Severity.WARNING)
    assert "[xanes] irefer: no run has the data key 'foil'; there are" in line


def test_keys_of_the_baseline_play_no_role(tmp_path):
    beamline = Beamline.from_dict(standards(tmp_path))
    findings = check(beamline, documents(SCAN, stream="baseline"))
    assert len(said(findings, Severity.ERROR)) == 3


@pytest.mark.parametrize(("unit", "severity"), [("keV", Severity.OK), ("", Severity.OK)])
def test_units_that_can_be_converted(tmp_path, unit, severity):
    beamline = Beamline.from_dict(standards(tmp_path))
    keys = SCAN | {"mono_energy": {"units": unit}}
    assert check(beamline, documents(keys)).worst is severity


def test_a_unit_of_another_dimension(tmp_path):
    beamline = Beamline.from_dict(standards(tmp_path))
    [line] = said(
        check(beamline, documents(SCAN | {"mono_energy": {"units": "mm"}})), Severity.ERROR
    )
    assert "'mono_energy'" in line
    assert "'mm'" in line
    right = Beamline.from_dict(standards(tmp_path) | {"xanes": XANES | {"energy_unit": "eV"}})
    assert check(right, documents(SCAN | {"mono_energy": {"units": "mm"}})).worst is Severity.OK


def test_energies_that_are_not_those_of_the_edge(tmp_path):
    beamline = Beamline.from_dict(standards(tmp_path))
    findings = check(beamline, documents(SCAN, edge="Ni K", energies_ev=(8.3, 8.4)))
    [line] = said(findings, Severity.ERROR)
    assert line.startswith("error: run 7: its energies, 8.3 to 8.4 eV, are not those of Ni K")
    assert line.endswith('these are keV: write energy_unit = "keV"')


def test_a_scan_of_an_edge_without_references(tmp_path):
    findings = check(
        Beamline.from_dict(standards(tmp_path)),
        documents(SCAN, edge="Mn K", energies_ev=(6500.0, 6600.0)),
    )
    [line] = said(findings, Severity.WARNING)
    assert line.startswith("warning: references of Mn K: none")


def test_standards_and_darks_that_are_runs(tmp_path):
    docs = documents(SCAN, edge="Ni K")
    uid = docs[0][1]["uid"]
    written = standards(tmp_path) | {"xanes": XANES | {"dark": uid[:8]}}
    written["reference"][0] = {"name": "NiO", "edge": "Ni K", "valence": 2, "run": uid}
    assert check(Beamline.from_dict(written), docs).worst is Severity.OK
    written["reference"][0]["run"] = "0000"
    [line] = said(check(Beamline.from_dict(written), docs), Severity.ERROR)
    assert "[[reference]] 'NiO' (Ni K)" in line
    assert "0000" in line


def test_a_source_that_is_not_there(tmp_path):
    findings = check(Beamline.from_dict(standards(tmp_path)), tmp_path / "nothing")
    [line] = said(findings, Severity.ERROR)
    assert "nothing is not there" in line


def test_a_source_without_runs(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    findings = check(Beamline.from_dict(standards(tmp_path)), tmp_path / "empty.jsonl")
    assert findings.worst is Severity.ERROR


@pytest.mark.parametrize(
    ("example", "source"),
    [
        ("lno", "kedge_operando_LNO"),
        ("oxides", "kedge_oxides"),
        ("manganese", "kedge_oxides/xaslib_Mn2O3_rt_02.xdi"),
        ("gold_mixture", "kedge_mixtures"),
        ("bmm", "bluesky_docs/beamline_NSLS6BM_2019.dat"),
        ("cycling", "galvanostatic/perex_LNO_cell4_C06.mpt.gz"),
    ],
)
def test_the_examples_fit_their_data(shared, example, source):
    findings = check(EXAMPLES / f"{example}.toml", shared / source)
    assert said(findings, Severity.ERROR) == []


def test_a_draft_of_an_energy_scan():
    keys = SCAN | {"ir": {}, "mono_energy_setpoint": EV, "ring_current": {"units": "mA"}}
    docs = documents(keys, edge="Ni K", beamline_id="QAS")
    written = drafted(docs)
    assert written["xanes"] == XANES | {"irefer": "ir"}
    assert written["beamline"]["name"] == "QAS"
    assert written["foil"] == [{"edge": "Ni K", "energy_ev": 8333.0}]
    text = draft(docs)
    assert '#   "ring_current": number, in mA' in text
    assert "# guessed from its name, in eV" in text
    assert "# [[reference]]" in text


@pytest.mark.parametrize(
    ("keys", "roles"),
    [
        (("mono1_energy", "apb_ave_ch1_mean", "apb_ave_ch2_mean"), ("energy_ev", "i0", "itrans")),
        (("dcm_energy", "dcm_energy_setpoint", "I0", "It"), ("energy_ev", None, "i0", "itrans")),
        (("energy", "xmu"), ("energy_ev", "mutrans")),
        (("Energy", "Io", "If"), ("energy_ev", "i0", "ifluor")),
    ],
)
def test_names_that_beamlines_use(keys, roles):
    written = drafted(documents({key: {} for key in keys}))["xanes"]
    assert written == {role: key for role, key in zip(roles, keys, strict=True) if role}


def test_a_draft_of_soft_x_rays():
    keys = ("pgm_energy_readback", "gold_mesh", "sample_current", "sdd_ni_l")
    assert drafted(documents({key: {} for key in keys})) == {
        "beamline": {"name": ""},
        "soft_xanes": {
            "energy_ev": "pgm_energy_readback",
            "i0": "gold_mesh",
            "yields": {"tey": "sample_current", "pfy": "sdd_ni_l"},
        },
    }


def test_a_draft_of_a_heating_ramp():
    array = {"shape": [64], "dtype": "array"}
    keys = {
        "furnace_temperature": {"units": "degC"},
        "rga_mz32": {"units": "A"},
        "rga_mz44": {"units": "A"},
        "xrd_intensity": array,
        "xrd_two_theta": array | {"units": "deg"},
        "xrd_exposure_s": {"units": "s"},
    }
    assert drafted(documents(keys))["heating"] == {
        "temperature_c": "furnace_temperature",
        "ion_current": {"32": "rga_mz32", "44": "rga_mz44"},
        "pattern": "xrd_intensity",
        "two_theta_deg": "xrd_two_theta",
        "exposure_s": "xrd_exposure_s",
    }


def test_a_draft_without_anything_to_recognise():
    docs = documents({"motor": {"units": "mm"}})
    assert drafted(docs) == {"beamline": {"name": ""}}
    assert '#   "motor": number, in mm' in draft(docs)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="./", exclude_categories=["Cs"]), min_size=1),
        st.sampled_from(["", "eV", "mm"]),
        min_size=1,
    )
)
@settings(deadline=None, max_examples=30)
def test_a_draft_is_valid_whatever_the_keys(units):
    drafted(documents({key: {"units": unit} for key, unit in units.items()}, energies_ev=()))


def with_foil_channel(file: Path, foil_edge_ev: float) -> str:
    energies = np.arange(8200.0, 8600.0, 0.5)
    mu, foil = (1 / (1 + np.exp((edge - energies) / 2)) for edge in (8342.0, foil_edge_ev))
    columns = np.stack([energies, mu, foil], axis=1)
    np.savetxt(file, columns, header="energy mutrans murefer")
    return str(file)


@pytest.mark.parametrize(
    ("foil_edge_ev", "severity"), [(8341.0, Severity.OK), (8349.0, Severity.WARNING)]
)
def test_a_foil_channel_that_is_no_foil_stands_out(tmp_path, foil_edge_ev, severity):
    written = standards(tmp_path) | {"xanes": XANES | {"murefer": "murefer"}}
    written["foil"][0]["energy_ev"] = 8340.0
    written["reference"][0]["file"] = with_foil_channel(tmp_path / "own.dat", foil_edge_ev)
    findings = check(Beamline.from_dict(written))
    [found] = [finding for finding in findings if "'NiO' is shifted" in finding.message]
    assert found.severity is severity
    shift_ev = float(found.message.split()[4])
    assert shift_ev == pytest.approx(8340.0 - foil_edge_ev, abs=0.3)


def test_a_foil_without_an_edge(tmp_path):
    written = standards(tmp_path)
    flat = tmp_path / "flat.dat"
    flat.write_text("".join(f"{energy} 1.0\n" for energy in range(8200, 8500)))
    written["foil"][0]["file"] = str(flat)
    [line] = said(check(Beamline.from_dict(written)), Severity.ERROR)
    assert "flat.dat is no foil of it" in line
