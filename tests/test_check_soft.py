from collections.abc import Mapping

import numpy as np
import pytest
from checked_documents import documents, drafted, said
from event_model import compose_run

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.check import Findings, Severity, check, draft
from cgnmc_bluesky.sim import SimulatedSoftBeamline

EV = {"units": "eV"}
AMPERE = {"units": "A"}
KEYS = {
    "pgm_energy": EV,
    "gold_mesh": AMPERE,
    "sample_current": AMPERE,
    "sdd_pfy": {},
    "sdd_dead_time_factor": {},
    "reference_current": AMPERE,
}
SOFT = {
    "energy_ev": "pgm_energy",
    "i0": "gold_mesh",
    "yields": {"tey": "sample_current", "pfy": "sdd_pfy"},
    "reference": "reference_current",
    "dead_time_factor": "sdd_dead_time_factor",
}
ENERGIES_EV = np.arange(840.0, 910.0, 0.2)
L_EDGE_EV = (840.0, 890.0)


def standard(name: str, valence: int, mode: str, white_line_ev: float) -> dict:
    step = 1 / (1 + np.exp((855.0 - ENERGIES_EV) / 0.8))
    mu = step + 4 * np.exp(-(((ENERGIES_EV - white_line_ev) / 0.8) ** 2))
    numbers = {"energy_ev": ENERGIES_EV.tolist(), "mu": mu.tolist()}
    return numbers | {"name": name, "edge": "Ni L2,3", "valence": valence, "mode": mode}


def configured(*, modes=("tey", "pfy"), **changes) -> Beamline:
    standards = [
        standard(name, valence, mode, white_line_ev)
        for mode in modes
        for name, valence, white_line_ev in (("NiO", 2, 853.0), ("LiNiO2", 3, 855.0))
    ]
    foil = [{"edge": "Ni L3", "energy_ev": 852.7}]
    return Beamline.from_dict({"soft_xanes": SOFT | changes, "reference": standards, "foil": foil})


def checked(
    keys: Mapping[str, dict] = KEYS, beamline: Beamline | None = None, **of_run
) -> Findings:
    of_run = {"edge": "Ni L3", "energies_ev": L_EDGE_EV} | of_run
    return check(beamline or configured(), documents(keys, **of_run))


def test_a_draft_of_both_yields():
    docs = documents(KEYS, edge="Ni L", energies_ev=L_EDGE_EV)
    written = drafted(docs)
    assert written["soft_xanes"] == SOFT
    [foil] = written["foil"]
    assert foil["edge"] == "Ni L3"
    assert set(written) == {"beamline", "soft_xanes", "foil"}
    assert '# mode = "tey"                        # the best' in draft(docs)


@pytest.mark.parametrize(
    ("keys", "roles"),
    [
        (
            {"pgm_energy_readback": EV, "sclr_ch3": {}, "sclr_ch4": {}}
            | {"vortex_mca_rois_roi4_count": {}},
            {"energy_ev": "pgm_energy_readback", "i0": "sclr_ch3"}
            | {"yields": {"tey": "sclr_ch4", "pfy": "vortex_mca_rois_roi4_count"}},
        ),
        (
            {"en_energy": EV, "i400_gold_mesh": AMPERE, "i400_drain": AMPERE},
            {"energy_ev": "en_energy", "i0": "i400_gold_mesh", "yields": {"tey": "i400_drain"}},
        ),
        (
            {"energy": EV, "i0": {}, "tey": {}, "ref": {}},
            {"energy_ev": "energy", "i0": "i0", "reference": "ref", "yields": {"tey": "tey"}},
        ),
    ],
)
def test_names_that_soft_x_ray_beamlines_use(keys, roles):
    written = drafted(documents(keys, energies_ev=L_EDGE_EV))
    assert written["soft_xanes"] == roles
    assert "xanes" not in written


def test_a_fluorescence_yield_that_is_a_spectrum():
    keys = {key: KEYS[key] for key in ("pgm_energy", "gold_mesh")}
    docs = documents(keys | {"sdd_spectrum": {"shape": [256], "dtype": "array"}}, energies_ev=())
    assert drafted(docs)["soft_xanes"] == {
        "energy_ev": "pgm_energy",
        "i0": "gold_mesh",
        "yields": {"pfy": "sdd_spectrum"},
        "channel_ev": {"offset": 0.0, "gain": 10.0},
    }
    text = draft(docs)
    assert '# dead_time_factor = "<a key>"' in text
    assert '# reference = "<a key>"' in text


def test_the_spectrum_beside_its_window_makes_no_map():
    spectrum = {"sdd_spectrum": {"shape": [256], "dtype": "array"}}
    assert set(drafted(documents(KEYS | spectrum))) == {"beamline", "soft_xanes"}


def test_everything_right_in_a_soft_scan():
    findings = checked()
    assert said(findings, Severity.ERROR) == []
    assert "ok: [soft_xanes] i0: 'gold_mesh' in A" in list(map(str, findings))


@pytest.mark.parametrize(
    ("changes", "message", "remedy"),
    [
        ({"reference": None}, "reference: none: energies are taken as", "the mesh's where it"),
        ({"dead_time_factor": None}, "dead_time_factor: none", "true over recorded counts"),
        ({"over_absorption": "none"}, "white lines of a thick sample", 'write "fit"'),
        ({"modes": ()}, "none of a soft X-ray edge: no fraction", "with mode = 'tey'"),
    ],
)
def test_what_a_section_lacks(changes, message, remedy):
    lines = said(check(configured(**changes)), Severity.WARNING)
    [line] = [line for line in lines if message in line]
    assert remedy in line


def test_the_simulated_beamline_is_right():
    findings = check(Beamline.from_dict(SimulatedSoftBeamline().roles()))
    assert [line for line in map(str, findings) if not line.startswith("ok")] == []


def test_a_yield_without_standards_of_its_own():
    lines = said(check(configured(modes=("tey",))), Severity.OK)
    assert "ok: references of Ni L3: pfy is compared with standards in tey" in lines


def test_a_run_without_the_mesh():
    without = {key: said for key, said in KEYS.items() if key != "gold_mesh"}
    lines = said(checked(without), Severity.ERROR)
    assert any(
        "run 7: it holds 'sample_current', 'sdd_pfy', but no 'gold_mesh'" in _ for _ in lines
    )


def test_energies_that_were_recorded_in_kev():
    findings = checked(KEYS | {"pgm_energy": {}}, energies_ev=(0.84, 0.89))
    [line] = said(findings, Severity.ERROR)
    assert "its energies, 0.84 to 0.89 eV, are not those of Ni L3" in line
    assert line.endswith('these are keV: write energy_unit = "keV"')
    right = configured(energy_unit="keV")
    findings = checked(KEYS | {"pgm_energy": {}}, right, energies_ev=(0.84, 0.89))
    assert said(findings, Severity.ERROR) == []


def test_energies_in_kev_of_a_run_without_an_edge():
    findings = checked(KEYS | {"pgm_energy": {}}, edge="", energies_ev=(0.84, 0.89))
    [line] = said(findings, Severity.ERROR)
    assert "'pgm_energy' goes from 0.84 to 0.89 eV; these are keV" in line


def test_a_mesh_that_is_read_by_itself():
    run = compose_run(metadata={"scan_id": 7, "edge": "Ni L3"})
    docs = [("start", run.start_doc)]
    apart = {"primary": [key for key in KEYS if key != "gold_mesh"], "mesh": ["gold_mesh"]}
    for stream, keys in apart.items():
        said_of = {"source": "test", "dtype": "number", "shape": []}
        data_keys = {key: said_of | KEYS[key] for key in keys}
        descriptor = run.compose_descriptor(name=stream, data_keys=data_keys)
        docs.append(("descriptor", descriptor.descriptor_doc))
        for energy_ev in L_EDGE_EV:
            data = {key: energy_ev if "energy" in key else 1.0 for key in keys}
            event = descriptor.compose_event(data=data, timestamps=dict.fromkeys(keys, 0.0))
            docs.append(("event", event))
    docs.append(("stop", run.compose_stop()))
    findings = check(configured(), [(name, dict(doc)) for name, doc in docs])
    lines = said(findings, Severity.WARNING)
    assert (
        "'gold_mesh' is read in stream 'mesh', the energy in 'primary': it is interp" in lines[-1]
    )


def test_spectra_whose_channels_have_no_energies():
    keys = KEYS | {"sdd_pfy": {"shape": [256], "dtype": "array"}}
    [line] = said(checked(keys), Severity.ERROR)
    assert "a spectrum of 256 channels" in line
    numbered = configured(channel_ev={"offset": 0.0, "gain": 10.0})
    assert said(checked(keys, numbered), Severity.ERROR) == []
    lines = said(checked(KEYS, numbered), Severity.WARNING)
    assert lines[-1].endswith("leave channel_ev out")
