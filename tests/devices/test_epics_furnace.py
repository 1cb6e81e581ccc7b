"""A ramp of a furnace behind EPICS: to its end, and with its process or its controller killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from channel_access import loopback

from cgnmc_bluesky.devices import epics_furnace

SERVER = """
from cgnmc_bluesky.sim import SimulatedHotStage
from cgnmc_bluesky.sim.ioc import run_ioc
from cgnmc_bluesky.sim.oven import Body

stage = SimulatedHotStage(speed=1.0)
stage.furnace.oven.body = Body(full_c_per_s=10.0, lag_s=1.0)
stage.furnace.oven.RESET_S = 20.0
run_ioc("SIM:", hot_stage=stage, on_start=lambda names: print("serving", flush=True))
"""

DEVICES = """
import json, sys
from bluesky import RunEngine
from cgnmc_bluesky.devices import epics_furnace, epics_spectrometer
from cgnmc_bluesky.plans import heating_ramp

furnace = epics_furnace("SIM:Furnace:", name="furnace")
rga = epics_spectrometer("SIM:RGA:", name="rga", channels={"mz18": "MZ18", "mz32": "MZ32"})
for device in (furnace, rga):
    device.wait_for_connection(timeout=20)
"""

RAMPS = (
    DEVICES
    + """
furnace.heartbeat_timeout_s.set(5.0).wait(5)
RE = RunEngine({}, context_managers=[])

def show(name, doc):
    if name in {"event", "descriptor", "stop"}:
        print(json.dumps([name, doc]), flush=True)

RE.subscribe(show)
RE(heating_ramp(
    furnace, [], [rga], target_c=float(sys.argv[1]), rate_c_per_min=300.0, ion_period_s=0.5
))
"""
)

LOOKS = (
    DEVICES
    + """
from ophyd.status import SubscriptionStatus

SubscriptionStatus(furnace.heater, lambda value, **_: value == 0, timeout=15).wait()
print(json.dumps([furnace.heater.get(), furnace.position]))
"""
)


@pytest.fixture
def environment() -> dict[str, str]:
    return loopback()


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a script in a process of its own; all of them end with the test."""
    running: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate(timeout=20)


@pytest.fixture
def server(start: Callable[..., subprocess.Popen[str]]) -> subprocess.Popen[str]:
    process = start(SERVER)
    assert process.stdout is not None
    assert process.stdout.readline() == "serving\n"
    return process


def until_warm(ramp: subprocess.Popen[str]) -> None:
    """Read a ramp's documents until it has become warmer."""
    assert ramp.stdout is not None
    for line in ramp.stdout:
        _, doc = json.loads(line)
        if doc.get("data", {}).get("furnace_temperature", 0.0) > 26.0:
            return
    raise AssertionError(ramp.stderr.read() if ramp.stderr else "")


def test_a_ramp_over_epics_reaches_its_target(
    start: Callable[..., subprocess.Popen[str]], server: subprocess.Popen[str]
) -> None:
    out, log = start(RAMPS, "28").communicate(timeout=60)
    documents = [json.loads(line) for line in out.splitlines()]
    assert documents[-1][1]["exit_status"] == "success", log
    assert documents[-1][1]["num_events"]["ions"] >= 3
    (units,) = [
        {key: data_key["units"] for key, data_key in doc["data_keys"].items()}
        for name, doc in documents
        if name == "descriptor" and doc["name"] == "temperature"
    ]
    assert units["furnace_temperature"] == "degC"
    assert json.loads(start(LOOKS).communicate(timeout=60)[0])[0] == 0


def test_the_watchdog_turns_the_heater_off_where_the_process_is_killed(
    start: Callable[..., subprocess.Popen[str]], server: subprocess.Popen[str]
) -> None:
    ramp = start(RAMPS, "400")
    until_warm(ramp)
    ramp.send_signal(signal.SIGKILL)
    heater, temperature_c = json.loads(start(LOOKS).communicate(timeout=60)[0])
    assert heater == 0
    assert temperature_c < 200.0


def test_a_controller_that_is_gone_ends_the_run_and_says_so(
    start: Callable[..., subprocess.Popen[str]], server: subprocess.Popen[str]
) -> None:
    ramp = start(RAMPS, "400")
    until_warm(ramp)
    server.send_signal(signal.SIGKILL)
    out, _ = ramp.communicate(timeout=90)
    (stop,) = [json.loads(line)[1] for line in out.splitlines() if line.startswith('["stop"')]
    assert stop["exit_status"] == "fail"
    assert "connect" in stop["reason"]
    assert stop["num_events"]["temperature"] > 1
    said = " ".join(out.split())
    assert "heater did not take 0" in said
    assert "Look after furnace or wait 5 s for its watchdog" in said


def test_a_control_that_no_furnace_has_is_refused() -> None:
    with pytest.raises(ValueError, match="a furnace has no 'rate': name some of ramp_rate, heater"):
        epics_furnace("SIM:Furnace:", name="furnace", controls={"rate": "Rate"})
