from collections.abc import Mapping, Sequence

import pytest
from checked_documents import documents, drafted, said
from event_model import compose_run

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.check import Findings, Severity, check, draft
from cgnmc_bluesky.check.gases import by_mass, mass_of

HEATING = {
    "temperature_c": "furnace_temperature",
    "ion_current": {"32": "rga_mz32", "44": "rga_mz44"},
    "transport_delay_s": 8.0,
}
PATTERNS = {
    "pattern": "xrd_intensity",
    "two_theta_deg": "xrd_two_theta",
    "exposure_s": "xrd_exposure_s",
    "wavelength_a": 0.4522,
}
KEYS = {
    "furnace_temperature": {"units": "degC"},
    "rga_mz32": {"units": "A"},
    "rga_mz44": {"units": "A"},
}
CURVES = {
    "xrd_intensity": {"shape": [64], "dtype": "array"},
    "xrd_two_theta": {"shape": [64], "dtype": "array", "units": "deg"},
    "xrd_exposure_s": {"units": "s"},
}


def ramp(
    keys: Mapping[str, dict] = KEYS,
    *,
    temperatures_c: Sequence[float] = (25.0, 200.0, 500.0),
    event_s: float = 3600.0,
    stamp_s: float = 3600.0,
    gas_late_s: float = 0.0,
) -> list[tuple[str, dict]]:
    """A run whose temperature and gas are streams of their own, by two clocks."""
    run = compose_run(metadata={"scan_id": 7})
    docs = [("start", run.start_doc)]
    for stream, is_gas in (("temperature", False), ("ions", True)):
        of_stream = {key: said for key, said in keys.items() if key.startswith("rga") is is_gas}
        data_keys = {
            key: {"source": "test", "dtype": "number", "shape": []} | said
            for key, said in of_stream.items()
        }
        bundle = run.compose_descriptor(name=stream, data_keys=data_keys)
        docs.append(("descriptor", bundle.descriptor_doc))
        for n, temperature_c in enumerate(temperatures_c):
            share = n / max(len(temperatures_c) - 1, 1)
            stamp = 1e9 + share * stamp_s + is_gas * gas_late_s
            event = bundle.compose_event(
                data=dict.fromkeys(of_stream, temperature_c),
                timestamps=dict.fromkeys(of_stream, stamp),
                time=1e9 + share * event_s,
            )
            docs.append(("event", event))
    return [(name, dict(doc)) for name, doc in [*docs, ("stop", run.compose_stop())]]


def check_ramp(source=None, **settings) -> Findings:
    return check(Beamline.from_dict({"heating": HEATING | settings}), source)


def complaints(findings: Findings) -> list[str]:
    return [str(one) for one in findings if one.severity is not Severity.OK]


def test_everything_right():
    findings = check_ramp(ramp())
    assert complaints(findings) == []
    lines = list(map(str, findings))
    assert "ok: run 7: 'furnace_temperature' from 25.0 to 500.0 °C" in lines
    assert "ok: [heating] ion_32: 'rga_mz32' in A" in lines
    assert (
        "ok: [heating] ion_current: onset of m/z 32; false alarms in 5% of ramps without a release"
    ) in lines


@pytest.mark.parametrize("unit", ["A", "nA", "Torr", "mbar", "cps", "counts", "V", "%", ""])
def test_units_that_ion_signals_may_have(unit):
    keys = KEYS | {"rga_mz32": {"units": unit}, "furnace_temperature": {"units": "K"}}
    findings = check_ramp(ramp(keys, temperatures_c=(300.0, 500.0)))
    assert complaints(findings) == []
    assert "ok: run 7: 'furnace_temperature' from 26.9 to 226.9 °C" in list(map(str, findings))


@pytest.mark.parametrize(
    ("key", "unit", "line"),
    [
        ("rga_mz32", "degC", "data key 'rga_mz32' is recorded in 'degC', which cannot become 'A'"),
        ("furnace_temperature", "V", "is recorded in 'V', which cannot become 'degC'"),
    ],
)
def test_units_that_cannot_be(key, unit, line):
    [found] = said(check_ramp(ramp(KEYS | {key: {"units": unit}})), Severity.ERROR)
    assert line in found


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"ion_current": {"18": "rga_mz18"}},
            "warning: [heating] ion_current: m/z 18 without m/z 32: no onset of it; "
            "name its data key, or another onset_mass",
        ),
        (
            {"transport_delay_s": 8000.0},
            "warning: [heating] transport_delay_s: = 8000: gas lines take 5 to 30 s; "
            "give it in seconds",
        ),
        (
            PATTERNS | {"wavelength_a": 27.4},
            "warning: [heating] wavelength_a: = 27.4, where 0.05 to 3 Å is usual; "
            "give it in ångström, not in nm or keV",
        ),
    ],
)
def test_settings_that_may_not_be_meant(settings, line):
    assert complaints(check_ramp(**settings)) == [line]


def test_what_results_will_lack():
    bare = {name: key for name, key in HEATING.items() if name != "transport_delay_s"}
    curves = {name: PATTERNS[name] for name in ("pattern", "two_theta_deg")}
    findings = check(Beamline.from_dict({"heating": bare | curves}))
    assert [finding.where for finding in findings if finding.severity is Severity.WARNING] == [
        "[heating] transport_delay_s",
        "[heating] wavelength_a",
        "[heating] exposure_s",
    ]


def test_a_run_without_its_temperature():
    ions = {key: said for key, said in KEYS.items() if key.startswith("rga")}
    lines = complaints(check_ramp(documents(ions)))
    assert (
        "warning: run 7: it holds ion currents, but no temperature 'furnace_temperature'; "
        "record the temperature in the same run"
    ) in lines


@pytest.mark.parametrize(
    ("temperatures_c", "line"),
    [
        ((25.0, 25.3), "'furnace_temperature' from 25.0 to 25.3 °C: no ramp"),
        ((float("nan"),) * 2, "'furnace_temperature' has no readings that are numbers"),
        ((-248.1, 226.9), "'furnace_temperature' from -248.1 to 226.9 °C; correct its unit"),
    ],
)
def test_temperatures_that_are_no_ramp(temperatures_c, line):
    [found] = complaints(check_ramp(ramp(temperatures_c=temperatures_c)))
    assert line in found


def test_the_gas_of_the_onset_is_not_there():
    keys = {key: said for key, said in KEYS.items() if key != "rga_mz32"}
    lines = complaints(check_ramp(ramp(keys)))
    assert lines == [
        "warning: [heating] ion_32: no run has the data key 'rga_mz32'; the nearest are rga_mz44",
        "warning: run 7: no data key 'rga_mz32': no onset of m/z 32; "
        "record it, or name another onset_mass",
    ]


def test_two_clocks_that_tell_different_times():
    source = ramp(event_s=3.0)
    assert complaints(check_ramp(source)) == [
        "warning: run 7: the events took 3 s, by the readings' own timestamps 3600 s; "
        'where the devices are right, write clock = "reading"'
    ]
    assert complaints(check_ramp(source, clock="reading")) == []
    assert drafted(source)["heating"]["clock"] == "reading"
    assert "# guessed: of run 7 the events took 3 s, by the readings' own" in draft(source)
    stale = draft(ramp(stamp_s=3.0))
    assert '\n# clock = "reading"' in stale
    assert "clock" not in draft(ramp())


def test_devices_whose_clocks_disagree():
    source = ramp(gas_late_s=-3600.0)
    assert complaints(check_ramp(source)) == []
    lines = complaints(check_ramp(source, clock="reading"))
    assert lines == [
        f"error: run 7: by the clock that counts, 'rga_mz{mass}' was read from -3600 to +0 s, the "
        "temperature from 0 to 3600 s; set the devices' clocks, or choose another clock in "
        "[heating]"
        for mass in (32, 44)
    ]
    assert complaints(check_ramp(ramp(temperatures_c=[20.0]), clock="reading")) == [
        "warning: run 7: 'furnace_temperature' from 20.0 to 20.0 °C: no ramp; "
        "name the key of the sample's temperature, or choose runs with --run"
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, None),
        (
            {"xrd_two_theta": {"shape": [63], "dtype": "array", "units": "deg"}},
            "error: [heating] two_theta_deg in run 7: 'xrd_two_theta' has 63 angles, and "
            "'xrd_intensity' 64 intensities; name the axis that this pattern is over",
        ),
        ({"xrd_two_theta": {"units": "deg"}}, "'xrd_two_theta' has 1 angles, and"),
    ],
)
def test_a_pattern_and_its_axis(changes, line):
    findings = check_ramp(documents(KEYS | CURVES | changes), **PATTERNS)
    found = said(findings, Severity.ERROR)
    assert found == [] if line is None else line in found[0]


def test_a_pattern_without_its_axis():
    keys = {key: said for key, said in (KEYS | CURVES).items() if key != "xrd_two_theta"}
    [line] = said(check_ramp(documents(keys), **PATTERNS), Severity.ERROR)
    assert line == (
        "error: [heating] two_theta_deg in run 7: no data key 'xrd_two_theta' for 'xrd_intensity'; "
        "record the axis with it"
    )


@pytest.mark.parametrize(
    ("name", "mass"),
    [
        ("rga_mz32", "32"),
        ("mass 32.00", "32"),
        ("m/z = 32", "32"),
        ("rga1_mass32", "32"),
        ("Ion Current [A] 32", "32"),
        ("32 amu", "32"),
        ("32", "32"),
        ("O2", "32"),
        ("rga_CO2", "44"),
        ("ion_chamber_1", None),
        ("mass_flow_1", None),
        ("31.90", None),
        ("i0", None),
    ],
)
def test_names_that_tell_a_mass(name, mass):
    assert mass_of(name) == mass


def test_of_all_masses_those_that_are_wanted():
    assert by_mass([f"{mass}.00" for mass in range(1, 91)]) == {
        mass: f"{mass}.00" for mass in ("18", "28", "32", "40", "44")
    }
    assert by_mass(["rga_mz32_mean", "rga_mz32", "rga_mz4"]) == {"4": "rga_mz4", "32": "rga_mz32"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {
                "furnace_heater": {},
                "furnace_setpoint": {"units": "degC"},
                "furnace_ramp_rate": {"units": "degC/min"},
                **KEYS,
                **CURVES,
            },
            {"temperature_c": "furnace_temperature"}
            | {"ion_current": HEATING["ion_current"]}
            | {name: key for name, key in PATTERNS.items() if name != "wavelength_a"},
        ),
        (
            {"Temperature": {"units": "C"}, "mass 32": {"units": "Torr"}, "mass 44_00": {}},
            {"temperature_c": "Temperature"}
            | {"ion_current": {"32": "mass 32", "44": "mass 44_00"}},
        ),
        (
            {"linkam": {"units": "C"}, "O2": {"units": "A"}, "o2_flow": {"units": "sccm"}},
            {"temperature_c": "linkam", "ion_current": {"32": "O2"}},
        ),
        (
            {
                "sample_temp": {"units": "K"},
                "pilatus_image": {"shape": [195, 487], "dtype": "array"},
                "pilatus_tth": {"shape": [2000], "dtype": "array"},
                "pilatus_counts": {"shape": [2000], "dtype": "array"},
            },
            {"temperature_c": "sample_temp"}
            | {"pattern": "pilatus_counts", "two_theta_deg": "pilatus_tth"},
        ),
        (
            {"temp": {"units": "C"}, "32": {}, "xrd": {"shape": [64], "dtype": "array"}},
            {"temperature_c": "temp", "ion_current": {"32": "32"}},
        ),
    ],
)
def test_a_draft_from_names_that_beamlines_use(keys, expected):
    assert drafted(documents(keys, energies_ev=()))["heating"] == expected


def test_channels_are_no_masses():
    channels = {f"rga_mass{n}": {} for n in range(1, 10)}
    image = {"shape": [1, 2048, 2048], "dtype": "array"}
    curve = {"shape": [3000], "dtype": "array"}
    curves = {f"pe1_{name}": curve for name in ("chi_2theta", "chi_Q", "chi_I", "iq_Q", "iq_I")}
    keys = {"temperature": {}, "temperature_setpoint": {}, "pe1_image": image, **curves, **channels}
    source = documents(keys, energies_ev=())
    assert drafted(source)["heating"] == {
        "temperature_c": "temperature",
        "pattern": "pe1_chi_I",
        "two_theta_deg": "pe1_chi_2theta",
        "ion_current": {"32": "rga_mass1"},
    }
    assert "rga_mass9 are channels: name each by the mass it is set to" in draft(source)


def test_a_pattern_without_an_axis_is_no_ramp():
    keys = {"furnace": {"units": "C"}, "xrd": {"shape": [64], "dtype": "array"}}
    assert "heating" not in drafted(documents(keys, energies_ev=()))


def test_a_scan_over_all_masses_is_not_listed_to_its_end():
    keys = {f"{mass}_{tenth}0": {} for mass in range(1, 91) for tenth in range(10)}
    lines = draft(documents(keys, energies_ev=())).splitlines()
    assert "# or a temperature with ion currents or patterns: give the keys below" in lines[6]
    assert lines[-1] == "#   and 840 more"


def test_a_draft_says_what_is_not_in_the_data():
    bare = {key: said for key, said in (KEYS | CURVES).items() if key != "xrd_exposure_s"}
    text = draft(documents(bare, energies_ev=()))
    for name in ("transport_delay_s", "wavelength_a", "exposure_s"):
        assert f"# {name} = " in text
