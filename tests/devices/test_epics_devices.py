"""The EPICS devices against the simulated beamline, over real Channel Access on loopback."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from channel_access import loopback, serving

SERVER = """
from cgnmc_bluesky.sim import Fault, SimulatedBeamline
from cgnmc_bluesky.sim.ioc import run_ioc

beamline = SimulatedBeamline(
    "NiO", seed=2, speed=50.0, faults=[Fault("raise", energy_ev=8500.0, channel="it")]
)
run_ioc("SIM:", beamline, on_start=lambda names: print("serving", *names, flush=True))
"""

CLIENT = """
import json

import bluesky.plans as bp
from bluesky import RunEngine
from bluesky.protocols import Movable, Readable, Stoppable, Triggerable
from cgnmc_bluesky.devices import EnergyAxis, EnergyAxisWithDone, ion_chambers
from ophyd.utils import LimitError

mono = EnergyAxis("SIM:", name="mono")
other = EnergyAxisWithDone("SIM:", name="other")
chambers = ion_chambers("SIM:", name="chambers")
for device in (mono, other, chambers):
    device.wait_for_connection(timeout=20)
chambers.dwell_s.set(0.2).wait(5)

RE = RunEngine({}, context_managers=[])
runs = []
for detectors, axis in (([chambers.i0, chambers.it, chambers.ir], mono), ([chambers], other)):
    documents = []
    plan = bp.list_scan(detectors, axis, [8300.0, 8350.0, 8370.0])
    RE(plan, lambda name, doc, documents=documents: documents.append((name, doc)))
    runs.append(documents)
mono.set(8499.6).wait(20)
chambers.trigger().wait(20)
silent = chambers.it.reading.get()
chambers.timeout_s = 1e-4
late = chambers.trigger().exception(20)
try:
    mono.set(99.0)
except LimitError as error:
    refused = str(error)
status = mono.set(13000.0)
mono.stop()
status.wait(20)
position = mono.position
known = (Movable, Readable, Stoppable, Triggerable)
protocols = {
    device.name: [protocol.__name__ for protocol in known if isinstance(device, protocol)]
    for device in (mono, chambers, chambers.if_)
}
print(
    json.dumps(
        {
            "runs": runs,
            "refused": refused,
            "silent": silent,
            "late": type(late).__name__,
            "position": position,
            "limits": mono.limits,
            "protocols": protocols,
        }
    )
)
"""


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return loopback()


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[list[str]]:
    with serving(SERVER, environment) as names:
        yield names


@pytest.fixture(scope="module")
def session(served: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    return json.loads(last)  # type: ignore[no-any-return]


def events(documents: list[tuple[str, dict[str, Any]]]) -> list[dict[str, float]]:
    return [doc["data"] for name, doc in documents if name == "event"]


def test_the_server_names_its_records(served: list[str]) -> None:
    assert served[0] == "serving"
    assert {"SIM:Energy", "SIM:Energy:RBV", "SIM:CNT", "SIM:I0", "SIM:Ring"} <= set(served)


def test_chambers_are_triggered_one_by_one_or_all_at_once(session: dict[str, Any]) -> None:
    single, together = (events(documents) for documents in session["runs"])
    assert set(single[0]) == {"mono_energy", "i0", "it", "ir"}
    assert set(together[0]) == {"other_energy", "i0", "it", "ir", "if"}
    for run, key in ((single, "mono_energy"), (together, "other_energy")):
        assert [event[key] for event in run] == [8300.0, 8350.0, 8370.0]
        before, white_line, after = (event["it"] / event["i0"] for event in run)
        assert before > after > white_line


def test_descriptors_carry_units_and_the_dwell(session: dict[str, Any]) -> None:
    descriptor = session["runs"][1][1][1]
    units = {key: data_key["units"] for key, data_key in descriptor["data_keys"].items()}
    assert units == {"other_energy": "eV", "i0": "A", "it": "A", "ir": "A", "if": "counts"}
    assert descriptor["configuration"]["chambers"]["data"] == {"chambers_dwell_s": 0.2}


def test_limits_are_the_records(session: dict[str, Any]) -> None:
    assert session["limits"] == [4500.0, 14000.0]
    assert "99.0" in session["refused"]


def test_a_silent_detector_reads_nan_and_a_late_one_fails(session: dict[str, Any]) -> None:
    assert math.isnan(session["silent"])
    assert session["late"] == "StatusTimeoutError"


def test_stopped_on_its_way_it_stays_there(session: dict[str, Any]) -> None:
    assert 8300.0 < session["position"] < 13000.0


def test_devices_keep_the_protocols(session: dict[str, Any]) -> None:
    protocols = {name: set(kept) for name, kept in session["protocols"].items()}
    assert protocols["mono"] >= {"Movable", "Readable", "Stoppable"}
    assert protocols["chambers"] >= {"Readable", "Triggerable"}
    assert protocols["chambers_if_"] >= {"Readable", "Triggerable"}
