"""Runs of the simulated beamline in a RunEngine: documents, determinism, and every fault."""

import math
from collections.abc import Callable
from typing import Any, get_args

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.sim import DetectorFailure, Fault, SimulatedBeamline
from cgnmc_bluesky.sim.faults import FaultKind

Documents = Callable[[Any], list[tuple[str, dict[str, Any]]]]

GRID_EV = [8330.0 + 2.0 * step for step in range(12)]


def scan(beamline: SimulatedBeamline) -> Any:
    detectors = [beamline.i0, beamline.it, beamline.ir, beamline.if_, beamline.ring]
    return beamline.with_metadata(bp.list_scan(detectors, beamline.mono, GRID_EV))


def columns(documents: list[tuple[str, dict[str, Any]]]) -> dict[str, list[float]]:
    events = [doc["data"] for name, doc in documents if name == "event"]
    return {key: [event[key] for event in events] for key in events[0]}


def faulty(documents: Documents, *faults: Fault, **options: Any) -> dict[str, list[float]]:
    return columns(documents(scan(SimulatedBeamline("NiO", faults=faults, **options))))


def test_a_run_is_valid_and_complete(documents: Documents) -> None:
    collected = documents(scan(SimulatedBeamline("NiO")))
    for name, doc in collected:
        schema_validators[DocumentNames[name]].validate(doc)
    names = [name for name, _ in collected]
    assert names == ["start", "descriptor", *["event"] * 12, "stop"]
    recorded = columns(collected)
    assert set(recorded) == {"mono_energy", "i0", "it", "ir", "if", "ring_current"}
    assert recorded["mono_energy"] == GRID_EV
    assert 198 <= min(recorded["ring_current"]) <= 200


def test_a_run_carries_roles_sample_and_truth(documents: Documents) -> None:
    beamline = SimulatedBeamline("NiO")

    def two_samples() -> Any:
        yield from bp.count([beamline.i0])
        yield from bps.mv(beamline.sample, "LiNiO2")
        yield from bp.count([beamline.i0], md={"sample": "mine"})

    starts = [
        doc for name, doc in documents(beamline.with_metadata(two_samples())) if name == "start"
    ]
    assert [start["sample"] for start in starts] == ["NiO", "mine"]
    assert [start["truth"]["mean_valence"]["Ni"] for start in starts] == [2.0, 3.0]
    assert starts[0]["truth"]["calibration_shift_ev"] == pytest.approx(0.4, abs=0.01)
    roles = Beamline.from_dict(starts[0]["beamline"])
    assert roles.xanes is not None
    assert roles.xanes.energy_ev == "mono_energy"
    assert [reference.name for reference in roles.reference] == ["NiO", "LiNiO2"]


def test_one_seed_gives_one_run(documents: Documents) -> None:
    first, again, other = (
        columns(documents(scan(SimulatedBeamline("NiO", seed=seed)))) for seed in (5, 5, 6)
    )
    assert first == again
    assert first["i0"] != other["i0"]


def test_the_order_of_detectors_does_not_matter(documents: Documents) -> None:
    runs = []
    for names in (("i0", "it", "ir"), ("ir", "i0", "it")):
        beamline = SimulatedBeamline("NiO")
        detectors = [getattr(beamline, name) for name in names]
        runs.append(columns(documents(bp.list_scan(detectors, beamline.mono, GRID_EV))))
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("kind", "expected"), [("nan", math.nan), ("zero", 0.0), ("saturated", 5e-8)]
)
def test_a_reading_can_be_spoilt(documents: Documents, kind: FaultKind, expected: float) -> None:
    recorded = faulty(documents, Fault(kind, points=[3, 5], channel="it"))
    np.testing.assert_equal([recorded["it"][2], recorded["it"][4]], [expected] * 2)
    others = [value for n, value in enumerate(recorded["it"], 1) if n not in {3, 5}]
    assert all(0 < value < 5e-8 for value in others)
    assert all(value > 0 for value in recorded["i0"])


def test_a_reading_can_be_negative(documents: Documents) -> None:
    recorded = faulty(documents, Fault("negative", points=[4]))
    for channel in ("i0", "it", "ir", "if"):
        assert [value < 0 for value in recorded[channel]] == [n == 4 for n in range(1, 13)]


def test_a_channel_can_be_stuck(documents: Documents) -> None:
    recorded = faulty(documents, Fault("stuck", points=range(5, 9), channel="i0"))
    assert len(set(recorded["i0"][3:8])) == 1
    assert len(set(recorded["i0"])) == 8


def test_a_device_can_raise(documents: Documents, RE: RunEngine) -> None:
    beamline = SimulatedBeamline(faults=[Fault("raise", points=[6], channel="it")])
    collected: list[str] = []
    with pytest.raises(DetectorFailure, match="it does not answer at point 6"):
        RE(scan(beamline), lambda name, doc: collected.append(name))
    assert collected.count("event") == 5
    assert collected[-1] == "stop"


def test_the_beam_can_be_lost(documents: Documents) -> None:
    recorded = faulty(documents, Fault("dump", points=[7, 8]))
    lost = [n in {7, 8} for n in range(1, 13)]
    assert [value == 0 for value in recorded["ring_current"]] == lost
    assert [value < 1e-10 for value in recorded["i0"]] == lost


def test_a_glitch_stands_at_its_energy_in_all_channels(documents: Documents) -> None:
    at_8340 = Fault("glitch", energy_ev=8340.4)
    clean, recorded = faulty(documents), faulty(documents, at_8340)
    for channel in ("i0", "it", "ir"):
        left = np.array(recorded[channel]) / np.array(clean[channel])
        assert [value < 0.7 for value in left] == [energy == 8340.0 for energy in GRID_EV]


def test_a_foil_can_be_missing_or_of_another_element(documents: Documents) -> None:
    def step(recorded: dict[str, list[float]]) -> float:
        behind = np.log(np.array(recorded["it"]) / np.array(recorded["ir"]))
        return float(behind[-1] - behind[0])

    assert step(faulty(documents)) > 0.9
    assert abs(step(faulty(documents, foil=None))) < 0.05
    assert abs(step(faulty(documents, foil="Co"))) < 0.15
    assert abs(step(faulty(documents, Fault("foil", element="Fe")))) < 0.15


def test_points_are_counted_from_staging_and_not_behind_the_shutter(documents: Documents) -> None:
    beamline = SimulatedBeamline(faults=[Fault("nan", points=[1], channel="i0")])
    for _ in range(2):
        beamline.shutter.set("closed")
        dark = columns(documents(bp.count([beamline.i0], num=2)))["i0"]
        assert not np.isnan(dark).any()
        beamline.shutter.set("open")
        light = columns(documents(bp.count([beamline.i0], num=3)))["i0"]
        assert np.isnan(light).tolist() == [True, False, False]


def test_a_fault_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault 'fire'; there are nan, negative"):
        Fault("fire")  # type: ignore[arg-type]
    assert len(set(get_args(FaultKind))) == len(get_args(FaultKind))
