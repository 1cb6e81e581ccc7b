"""The heating ramp: what it records, what it refuses, and what it says."""

from typing import Any

import pytest
from bluesky import Msg, RunEngine
from bluesky.run_engine import call_in_bluesky_event_loop
from bluesky.simulators import RunEngineSimulator
from ophyd.sim import SynSignal
from ophyd_async.core import init_devices
from short_ramps import SHORT, STREAMS, AsyncFurnace, KelvinFurnace, events, plain_furnace, ramp

from cgnmc_bluesky.plans import heating_ramp
from cgnmc_bluesky.sim import Fault, SimulatedHotStage


@pytest.fixture
def stage() -> SimulatedHotStage:
    return SimulatedHotStage(seed=1)


def stamps_s(recorder: Any, stream: str) -> list[float]:
    """When the readings of each event were taken, since the first one that the ramp could take."""
    taken = [next(iter(event["timestamps"].values())) for event in events(recorder, stream)]
    begin_s = events(recorder, "temperature")[0]["timestamps"]["furnace_temperature"] - 3.0
    return [stamp_s - begin_s for stamp_s in taken]


def test_three_streams_come_at_three_paces(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    (uid,) = RE(ramp(stage))
    (start,), (stop,) = recorder.of("start"), recorder.of("stop")
    assert start["uid"] == uid
    assert (stop["exit_status"], stop["reason"]) == ("success", "")
    keys = [set(events(recorder, stream)[0]["data"]) for stream in STREAMS]
    assert keys[0] == {"xrd_intensity", "xrd_two_theta", "xrd_exposure_s"}
    assert keys[1] == {"rga_mz18", "rga_mz28", "rga_mz32", "rga_mz40", "rga_mz44"}
    assert "furnace_temperature" in keys[2]
    ions = stamps_s(recorder, "ions")
    assert ions == pytest.approx([3.0 * (n + 1) for n in range(len(ions))])
    assert stamps_s(recorder, "temperature") == pytest.approx(ions)
    patterns = stamps_s(recorder, "primary")
    assert patterns == pytest.approx([30.0 * (n + 1) for n in range(len(patterns))])
    assert ions[-1] - patterns[-1] < 30.0


def test_the_last_pattern_is_exposed_to_its_end_and_the_target_is_reached(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    RE(ramp(stage))
    temperatures = [e["data"]["furnace_temperature"] for e in events(recorder, "temperature")]
    reached = next(n for n, value in enumerate(temperatures) if value >= 59.5)
    assert 3.0 * (reached + 3) <= stamps_s(recorder, "primary")[-1]


def test_metadata_say_what_was_asked(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    RE(ramp(stage, md={"sample": "gradient"}, on_suspend="cool"))
    (start,) = recorder.of("start")
    assert (start["plan_name"], start["sample"]) == ("heating_ramp", "gradient")
    assert (start["detectors"], start["motors"]) == (["diffractometer", "rga"], ["furnace"])
    assert (start["target_c"], start["rate_c_per_min"], start["on_suspend"]) == (60.0, 20.0, "cool")
    assert start["over_temperature_c"] == 85.0
    assert start["watchdog"] == {"timeout_s": 30.0}
    assert start["hints"] == {"dimensions": [(("time",), "primary")]}
    assert start["plan_args"]["pattern_period_s"] == 30.0


def test_what_was_set_is_put_back(RE: RunEngine, stage: SimulatedHotStage) -> None:
    furnace = stage.furnace
    during: list[tuple[float, ...]] = []

    def look(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and not during:
            during.append((furnace.ramp_rate.get(), furnace.over_temperature.get()))
            during.append((stage.diffractometer.exposure_s.get(), stage.rga.period_s.get()))
            assert furnace.is_armed

    RE(ramp(stage, ion_period_s=2.0), look)
    assert during == [(20.0, 85.0), (30.0, 2.0)]
    assert (furnace.ramp_rate.get(), furnace.over_temperature.get()) == (4.0, 600.0)
    assert (stage.diffractometer.exposure_s.get(), stage.rga.period_s.get()) == (60.0, 3.0)
    assert (furnace.heater.get(), furnace.setpoint.get(), furnace.is_armed) == (0, 25.0, False)


def test_a_ramp_needs_no_patterns_or_no_ions(RE: RunEngine, recorder: Any) -> None:
    stage = SimulatedHotStage(seed=1)
    RE(heating_ramp(stage.furnace, [], [stage.rga], **SHORT))
    stage = SimulatedHotStage(seed=1)
    RE(heating_ramp(stage.furnace, [stage.diffractometer], [], **SHORT))
    first, second = (stop["num_events"] for stop in recorder.of("stop"))
    assert (set(first), set(second)) == ({"ions", "temperature"}, {"primary", "temperature"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_c": "hot"}, "target_c is 'hot': give a number in degC"),
        ({"target_c": 20.0}, "furnace is at 2.* give a target_c above that, not 20"),
        ({"target_c": 950.0}, "target_c is 950, out of reach: furnace cannot go to 950"),
        ({"rate_c_per_min": 0.0}, "rate_c_per_min is 0.0: give a number in degC/min above 0"),
        ({"rate_c_per_min": 700.0}, "rate_c_per_min is 700, which is beyond the controller"),
        ({"pattern_period_s": -1}, "pattern_period_s is -1: give a number in s above 0"),
        ({"pattern_period_s": 1e4}, "diffractometer_exposure_s cannot go to 10000"),
        ({"ion_period_s": float("nan")}, "ion_period_s is nan"),
        ({"over_temperature_c": 50.0}, "over_temperature_c is 50.0: .* above 60"),
        ({"on_suspend": "wait"}, "on_suspend is 'wait': give one of hold, continue, cool"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_set(
    stage: SimulatedHotStage, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _all_messages(ramp(stage, **options))
    assert stage.furnace.ramp_rate.get() == 4.0
    assert stage.furnace.setpoint.get() == 25.0


def _all_messages(plan: Any) -> None:
    """Answer a plan's messages as far as it reads and waits; it must set nothing."""
    answer = None
    while True:
        msg = plan.send(answer)
        assert msg.command in {"trigger", "wait", "read", "locate"}
        answer = msg.obj.read() if msg.command == "read" else None


def test_devices_are_told_apart(stage: SimulatedHotStage) -> None:
    furnace, rga = stage.furnace, stage.rga
    for patterns, ions, message in (
        ([rga], [rga], "'rga' is named 2 times"),
        ([furnace], [rga], "among the detectors too"),
        ([], [], "give a list of at least one"),
        (rga, [], "pattern_detectors are .* give a list"),
        (["xrd"], [], "'xrd' cannot be read"),
    ):
        with pytest.raises(ValueError, match=message):
            next(heating_ramp(furnace, patterns, ions))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="furnace 'oven' cannot be moved"):
        next(heating_ramp("oven", [], [rga]))  # type: ignore[arg-type]


def test_a_thermocouple_that_reads_nothing_is_not_heated_on(RE: RunEngine) -> None:
    faults = [Fault("nan", channel="furnace_temperature")]
    with pytest.raises(ValueError, match="furnace_temperature reads nan: check the thermocouple"):
        RE(ramp(SimulatedHotStage(faults=faults)))


def test_a_plan_that_is_only_listed_comes_to_its_end(stage: SimulatedHotStage) -> None:
    commands = [msg.command for msg in ramp(stage)]
    assert commands[:3] == ["trigger", "wait", "read"]
    assert commands.count("open_run") == commands.count("close_run") == 1


def test_the_heartbeat_comes_before_the_heat_and_ends_after_it(stage: SimulatedHotStage) -> None:
    simulator = RunEngineSimulator()
    temperatures = iter([25.0, *[25.0 + n for n in range(100)]])

    def reading(msg: Msg) -> dict[str, Any]:
        value = next(temperatures)
        return {"furnace_temperature": {"value": value, "timestamp": 3.0 * value}}

    simulator.add_handler("read", reading, "furnace")
    timeout_s = {"timeout_s": {"value": 30.0, "timestamp": 0.0}}
    simulator.add_handler("read", lambda msg: timeout_s, "furnace_heartbeat_timeout_s")
    messages = simulator.simulate_plan(ramp(stage))
    sets = [msg for msg in messages if msg.command == "set"]
    names = [msg.obj.name for msg in sets]
    assert names[:6] == [
        "diffractometer_exposure_s",
        "rga_period_s",
        "furnace_period_s",
        "furnace_over_temperature",
        "furnace_ramp_rate",
        "furnace_heartbeat",
    ]
    assert names[6:8] == ["furnace_heater", "furnace_ramp"]
    beats = [msg.args[0] for msg in sets if msg.obj.name == "furnace_heartbeat"]
    assert beats == list(range(1, len(beats) + 1))
    assert len(beats) > 10
    assert names.count("furnace_ramp") == 1
    assert "pause" not in {msg.command for msg in messages}


@pytest.mark.parametrize("furnace", [plain_furnace(), KelvinFurnace(name="cryofurnace")])
def test_somebody_elses_furnace_is_ramped_step_by_step(
    RE: RunEngine, recorder: Any, capsys: pytest.CaptureFixture[str], furnace: Any
) -> None:
    offset = 273.15 if isinstance(furnace, KelvinFurnace) else 0.0
    ions = SynSignal(func=lambda: 1e-9, name="ions")
    options = {"target_c": 40.0, "rate_c_per_min": 1200.0, "ion_period_s": 0.05}
    RE(heating_ramp(furnace, [], [ions], **options))
    assert recorder.of("stop")[0]["exit_status"] == "success"
    assert recorder.of("start")[0]["watchdog"] is None
    assert "no heartbeat" in capsys.readouterr().out
    key = furnace.hints["fields"][0]
    sent = [event["data"][key] - offset for event in events(recorder, "temperature")]
    assert sent == sorted(sent)
    assert len(set(sent)) > 8
    assert sent[-1] == pytest.approx(40.0)
    final = furnace.sent[-1] if isinstance(furnace, KelvinFurnace) else furnace.position
    assert final - offset < 27.0


def test_a_furnace_of_ophyd_async_is_ramped_in_its_own_unit(RE: RunEngine, recorder: Any) -> None:
    with init_devices():
        furnace = AsyncFurnace("furnace")
    ions = SynSignal(func=lambda: 1e-9, name="ions")
    RE(heating_ramp(furnace, [], [ions], target_c=40.0, rate_c_per_min=600.0, ion_period_s=0.1))
    assert recorder.of("stop")[0]["exit_status"] == "success"
    assert events(recorder, "temperature")[-1]["data"]["furnace-temperature"] == 40.0
    parts = (furnace.heater, furnace.heartbeat, furnace.setpoint, furnace.ramp_rate)
    values = [call_in_bluesky_event_loop(part.get_value()) for part in parts]
    assert values == [0, 0, 25.0, 0.0667]


def test_nobody_would_ramp_it_on_in_a_pause() -> None:
    ions = SynSignal(func=lambda: 1e-9, name="ions")
    oven = plain_furnace()
    with pytest.raises(ValueError, match="oven has no ramp_rate"):
        _all_messages(heating_ramp(oven, [], [ions], on_suspend="continue"))


def test_a_detector_that_hangs_keeps_nothing_waiting(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.diffractometer._begin = lambda *_: None
    RE(ramp(stage, target_c=80.0))
    assert recorder.of("stop")[0]["exit_status"] == "success"
    assert not events(recorder, "primary")
    ions = stamps_s(recorder, "ions")
    assert ions == pytest.approx([3.0 * (n + 1) for n in range(len(ions))])
    assert capsys.readouterr().out.count("diffractometer: no answer for") == 1


def test_slow_ions_keep_no_pattern_waiting(
    RE: RunEngine, recorder: Any, stage: SimulatedHotStage
) -> None:
    RE(ramp(stage, ion_period_s=45.0))
    patterns = stamps_s(recorder, "primary")
    assert patterns == pytest.approx([30.0 * (n + 1) for n in range(len(patterns))], abs=5.1)
