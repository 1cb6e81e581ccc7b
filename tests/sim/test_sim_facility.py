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
)


@pytest.fixture
def facility(tmp_path: Path) -> SimulatedFacility:
    return SimulatedFacility(
        SimulatedBeamline("NiO"),
        SimulatedNanoprobe("conventional", folder=tmp_path / "maps"),
        SimulatedHotStage("gradient", frames=True, folder=tmp_path / "frames"),
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
        for name in ("i0", "xspress3", "furnace", "rga", "diffractometer")
    }
    gradient = "gradient NMC622, 4.4 V"
    assert samples == {
        "i0": "NiO",
        "xspress3": "conventional",
        "furnace": gradient,
        "rga": gradient,
        "diffractometer": gradient,
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
    folders = {facility.nanoprobe.folder, facility.hot_stage.folder}
    assert set(beamline.data.readable) == folders


def test_names_do_not_collide(facility: SimulatedFacility) -> None:
    parts = (facility.beamline, facility.nanoprobe, facility.hot_stage)
    assert len(facility.devices()) == sum(len(part.devices()) for part in parts)
    keys = [key for part in parts for device in part.devices().values() for key in device.read()]
    assert len(keys) == len(set(keys))
