"""The furnace: it ramps, lags, overshoots, holds, cools, and guards itself."""

from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.protocols import Movable, NamedMovable, Readable, Stageable, Stoppable, Triggerable
from numpy.testing import assert_allclose
from ophyd.status import SubscriptionStatus
from ophyd.utils import LimitError

from cgnmc_bluesky.devices.heating import Controls, pace_of
from cgnmc_bluesky.sim import Clock, DetectorFailure, Fault, SimulatedHotStage
from cgnmc_bluesky.sim.faults import Faults
from cgnmc_bluesky.sim.furnace import Furnace
from cgnmc_bluesky.sim.oven import Oven

START_S = 1_767_254_400.0


def make_furnace(*faults: Fault, speed: float = float("inf"), seed: int | None = None) -> Furnace:
    clock = Clock(speed, start_s=START_S)
    noise = None if seed is None else np.random.SeedSequence(seed)
    return Furnace(clock, Oven(START_S), seed=noise, faults=Faults(faults))


def readings(furnace: Furnace, n: int, *, beats: bool = False) -> list[dict[str, float]]:
    """What `n` readings hold, with the timestamp of the temperature."""
    rows = []
    for _ in range(n):
        if beats:
            furnace.heartbeat.set(furnace.heartbeat.get() + 1).wait(1)
        furnace.trigger().wait(1)
        reading = furnace.read()
        row = {key.removeprefix("furnace_"): value["value"] for key, value in reading.items()}
        rows.append({**row, "time_s": reading["furnace_temperature"]["timestamp"] - START_S})
    return rows


def column(rows: list[dict[str, float]], name: str) -> np.ndarray[Any, Any]:
    return np.array([row[name] for row in rows])


def test_a_furnace_keeps_blueskys_protocols_and_has_what_plans_look_for() -> None:
    furnace = make_furnace()
    for protocol in (NamedMovable, Readable, Triggerable, Stoppable, Stageable):
        assert isinstance(furnace, protocol)
    controls = Controls.of(furnace)
    assert controls.ramp_rate is furnace.ramp_rate
    assert controls.setpoint is furnace.setpoint
    assert controls.heater is furnace.heater
    assert controls.heartbeat is furnace.heartbeat
    assert controls.over_temperature is furnace.over_temperature
    assert pace_of(furnace) is furnace.period_s
    assert furnace.hints == {"fields": ["furnace_temperature"]}
    assert next(iter(furnace.describe())) == "furnace_temperature"
    for part in (furnace.setpoint, furnace.ramp_rate, furnace.heater, furnace.heartbeat):
        assert isinstance(part, Movable)
        assert not isinstance(part, Stoppable)


def test_units_are_told() -> None:
    furnace = make_furnace()
    units = {key: described.get("units") for key, described in furnace.describe().items()}
    assert units["furnace_temperature"] == units["furnace_setpoint"] == "degC"
    assert furnace.ramp_rate.describe()["furnace_ramp_rate"]["units"] == "degC/min"


# Physics


@pytest.fixture(scope="module")
def ramp() -> list[dict[str, float]]:
    """To 200 °C at 10 °C/min, and ten minutes there."""
    furnace = make_furnace(seed=3)
    furnace.ramp_rate.set(10.0)
    furnace.heartbeat_timeout_s.set(3600.0)
    furnace.heartbeat.set(1)
    furnace.set(200.0)
    return readings(furnace, 550)


def test_it_ramps_at_the_rate_that_was_set(ramp: list[dict[str, float]]) -> None:
    time_s, at_c = column(ramp, "time_s"), column(ramp, "temperature")
    middle = (at_c > 60) & (at_c < 180)
    slope, _ = np.polyfit(time_s[middle] / 60, at_c[middle], 1)
    assert slope == pytest.approx(10.0, rel=0.01)
    assert_allclose(np.diff(column(ramp, "ramp")).max(), 0.5, atol=0.02)


def test_it_overshoots_by_a_few_degrees_and_settles(ramp: list[dict[str, float]]) -> None:
    at_c = column(ramp, "temperature")
    assert 2.0 < at_c.max() - 200.0 < 10.0
    assert_allclose(at_c[-40:], 200.0, atol=0.6)


def test_its_readings_scatter_by_a_tenth_and_are_whole_tenths(
    ramp: list[dict[str, float]],
) -> None:
    at_c = column(ramp, "temperature")
    assert_allclose(at_c, np.round(at_c, 1), atol=1e-9)
    assert 0.05 < at_c[-40:].std() < 0.2


def test_it_is_read_once_a_period(ramp: list[dict[str, float]]) -> None:
    time_s = column(ramp, "time_s")
    assert_allclose(np.diff(time_s), 3.0)
    assert_allclose((time_s + START_S) % 3.0, 0.0)


def test_its_heater_has_its_limits() -> None:
    furnace = make_furnace()
    furnace.ramp_rate.set(240.0)
    furnace.heartbeat.set(1)
    furnace.set(500.0)
    rows = readings(furnace, 100, beats=True)
    assert column(rows, "power").max() == 100.0
    assert np.diff(column(rows, "temperature")).max() < 3.0


def test_it_cools_slowly_and_ever_more_slowly() -> None:
    furnace = make_furnace()
    furnace.ramp_rate.set(60.0)
    furnace.set(400.0).wait(1)
    furnace.heater.set(0)
    at_c = [furnace.position]
    for _ in range(3):
        furnace._clock.advance(600.0)
        at_c.append(furnace.position)
    lost = -np.diff(at_c)
    assert lost[0] < 150.0
    assert lost[0] > 1.2 * lost[1] > 1.44 * lost[2] > 10.0


def test_what_comes_of_it_does_not_depend_on_how_often_it_is_read() -> None:
    often, seldom = make_furnace(), make_furnace()
    for furnace in (often, seldom):
        furnace.heartbeat_timeout_s.set(3600.0)
        furnace.heartbeat.set(1)
        furnace.set(80.0)
    readings(often, 200)
    seldom._clock.advance(often._clock.now_s() - seldom._clock.now_s())
    assert often.position == seldom.position
    assert often.oven.power == seldom.oven.power


# Commands


def test_a_motion_is_done_at_the_target() -> None:
    furnace = make_furnace()
    furnace.set(60.0).wait(1)
    assert furnace.position == pytest.approx(60.0, abs=1.5)
    elapsed_min = (furnace._clock.now_s() - START_S) / 60
    assert elapsed_min == pytest.approx(35 / 4, rel=0.1)
    assert furnace.read()["furnace_temperature"]["value"] == furnace.position


def test_while_heartbeats_come_a_motion_lets_others_move_the_clock() -> None:
    furnace = make_furnace()
    furnace.heartbeat.set(1)
    motion = furnace.set(60.0)
    assert furnace._clock.now_s() == START_S
    n = 0
    while not motion.done:
        n += len(readings(furnace, 1, beats=True))
    assert 3.0 * n == pytest.approx(35 / 4 * 60, rel=0.1)
    motion.wait(1)


def test_stop_holds_where_it_is() -> None:
    furnace = make_furnace()
    furnace.heartbeat.set(1)
    motion = furnace.set(200.0)
    readings(furnace, 200, beats=True)
    furnace.stop()
    with pytest.raises(RuntimeError, match=r"furnace was stopped at 6\d"):
        motion.wait(1)
    stopped_c = furnace.setpoint.get()
    rows = readings(furnace, 200, beats=True)
    assert_allclose(column(rows, "temperature")[-20:], stopped_c, atol=1.0)
    assert furnace.heater.get() == 1


def test_a_stop_that_is_wanted_and_a_new_target_end_a_motion_well() -> None:
    furnace = make_furnace()
    furnace.heartbeat.set(1)
    first, second = furnace.set(200.0), furnace.set(100.0)
    first.wait(1)
    assert not second.done
    furnace.stop(success=True)
    second.wait(1)


def test_turning_the_heater_off_ends_a_motion_and_a_stop_does_not_turn_it_on() -> None:
    furnace = make_furnace()
    furnace.heartbeat.set(1)
    motion = furnace.set(200.0)
    furnace.heater.set(0)
    motion.wait(1)
    furnace.stop()
    furnace.setpoint.set(300.0)
    rows = readings(furnace, 5)
    assert column(rows, "heater").tolist() == [0] * 5
    with pytest.raises(RuntimeError, match="has its heater off: set furnace_heater to 1"):
        furnace.set(100.0)


def test_what_cannot_be_is_refused() -> None:
    furnace = make_furnace()
    with pytest.raises(LimitError, match=r"furnace cannot go to 2000.* it reaches 0\.0 to 900"):
        furnace.set(2000.0)
    with pytest.raises(ValueError, match=r"furnace_ramp_rate = 0\.0 degC/min; give 0\.01 to"):
        furnace.ramp_rate.set(0.0)
    with pytest.raises(ValueError, match="furnace_heater = 2"):
        furnace.heater.set(2)


def test_plain_plans_use_it(RE: RunEngine) -> None:
    furnace = make_furnace()
    RE(bps.mv(furnace.ramp_rate, 30.0))
    RE(bps.mv(furnace, 60.0))
    assert furnace.position == pytest.approx(60.0, abs=2.0)


# Guards


def test_the_heater_goes_off_where_no_heartbeat_comes() -> None:
    furnace = make_furnace()
    furnace.heartbeat.set(1)
    motion = furnace.set(200.0)
    readings(furnace, 20, beats=True)
    rows = readings(furnace, 12)
    heater = column(rows, "heater")
    assert heater[:9].tolist() == [1] * 9
    assert heater[-1] == 0
    with pytest.raises(RuntimeError, match="turned its heater off: no heartbeat"):
        motion.wait(1)
    with pytest.raises(RuntimeError, match=r"heater off \(no heartbeat\): set furnace_heater to 1"):
        furnace.set(200.0)
    furnace.heater.set(1)
    assert not furnace.is_armed
    furnace.set(60.0).wait(1)


def test_a_heartbeat_is_a_change_and_zero_says_that_none_will_come() -> None:
    repeated, told = make_furnace(), make_furnace()
    for furnace in (repeated, told):
        furnace.heartbeat.set(1)
        furnace.set(200.0)
        readings(furnace, 5)
    told.heartbeat.set(0)
    repeated.heartbeat.set(1)
    assert column(readings(told, 20), "heater")[-1] == 1
    assert column(readings(repeated, 20), "heater")[-1] == 0


def test_nobody_need_look_for_the_heater_to_go_off() -> None:
    watched, alone = make_furnace(), make_furnace()
    for furnace in (watched, alone):
        furnace.heartbeat.set(1)
        furnace.set(200.0)
    readings(watched, 200)
    alone._clock.advance(600.0)
    assert alone.heater.get() == 0
    assert alone.position == watched.position < 40.0


def test_time_that_passes_by_itself_brings_the_watchdog_and_tells_it() -> None:
    furnace = make_furnace(speed=3000.0)
    furnace.heartbeat_timeout_s.set(60.0)
    furnace.heartbeat.set(1)
    motion = furnace.set(900.0)
    SubscriptionStatus(furnace.heater, lambda value, **_: value == 0, timeout=10).wait()
    with pytest.raises(RuntimeError, match="no heartbeat"):
        motion.wait(1)


def test_the_heater_goes_off_above_the_limit() -> None:
    furnace = make_furnace()
    furnace.over_temperature.set(50.0)
    with pytest.raises(RuntimeError, match="turned its heater off: over-temperature"):
        furnace.set(200.0).wait(1)
    furnace._clock.advance(600.0)
    assert furnace.position < 50.0


# Faults


def ramped(*faults: Fault, n: int = 40) -> list[dict[str, float]]:
    furnace = make_furnace(*faults)
    furnace.stage()
    furnace.heartbeat.set(1)
    furnace.ramp_rate.set(10.0)
    furnace.set(200.0)
    return readings(furnace, n, beats=True)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("nan", lambda good: np.nan),
        ("stuck", lambda good: good[9]),
        ("zero", lambda good: 0.0),
        ("spike", lambda good: 60.0 * good[10]),
        ("jump", lambda good: good[10] + 60.0),
    ],
)
def test_a_reading_goes_wrong(kind: Any, expected: Any) -> None:
    good = column(ramped(), "temperature")
    bad = column(ramped(Fault(kind, points=[11], channel="furnace_temperature")), "temperature")
    assert_allclose(bad[10], expected(good))
    others = np.arange(40) != 10
    assert_allclose(bad[others], good[others])


def test_old_readings_come_with_their_times_and_a_wrong_clock_with_its_own() -> None:
    rows = ramped(Fault("stale", points=[11, 12]), Fault("late", points=[20], size=90.0))
    time_s = column(rows, "time_s")
    assert time_s[9] == time_s[10] == time_s[11] < time_s[12]
    assert time_s[19] == time_s[18] + 93.0


def test_a_ramp_stalls_goes_back_or_is_too_fast() -> None:
    good = column(ramped(), "temperature")
    stalled = column(ramped(Fault("stall", points=range(20, 100))), "temperature")
    back = column(ramped(Fault("backwards", points=range(20, 100))), "ramp")
    fast = column(ramped(Fault("rate")), "temperature")
    slow = column(ramped(Fault("rate", size=1 / 60)), "temperature")
    assert stalled[-1] < good[-1] - 2.0
    assert np.all(np.diff(back[21:35]) < 0)
    assert fast[-1] - fast[0] > 3 * (good[-1] - good[0])
    assert abs(slow[-1] - slow[0]) < 1.0


@pytest.fixture
def gone() -> Furnace:
    furnace = make_furnace(Fault("gone", points=[5], channel="furnace"))
    furnace.heartbeat.set(1)
    furnace.set(200.0)
    readings(furnace, 4, beats=True)
    return furnace


def test_a_controller_that_is_gone_takes_no_command_and_turns_its_heater_off(
    gone: Furnace,
) -> None:
    with pytest.raises(DetectorFailure, match="furnace does not answer at reading 5"):
        gone.trigger()
    for command in (gone.heartbeat, gone.heater, gone.setpoint):
        with pytest.raises(DetectorFailure, match="does not answer"):
            command.set(0)
    gone._clock.advance(60.0)
    assert gone.position < 30.0
    assert gone.oven.tripped == "no heartbeat"
    assert not gone.oven.is_on


def test_a_fault_of_another_device_is_none_of_the_furnaces() -> None:
    stage = SimulatedHotStage(faults=[Fault("gone", channel="rga")])
    stage.furnace.trigger().wait(1)
    with pytest.raises(DetectorFailure, match="rga does not answer"):
        stage.rga.trigger()
