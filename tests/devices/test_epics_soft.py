"""A series of soft X-ray scans against the simulated beamline, over real Channel Access."""

import json
import subprocess
import sys
from typing import Any

import pytest
from channel_access import loopback, serving

SERVER = """
from cgnmc_bluesky.sim import SimulatedSoftBeamline
from cgnmc_bluesky.sim.ioc import run_ioc

soft = SimulatedSoftBeamline("NiO", seed=2, speed=1000.0)
run_ioc("SIM:", soft=soft, on_start=lambda names: print("serving", *names, flush=True))
"""

CLIENT = """
import json

from bluesky import RunEngine
from cgnmc_bluesky.devices import EnergyAxis, soft_yields
from cgnmc_bluesky.plans import sample_series, sxas_scan
from ophyd import EpicsSignal

pgm = EnergyAxis("SIM:Soft:", name="pgm")
yields = soft_yields("SIM:Soft:", name="yields")
holder = EpicsSignal("SIM:Soft:Sample", name="holder", string=True, put_complete=True)
for device in (pgm, yields, holder):
    device.wait_for_connection(timeout=20)
yields.dwell_s.set(0.5).wait(5)
window_ev = [yields.window_low_ev.get(), yields.window_high_ev.get()]

RE = RunEngine({}, context_managers=[])
documents = []
RE.subscribe(lambda name, doc: documents.append((name, doc)))
rows = [
    {"name": name, "material": "standard", "cycles": 0, "position": name, "edges": "Ni L3"}
    for name in ("LiNiO2", "NiO")
]
scan = {"detectors": [yields], "energy": pgm, "regions": [[-8, 0, 8], [0, 3, 0.5], [5, 15, 10]]}
RE(sample_series(rows, holder, scan, md={"series": "standards"}))
RE(sxas_scan([yields.gold_mesh, yields.sdd_pfy], pgm, edge="Mn L3", regions=[[0, 9, 9]]))
said = {
    "window": [window_ev, [yields.window_low_ev.get(), yields.window_high_ev.get()]],
    "holder": holder.get(),
    "documents": documents,
}
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    environment = loopback()
    with serving(SERVER, environment) as names:
        assert {"SIM:Energy", "SIM:Soft:Energy", "SIM:Soft:TEY", "SIM:Furnace:T"} <= set(names)
        client = [sys.executable, "-c", CLIENT]
        pipes: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}
        done = subprocess.run(client, env=environment, check=False, **pipes)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def of(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [doc for given, doc in said["documents"] if given == name]


def test_a_series_is_measured_over_channel_access(said: dict[str, Any]) -> None:
    starts = of(said, "start")[:2]
    assert [(start["sample"], start["edge"]) for start in starts] == [
        ("LiNiO2", "Ni L3"),
        ("NiO", "Ni L3"),
    ]
    assert [stop["exit_status"] for stop in of(said, "stop")] == ["success"] * 3
    assert said["holder"] == "NiO"


def test_the_window_is_the_edges_while_it_is_scanned(said: dict[str, Any]) -> None:
    before, after = said["window"]
    assert before == after == [805.0, 905.0]
    configured = of(said, "descriptor")[0]["configuration"]["yields"]["data"]
    ends = [configured[f"yields_window_{end}_ev"] for end in ("low", "high")]
    assert ends == pytest.approx([808.7, 906.0])
    assert configured["yields_dwell_s"] == 0.5


def test_all_yields_see_the_edge_and_tell_the_samples_apart(said: dict[str, Any]) -> None:
    events = [doc["data"] for doc in of(said, "event")]
    per_run = len(events[:-2]) // 2
    keys = {"gold_mesh", "sample_current", "reference_current", "sdd_pfy", "sdd_dead_time_factor"}
    assert set(events[0]) == {"pgm_energy", *keys}
    shapes = []
    for run in (events[:per_run], events[per_run : 2 * per_run]):
        for key in ("sample_current", "sdd_pfy"):
            spectrum = [event[key] / event["gold_mesh"] for event in run]
            assert max(spectrum) > 2.0 * spectrum[0]
            shapes.append(spectrum.index(max(spectrum)))
    energies_ev = [event["pgm_energy"] for event in events[:per_run]]
    assert energies_ev[shapes[0]] > energies_ev[shapes[2]]


def test_channels_count_one_by_one(said: dict[str, Any]) -> None:
    assert set(of(said, "event")[-1]["data"]) == {"pgm_energy", "gold_mesh", "sdd_pfy"}
