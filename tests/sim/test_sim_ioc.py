"""The hot stage's records over real Channel Access on loopback, and a client that is killed."""

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from channel_access import loopback, serving

SERVER = """
from cgnmc_bluesky.sim import Fault, SimulatedBeamline, SimulatedHotStage
from cgnmc_bluesky.sim.ioc import run_ioc

faults = [
    Fault("raise", points=[2], channel="diffractometer"),
    Fault("gone", points=[40], channel="rga"),
]
run_ioc(
    "SIM:",
    SimulatedBeamline("NiO", speed=60.0),
    SimulatedHotStage("gradient", speed=60.0, faults=faults),
    on_start=lambda names: print("serving", *names, flush=True),
)
"""

RECORDS = """
import json, os, signal, sys
from ophyd import EpicsSignal, EpicsSignalRO
from ophyd.status import SubscriptionStatus

def record(name, kind=EpicsSignal, **options):
    made = kind("SIM:" + name, name=name, **options)
    made.wait_for_connection(timeout=20)
    return made

def until(what, holds):
    SubscriptionStatus(what, lambda value, **_: holds(value), timeout=20).wait()

temperature = record("Furnace:T", EpicsSignalRO)
setpoint, heater = record("Furnace:SP"), record("Furnace:Heater", put_complete=True)
rate, timeout_s = record("Furnace:Rate", put_complete=True), record("Furnace:Timeout")
heartbeat, limit = record("Furnace:Heartbeat"), record("Furnace:Limit", put_complete=True)
alarm, done = record("Furnace:Alarm", EpicsSignalRO, string=True), record("Furnace:DMOV")
said = {}
"""

HEATS_AND_IS_KILLED = (
    RECORDS
    + """
rate.set(60.0).wait(5)
timeout_s.put(300.0, wait=True)
heartbeat.put(1, wait=True)
setpoint.put(500.0, wait=True)
until(temperature, lambda value: value > 50.0)
heartbeat.put(2, wait=True)
print(temperature.get(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
)

LOOKS = (
    RECORDS
    + """
until(heater, lambda value: value == 0)
said["alarm"], said["hot"] = alarm.get(), temperature.get()
until(temperature, lambda value: value < said["hot"] - 5.0)
heartbeat.put(0, wait=True)

heater.set(1).wait(5)
until(alarm, lambda value: value == "")
target = round(temperature.get() + 20.0, 1)
setpoint.put(target, wait=True)
until(done, lambda value: value == 1)
said["held"] = temperature.get() - target
setpoint.put(target + 200.0, wait=True)
until(temperature, lambda value: value > target + 20.0)
record("Furnace:STOP").put(1, wait=True)
said["stopped_above"] = setpoint.get() - target
limit.set(40.0).wait(5)
until(heater, lambda value: value == 0)
said["too_hot"] = alarm.get()

acquire, exposure = record("XRD:Acquire", put_complete=True), record("XRD:Exposure")
intensity, axis = record("XRD:Intensity", EpicsSignalRO), record("XRD:TwoTheta", EpicsSignalRO)
exposure.put(30.0, wait=True)
said["patterns"] = []
for _ in range(2):
    acquire.set(1).wait(20)
    counts = intensity.get()
    said["patterns"].append([len(counts), float(counts.sum())])
said["exposed_s"] = record("XRD:Exposed", EpicsSignalRO).get()
said["axis"] = [float(axis.get()[0]), float(axis.get()[-1]), len(axis.get())]

mass = record("RGA:MZ32", EpicsSignalRO)
said["units"] = {name: made.describe()[name]["units"] for name, made in
    (("RGA:MZ32", mass), ("Furnace:T", temperature), ("Furnace:Rate", rate))}
record("RGA:Period", put_complete=True).set(1.0).wait(5)
until(mass, lambda value: mass.alarm_severity != 0)
said["gas"] = [mass.get(), int(mass.alarm_severity)]
print(json.dumps(said))
"""
)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return loopback()


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[list[str]]:
    with serving(SERVER, environment) as names:
        yield names


def run(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def said(served: list[str], environment: dict[str, str]) -> dict[str, Any]:
    killed = run(HEATS_AND_IS_KILLED, environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    looked = run(LOOKS, environment)
    assert looked.returncode == 0, looked.stderr
    return {"left_at": float(killed.stdout), **json.loads(looked.stdout.splitlines()[-1])}


def test_the_beamline_and_the_hot_stage_are_served_side_by_side(served: list[str]) -> None:
    assert {"SIM:Energy", "SIM:CNT", "SIM:Furnace:T", "SIM:RGA:MZ32", "SIM:XRD:Acquire"} <= set(
        served
    )


def test_the_heater_goes_off_when_its_client_is_killed(said: dict[str, Any]) -> None:
    assert said["alarm"] == "no heartbeat"
    assert 50.0 < said["left_at"] < said["hot"] < 490.0


def test_the_furnace_holds_stops_and_guards_itself(said: dict[str, Any]) -> None:
    assert -2.0 < said["held"] < 20.0
    assert 20.0 < said["stopped_above"] < 150.0
    assert said["too_hot"] == "over-temperature"


def test_patterns_come_when_they_are_asked_for_and_a_silent_detectors_are_nan(
    said: dict[str, Any],
) -> None:
    (n, counts), (n_silent, silent) = said["patterns"]
    assert n == n_silent == 3000
    assert counts > 1e6
    assert math.isnan(silent)
    assert said["exposed_s"] == 30.0
    assert said["axis"] == [pytest.approx(3.0, abs=0.01), pytest.approx(22.0, abs=0.01), 3000]


def test_gases_come_by_themselves_until_the_spectrometer_is_gone(said: dict[str, Any]) -> None:
    current_a, severity = said["gas"]
    assert 1e-12 < current_a < 1e-8
    assert severity == 3


def test_records_tell_their_units(said: dict[str, Any]) -> None:
    assert said["units"] == {"RGA:MZ32": "A", "Furnace:T": "degC", "Furnace:Rate": "degC/min"}
