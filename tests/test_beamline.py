import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgnmc_bluesky
from cgnmc_bluesky import Beamline
from cgnmc_bluesky.beamline import (
    ConfigurationError,
    ConfigurationMissing,
    Edge,
    Role,
    XrfRoles,
    edge_energy_ev,
    edge_of,
)

CONTRACT = Path(__file__).with_name("beamline_contract.toml")
XANES = {"energy_ev": "mono_energy", "i0": "i0", "itrans": "it"}
XRF = {"spectra": "xs", "channel_ev": {"gain": 10.0}}
HEATING = {"temperature_c": "furnace", "ion_current": {"32": "rga_mz32"}}
NIO = {"name": "NiO", "edge": "Ni K", "valence": 2, "file": "nio.xdi"}


def refused(written: dict) -> str:
    """The one line that says why settings are refused."""
    with pytest.raises(ConfigurationError) as caught:
        Beamline.from_dict(written, origin="beamline.toml")
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("beamline.toml: ")
    return line.removeprefix("beamline.toml: ")


@pytest.fixture
def contract() -> Beamline:
    return Beamline.load(CONTRACT)


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> Path:
    """A working directory without any configuration."""
    monkeypatch.delenv("CGNMC_BEAMLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_key_of_the_contract_is_kept(contract):
    written = tomllib.loads(CONTRACT.read_text())
    kept = contract.model_dump(mode="json")
    for section, table in written.items():
        if isinstance(table, dict):
            assert set(table) <= set(kept[section]), section
    assert contract.beamline.name == "QAS 7-BM"
    assert contract.data.readable == (Path("/nsls2/data/hxn"),)
    assert contract.soft_xanes.yields == {"tey": "sample_current", "pfy": "sdd_ni_l"}
    assert contract.xrf.channel_ev.gain == 10.0
    assert contract.heating.exposure_s == "xrd_exposure_s"
    assert contract.analysis.fraction.fit_range_ev == (11870.0, 12030.0)
    assert contract.analysis.fraction.sum_to_one


def test_roles_carry_the_units_they_are_wanted_in(contract):
    xanes = contract.roles("xanes")
    assert xanes["energy_ev"] == Role("mono_energy", "eV")
    assert xanes["itrans"] == Role("it", "")
    assert "mutrans" not in xanes
    assert contract.roles("soft_xanes")["tey"] == Role("sample_current", "")
    assert contract.roles("xrf")["x_um"] == Role("stage_x", "um")
    assert contract.roles("xrf")["spectra_2"] == Role("xs_channel2", "", channels=(527, 926))
    assert "incident_energy_ev" not in contract.roles("xrf")
    heating = contract.roles("heating")
    assert heating["temperature_c"] == Role("furnace_temperature", "degC")
    assert heating["two_theta_deg"].unit == "deg"
    also = ("mbar", "1/s", "V", "count", "ppm")
    assert heating["ion_32"] == Role("rga_mz32", "A", also=also, once=True)
    assert contract.heating.clock == "event"
    assert (contract.heating.onset_mass, contract.heating.false_alarm_rate) == ("32", 0.05)


def test_roles_of_a_section_that_is_not_there():
    assert Beamline().roles("xrf") == {}
    with pytest.raises(ValueError, match="xanes, soft_xanes, xrf, heating"):
        Beamline().roles("reference")


def test_an_energy_in_kev_and_recorded_darks():
    xanes = XANES | {"energy_unit": "keV", "dark": {"i0": "i0_dark", "itrans": 0.5}}
    roles = Beamline.from_dict({"xanes": xanes}).roles("xanes")
    assert roles["energy_ev"] == Role("mono_energy", "eV", "keV")
    assert roles["dark_i0"] == Role("i0_dark", "")
    assert "dark_itrans" not in roles


def test_a_temperature_without_a_unit_may_be_in_kelvin():
    told = Beamline.from_dict({"heating": HEATING | {"temperature_unit": "K"}})
    assert told.roles("heating")["temperature_c"] == Role("furnace", "degC", "K")


def test_a_ramp_may_record_another_gas_than_oxygen_as_long_as_no_onset_of_it_is_asked_for():
    carbon_dioxide = {"temperature_c": "t", "ion_current": {"44": "rga_mz44"}}
    heating = Beamline.from_dict({"heating": carbon_dioxide}).heating
    assert heating.onset_mass not in heating.ion_current
    asked = Beamline.from_dict({"heating": carbon_dioxide | {"onset_mass": "44"}})
    assert asked.heating.onset_mass == "44"


def xrf(**settings) -> XrfRoles:
    return Beamline.from_dict({"xrf": XRF | settings}).xrf


def test_channels_reach_from_below_the_lowest_line_to_behind_the_elastic_peak():
    first, last = xrf(incident_energy_ev=9000).channels()
    assert 10 * first < 5738 - 200, "nickel's escape peak under Mn Ka, and background before it"
    assert 9200 < 10 * last < 9400
    assert xrf(incident_energy_ev="mono_energy").channels()[1] * 10 > 8265 + 300
    shifted = xrf(channel_ev={"offset": -50.0, "gain": 5.0}, incident_energy_ev=9000.0)
    assert shifted.channels() == (1064, 1861)
    assert xrf(elements=["H"]).channels() is None
    assert xrf(elements=["Na"], incident_energy_ev=2000.0).channels()[0] > 0
    assert xrf(elements=["C"], channel_ev={"gain": 10.0}).channels()[0] == 0


def test_counts_of_an_encoder_are_worth_a_length():
    roles = xrf(x_um="enc1", y_um="enc2", um_per_count={"x_um": -1e-4}).roles()
    assert roles["x_um"] == Role("enc1", "um", factor=-1e-4)
    assert roles["y_um"] == Role("enc2", "um")
    assert "y_um" not in xrf(um_per_count={"y_um": 1e-4}).roles()
    assert refused({"xrf": XRF | {"um_per_count": {"x_um": 0}}}) == (
        "[xrf] um_per_count.x_um = 0: expected a number other than 0"
    )


def test_what_a_map_is_corrected_for_by_default():
    roles = xrf()
    assert roles.elements == ("Mn", "Co", "Ni")
    assert roles.precision == 0.05
    assert not roles.absorption.correct
    assert xrf(absorption={"density_g_cm3": 4.0}).absorption.takeoff_deg == 45.0


def test_files_are_relative_to_the_file_that_names_them(tmp_path):
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "nio.xdi").write_text("8000 1\n")
    config = tmp_path / "beamline.toml"
    config.write_text(
        "data.readable = ['raw']\n"
        "[[reference]]\nname = 'NiO'\nedge = 'Ni K'\nvalence = 2\nfile = 'refs/nio.xdi'\n"
    )
    beamline = Beamline.load(config)
    assert beamline.reference[0].path == tmp_path / "refs" / "nio.xdi"
    assert beamline.data.readable == (tmp_path / "raw",)
    assert Beamline.from_dict(beamline.to_dict()) == beamline


def test_a_missing_file_is_named_with_the_nearest(tmp_path):
    (tmp_path / "NiO.xdi").write_text("")
    reference = Beamline.from_dict({"reference": [NIO]}, tmp_path).reference[0]
    with pytest.raises(
        ConfigurationError, match=r"'NiO' \(Ni K\).*nio\.xdi; did you mean 'NiO\.xdi'"
    ):
        _ = reference.path
    elsewhere = Beamline.from_dict({"reference": [NIO]}, tmp_path / "no").reference[0]
    with pytest.raises(ConfigurationError, match="its folder does not exist"):
        _ = elsewhere.path


def test_a_simulated_standard_stays_a_name(tmp_path):
    settings = {"reference": [NIO | {"file": "simulated:NiO"}]}
    assert (
        Beamline.from_dict(settings, tmp_path).to_dict()["reference"][0]["file"] == "simulated:NiO"
    )


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"xanse": {}}, "there is no section [xanse]; did you mean [xanes]?"),
        (
            {"xanes": XANES | {"itrnas": "it"}},
            "[xanes] has no key 'itrnas'; did you mean 'itrans'?",
        ),
        ({"beamline": {"nam": "A"}}, "[beamline] has no key 'nam'; did you mean 'name'?"),
        (
            {"analysis": {"fraction": {"fit_rnage_ev": [1.0, 2.0]}}},
            "[analysis.fraction] has no key 'fit_rnage_ev'; did you mean 'fit_range_ev'?",
        ),
        (
            {"reference": [NIO | {"fiel": "a"}]},
            "[[reference]] 'NiO' has no key 'fiel'; did you mean 'file'?",
        ),
        ({"xanes": XANES | {"i0": 5}}, "[xanes] i0 = 5: expected a string"),
        ({"xanes": 3}, "[xanes] = 3: expected a table of keys"),
        ({"xanes": {"mutrans": "mu"}}, "[xanes] energy_ev is missing"),
        (
            {"xanes": {"energy_ev": "e", "i0": "i0"}},
            "[xanes] names no absorption; give itrans (with i0), ifluor (with i0) or mutrans",
        ),
        (
            {"xanes": {"energy_ev": "e", "itrans": "it"}},
            "[xanes] names no 'i0' for its intensities; give its data key",
        ),
        (
            {"xanes": XANES | {"energy_unit": "kev"}},
            "[xanes] energy_unit = 'kev': expected 'eV' or 'keV'",
        ),
        (
            {"xanes": XANES | {"columns": {"enrgy": 1}}},
            "[xanes] columns.enrgy is no column; did you mean 'energy'?",
        ),
        (
            {"reference": NIO},
            "[reference] needs two brackets, [[reference]]: there may be several",
        ),
        (
            {"reference": [NIO | {"edge": "Nii K"}]},
            "[[reference]] 'NiO' edge 'Nii K': there is no element 'Nii'; "
            "did you mean Ni or N or I?",
        ),
        (
            {"foil": [{"edge": "Ni L7"}]},
            "[[foil]] number 1 edge 'Ni L7': there is no edge 'L7'; Ni has L1, L2, L3",
        ),
        (
            {"foil": [{"edge": "Ni K", "energy_ev": "8333"}]},
            "[[foil]] number 1 energy_ev = '8333': expected a number",
        ),
        ({"foil": [{"edge": "Ni K"}] * 2}, "[[foil]] of Ni K is there twice; keep one"),
        (
            {"reference": [NIO, NIO]},
            "[[reference]] 'NiO' of Ni K in transmission is there twice; keep one",
        ),
        (
            {"reference": [NIO | {"run": "abc"}]},
            "[[reference]] 'NiO' needs one source; give either file, or run, or energy_ev with mu",
        ),
        (
            {"reference": [{"name": "a", "edge": "Ni K", "energy_ev": [1.0, 2.0], "mu": [1.0]}]},
            "[[reference]] 'a' has arrays of different lengths; give one mu for each energy_ev",
        ),
        (
            {"reference": [NIO | {"mode": "tye"}]},
            "[[reference]] 'NiO' mode = 'tye': "
            "expected 'transmission', 'fluorescence', 'tey' or 'pfy'",
        ),
        (
            {"analysis": {"fraction": {"fit_range_ev": [12030.0, 11870.0]}}},
            "[analysis.fraction] fit_range_ev = [12030, 11870]: expected the lower energy first",
        ),
        (
            {"xrf": XRF | {"elements": ["Nii"]}},
            "[xrf] elements.0 'Nii': there is no such element; did you mean 'Ni'?",
        ),
        (
            {"xrf": {"spectra": "xs", "channel_ev": {"gain": 0.0}}},
            "[xrf] channel_ev.gain = 0: expected a number above 0",
        ),
        (
            {"xrf": {"spectra": ["a", "b"], "channel_ev": {"gain": 1}, "dead_time_factor": "c"}},
            "[xrf] names 1 dead_time_factor for 2 spectra; give one for each, in their order",
        ),
        (
            {"xrf": XRF | {"sensitivity": {"factor": {"Mn": 0.5}, "sigma": {"Co": 0.1}}}},
            "[xrf] sensitivity.incident_energy_ev is missing",
        ),
        (
            {
                "xrf": XRF
                | {"sensitivity": {"factor": {}, "sigma": {"Co": 1.0}, "incident_energy_ev": 9e3}}
            },
            "[xrf] sensitivity has a sigma but no factor for Co; give both",
        ),
        (
            {"xrf": XRF | {"absorption": {"incidence_deg": 95.0}}},
            "[xrf] absorption.incidence_deg = 95.0: expected less than or equal to 90",
        ),
        (
            {"xrf": XRF | {"absorption": {"densty_g_cm3": 4.0}}},
            "[xrf] absorption has no key 'densty_g_cm3'; did you mean 'density_g_cm3'?",
        ),
        (
            {"heating": {"temperature_c": "t", "ion_current": {"O2": "rga"}}},
            "[heating] ion_current.O2 'O2': expected a mass over charge, such as \"32\"",
        ),
        (
            {"heating": {"temperature_c": "t"}},
            "[heating] names neither an ion current nor a pattern; give ion_current, or pattern "
            "(with two_theta_deg)",
        ),
        ({"heating": {"ion_current": {"32": "o2"}}}, "[heating] temperature_c is missing"),
        (
            {"heating": {"temperature_c": "t", "pattern": "xrd"}},
            "[heating] names no 'two_theta_deg' for its pattern; give its data key",
        ),
        (
            {"heating": HEATING | {"onset_mass": "44"}},
            '[heating] onset_mass = "44" is not in ion_current, which has 32; name its data key '
            "there",
        ),
        (
            {"heating": HEATING | {"clock": "wall"}},
            "[heating] clock = 'wall': expected 'event' or 'reading'",
        ),
        (
            {"heating": HEATING | {"temperature_unit": "F"}},
            "[heating] temperature_unit = 'F': expected 'degC' or 'K'",
        ),
        (
            {"heating": HEATING | {"transport_delay_s": -8.0}},
            "[heating] transport_delay_s = -8.0: expected greater than or equal to 0",
        ),
        (
            {"heating": HEATING | {"false_alarm_rate": 5.0}},
            "[heating] false_alarm_rate = 5.0: expected less than or equal to 0.2",
        ),
        (
            {"heating": HEATING | {"false_alarm": 0.01}},
            "[heating] has no key 'false_alarm'; did you mean 'false_alarm_rate'?",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(written, line):
    assert refused(written) == line


def test_of_several_problems_the_first_is_told_and_the_others_are_kept():
    with pytest.raises(ConfigurationError) as caught:
        Beamline.from_dict({"xanes": XANES | {"i0": 5, "itrans": 6}})
    assert str(caught.value).endswith("(and 1 more: cgnmc check lists them)")
    assert len(caught.value.args) == 2
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_syntax_error_has_its_line_number(tmp_path):
    config = tmp_path / "beamline.toml"
    config.write_text("[xanes]\ni0 = \n")
    with pytest.raises(
        ConfigurationError, match=r"beamline\.toml: not valid TOML: .*line 2"
    ) as caught:
        Beamline.load(config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read(tmp_path, content):
    config = tmp_path / "other.toml"
    if content:
        config.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"other\.toml: .*; name a beamline\.toml"):
        Beamline.load(config)


def test_precedence(nowhere, monkeypatch):
    with pytest.raises(ConfigurationMissing, match="--config"):
        Beamline.load()
    (nowhere / "beamline.toml").write_text("beamline.name = 'here'\n")
    assert Beamline.load().beamline.name == "here"
    (nowhere / "other.toml").write_text("beamline.name = 'environment'\n")
    monkeypatch.setenv("CGNMC_BEAMLINE", str(nowhere / "other.toml"))
    assert Beamline.load().beamline.name == "environment"
    assert Beamline.load(nowhere / "beamline.toml").beamline.name == "here"


def test_a_run_carries_its_roles_unless_the_user_says_otherwise(nowhere):
    carried = {"uid": "abc", "beamline": {"xanes": XANES}}
    assert Beamline.for_run(carried).roles("xanes")["itrans"].key == "it"
    explicit = Beamline()
    assert Beamline.for_run(carried, explicit) is explicit
    (nowhere / "named.toml").write_text("beamline.name = 'named'\n")
    assert Beamline.for_run(carried, nowhere / "named.toml").beamline.name == "named"
    with pytest.raises(ConfigurationError, match="run abc: "):
        Beamline.for_run({"uid": "abc", "beamline": {"xanes": {}}})
    for start in ({}, {"beamline": "BMM"}, {"beamline": {"name": "BMM"}}):
        with pytest.raises(ConfigurationMissing):
            Beamline.for_run(start)


@pytest.mark.parametrize("text", ["Ni K", "Ni_K", "Ni-K", "ni k", " NI  K ", "Ni K-edge"])
def test_spellings_of_an_edge(text):
    assert Edge.parse(text) == Edge("Ni", "K")
    assert str(Edge.parse(text)) == "Ni K"


@pytest.mark.parametrize(
    "text",
    ["Ni L", "Ni L3", "Ni L2,3", "Ni L2, 3", "Ni L3,2", "Ni L2/3", "Ni_L23", "ni l", "Ni L-edge"],
)
def test_a_scan_over_both_l_edges_is_one_of_l3(text):
    assert Edge.parse(text) == Edge("Ni", "L3")


def test_other_l_edges_are_themselves():
    assert [str(Edge.parse(f"Ni L{n}")) for n in (1, 2)] == ["Ni L1", "Ni L2"]
    with pytest.raises(ConfigurationError, match="no edge 'L1,2'; Ni has L1, L2, L3"):
        Edge.parse("Ni L1,2")


@pytest.mark.parametrize("text", ["Ni", "8333", "", "Ni 2 K", "Ni L,3", "Ni L2,"])
def test_what_is_no_edge(text):
    with pytest.raises(ConfigurationError, match="expected an element and its edge"):
        Edge.parse(text)


@pytest.mark.parametrize(
    "start",
    [
        {"edge": "Ni K"},
        {"element": "Ni", "edge": "K"},
        {"Element": {"symbol": "Ni", "edge": "K"}},
        {"XDI": {"Element": {"symbol": "Ni", "edge": "K"}}},
    ],
)
def test_the_edge_in_metadata(start):
    assert edge_of(start) == Edge("Ni", "K")
    assert edge_of({"sample": "NiO"}) is None


def test_edge_energies_come_with_the_name_of_their_table():
    energy_ev, table = edge_energy_ev("Ni K")
    assert energy_ev == 8333.0
    assert "xraydb" in table
    with pytest.raises(ConfigurationError, match="He has K there"):
        edge_energy_ev(Edge("He", "L3"))
    with_own, without = Beamline.from_dict(
        {"foil": [{"edge": "Ni K", "energy_ev": 8331.49}, {"edge": "Mn K"}]}
    ).foil
    assert with_own.first_inflection_ev() == (8331.49, "beamline.toml")
    assert without.first_inflection_ev() == edge_energy_ev("Mn K")


def test_references_and_foils_of_an_edge():
    lanio3 = NIO | {"name": "LaNiO3", "valence": 3}
    mno = NIO | {"name": "MnO", "edge": "Mn_K"}
    written = {"reference": [NIO, mno, lanio3], "foil": [{"edge": "Ni K"}]}
    beamline = Beamline.from_dict(written)
    nickel = Edge("Ni", "K")
    assert [reference.name for reference in beamline.references_of(nickel)] == ["NiO", "LaNiO3"]
    assert beamline.template_of(nickel).name == "NiO"
    marked = Beamline.from_dict({"reference": [NIO, lanio3 | {"template": True}]})
    assert marked.template_of(nickel).name == "LaNiO3"
    assert beamline.template_of(Edge("Fe", "K")) is None
    assert beamline.foil_of(nickel).edge == nickel
    assert beamline.foil_of(Edge("Mn", "K")) is None


def test_the_hash_is_of_what_results_rest_on(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "nio.xdi").write_text("8000 1\n")
    written = {"xanes": XANES, "reference": [NIO]}
    first = Beamline.from_dict(written | {"beamline": {"name": "A"}}, tmp_path / "a")
    second = Beamline.from_dict(written, tmp_path / "b")
    assert first.content_hash() == second.content_hash()
    (tmp_path / "b" / "nio.xdi").write_text("8000 2\n")
    assert first.content_hash() != second.content_hash()


def test_a_measured_sensitivity_is_a_file_a_run_or_the_numbers_themselves(tmp_path):
    (tmp_path / "refs").mkdir()
    file = tmp_path / "refs" / "sensitivity.toml"
    named = {"xrf": XRF | {"sensitivity": "refs/sensitivity.toml"}}
    beamline = Beamline.from_dict(named, tmp_path)
    with pytest.raises(ConfigurationError, match=r"\[xrf\] sensitivity names a file that does not"):
        _ = beamline.xrf.sensitivity_path
    file.write_text("incident_energy_ev = 9000.0\nfactor = { Mn = 0.54 }\n")
    assert beamline.xrf.sensitivity_path == file
    before = beamline.content_hash()
    file.write_text("incident_energy_ev = 9000.0\nfactor = { Mn = 0.55 }\n")
    assert beamline.content_hash() != before
    assert xrf(sensitivity="0123abcd").sensitivity_path is None
    numbers = {"factor": {"Mn": 0.54}, "sigma": {"Mn": 0.01}, "incident_energy_ev": 9000.0}
    assert xrf(sensitivity=numbers).sensitivity.relative_to == "Ni"


keys = st.text("abcdefgh_:-é 1", min_size=1, max_size=12)
numbers = st.floats(-1e6, 1e6)
positive = st.floats(1e-3, 1e6)
edges = st.sampled_from(["Ni K", "Mn_K", "Co-K", "ni l3"])
columns = st.dictionaries(st.sampled_from(["energy", "mutrans", "i0"]), keys | st.integers(1, 9))
references = st.fixed_dictionaries(
    {"name": keys, "edge": edges},
    optional={"valence": st.integers(0, 7), "template": st.just(False), "columns": columns},
).flatmap(
    lambda table: st.sampled_from(
        [{"run": "uid"}, {"file": "nio.xdi"}, {"energy_ev": [1.0, 2.0], "mu": [0.0, 1.0]}]
    ).map(lambda source: table | source)
)
configurations = st.fixed_dictionaries(
    {},
    optional={
        "beamline": st.fixed_dictionaries({}, optional={"name": keys, "facility": keys}),
        "xanes": st.fixed_dictionaries(
            {"energy_ev": keys, "i0": keys, "itrans": keys},
            optional={
                "irefer": keys,
                "energy_unit": st.sampled_from(["eV", "keV"]),
                "dark": keys | st.dictionaries(st.sampled_from(["i0", "itrans"]), keys | numbers),
                "columns": columns,
            },
        ),
        "xrf": st.fixed_dictionaries(
            {"spectra": keys | st.lists(keys), "channel_ev": st.just({"offset": 1.0, "gain": 10})},
            optional={"incident_energy_ev": keys | positive, "elements": st.just(["Mn", "Ni"])},
        ),
        "heating": st.fixed_dictionaries(
            {"temperature_c": keys, "ion_current": st.just({"32": "a", "44": "b"})},
            optional={
                "exposure_s": keys | positive,
                "clock": st.sampled_from(["event", "reading"]),
                "onset_mass": st.sampled_from(["32", "44"]),
                "temperature_unit": st.sampled_from(["degC", "K"]),
            },
        ),
        "reference": st.lists(references, max_size=3, unique_by=lambda table: table["name"]),
        "foil": st.lists(st.fixed_dictionaries({"edge": edges}), max_size=1),
    },
)


@given(configurations)
@settings(deadline=None)
def test_settings_survive_a_round_trip_and_pickle(written):
    beamline = Beamline.from_dict(written)
    assert Beamline.from_dict(beamline.to_dict()) == beamline
    assert pickle.loads(pickle.dumps(beamline)) == beamline
    assert beamline.to_dict().keys() <= written.keys()


def test_the_import_is_light():
    heavy = "{'numpy', 'pint', 'xraydb', 'bluesky', 'scipy'}"
    code = f"import sys; from cgnmc_bluesky import Beamline; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("before", ["", "import cgnmc_bluesky.replay; "])
def test_replay_is_the_function_whatever_was_imported_before(before):
    code = f"{before}from cgnmc_bluesky import replay; print(type(replay).__name__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "function"


def test_the_package_offers_nothing_else():
    with pytest.raises(AttributeError, match="no attribute 'replya'"):
        _ = cgnmc_bluesky.replya


def test_only_ones_own_run_may_say_where_files_are_read():
    carried = {"xanes": {"energy_ev": "e", "mutrans": "mu"}, "data": {"readable": ["/anywhere"]}}
    assert Beamline.for_run({"beamline": carried}).data.readable == ()
    own = Beamline.for_run({"beamline": carried}, own=True)
    assert [str(folder) for folder in own.data.readable] == ["/anywhere"]
