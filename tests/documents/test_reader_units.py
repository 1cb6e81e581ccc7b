"""Units: converted where they can be, refused where they cannot."""

import subprocess
import sys

import numpy as np
import pytest

from cgnmc_bluesky.documents import ReadingError, Role, RunReader
from cgnmc_bluesky.documents.units import Conversion, conversion


def converted(value: float, recorded: str, wanted: str) -> float:
    found = conversion(recorded, wanted, key="key", role="role")
    return value if found is None else float(found(np.array([value]))[0])


@pytest.mark.parametrize(
    ("value", "recorded", "wanted", "expected"),
    [
        (8.333, "keV", "eV", 8333.0),
        (8.333, "KEV", "eV", 8333.0),
        (1.5, "mm", "um", 1500.0),
        (0.5, "microns", "um", 0.5),
        (2.0, "µm", "um", 2.0),
        (300.0, "K", "degC", 26.85),
        (25.0, "C", "degC", 25.0),
        (25.0, "°C", "degC", 25.0),
        (25.0, "Celsius", "degC", 25.0),
        (25.0, "℃", "degC", 25.0),
        (212.0, "degF", "degC", 100.0),
        (180.0, "degrees", "deg", 180.0),
        (1.0, "min", "s", 60.0),
        (1.5406, "angstrom", "angstrom", 1.5406),
        (5.0, "", "eV", 5.0),
        (5.0, "  ", "eV", 5.0),
        (5.0, "counts", "", 5.0),
        (5.0, "nA", "", 5.0),
    ],
)
def test_convertible_units_are_converted(value, recorded, wanted, expected) -> None:
    assert converted(value, recorded, wanted) == pytest.approx(expected, rel=1e-15)


def test_factors_are_exact() -> None:
    assert conversion("keV", "eV", key="", role="") == Conversion(1000.0, 0.0)
    assert conversion("mm", "um", key="", role="") == Conversion(1000.0, 0.0)


@pytest.mark.parametrize(
    ("recorded", "wanted"),
    [
        ("mm", "eV"),
        ("deg", "eV"),
        ("counts", "deg"),
        ("eng", "eV"),
        ("C/min", "degC"),
        ("bogus (", "eV"),
        ("3", "eV"),
        ("€", "eV"),
    ],
)
def test_other_dimensions_and_unknown_units_are_refused(recorded, wanted) -> None:
    with pytest.raises(ReadingError) as caught:
        conversion(recorded, wanted, key="mono_energy", role="energy_ev")
    message = str(caught.value)
    for part in ("mono_energy", repr(recorded), "energy_ev", "beamline.toml"):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("recorded", ["mm", "", None, "keV"])
def test_the_configuration_overrides_the_descriptor(run, read, number, recorded) -> None:
    bundle = run.describe("primary", {"mono": number(recorded)})
    run.event(bundle, 1, 1.0, mono=8.333)
    columns = read(run.documents, {"energy_ev": Role("mono", "eV", "keV")}).columns()
    assert columns["primary"]["energy_ev"] == [8333.0]


def test_a_descriptor_may_say_null(run, read, number) -> None:
    bundle = run.describe("primary", {"mono": number() | {"units": None}})
    run.event(bundle, 1, 1.0, mono=8333.0)
    columns = read(run.documents, {"energy_ev": Role("mono", "eV")}).columns()
    assert columns["primary"]["energy_ev"] == [8333.0]


ION = Role("rga_mz32", "A", also=("mbar", "1/s", "count", "ppm"))


@pytest.mark.parametrize(
    ("recorded", "value", "unit"),
    [
        ("A", 2.0, "A"),
        ("nA", 2e-9, "A"),
        ("Torr", 2.0 / 760 * 1013.25, "mbar"),
        ("cps", 2.0, "1/s"),
        ("Hz", 2.0, "1/s"),
        ("counts", 2.0, "count"),
        ("%", 20000.0, "ppm"),
        ("", 2.0, "A"),
        ("a.u.", 2.0, "A"),
    ],
)
def test_a_role_may_have_one_of_several_units(run, number, recorded, value, unit) -> None:
    bundle = run.describe("ions", {"rga_mz32": number(recorded), "t": number("K")})
    run.event(bundle, 1, 1.0, rga_mz32=2.0, t=300.0)
    reader = RunReader({"ion_32": ION, "temperature_c": Role("t", "degC")})
    [block] = [block for name, doc in run.documents for block in reader(name, doc)]
    assert block.values["ion_32"] == pytest.approx([value])
    assert reader.units == {"ion_32": unit, "temperature_c": "degC"}


def test_no_other_unit_will_do(run, read, number) -> None:
    run.describe("ions", {"rga_mz32": number("degC")})
    with pytest.raises(ReadingError, match="'degC', which cannot become 'A', the unit of ion_32"):
        read(run.documents, {"ion_32": ION})


def test_pages_and_events_convert_to_the_same_bits(run, read, number) -> None:
    bundle = run.describe("primary", {"t": number("degF"), "x": number("mm")})
    rng = np.random.default_rng(5)
    events = [
        run.event(bundle, n, float(n), t=t, x=x)
        for n, (t, x) in enumerate(rng.normal(size=(50, 2)).tolist(), 1)
    ]
    page = {
        "descriptor": events[0]["descriptor"],
        "seq_num": [event["seq_num"] for event in events],
        "time": [event["time"] for event in events],
        "uid": [event["uid"] for event in events],
        "data": {key: [event["data"][key] for event in events] for key in ("t", "x")},
        "timestamps": {key: [event["time"] for event in events] for key in ("t", "x")},
        "filled": {},
    }
    roles = {"temperature_c": Role("t", "degC"), "x_um": Role("x", "um")}
    one_by_one = read(run.documents, roles)
    at_once = read([*run.documents[:2], ("event_page", page)], roles)
    assert one_by_one.bits() == at_once.bits()


def test_pint_is_imported_only_where_units_differ() -> None:
    code = (
        "import sys\n"
        "from cgnmc_bluesky.documents import Role, RunReader\n"
        "key = dict(source='', dtype='number', shape=[], units='eV')\n"
        "reader = RunReader(dict(energy_ev=Role('mono', 'eV')))\n"
        "reader('descriptor', dict(uid='d', name='primary', data_keys=dict(mono=key)))\n"
        "assert not {'pint', 'h5py', 'event_model'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_role_is_read_in_its_own_unit(number) -> None:
    reader = RunReader({"energy_ev": Role("mono", "eV"), "energy_kev": Role("mono", "keV")})
    descriptor = {"uid": "d", "name": "primary", "data_keys": {"mono": number("eV")}}
    reader("descriptor", descriptor)
    event = {"descriptor": "d", "seq_num": 1, "time": 0.0, "timestamps": {}, "data": {"mono": 500}}
    [block] = reader("event", event)
    assert block.values["energy_ev"].tolist() == [500.0]
    assert block.values["energy_kev"].tolist() == [0.5]


def test_counts_of_an_encoder_are_multiplied_whatever_their_unit() -> None:
    reader = RunReader({"x_um": Role("enc1", "um", factor=-1e-4)})
    key = {"source": "", "dtype": "array", "shape": [2], "units": "counts"}
    reader("descriptor", {"uid": "d", "name": "primary", "data_keys": {"enc1": key}})
    event = {"descriptor": "d", "seq_num": 1, "time": 0.0, "timestamps": {}}
    [block] = reader("event", event | {"data": {"enc1": [10_000, -500]}})
    assert block.values["x_um"] == pytest.approx(np.array([[-1.0, 0.05]]))
