"""Every way in which a ramp ends: the furnace cools, and what was measured is there."""

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from bluesky import Msg, RunEngine
from bluesky.suspenders import SuspendBoolHigh
from bluesky.utils import FailedStatus, RunEngineInterrupted
from ophyd import Signal
from short_ramps import events, is_cooling, ramp
from ways_out import FaultError, broken_at, paused_before

from cgnmc_bluesky.devices import ramping
from cgnmc_bluesky.sim import Fault, SimulatedHotStage

FAULTY = "furnace_temperature"


@pytest.fixture
def stage() -> SimulatedHotStage:
    return SimulatedHotStage(seed=1)


def hot(*faults: Fault) -> SimulatedHotStage:
    return SimulatedHotStage(seed=1, faults=faults)


def ended(recorder: Any) -> tuple[str, str]:
    """How the run ended; what was measured up to there must be in its documents."""
    (stop,) = recorder.of("stop")
    counted = {
        stream: len(events(recorder, stream)) for stream in ("primary", "ions", "temperature")
    }
    assert {stream: n for stream, n in counted.items() if n} == stop["num_events"]
    return stop["exit_status"], stop["reason"]


@pytest.mark.parametrize(
    ("device", "method", "call"),
    [
        ("rga", "stage", 1),
        ("rga", "trigger", 10),
        ("rga", "read", 10),
        ("rga", "unstage", 1),
        ("diffractometer", "stage", 1),
        ("diffractometer", "trigger", 2),
        ("diffractometer", "read", 2),
        ("furnace", "set", 1),
        ("furnace", "trigger", 10),
        ("furnace", "read", 10),
        ("furnace.heater", "set", 1),
        ("furnace.heater", "read", 10),
        ("furnace.heartbeat", "set", 1),
        ("furnace.heartbeat", "set", 4),
        ("furnace.ramp_rate", "set", 1),
    ],
)
def test_a_device_that_fails_ends_the_heating(
    *, RE: RunEngine, recorder: Any, stage: SimulatedHotStage, device: str, method: str, call: int
) -> None:
    name, _, part = device.partition(".")
    broken = stage.devices()[name]
    broken_at(getattr(broken, part) if part else broken, method, call)
    with pytest.raises((FaultError, FailedStatus, RuntimeError)):
        RE(ramp(stage))
    assert is_cooling(stage) or not recorder.of("start")
    assert stage.furnace.setpoint.get() == 25.0
    if recorder.of("start") and method != "unstage":
        status, reason = ended(recorder)
        assert status == "fail"
        assert "of 60 degC" in reason


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("gone", channel="rga", points=[20]), "rga does not answer at reading 20"),
        (Fault("gone", channel="diffractometer", points=[2]), "diffractometer does not answer"),
        (Fault("gone", channel="furnace", points=[20]), "furnace does not answer at reading 20"),
        (Fault("nan", channel=FAULTY, points=range(20, 99)), "the last 5 temperatures are nan"),
        (Fault("stuck", channel=FAULTY, points=range(15, 99)), "it has read .* for 60 s"),
        (Fault("stall", channel="furnace"), "where 20 degC/min was asked"),
        (Fault("rate", channel="furnace", size=1 / 60), "60 times as slow.*degC/h"),
        (Fault("backwards", channel="furnace", points=range(20, 99)), "where 20 degC/min was"),
        (Fault("jump", channel=FAULTY, points=range(20, 99)), "above the limit of 85 degC"),
    ],
)
def test_what_goes_wrong_is_said_and_ends_the_heating(
    *,
    RE: RunEngine,
    recorder: Any,
    capsys: pytest.CaptureFixture[str],
    fault: Fault,
    reason: str,
) -> None:
    stage = hot(fault)
    with pytest.raises(Exception, match=reason):
        RE(ramp(stage))
    status, said = ended(recorder)
    assert status == "fail"
    assert "furnace came to" in said
    is_controller_gone = (fault.kind, fault.channel) == ("gone", "furnace")
    assert ("wait 30 s for its watchdog" in capsys.readouterr().out) == is_controller_gone
    assert is_cooling(stage)


def test_a_rate_that_is_sixty_times_too_fast_is_noticed_within_seconds(
    RE: RunEngine, recorder: Any
) -> None:
    stage = hot(Fault("rate", channel="furnace", size=60.0))
    with pytest.raises(RuntimeError, match=r"where 2 degC/min was asked"):
        RE(ramp(stage, rate_c_per_min=2.0, target_c=300.0, over_temperature_c=400.0))
    assert events(recorder, "temperature")[-1]["data"][FAULTY] < 90.0
    assert is_cooling(stage)


@pytest.mark.parametrize("kind", ["spike", "nan"])
def test_a_single_reading_that_is_wrong_ends_nothing(
    RE: RunEngine, recorder: Any, kind: Any
) -> None:
    RE(ramp(hot(Fault(kind, channel=FAULTY, points=[10, 20]))))
    assert ended(recorder) == ("success", "")


def test_a_heater_that_is_too_weak_fails_and_says_how_far_it_came(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    stage.furnace.oven.body.full_c_per_s = 0.02
    with pytest.raises(RuntimeError, match=r"it rises no more|it heats at"):
        RE(ramp(stage, target_c=100.0, rate_c_per_min=2.0))
    assert ended(recorder)[0] == "fail"
    assert is_cooling(stage)


@pytest.mark.parametrize(
    ("way_out", "status", "reason"),
    [
        ("abort", "abort", "aborted; furnace came to"),
        ("stop", "fail", "stopped before its end; furnace came to"),
        ("halt", "abort", ""),
    ],
)
@pytest.mark.parametrize("policy", ramping.POLICIES)
def test_a_paused_ramp_is_given_up(
    *,
    RE: RunEngine,
    recorder: Any,
    stage: SimulatedHotStage,
    way_out: str,
    status: str,
    reason: str,
    policy: str,
) -> None:
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(ramp(stage, on_suspend=policy), "trigger", 30))
    getattr(RE, way_out)()
    said = ended(recorder)
    assert said[0] == status
    assert said[1].startswith(reason)
    assert not stage.furnace.heater.get()
    assert stage.furnace.setpoint.get() == 25.0
    assert is_cooling(stage)


@pytest.mark.parametrize("way_out", ["abort", "stop", "halt"])
def test_a_running_ramp_is_given_up(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage, way_out: str
) -> None:
    threads = []

    def give_up(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["seq_num"] == 15 and not threads:
            threads.append(threading.Thread(target=getattr(RE, way_out)))
            threads[0].start()

    paced = SimulatedHotStage(seed=1, readings_per_s=200.0)
    RE.subscribe(give_up)
    with pytest.raises(RunEngineInterrupted):
        RE(ramp(paced))
    threads[0].join()
    assert ended(recorder)[0] == ("fail" if way_out == "stop" else "abort")
    assert is_cooling(paced)


@pytest.mark.parametrize("way_out", ["abort", "stop", "halt", "resume"])
def test_ctrl_c_twice_pauses(recorder: Any, stage: SimulatedHotStage, way_out: str) -> None:
    RE = RunEngine({})
    RE.subscribe(recorder)

    def interrupt() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.15)

    def begin(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["seq_num"] == 5 and not threads:
            threads.append(threading.Thread(target=interrupt))
            threads[0].start()

    threads: list[threading.Thread] = []
    RE.subscribe(begin)
    paced = SimulatedHotStage(seed=1, readings_per_s=100.0)
    with pytest.raises(RunEngineInterrupted):
        RE(ramp(paced))
    threads[0].join()
    assert RE.state == "paused"
    getattr(RE, way_out)()
    expected = {"abort": "abort", "stop": "fail", "halt": "abort", "resume": "success"}
    assert ended(recorder)[0] == expected[way_out]
    assert is_cooling(paced)
    RE.loop.call_soon_threadsafe(RE.loop.stop)
    RE._th.join()
    RE.loop.close()


def beam_returns_after(
    stage: SimulatedHotStage, seconds: int, seen: list[float]
) -> Callable[[], Any]:
    """A beam that is away for a while: simulated time passes, and temperatures are noted."""

    async def away() -> None:
        await asyncio.sleep(0.05)
        for _ in range(seconds):
            stage.clock.advance(1.0)
            seen.append(stage.furnace.position)

    return away


@pytest.mark.parametrize(
    ("policy", "does"),
    [
        ("hold", lambda seen: max(seen) < 52.0 and seen[-1] - seen[120] < 1.0),
        ("continue", lambda seen: seen[-1] > 58.0),
        ("cool", lambda seen: seen[-1] < max(seen) - 1.0),
    ],
)
def test_a_suspended_ramp_obeys_its_policy_and_then_reaches_its_target(
    *,
    RE: RunEngine,
    recorder: Any,
    stage: SimulatedHotStage,
    policy: str,
    does: Callable[[list[float]], bool],
) -> None:
    stage.furnace.heartbeat_timeout_s.put(3600.0)
    seen: list[float] = []
    suspended = []

    def beam_dumps(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["data"].get(FAULTY, 0.0) > 40.0 and not suspended:
            suspended.append(True)
            RE.request_suspend(beam_returns_after(stage, 240, seen))

    RE.subscribe(beam_dumps)
    RE(ramp(stage, on_suspend=policy))
    assert does(seen), seen
    assert ended(recorder) == ("success", "")
    assert recorder.of("start")[0]["on_suspend"] == policy
    temperatures = [event["data"][FAULTY] for event in events(recorder, "temperature")]
    assert temperatures[-1] >= 59.0
    assert is_cooling(stage)


def test_what_was_exposed_without_beam_is_measured_again_and_nothing_else(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    stage.furnace.heartbeat_timeout_s.put(3600.0)
    shutter = Signal(name="shutter_is_closed", value=0)
    RE.install_suspender(SuspendBoolHigh(shutter))

    def beam_dumps(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and FAULTY in doc["data"] and doc["seq_num"] == 13:
            shutter.put(1)
            threading.Timer(0.1, lambda: (stage.clock.advance(100.0), shutter.put(0))).start()

    RE.subscribe(beam_dumps)
    RE(ramp(stage))
    assert ended(recorder) == ("success", "")
    for stream, key in (("ions", "rga_mz32"), ("temperature", FAULTY)):
        numbers = [event["seq_num"] for event in events(recorder, stream)]
        assert numbers == list(range(1, len(numbers) + 1))
        stamps = [event["timestamps"][key] for event in events(recorder, stream)]
        assert len(set(stamps)) == len(stamps)
    ends = [event["timestamps"]["xrd_intensity"] for event in events(recorder, "primary")]
    assert max(later - earlier for earlier, later in itertools.pairwise(ends)) > 100.0


@pytest.mark.parametrize("policy", ramping.POLICIES)
def test_a_suspended_ramp_is_given_up(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage, policy: str
) -> None:
    async def no_beam_today() -> None:
        threading.Thread(target=RE.abort).start()
        await asyncio.sleep(60.0)

    def beam_dumps(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and FAULTY in doc["data"] and doc["seq_num"] == 15:
            RE.request_suspend(no_beam_today)

    RE.subscribe(beam_dumps)
    with pytest.raises(RunEngineInterrupted):
        RE(ramp(stage, on_suspend=policy))
    assert ended(recorder)[0] == "abort"
    assert is_cooling(stage)


def test_two_suspensions_are_two_pauses(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    stage.furnace.heartbeat_timeout_s.put(3600.0)
    count = []

    def beam_dumps(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and FAULTY in doc["data"] and doc["seq_num"] in {10, 20}:
            count.append(doc["seq_num"])
            RE.request_suspend(beam_returns_after(stage, 30, []))

    RE.subscribe(beam_dumps)
    RE(ramp(stage))
    assert count == [10, 20]
    assert ended(recorder) == ("success", "")


def test_in_a_pause_the_heart_goes_on_beating_but_not_for_ever(
    *,
    RE: RunEngine,
    recorder: Any,
    stage: SimulatedHotStage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ramping, "UNATTENDED_S", 0.6)
    stage.furnace.heartbeat_timeout_s.put(1.0)
    beats = []

    def dumped(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and FAULTY in doc["data"] and doc["seq_num"] == 20:
            RE.request_suspend(long_ago)

    async def long_ago() -> None:
        stage.furnace.heartbeat.subscribe(lambda value, **_: beats.append(value), run=False)
        while stage.furnace.heater.get():
            await asyncio.sleep(0.05)

    RE.subscribe(dumped)
    with pytest.raises(RuntimeError, match=r"the pause was longer than 0\.01 min"):
        RE(ramp(stage, ion_period_s=0.2, pattern_period_s=5.0))
    assert len([beat for beat in beats if beat]) >= 2
    assert ended(recorder)[0] == "fail"
    assert is_cooling(stage)


def test_where_one_way_to_cool_fails_the_other_is_tried(
    *,
    RE: RunEngine,
    recorder: Any,
    stage: SimulatedHotStage,
    capsys: pytest.CaptureFixture[str],
) -> None:
    original = stage.furnace.heater.set

    def refuses(value: int, **kwargs: Any) -> Any:
        if not value:
            raise FaultError("the relay sticks")
        return original(value, **kwargs)

    stage.furnace.heater.set = refuses
    RE(ramp(stage))
    said = " ".join(capsys.readouterr().out.split())
    assert "heater did not take 0 (FaultError: the relay sticks)" in said
    assert "Look after furnace or wait 30 s for its watchdog" in said
    assert stage.furnace.setpoint.get() == 25.0
    assert stage.furnace.is_armed
    assert is_cooling(stage)


def test_the_controller_may_turn_itself_off(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    def by_hand(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and FAULTY in doc["data"] and doc["seq_num"] == 20:
            stage.furnace.heater.put(0)

    RE.subscribe(by_hand)
    with pytest.raises(RuntimeError, match="furnace was turned off by its controller"):
        RE(ramp(stage))
    assert ended(recorder)[0] == "fail"


def test_an_impatient_user_cannot_keep_it_from_cooling(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    def pause_in_cooling(msg: Msg) -> None:
        if msg.command == "wait_for" and "cool" in str(msg.args) and not asked:
            asked.append(True)
            threading.Thread(target=RE.request_pause).start()

    asked: list[bool] = []
    RE.msg_hook = pause_in_cooling
    try:
        RE(ramp(stage))
    except RunEngineInterrupted:
        RE.resume()
    assert asked
    assert is_cooling(stage)
