from collections.abc import Mapping

import pytest
from checked_documents import documents, drafted, said

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.check import Findings, Severity, check, draft

EV = {"units": "eV"}


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
    docs = documents(keys, energies_ev=())
    written = drafted(docs)["xrf"]
    assert {role: written[role] for role in roles} == roles
    assert "# um_per_count = { x_um = 1e-4, y_um = 1e-4 }" in draft(docs)


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
