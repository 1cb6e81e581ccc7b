import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from event_model import compose_run
from hypothesis import given, settings
from hypothesis import strategies as st

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.beamline import ConfigurationMissing
from cgnmc_bluesky.check import Findings, Severity, check, draft

EXAMPLES = Path(__file__).parents[1] / "examples"
EV = {"units": "eV"}
SCAN = {"mono_energy": EV, "i0": {}, "it": {}}
XANES = {"energy_ev": "mono_energy", "i0": "i0", "itrans": "it"}


def documents(
    keys: Mapping[str, dict], *, energies_ev=(8300.0, 8400.0), stream="primary", **start
) -> list[tuple[str, dict]]:
    """A run of a few events whose descriptor says this of its keys."""
    run = compose_run(metadata={"scan_id": 7, **start})
    data_keys = {
        key: {"source": "test", "dtype": "number", "shape": []} | said for key, said in keys.items()
    }
    descriptor = run.compose_descriptor(name=stream, data_keys=data_keys)
    docs = [("start", run.start_doc), ("descriptor", descriptor.descriptor_doc)]
    for energy_ev in energies_ev:
        data = {
            key: energy_ev if "energy" in key else np.ones(said.get("shape", ())).tolist()
            for key, said in keys.items()
        }
        docs.append(
            ("event", descriptor.compose_event(data=data, timestamps=dict.fromkeys(keys, 0.0)))
        )
    return [(name, dict(doc)) for name, doc in [*docs, ("stop", run.compose_stop())]]


def spectrum(
    file: Path, first_ev: float = 8100.0, last_ev: float = 8600.0, header: str = ""
) -> str:
    energies = np.arange(first_ev, last_ev, 0.5)
    mu = 1 / (1 + np.exp((8340 - energies) / 2)) - energies / 1e5
    rows = "\n".join(f"{energy} {value}" for energy, value in zip(energies, mu, strict=True))
    file.write_text(f"{header}{rows}\n")
    return str(file)


def said(findings: Findings, severity: Severity) -> list[str]:
    return [str(finding) for finding in findings if finding.severity is severity]


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
    assert line.startswith("error: run 7: its energies, 8 to 8 eV, are not those of Ni K")


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
    ],
)
def test_the_examples_fit_their_data(shared, example, source):
    findings = check(EXAMPLES / f"{example}.toml", shared / source)
    assert said(findings, Severity.ERROR) == []


def drafted(source) -> dict:
    text = draft(source)
    Beamline.from_dict(tomllib.loads(text))
    return tomllib.loads(text)


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


def test_a_draft_of_a_map():
    spectra = {"shape": [101, 4096], "dtype": "array"}
    each_pixel = {"shape": [101], "dtype": "array"}
    encoder = {"shape": [1010], "dtype": "array", "units": "mm"}
    keys = {"xs_channel1": spectra, "xs_channel2": spectra, "sclr_i0": each_pixel}
    keys |= {"xs_channel1_dt": each_pixel, "xs_channel2_dt": each_pixel, "mono_energy": EV}
    assert drafted(documents(keys | {"stage_x": encoder, "stage_y": encoder}))["xrf"] == {
        "spectra": ["xs_channel1", "xs_channel2"],
        "channel_ev": {"offset": 0.0, "gain": 10.0},
        "dead_time_factor": ["xs_channel1_dt", "xs_channel2_dt"],
        "i0": "sclr_i0",
        "x_um": "stage_x",
        "y_um": "stage_y",
        "oversampling": 10,
        "incident_energy_ev": "mono_energy",
        "elements": ["Mn", "Co", "Ni"],
    }


@pytest.mark.parametrize(
    ("shapes", "roles"),
    [
        (
            {"xspress3_ch1": 2, "xspress3_ch2": 2, "sclr1_ch4": 1, "inenc2_val": 1},
            {"spectra": ["xspress3_ch1", "xspress3_ch2"], "i0": "sclr1_ch4", "x_um": "inenc2_val"},
        ),
        (
            {"fluor": 3, "i0": 1, "enc1": 1, "enc2": 1, "dead_time_correction": 2},
            {"spectra": ["fluor"], "i0": "i0", "x_um": "enc1", "y_um": "enc2"}
            | {"dead_time_factor": ["dead_time_correction"]},
        ),
    ],
)
def test_names_that_nanoprobes_use(shapes, roles):
    lengths = {1: [20], 2: [20, 4096], 3: [20, 4, 4096]}
    keys = {
        key: {"shape": lengths[n_dimensions], "dtype": "array"}
        for key, n_dimensions in shapes.items()
    }
    written = drafted(documents(keys, energies_ev=()))["xrf"]
    assert {role: written[role] for role in roles} == roles


MAP = {
    "spectra": ["xs_channel1", "xs_channel2"],
    "channel_ev": {"offset": 0.0, "gain": 10.0},
    "dead_time_factor": ["xs_channel1_dt", "xs_channel2_dt"],
    "i0": "sclr_i0",
    "x_um": "stage_x",
    "y_um": "stage_y",
    "incident_energy_ev": 9000.0,
}


def array(*shape: int, **said: str) -> dict:
    return {"shape": list(shape), "dtype": "array", **said}


def map_keys(**others: dict) -> dict[str, dict]:
    keys = {name: array(5, 1024) for name in MAP["spectra"]}
    keys |= {name: array(5) for name in (*MAP["dead_time_factor"], "sclr_i0")}
    return keys | {"stage_x": array(5, units="um"), "stage_y": array(5, units="um")} | others


def check_map(keys: Mapping[str, dict], **settings) -> Findings:
    return check(Beamline.from_dict({"xrf": MAP | settings}), documents(keys, energies_ev=()))


def test_a_map_that_fits():
    findings = check_map(map_keys())
    assert findings.worst is Severity.OK, list(map(str, findings))
    lines = list(map(str, findings))
    assert any(
        "Mn, Co, Ni; sensitivities: fundamental parameters, xraydb" in line for line in lines
    )
    assert any("channels 527 to 925, 5270 to 9260 eV, are fitted" in line for line in lines)


@pytest.mark.parametrize(
    ("settings", "severity", "line"),
    [
        (
            {"channel_ev": {"gain": 0.01}},
            Severity.WARNING,
            "[xrf] channel_ev: gain = 0.01, where detectors have 1 to 100 eV a channel; give",
        ),
        (
            {"channel_ev": {"gain": 5.0}},
            Severity.ERROR,
            "[xrf] channel_ev: the 1024 channels of 'xs_channel1' end at 5120 eV, and 5270 to 9255",
        ),
        (
            {"elements": ["Mn", "Zn"]},
            Severity.ERROR,
            "[xrf]: elements: the K edge of Zn at 9659 eV is not below the incident energy",
        ),
        ({"dead_time_factor": []}, Severity.WARNING, "[xrf] dead_time_factor: none: counts are"),
        ({"oversampling": 10}, Severity.ERROR, "[xrf] x_um: 'stage_x' has 5 readings where"),
        (
            {"sensitivity": "refs/none.toml"},
            Severity.ERROR,
            "[xrf]: sensitivity names a file that does not exist: refs/none.toml",
        ),
        ({"sensitivity": "0123"}, Severity.ERROR, "[xrf] sensitivity: "),
    ],
)
def test_what_is_wrong_with_the_section_of_a_map(settings, severity, line):
    assert any(
        f"{severity}: {line}" in found
        for found in said(check_map(map_keys(), **settings), severity)
    )


@pytest.mark.parametrize(
    ("keys", "severity", "line"),
    [
        ({"stage_x": array(50)}, Severity.ERROR, "with oversampling"),
        ({"sclr_i0": array(4)}, Severity.ERROR, "[xrf] i0: 'sclr_i0' has 4 readings where"),
        ({"xs_channel2": array(5, 512)}, Severity.ERROR, "'xs_channel2' has readings of shape [5,"),
        ({"xs_channel1": {}}, Severity.ERROR, "of shape []: these are no spectra"),
        (
            {"xs_channel3": array(5, 1024)},
            Severity.WARNING,
            "xs_channel3: of the same kind",
        ),
        ({"sclr_i0": {"units": "um"}}, Severity.OK, "'sclr_i0' in um"),
    ],
)
def test_what_is_wrong_with_the_shapes_of_a_map(keys, severity, line):
    wanted = "write oversampling = 10" if line == "with oversampling" else line
    assert any(wanted in found for found in said(check_map(map_keys(**keys)), severity))


def test_a_detector_element_that_no_run_has():
    keys = map_keys()
    del keys["xs_channel2"]
    lines = said(check_map(keys), Severity.WARNING)
    assert any("'xs_channel2'; the nearest are" in line for line in lines)


def test_files_that_cannot_be_read(tmp_path):
    docs = documents(map_keys(), energies_ev=())
    resource = {
        "uid": "r",
        "data_key": "xs_channel1",
        "mimetype": "application/x-hdf5",
        "uri": f"file://localhost{tmp_path}/map.h5",
        "parameters": {"dataset": "counts"},
    }
    docs.insert(2, ("stream_resource", resource))
    [line] = said(check(Beamline.from_dict({"xrf": MAP}), docs), Severity.ERROR)
    assert "[xrf] run 7: 'xs_channel1': file" in line
    assert line.endswith("add its folder to [data] readable in beamline.toml")
    written = {"xrf": MAP, "data": {"readable": [str(tmp_path)]}}
    [line] = said(check(Beamline.from_dict(written), docs), Severity.ERROR)
    assert "cannot be read" in line


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
