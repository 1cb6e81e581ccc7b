import pytest

from cgnmc_bluesky.beamline import Beamline, ConfigurationError, XrfRoles
from cgnmc_bluesky.standards.fluorescence import emitters_of
from cgnmc_bluesky.standards.sensitivity import fluorescence_of

MEASURED = {
    "standard": "NMC 333",
    "incident_energy_ev": 9000.0,
    "factor": {"Mn": 0.55, "Co": 0.80},
    "sigma": {"Mn": 0.01, "Co": 0.02},
}
FILE = """
[sensitivity]
standard = "NMC 333"
incident_energy_ev = 9000.0
factor = { Mn = 0.55, Co = 0.80 }
sigma = { Mn = 0.01, Co = 0.02 }
"""


def xrf(folder=None, **settings) -> XrfRoles:
    section = {"spectra": "xs", "channel_ev": {"gain": 10.0}} | settings
    return Beamline.from_dict({"xrf": section}, folder).xrf


def relative(emitters) -> dict[str, float]:
    by_element = {one.element: one.sensitivity for one in emitters}
    return {element: value / by_element["Ni"] for element, value in by_element.items()}


def test_without_a_calibration_the_tables_say_it():
    found = fluorescence_of(xrf(), 9000.0)
    assert found.emitters == emitters_of(["Mn", "Co", "Ni"], 9000.0)
    assert found.parameters["sensitivity"].startswith("fundamental parameters, xraydb")
    assert found.parameters["incident_energy_ev"] == 9000.0
    assert found.references == ()


def test_a_calibration_counts_before_the_tables():
    found = fluorescence_of(xrf(sensitivity=MEASURED), 9000.0)
    assert relative(found.emitters) == pytest.approx({"Mn": 0.55, "Co": 0.80, "Ni": 1.0})
    nickel = found.emitters[2]
    assert [one.sensitivity_sigma / nickel.sensitivity for one in found.emitters] == pytest.approx(
        [0.01, 0.02, 0.0]
    )
    assert found.parameters["sensitivity"] == "measured on NMC 333"
    [reference] = found.references
    assert reference["name"] == "sensitivity"
    assert reference["factor"] == MEASURED["factor"]
    assert len(reference["sha256"]) == 64


def test_a_file_is_what_it_holds(tmp_path):
    (tmp_path / "sensitivity.toml").write_text(FILE)
    from_file = fluorescence_of(xrf(tmp_path, sensitivity="sensitivity.toml"), 9000.0)
    assert from_file == fluorescence_of(xrf(sensitivity=MEASURED), 9000.0)
    other = fluorescence_of(xrf(sensitivity=MEASURED | {"factor": {"Mn": 0.56}, "sigma": {}}), 9e3)
    assert other.references[0]["sha256"] != from_file.references[0]["sha256"]


def test_an_element_that_was_not_measured_is_taken_from_tables_and_named():
    found = fluorescence_of(xrf(sensitivity=MEASURED, elements=["Mn", "Fe", "Co", "Ni"]), 9000.0)
    how = found.parameters["sensitivity"]
    assert how.startswith("measured on NMC 333; Fe: fundamental parameters, xraydb")
    assert found.emitters[1] == emitters_of(["Fe"], 9000.0)[0]


def test_a_beam_of_unknown_energy_is_taken_for_that_of_the_calibration():
    found = fluorescence_of(xrf(sensitivity=MEASURED), None)
    assert found == fluorescence_of(xrf(sensitivity=MEASURED), 9000.0)
    with pytest.raises(ConfigurationError, match="incident_energy_ev is missing; give the energy"):
        fluorescence_of(xrf(), None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"s\.toml: \[sensitivity\] is missing"),
        ("[sensitivity]\nfactor = 5", r"s\.toml: \[sensitivity\] factor = 5: expected a"),
        (FILE.replace("Mn = 0.55", "Mn = 0.0"), r"factor\.Mn = 0: expected a number above 0"),
        (FILE.replace("factor", "facotr"), "has no key 'facotr'; did you mean 'factor'"),
        ("[sensitivity", r"s\.toml: not valid TOML"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "s.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        fluorescence_of(xrf(tmp_path, sensitivity="s.toml"), 9000.0)


def test_what_cannot_be_used_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="names run 0123abcd, but no catalog is at hand"):
        fluorescence_of(xrf(sensitivity="0123abcd"), 9000.0)
    with pytest.raises(ConfigurationError, match="names a file that does not exist"):
        fluorescence_of(xrf(tmp_path, sensitivity="refs/s.toml"), 9000.0)
    with pytest.raises(ConfigurationError, match="measured at 9000 eV, and the beam is of 12000"):
        fluorescence_of(xrf(sensitivity=MEASURED), 12000.0)
