"""The plans as bluesky-queueserver sees them."""

from typing import Any

import pytest
from bluesky_queueserver.manager.profile_ops import (
    existing_plans_and_devices_from_nspace,
    validate_plan,
)
from ophyd.sim import SynAxis, SynSignal

from cgnmc_bluesky import plans
from cgnmc_bluesky.sim import SimulatedHotStage, SimulatedNanoprobe, SimulatedSoftBeamline

HEATED = ["furnace", ["diffractometer"], ["rga"]]
YIELDS = ["gold_mesh", "tey", "sdd"]
ROWS = [{"name": "a", "material": "b", "cycles": 0, "position": "c", "edges": ["Ni L3"]}]
SCAN = {"detectors": YIELDS, "energy": "pgm", "sweeps": 2}
MAP = ["xspress3", "stage.x", -5, 5, 101, "stage.y", -5.0, 5.0, 101]


@pytest.fixture
def seen(mono: SynAxis, chambers: list[SynSignal], shutter: SynAxis) -> tuple[Any, Any]:
    devices = {device.name: device for device in (mono, shutter, *chambers)}
    for simulated in (SimulatedNanoprobe(), SimulatedHotStage(), SimulatedSoftBeamline()):
        devices |= simulated.devices()
    namespace = {name: getattr(plans, name) for name in plans.__all__} | devices
    existing_plans, existing_devices, *_ = existing_plans_and_devices_from_nspace(
        nspace=namespace, ignore_invalid_plans=False
    )
    return existing_plans, existing_devices


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("xanes_scan", [["i0", "it"], "mono"], {}),
        ("xanes_scan", [["i0", "it"], "mono"], {"edge": "Mn K", "md": {"sample": "pristine"}}),
        ("xanes_scan", [["i0"], "mono"], {"regions": [[-20, 30.0, 0.3], [3, 10, 0.05, "k"]]}),
        ("xanes_scan", [["i0"], "mono"], {"regions": [{"start": -20, "stop": 30, "step": 1}]}),
        ("measure_standard", [["i0", "it"], "mono"], {"name": "NiO", "valence": 2}),
        ("measure_dark", [["i0", "it"], "shutter"], {"num": 3, "closed": 0}),
        ("sxas_scan", [YIELDS, "pgm"], {}),
        ("sxas_scan", [YIELDS, "pgm"], {"edge": "Mn L3", "sweeps": 3, "regions": [[-5, 10, 0.2]]}),
        ("xpeem_stack", [["gold_mesh"], "pgm"], {"edge": "Co L3"}),
        ("xpeem_stack", [["gold_mesh"], "pgm"], {"energies_ev": [850, 853.5], "md": {"a": 1}}),
        ("sample_series", ["aged.csv", "soft_sample", SCAN], {}),
        ("sample_series", [ROWS, ["stage.x", "stage.y"], SCAN], {"md": {"series": "aged"}}),
        ("sample_series", ["aged.csv", "soft_sample", SCAN], {"done": ["a", ["b", "Ni L3"]]}),
        ("sample_series", ["aged.csv", "soft_sample", "scan"], {"done": "catalog.done_samples"}),
        ("xrf_fly_map", MAP, {"dwell_s": 0.01}),
        ("xrf_fly_map", MAP, {"dwell_s": 1, "snake": False, "md": {"sample": "pristine"}}),
        ("xrf_fly_line", MAP[:5], {"dwell_s": 0.01}),
        ("xrf_fly_line", MAP[:5], {"dwell_s": 0.01, "slow_axis": "stage.y", "slow_um": 1}),
        ("heating_ramp", HEATED, {}),
        ("heating_ramp", HEATED, {"target_c": 450, "over_temperature_c": 500.0}),
        ("heating_ramp", ["furnace", [], ["rga"]], {"on_suspend": "cool", "md": {"sample": "a"}}),
        (
            "measure_sensitivity",
            MAP,
            {"dwell_s": 0.01, "name": "film", "composition": {"Mn": 1, "Ni": 2.5}},
        ),
    ],
)
def test_a_plan_is_accepted(
    seen: tuple[Any, Any], name: str, arguments: list[Any], options: dict[str, Any]
) -> None:
    existing_plans, existing_devices = seen
    plan = {"item_type": "plan", "name": name, "args": arguments, "kwargs": options}
    accepted, message = validate_plan(
        plan, allowed_plans=existing_plans, allowed_devices=existing_devices
    )
    assert accepted, message


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("xanes_scan", [["i0"], "it"], {"regions": "all"}),
        ("xanes_scan", [["i0"], "mono"], {"edge": 3}),
        ("sxas_scan", [YIELDS, "pgm"], {"sweeps": 1.5}),
        ("xpeem_stack", [["gold_mesh"], "pgm"], {"energies_ev": "all"}),
        ("sample_series", [3, "soft_sample", SCAN], {}),
        ("sample_series", ["aged.csv", "soft_sample", SCAN], {"done": 3}),
        ("xrf_fly_map", MAP, {}),
        ("heating_ramp", ["furnace", "diffractometer", ["rga"]], {}),
        ("heating_ramp", HEATED, {"rate_c_per_min": "fast"}),
        ("xrf_fly_map", MAP, {"dwell_s": "long"}),
        ("xrf_fly_map", [*MAP[:4], 10.5, *MAP[5:]], {"dwell_s": 0.1}),
    ],
)
def test_wrong_types_are_refused_by_the_queue(
    seen: tuple[Any, Any], name: str, arguments: list[Any], options: dict[str, Any]
) -> None:
    existing_plans, existing_devices = seen
    plan = {"item_type": "plan", "name": name, "args": arguments, "kwargs": options}
    accepted, _ = validate_plan(
        plan, allowed_plans=existing_plans, allowed_devices=existing_devices
    )
    assert not accepted


def test_every_parameter_is_described_and_typed(seen: tuple[Any, Any]) -> None:
    existing_plans, _ = seen
    for plan in existing_plans.values():
        assert plan["description"]
        for parameter in plan["parameters"]:
            assert parameter["description"], parameter
            assert "annotation" in parameter, parameter
