"""A standard measured by the plan, named by its run, and what becomes of it."""

import pytest
from bluesky import RunEngine

from cgnmc_bluesky import replay
from cgnmc_bluesky.beamline import Beamline, ConfigurationError
from cgnmc_bluesky.catalogs import open_source
from cgnmc_bluesky.plans import measure_sensitivity
from cgnmc_bluesky.sim import SimulatedNanoprobe
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.standards import emitters_of, fluorescence_of, names_runs, with_runs

EQUAL = {"Mn": 1, "Co": 1, "Ni": 1}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Documents of a map of the simulated standard, and the roles they carry."""
    nanoprobe = SimulatedNanoprobe(
        "standard",
        seed=2,
        folder=tmp_path_factory.mktemp("standard"),
        elements=[DetectorElement(gain_ev=10.01)],
    )
    documents = []
    RunEngine()(
        measure_sensitivity(
            *(nanoprobe.xspress3, nanoprobe.stage.x, -0.4, 0.4, 12),
            *(nanoprobe.stage.y, -0.4, 0.4, 12),
            name="NMC 333",
            composition=EQUAL,
            dwell_s=0.1,
        ),
        lambda name, doc: documents.append((name, doc)),
    )
    return documents, nanoprobe.roles()


def named(roles, documents, **others) -> Beamline:
    uid = documents[0][1]["uid"]
    return Beamline.from_dict(roles | {"xrf": roles["xrf"] | {"sensitivity": uid} | others})


def started_with(documents, **metadata):
    return [(documents[0][0], {**documents[0][1], **metadata}), *documents[1:]]


def test_a_standard_gives_the_factors_of_its_atoms(measured):
    documents, roles = measured
    beamline = named(roles, documents)
    assert names_runs(beamline)
    resolved = with_runs(beamline, open_source(documents).find)
    assert not names_runs(resolved)
    sensitivity = resolved.xrf.sensitivity
    assert sensitivity.relative_to == "Ni"
    assert sensitivity.standard == f"NMC 333 (run {documents[0][1]['uid']})"
    manganese, cobalt, nickel = emitters_of(["Mn", "Co", "Ni"], 9000.0)
    for emitter in (manganese, cobalt):
        wanted = emitter.sensitivity / nickel.sensitivity
        sigma = sensitivity.sigma[emitter.element]
        assert sigma < 0.01 * wanted
        # 0.5 % is what the standard, which is not quite thin, absorbs
        off = abs(sensitivity.factor[emitter.element] - wanted)
        assert off < 3 * sigma + 0.005 * wanted
    found = fluorescence_of(resolved.xrf, 9000.0)
    assert found.parameters["sensitivity"].startswith("measured on NMC 333 (run ")
    assert found.references[0]["factor"] == sensitivity.factor


def test_the_energy_of_the_beam_may_be_a_reading(measured):
    documents, roles = measured
    first_descriptor = next(at for at, (name, _) in enumerate(documents) if name == "descriptor")
    key = {"source": "mono", "dtype": "number", "shape": [], "units": "keV"}
    descriptor = documents[first_descriptor][1] | {"uid": "m", "name": "mono_energy_monitor"}
    descriptor |= {"data_keys": {"mono_energy": key}}
    reading = {"descriptor": "m", "seq_num": 1, "time": 0.0, "timestamps": {"mono_energy": 0.0}}
    monitored = [
        *documents[:first_descriptor],
        ("descriptor", descriptor),
        ("event", reading | {"uid": "e", "data": {"mono_energy": 9.0}}),
        *documents[first_descriptor:],
    ]
    beamline = named(roles, documents, incident_energy_ev="mono_energy")
    sensitivity = with_runs(beamline, open_source(monitored).find).xrf.sensitivity
    assert sensitivity.incident_energy_ev == 9000.0
    near = 3 * sensitivity.sigma["Mn"] + 0.005 * 0.538
    assert sensitivity.factor["Mn"] == pytest.approx(0.538, abs=near)


@pytest.mark.parametrize(
    ("composition", "message"),
    [
        (None, "gives none: it names no composition, as the plan measure_sensitivity does; name"),
        ({"Ni": 1.0}, "of which fewer than two are among Mn, Co, Ni"),
    ],
)
def test_a_run_that_gives_no_factor_is_named(measured, composition, message):
    documents, roles = measured
    beamline = named(roles, documents)
    source = open_source(started_with(documents, composition=composition))
    with pytest.raises(ConfigurationError, match=r"^\[xrf\] sensitivity \(run .*" + message):
        with_runs(beamline, source.find)


def test_the_run_itself_says_its_factors(measured):
    documents, roles = measured
    beamline = Beamline.from_dict(roles)
    results = {result.analysis: result for result in replay(documents, beamline)}
    assert results.keys() == {"mn_ni_ratio", "sensitivity"}
    result = results["sensitivity"]
    assert (result.status, result.reason) == ("final", "relative to Ni")
    assert result.values["factor_mn"] == pytest.approx(0.538, rel=0.01)
    assert 0 < result.sigmas["factor_mn"] < 0.01
    assert (result.values["factor_ni"], result.sigmas["factor_ni"]) == (1.0, 0.0)
    [of_map] = replay(started_with(documents, composition=None), beamline)
    assert of_map.analysis == "mn_ni_ratio"
    wrong = replay(started_with(documents, composition={"Fe": 1.0}), beamline)
    [failed] = [result for result in wrong if result.analysis == "sensitivity"]
    assert failed.status == "failed"
    assert failed.values == dict.fromkeys(("factor_mn", "factor_co", "factor_ni"))
