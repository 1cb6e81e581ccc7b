"""A whole soft X-ray beamline: its documents, roles, metadata, beam damage and standards."""

from collections.abc import Callable
from typing import Any

import bluesky.plans as bp
import numpy as np
import pytest
from event_model import DocumentNames, schema_validators

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.sim import SOFT_MATERIALS, SimulatedSoftBeamline, SoftSample
from cgnmc_bluesky.sim.soft import standards
from cgnmc_bluesky.sim.soft.beamline import STANDARDS
from cgnmc_bluesky.spectra import read_spectra

Documents = Callable[[Any], list[tuple[str, dict[str, Any]]]]


def scan(beamline: SimulatedSoftBeamline, points: int = 4, **md: Any) -> Any:
    detectors = [beamline.gold_mesh, beamline.tey, beamline.sdd, beamline.reference]
    plan = bp.scan(detectors, beamline.pgm, 850.0, 856.0, points, md=md)
    return beamline.with_metadata(plan)


def test_documents_have_the_data_keys_with_their_units(documents: Documents) -> None:
    collected = documents(scan(SimulatedSoftBeamline(seed=1)))
    for name, doc in collected:
        schema_validators[DocumentNames[name]].validate(doc)
    descriptor = next(doc for name, doc in collected if name == "descriptor")
    units = {key: field.get("units", "") for key, field in descriptor["data_keys"].items()}
    assert units.pop("pgm_energy_setpoint", "eV") == "eV"
    assert units == {
        "pgm_energy": "eV",
        "gold_mesh": "A",
        "sample_current": "A",
        "sdd_pfy": "counts",
        "sdd_dead_time_factor": "",
        "reference_current": "A",
    }
    start, stop = collected[0][1], collected[-1][1]
    assert (start["sample"], start["material"], start["cycles"]) == (
        "conventional, pristine",
        "conventional",
        0,
    )
    assert stop["num_events"] == {"primary": 4}


def test_a_scan_is_the_same_again_from_its_seed(documents: Documents) -> None:
    def readings(seed: int) -> list[dict[str, float]]:
        collected = documents(scan(SimulatedSoftBeamline(seed=seed)))
        return [doc["data"] for name, doc in collected if name == "event"]

    assert readings(1) == readings(1)
    assert readings(1) != readings(2)


def test_roles_make_a_configuration_that_finds_its_standards() -> None:
    beamline = Beamline.from_dict(SimulatedSoftBeamline().roles())
    assert beamline.soft_xanes is not None
    assert beamline.soft_xanes.yields == {"tey": "sample_current", "pfy": "sdd_pfy"}
    named = {(str(one.edge), one.name, one.valence, one.mode) for one in beamline.reference}
    assert named == {
        (f"{element} L3", name, valence, "tey")
        for element, of_it in STANDARDS.items()
        for name, valence in of_it
    }
    assert all(one.path is not None and one.path.is_file() for one in beamline.reference)
    assert [str(foil.edge) for foil in beamline.foil] == ["Ni L3", "Mn L3", "Co L3"]


def test_truth_is_of_the_edge_that_the_plan_names() -> None:
    beamline = SimulatedSoftBeamline("gradient, 100 cycles", energy_offset_ev=0.4)
    at_nickel, at_manganese = (
        beamline.metadata({"edge": edge})["truth"] for edge in ("Ni L3", "Mn L2,3")
    )
    assert at_nickel["tey_ni2_fraction"] == at_manganese["tey_ni2_fraction"]
    assert at_nickel["over_absorption"] != at_manganese["over_absorption"]
    assert at_nickel["calibration_shift_ev"] == pytest.approx(0.4 * (852.7 / 800) ** 1.5)
    assert at_manganese["calibration_shift_ev"] == pytest.approx(0.4 * (638.7 / 800) ** 1.5)
    assert beamline.metadata()["truth"] == at_nickel
    of_another = SimulatedSoftBeamline("NiO").metadata({"edge": "Co L3"})["truth"]
    assert of_another["over_absorption"] is None


def test_the_axis_comes_to_rest_elsewhere_at_each_scan(documents: Documents) -> None:
    beamline = SimulatedSoftBeamline(energy_drift_ev_per_scan=0.1)
    shifts = []
    for _ in range(4):
        start = documents(scan(beamline, points=2))[0][1]
        shifts.append(start["truth"]["calibration_shift_ev"])
    assert len(set(shifts)) == 4
    steady = SimulatedSoftBeamline(energy_drift_ev_per_scan=0.0)
    same = {documents(scan(steady, 2))[0][1]["truth"]["calibration_shift_ev"] for _ in range(2)}
    assert len(same) == 1


def test_the_beam_turns_nickel_into_ni2_with_the_dose(documents: Documents) -> None:
    beamline = SimulatedSoftBeamline("LiNiO2", damage_s=1000.0, noise=False)
    begin = documents(scan(beamline, points=2))[0][1]["truth"]
    beamline.tey.dwell_s.put(500.0)
    documents(scan(beamline, points=3))
    after = beamline.metadata()["truth"]
    assert (begin["dose_s"], begin["tey_ni2_fraction"]) == (0.0, 0.0)
    assert after["dose_s"] == pytest.approx(1000.0, rel=0.02)
    expected = 1 - np.exp(-after["dose_s"] / 1000.0)
    assert after["tey_ni2_fraction"] == pytest.approx(expected)
    assert after["pfy_ni2_fraction"] == pytest.approx(expected)
    beamline.sample.set("NiO")
    assert beamline.metadata()["truth"]["dose_s"] == 0


def test_samples_can_be_changed_and_ones_own_be_mounted() -> None:
    own = SoftSample("mine", {"Ni": 1.0, "O": 1.0}, {"Ni": {2: 0.5, 3: 0.5}})
    beamline = SimulatedSoftBeamline(own)
    assert beamline.sample.position == "mine"
    assert set(SOFT_MATERIALS) < set(beamline.sample.positions)
    beamline.sample.set("gradient, 50 cycles")
    metadata = beamline.metadata()
    assert (metadata["sample"], metadata["cycles"]) == ("gradient, 50 cycles", 50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": "chalk"}, "sample is 'chalk'; mounted are conventional, pristine"),
        ({"edge": "Ni K"}, "edge is 'Ni K'; the simulated soft X-ray beamline knows Ni L3"),
        ({"edge": "O L3"}, "knows Ni L3, Mn L3, Co L3"),
    ],
)
def test_what_there_is_not_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulatedSoftBeamline(**options)


def test_shipped_standards_of_l_edges_are_made_by_this_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(standards, "ELEMENT_OF", {"NiO": "Ni"})
    (made,) = standards.write(tmp_path)
    shipped = standards.FOLDER / made.name
    texts = [path.read_text(encoding="utf-8").splitlines() for path in (shipped, made)]
    header = sum(line.startswith("#") for line in texts[1])
    assert texts[0][:header] == texts[1][:header]
    numbers = [np.array([line.split() for line in text[header:]], float) for text in texts]
    np.testing.assert_allclose(numbers[0], numbers[1], rtol=1e-4)


@pytest.mark.parametrize("name", standards.ELEMENT_OF)
def test_a_standard_of_an_l_edge_is_small_and_complete(name: str) -> None:
    path = standards.FOLDER / f"{name}_L.xdi"
    assert path.stat().st_size < 20_000
    (spectrum,) = read_spectra(path)
    columns = spectrum.columns
    assert set(columns) == {"energy", "i0", "tey", "pfy", "irefer"}
    assert spectrum.metadata["Element"]["edge"] == "L3"
    assert np.diff(columns["energy"]).min() > 0
    assert columns["tey"].max() < 4.5e-9
    tey = columns["tey"] / columns["i0"]
    assert tey.max() > 3 * tey[:10].mean()


def test_an_edge_that_it_knows_nothing_of_can_be_scanned_all_the_same(
    documents: Documents,
) -> None:
    start = documents(scan(SimulatedSoftBeamline(), points=2, edge="O K"))[0][1]
    assert start["truth"]["over_absorption"] is None
    assert start["truth"]["calibration_shift_ev"] is not None
