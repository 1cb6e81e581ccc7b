"""The mass spectrometer over a heated cathode: its readings, its pace, and what goes wrong."""

from typing import Any

import numpy as np
import pytest
from bluesky.protocols import Readable, Stageable, Triggerable
from numpy.testing import assert_allclose, assert_array_equal

from cgnmc_bluesky.devices.heating import pace_of
from cgnmc_bluesky.sim import Clock, DetectorFailure, Fault, SimulatedHotStage
from cgnmc_bluesky.sim.gases import MASSES, Gauge, Reading
from cgnmc_bluesky.sim.spectrometer import make_spectrometer

KEYS = [f"rga_mz{mass}" for mass in MASSES]
PROMPT = Gauge(delay_s=0.0, mixing_s=0.0)


def rows(stage: SimulatedHotStage, n: int) -> dict[str, np.ndarray[Any, Any]]:
    """Currents of `n` readings by their keys, and their times since the start."""
    start_s = stage.clock.now_s()
    found = []
    for _ in range(n):
        stage.rga.trigger().wait(1)
        reading = stage.rga.read()
        times = {reading[key]["timestamp"] - start_s for key in KEYS}
        assert len(times) == 1
        found.append([*(reading[key]["value"] for key in KEYS), *times])
    return dict(zip([*KEYS, "time_s"], np.array(found).T, strict=True))


def test_it_keeps_blueskys_protocols_and_tells_its_units() -> None:
    rga = SimulatedHotStage().rga
    for protocol in (Readable, Triggerable, Stageable):
        assert isinstance(rga, protocol)
    assert pace_of(rga) is rga.period_s
    assert list(rga.describe()) == KEYS
    assert {described["units"] for described in rga.describe().values()} == {"A"}
    assert rga.hints == {"fields": KEYS}


def test_it_waits_for_its_next_reading_and_moves_the_clock_there() -> None:
    stage = SimulatedHotStage(gauge=Gauge(stale=0.0))
    found = rows(stage, 4)
    assert_allclose(found["time_s"], [0.0, 3.0, 6.0, 9.0])
    stage.clock.advance(1.0)
    stage.rga.period_s.put(5.0)
    assert_allclose(rows(stage, 2)["time_s"] + 10.0, [10.0, 15.0])


def test_devices_of_one_period_measure_at_the_same_times() -> None:
    stage = SimulatedHotStage(gauge=Gauge(stale=0.0))
    for _ in range(3):
        stage.rga.trigger().wait(1)
        stage.furnace.trigger().wait(1)
        stamps = {
            device.read()[key]["timestamp"]
            for device, key in ((stage.rga, "rga_mz32"), (stage.furnace, "furnace_temperature"))
        }
        assert len(stamps) == 1


def test_oxygen_comes_where_the_truth_says() -> None:
    stage = SimulatedHotStage("conventional", gauge=PROMPT, noise=False)
    stage.furnace.ramp_rate.put(10.0)
    truth = stage.metadata({"rate_c_per_min": 10.0, "target_c": 300.0})["truth"]
    stage.furnace.heartbeat_timeout_s.put(3600.0)
    stage.furnace.heartbeat.put(1)
    stage.furnace.set(300.0)
    current_a, at_c = [], []
    for _ in range(500):
        stage.rga.trigger().wait(1)
        current_a.append(stage.rga.read()["rga_mz32"]["value"])
        at_c.append(stage.furnace.position)
    peak = int(np.argmax(current_a))
    assert at_c[peak] == pytest.approx(truth["t_peak_c"], abs=1.0)
    stable = SimulatedHotStage("stable", gauge=PROMPT, noise=False)
    assert rows(stable, 500)["rga_mz32"][peak] < 0.5 * current_a[peak]


def test_the_gas_is_late_by_what_the_roles_say() -> None:
    """A jump of the release comes when the gas has gone its way."""
    stages = [
        SimulatedHotStage("conventional", gauge=gauge, noise=False) for gauge in (PROMPT, Gauge())
    ]
    delays_s = [stage.roles()["heating"]["transport_delay_s"] for stage in stages]
    assert delays_s == [0.0, 11.0]
    found = []
    for stage in stages:
        stage.furnace.ramp_rate.put(10.0)
        stage.furnace.set(232.0).wait(1)
        stage.rga.period_s.put(1.0)
        found.append(rows(stage, 240)["rga_mz32"])
    prompt, late = found
    shifts = [np.square(late[30:] - prompt[30 - n : 240 - n]).sum() for n in range(25)]
    assert int(np.argmin(shifts)) == pytest.approx(11, abs=1)


def test_noise_is_the_seeds() -> None:
    first, again, other = (rows(SimulatedHotStage(seed=seed), 30)["rga_mz32"] for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert np.all(first != other)


def test_old_readings_come_with_their_times() -> None:
    found = rows(SimulatedHotStage(gauge=Gauge(stale=0.3)), 60)
    old = np.flatnonzero(np.diff(found["time_s"]) == 0)
    assert 5 < len(old) < 35
    for key in KEYS:
        assert_array_equal(found[key][old + 1], found[key][old])
    asked = rows(SimulatedHotStage(gauge=Gauge(stale=0.0), faults=[Fault("stale", points=[4])]), 5)
    assert_allclose(asked["time_s"], [0.0, 3.0, 6.0, 6.0, 12.0])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("nan", lambda good: np.nan),
        ("zero", lambda good: 0.0),
        ("negative", lambda good: -good[3]),
        ("stuck", lambda good: good[2]),
        ("spike", lambda good: 60.0 * good[3]),
    ],
)
def test_one_mass_goes_wrong_and_the_others_do_not(kind: Any, expected: Any) -> None:
    good = rows(SimulatedHotStage(seed=1), 6)
    fault = Fault(kind, points=[4], channel="rga_mz32")
    bad = rows(SimulatedHotStage(seed=1, faults=[fault]), 6)
    assert_allclose(bad["rga_mz32"][3], expected(good["rga_mz32"]))
    for key in KEYS:
        others = np.arange(6) != (3 if key == "rga_mz32" else -1)
        assert_array_equal(bad[key][others], good[key][others])


@pytest.mark.parametrize("channel", ["rga", "rga_mz44", None])
def test_it_may_fail_once(channel: str | None) -> None:
    stage = SimulatedHotStage(faults=[Fault("raise", points=[2], channel=channel)])
    rows(stage, 1)
    with pytest.raises(DetectorFailure, match="rga does not answer at reading 2"):
        stage.rga.trigger()
    rows(stage, 1)


def test_it_may_be_gone_for_good_and_points_count_from_staging() -> None:
    stage = SimulatedHotStage(faults=[Fault("gone", points=[3], channel="rga")])
    for _ in range(2):
        stage.rga.stage()
        rows(stage, 2)
        for _ in range(3):
            with pytest.raises(DetectorFailure, match="does not answer"):
                stage.rga.trigger()
        stage.rga.unstage()


def test_it_records_the_masses_that_are_wanted() -> None:
    currents = dict.fromkeys(MASSES, 1e-12)
    rga = make_spectrometer(
        Clock(start_s=0.0), lambda time_s: Reading(time_s, currents), name="ms", masses=(32, 44)
    )
    rga.trigger().wait(1)
    assert list(rga.read()) == ["ms_mz32", "ms_mz44"]


def test_many_readings_take_no_time_at_a_pace_some() -> None:
    stage = SimulatedHotStage(readings_per_s=100.0)
    begin_s = stage.clock.now_s()
    statuses = [stage.rga.trigger() for _ in range(3)]
    assert stage.clock.now_s() == begin_s + 6.0
    assert not statuses[-1].done
    for status in statuses:
        status.wait(1)
