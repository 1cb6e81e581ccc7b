"""All instruments side by side: what a run of each carries."""

from pathlib import Path
from typing import Any

import pytest

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.sim import (
    SimulatedBeamline,
    SimulatedFacility,
    SimulatedHotStage,
    SimulatedNanoprobe,
    SimulatedSoftBeamline,
)


@pytest.fixture
def facility(tmp_path: Path) -> SimulatedFacility:
    return SimulatedFacility(
        SimulatedBeamline("NiO"),
        SimulatedNanoprobe("conventional", folder=tmp_path / "maps"),
        SimulatedHotStage("gradient", frames=True, folder=tmp_path / "frames"),
        soft=SimulatedSoftBeamline("gradient, 50 cycles"),
    )


def metadata_during(facility: SimulatedFacility, device: Any) -> dict[str, Any]:
    device.stage()
    metadata = facility.metadata({"target_c": 400.0})
    device.unstage()
    return metadata


def test_runs_tell_which_instrument_they_are_of(facility: SimulatedFacility) -> None:
    devices = facility.devices()
    samples = {
        name: metadata_during(facility, devices[name])["sample"]
        for name in ("i0", "xspress3", "furnace", "rga", "diffractometer", "tey")
    }
    gradient = "gradient NMC622, 4.4 V"
    assert samples == {
        "i0": "NiO",
        "xspress3": "conventional",
        "furnace": gradient,
        "rga": gradient,
        "diffractometer": gradient,
        "tey": "gradient, 50 cycles",
    }
    assert facility.metadata()["sample"] == "NiO"


def test_truth_is_that_of_the_instrument_and_of_the_plan(facility: SimulatedFacility) -> None:
    truth = metadata_during(facility, facility.hot_stage.furnace)["truth"]
    assert truth["temperature_c"] == 400.0
    assert "mn_ni" not in truth
    assert "calibration_shift_ev" in facility.metadata()["truth"]


def test_the_roles_of_all_make_one_configuration(facility: SimulatedFacility) -> None:
    beamline = Beamline.from_dict(facility.roles())
    assert beamline.beamline.name == "simulated beamline"
    assert beamline.xanes is not None
    assert beamline.xrf is not None
    assert beamline.heating is not None
    assert beamline.heating.clock == "reading"
    assert beamline.soft_xanes is not None
    assert [str(foil.edge) for foil in beamline.foil] == ["Ni K", "Ni L3", "Mn L3", "Co L3"]
    edges = [str(reference.edge) for reference in beamline.reference]
    assert edges == [*["Ni K"] * 2, *["Ni L3"] * 2, *["Mn L3"] * 3, *["Co L3"] * 2]
    folders = {facility.nanoprobe.folder, facility.hot_stage.folder}
    assert set(beamline.data.readable) == folders


def test_names_do_not_collide(facility: SimulatedFacility) -> None:
    parts = facility.instruments
    assert len(parts) == 4
    assert len(facility.devices()) == sum(len(part.devices()) for part in parts)
    keys = [key for part in parts for device in part.devices().values() for key in device.read()]
    assert len(keys) == len(set(keys))


def test_what_two_instruments_share_stands_once(tmp_path: Path) -> None:
    beamline, soft = SimulatedBeamline(), SimulatedSoftBeamline()
    rest = (SimulatedNanoprobe(folder=tmp_path), SimulatedHotStage())
    roles = SimulatedFacility(beamline, *rest, soft=soft, microscope=soft).roles()
    assert roles == SimulatedFacility(beamline, *rest, soft=soft).roles()
    assert roles["beamline"] == beamline.roles()["beamline"]
    without = SimulatedFacility(beamline, *rest)
    assert "soft_xanes" not in without.roles()
    assert without.roles()["reference"] == beamline.roles()["reference"]
