"""Maps, message by message and in a RunEngine, on every way out."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import h5py
import numpy as np
import pytest
from bluesky import Msg, RunEngine
from bluesky.simulators import RunEngineSimulator
from bluesky.utils import FailedStatus, RunEngineInterrupted
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from ophyd.sim import SynAxis
from ophyd_async.core import (
    FlyableLogic,
    StandardFlyable,
    StaticFilenameProvider,
    StaticPathProvider,
)
from ophyd_async.sim import SimBlobDetector, SimMotor
from ways_out import FaultError, broken_at, paused_before

from cgnmc_bluesky.devices.flying import FlyLine
from cgnmc_bluesky.plans import measure_sensitivity, xrf_fly_line, xrf_fly_map
from cgnmc_bluesky.sim import DetectorElement, DetectorFailure, Fault, SimulatedNanoprobe
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.nanoprobe import STANDARD
from cgnmc_bluesky.startup.devices import connect

X_UM = [-0.4, -0.2, 0.0, 0.2, 0.4]
Y_UM = [-0.3, 0.0, 0.3]
KEYS = {"xs_channel1", "xs_channel1_dt", "sclr_i0", "stage_x", "stage_y"}
FROM_UM = (1.5, -2.5)
"""Where the axes are before a map, and must be after it."""


@cache
def beam() -> Nanobeam:
    return Nanobeam([STANDARD], self_absorption=False)


def make_nanoprobe(folder: Path, **options: Any) -> SimulatedNanoprobe:
    options = {"folder": folder, "elements": [DetectorElement()], **options}
    nanoprobe = SimulatedNanoprobe(beam(), **options)
    for axis, at_um in zip((nanoprobe.stage.x, nanoprobe.stage.y), FROM_UM, strict=True):
        axis.set(at_um).wait(5)
        axis.lag_s = 0.0
    return nanoprobe


def map_of(nanoprobe: SimulatedNanoprobe, **options: Any) -> Iterator[Msg]:
    x, y = nanoprobe.stage.x, nanoprobe.stage.y
    return xrf_fly_map(
        nanoprobe.xspress3, x, -0.4, 0.4, 5, y, -0.3, 0.3, 3, **{"dwell_s": 0.01, **options}
    )


@pytest.fixture
def nanoprobe(tmp_path: Path) -> SimulatedNanoprobe:
    return make_nanoprobe(tmp_path)


@pytest.fixture
def scan(nanoprobe: SimulatedNanoprobe) -> Callable[..., Iterator[Msg]]:
    return lambda **options: map_of(nanoprobe, **options)


def recorded(recorder: Any) -> dict[str, NDArray[Any]]:
    """What the documents announce, read as the rows that they say, in the order of seq_num."""
    keys = recorder.of("descriptor")[0]["data_keys"]
    resources = {doc["uid"]: doc for doc in recorder.of("stream_resource")}
    rows: dict[str, dict[int, NDArray[Any]]] = {key: {} for key in keys}
    for doc in recorder.of("stream_datum"):
        resource = resources[doc["stream_resource"]]
        key, n = resource["data_key"], keys[resource["data_key"]]["shape"][0]
        begin, seq_num = doc["indices"]["start"], doc["seq_nums"]["start"]
        assert doc["indices"]["stop"] == begin + 1
        assert seq_num == begin + 1
        with h5py.File(resource["uri"].removeprefix("file://localhost")) as file:
            rows[key][seq_num] = file[resource["parameters"]["dataset"]][
                begin * n : (begin + 1) * n
            ]
    return {key: np.stack([of_key[i] for i in sorted(of_key)]) for key, of_key in rows.items()}


def assert_at_rest(nanoprobe: SimulatedNanoprobe) -> None:
    """Nothing moves, the axes are back, nobody holds the file."""
    x, y = nanoprobe.stage.x, nanoprobe.stage.y
    assert not x.moving
    assert not y.moving
    assert (x.position, y.position) == pytest.approx(FROM_UM)
    assert not nanoprobe.is_used
    for path in nanoprobe.folder.glob("*.h5"):
        h5py.File(path, "r+").close()


def test_messages_come_in_the_order_of_the_recipe(scan: Callable[..., Iterator[Msg]]) -> None:
    messages = RunEngineSimulator().simulate_plan(scan())
    commands = [msg.command for msg in messages]
    row = ["checkpoint", "set", "set", "wait", "prepare", "wait", "kickoff", "wait", "complete"]
    row += ["wait", "rewindable", "rewindable", "collect", "rewindable"]
    begin = commands.index("checkpoint")
    assert commands[begin : begin + 3 * len(row)] == 3 * row
    assert commands[begin - 1] == "declare_stream"
    end = commands[begin + 3 * len(row) :]
    assert end == ["close_run", "unstage", "unstage", "set", "set", "wait"]
    lines = [msg.args[0] for msg in messages[begin:] if msg.command == "prepare"]
    assert [line.start_um for line in lines] == [-0.4, 0.4, -0.4]
    slow = [msg.args[0] for msg in messages[begin:] if msg.command == "set"][0:6:2]
    assert slow == pytest.approx(Y_UM)


@pytest.mark.parametrize("snake", [True, False])
def test_each_line_is_a_row_with_its_positions(
    *,
    RE: RunEngine,
    recorder: Any,
    scan: Callable[..., Iterator[Msg]],
    nanoprobe: SimulatedNanoprobe,
    snake: bool,
) -> None:
    (uid,) = RE(scan(snake=snake))
    data = recorded(recorder)
    assert set(data) == KEYS
    assert data["xs_channel1"].shape == (3, 5, 4096)
    turned = np.array(X_UM)[::-1] if snake else X_UM
    assert_allclose(data["stage_x"], [X_UM, turned, X_UM], atol=0.02)
    assert_allclose(data["stage_y"], np.repeat(Y_UM, 5).reshape(3, 5), atol=0.02)
    assert recorder.of("stop")[0]["num_events"] == {"primary": 3}
    assert recorder.of("start")[0]["uid"] == uid
    assert_at_rest(nanoprobe)


def test_metadata_say_what_was_mapped(
    RE: RunEngine, recorder: Any, scan: Callable[..., Iterator[Msg]], nanoprobe: SimulatedNanoprobe
) -> None:
    RE(nanoprobe.with_metadata(scan(md={"sample": "mine"})))
    (start,) = recorder.of("start")
    assert (start["plan_name"], start["sample"]) == ("xrf_fly_map", "mine")
    assert start["shape"] == [3, 5]
    assert start["extents"] == [[-0.3, 0.3], [-0.4, 0.4]]
    assert (start["snaking"], start["dwell_s"]) == ([False, True], 0.01)
    assert start["motors"] == ["stage_y", "stage_x"]
    assert start["hints"]["dimensions"] == [(["stage_y"], "primary"), (["stage_x"], "primary")]
    assert start["plan_args"]["fast_num"] == 5
    assert start["beamline"]["xrf"]["incident_energy_ev"] == 9000.0
    assert start["truth"]["particles"][0]["mn_ni"] == pytest.approx(1.0)
    (descriptor,) = recorder.of("descriptor")
    assert descriptor["name"] == "primary"
    assert descriptor["configuration"]["xspress3"]["data"] == {"xspress3_dwell_s": 0.01}
    assert {key["external"] for key in descriptor["data_keys"].values()} == {"STREAM:"}
    json.dumps(start["plan_args"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"flyer": "xspress3"}, "flyer 'xspress3' cannot fly"),
        ({"fast_axis": "x"}, "fast axis 'x' cannot be moved"),
        ({"slow_axis": None}, "slow_axis None cannot be moved"),
        ({"fast_num": 0}, "number of points of the line is 0: give a whole number above 0"),
        ({"slow_num": 2.0}, "number of points of the slow axis is 2.0"),
        ({"fast_num": True}, "the line is True"),
        ({"fast_start_um": float("nan")}, "start of the line is nan: give a number in um"),
        ({"slow_stop_um": "5"}, "stop of the slow axis is '5'"),
        ({"fast_stop_um": -0.4}, "the line has 5 points between -0.4 and -0.4 um"),
        ({"dwell_s": 0}, "dwell_s is 0: give a number in s above 0"),
        ({"snake": "yes"}, "snake is 'yes': give True or False"),
        ({"fast_start_um": -99.9}, r"stage_x cannot go to -137.* narrow the scan"),
        ({"slow_stop_um": 101}, r"stage_y cannot go to 101"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_first_message(
    nanoprobe: SimulatedNanoprobe, changed: dict[str, Any], message: str
) -> None:
    given = {
        "flyer": nanoprobe.xspress3,
        "fast_axis": nanoprobe.stage.x,
        "fast_start_um": -0.4,
        "fast_stop_um": 0.4,
        "fast_num": 5,
        "slow_axis": nanoprobe.stage.y,
        "slow_start_um": -0.3,
        "slow_stop_um": 0.3,
        "slow_num": 3,
        "dwell_s": 0.01,
    }
    with pytest.raises(ValueError, match=message):
        next(xrf_fly_map(**{**given, **changed}))


def test_axes_that_do_not_fit_are_refused(nanoprobe: SimulatedNanoprobe) -> None:
    x, flyer = nanoprobe.stage.x, nanoprobe.xspress3
    with pytest.raises(ValueError, match="stage_x is fast and slow axis"):
        next(xrf_fly_map(flyer, x, -1, 1, 3, x, -1, 1, 3, dwell_s=0.01))
    turning = SynAxis(name="theta")
    turning.egu = "deg"
    with pytest.raises(ValueError, match="moves in 'deg'"):
        next(xrf_fly_line(flyer, turning, -1, 1, 3, dwell_s=0.01))
    with pytest.raises(ValueError, match=r"slow_um is 0\.0: give both, or neither"):
        next(xrf_fly_line(flyer, x, -1, 1, 3, dwell_s=0.01, slow_um=0.0))
    with pytest.raises(ValueError, match="stage_x cannot be swept and stay"):
        next(xrf_fly_line(flyer, x, -1, 1, 3, dwell_s=0.01, slow_axis=x, slow_um=0.0))


def test_a_line_is_recorded_where_the_stage_is_or_is_sent(
    RE: RunEngine, recorder: Any, nanoprobe: SimulatedNanoprobe
) -> None:
    x, y, flyer = nanoprobe.stage.x, nanoprobe.stage.y, nanoprobe.xspress3
    RE(xrf_fly_line(flyer, y, -0.4, 0.4, 5, dwell_s=0.01))
    assert_allclose(recorded(recorder)["stage_x"], 1.5, atol=0.02)
    assert_allclose(recorded(recorder)["stage_y"], [X_UM], atol=0.02)
    recorder.documents.clear()
    RE(xrf_fly_line(flyer, x, -0.4, 0.4, 5, dwell_s=0.01, slow_axis=y, slow_um=0.1))
    assert_allclose(recorded(recorder)["stage_y"], 0.1, atol=0.02)
    assert recorder.of("start")[0]["shape"] == [1, 5]
    assert_at_rest(nanoprobe)


def test_a_map_may_be_a_single_pixel(
    RE: RunEngine, recorder: Any, nanoprobe: SimulatedNanoprobe
) -> None:
    x, y, flyer = nanoprobe.stage.x, nanoprobe.stage.y, nanoprobe.xspress3
    RE(xrf_fly_map(flyer, x, 0.1, 0.1, 1, y, 0.2, 5.0, 1, dwell_s=0.01))
    data = recorded(recorder)
    assert data["xs_channel1"].shape == (1, 1, 4096)
    assert data["stage_x"] == pytest.approx(0.1, abs=0.02)
    assert data["stage_y"] == pytest.approx(0.2, abs=0.02)
    assert_at_rest(nanoprobe)


def test_a_standard_ends_with_the_line_that_names_it(
    RE: RunEngine, recorder: Any, nanoprobe: SimulatedNanoprobe, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y, flyer = nanoprobe.stage.x, nanoprobe.stage.y, nanoprobe.xspress3
    given = (flyer, x, -0.4, 0.4, 5, y, -0.3, 0.3, 3)
    thirds = {"Mn": 1, "Co": 1, "Ni": 1}
    (uid,) = RE(measure_sensitivity(*given, name="film", composition=thirds, dwell_s=0.1))
    assert tomllib.loads(capsys.readouterr().out) == {"sensitivity": uid}
    (start,) = recorder.of("start")
    assert (start["plan_name"], start["sample"]) == ("measure_sensitivity", "film")
    assert start["composition"] == thirds
    for composition, message in [
        ({"Mn": 1}, "at least two elements"),
        ({"Mn": 1, "Nl": 1}, "'Nl': there is no such element"),
        ({"Mn": 1, "Ni": 0}, "composition of Ni is 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            next(measure_sensitivity(*given, name="film", composition=composition, dwell_s=0.1))
    with pytest.raises(ValueError, match="name is ' '"):
        next(measure_sensitivity(*given, name=" ", composition=thirds, dwell_s=0.1))


@pytest.mark.parametrize("rows_per_s", [None, 20.0])
@pytest.mark.parametrize(
    ("command", "occurrence", "group"),
    [
        ("set", 1, None),
        ("declare_stream", 1, None),
        ("checkpoint", 2, None),
        ("set", 5, None),
        ("prepare", 3, None),
        ("kickoff", 2, None),
        ("complete", 2, None),
        ("wait", 2, "complete"),
        ("rewindable", 4, None),
        ("collect", 2, None),
        ("rewindable", 6, None),
        ("close_run", 1, None),
    ],
)
def test_a_pause_repeats_the_row_that_it_was_in_and_no_other(
    *,
    RE: RunEngine,
    recorder: Any,
    tmp_path: Path,
    rows_per_s: float | None,
    command: str,
    occurrence: int,
    group: str | None,
) -> None:
    nanoprobe = make_nanoprobe(tmp_path, rows_per_s=rows_per_s)
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(map_of(nanoprobe), command, occurrence, group))
    assert not nanoprobe.stage.x.moving
    RE.resume()
    data = recorded(recorder)
    assert_allclose(data["stage_x"], [X_UM, X_UM[::-1], X_UM], atol=0.02)
    assert_allclose(data["stage_y"], np.repeat(Y_UM, 5).reshape(3, 5), atol=0.02)
    assert recorder.of("stop")[0]["num_events"] == {"primary": 3}
    assert len(recorder.of("descriptor")) == 1
    assert_at_rest(nanoprobe)


def test_a_suspension_repeats_its_row_too(RE: RunEngine, recorder: Any, tmp_path: Path) -> None:
    nanoprobe = make_nanoprobe(tmp_path, rows_per_s=20.0)
    seen = 0

    def suspend(msg: Msg) -> None:
        nonlocal seen
        seen += msg.command == "wait" and msg.kwargs.get("group") == "complete"
        if seen == 2:
            seen += 1
            RE.request_suspend(_at_once)

    RE.msg_hook = suspend
    RE(map_of(nanoprobe))
    assert_allclose(recorded(recorder)["stage_x"], [X_UM, X_UM[::-1], X_UM], atol=0.02)
    assert_at_rest(nanoprobe)


async def _at_once() -> None:
    return


@pytest.mark.parametrize(("way_out", "status"), [("abort", "abort"), ("stop", "success")])
@pytest.mark.parametrize(("command", "group"), [("kickoff", None), ("wait", "complete")])
def test_an_ended_map_leaves_nothing_moving(
    *,
    RE: RunEngine,
    recorder: Any,
    tmp_path: Path,
    way_out: str,
    status: str,
    command: str,
    group: str | None,
) -> None:
    nanoprobe = make_nanoprobe(tmp_path, rows_per_s=20.0)
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(map_of(nanoprobe), command, 2, group))
    getattr(RE, way_out)()
    (stop,) = recorder.of("stop")
    assert (stop["exit_status"], stop["num_events"]) == (status, {"primary": 1})
    assert recorded(recorder)["stage_x"].shape == (1, 5)
    assert_at_rest(nanoprobe)


@pytest.mark.parametrize(
    ("device", "method", "call"),
    [
        ("xspress3", "stage", 1),
        ("xspress3", "prepare", 1),
        ("xspress3", "describe_collect", 1),
        ("xspress3", "kickoff", 2),
        ("xspress3", "complete", 2),
        ("xspress3", "collect_asset_docs", 2),
        ("y", "set", 3),
        ("x", "sweep", 2),
    ],
)
def test_a_device_that_fails_leaves_nothing_moving(
    *,
    RE: RunEngine,
    recorder: Any,
    nanoprobe: SimulatedNanoprobe,
    scan: Callable[..., Iterator[Msg]],
    device: str,
    method: str,
    call: int,
) -> None:
    devices = {"xspress3": nanoprobe.xspress3, "x": nanoprobe.stage.x, "y": nanoprobe.stage.y}
    broken_at(devices[device], method, call)
    with pytest.raises((FaultError, FailedStatus)):
        RE(scan())
    assert all(stop["exit_status"] == "fail" for stop in recorder.of("stop"))
    assert len(recorder.of("stop")) == len(recorder.of("start"))
    assert_at_rest(nanoprobe)


def test_a_detector_that_fails_in_a_row_costs_its_map_alone(
    RE: RunEngine, recorder: Any, tmp_path: Path
) -> None:
    fault = Fault("raise", points=[2], channel="xs_channel1")
    nanoprobe = make_nanoprobe(tmp_path, rows_per_s=20.0, faults=[fault])
    with pytest.raises(FailedStatus) as raised:
        RE(map_of(nanoprobe))
    assert isinstance(raised.value.__cause__, DetectorFailure)
    assert recorder.of("stop")[0]["num_events"] == {"primary": 1}
    assert_at_rest(nanoprobe)


class Soft:
    """A flyer that follows the protocols and no more; it takes what it is given as done."""

    name = "soft"
    parent = None

    def __init__(self) -> None:
        self.lines: list[FlyLine] = []

    def prepare(self, line: FlyLine) -> Any:
        self.lines.append(line)
        return line.axis.set(line.stop_um)

    def kickoff(self) -> Any:
        return self.lines[-1].axis.set(self.lines[-1].stop_um)

    complete = kickoff

    def describe_collect(self) -> dict[str, Any]:
        return {"counts": {"source": "soft", "dtype": "array", "shape": [5]}}

    def collect(self) -> Iterator[dict[str, Any]]:
        yield {"data": {"counts": [1] * 5}, "timestamps": {"counts": 0.0}, "time": 0.0}


def test_axes_in_millimetres_are_moved_in_millimetres(RE: RunEngine, recorder: Any) -> None:
    x, y = SynAxis(name="x", value=0.5), SynAxis(name="y", value=0.25)
    sent: list[float] = []
    for axis in (x, y):
        axis.egu = "mm"
    y.subscribe(lambda value, **_: sent.append(value), run=False)
    flyer = Soft()
    RE(xrf_fly_map(flyer, x, -400, 400, 5, y, -300, 300, 3, dwell_s=0.01))
    assert [line.start_um for line in flyer.lines] == [-400, -400, 400, -400]
    assert sorted({round(at_mm, 9) for at_mm in sent}) == [-0.3, 0.0, 0.25, 0.3]
    assert (x.position, y.position) == (0.5, 0.25)
    assert [page["data"]["counts"] for page in recorder.of("event_page")] == [[[1] * 5]] * 3


class LineLogic(FlyableLogic[FlyLine, FlyLine]):
    """Sweeps the axis of a line."""

    async def on_prepare(self, value: FlyLine) -> FlyLine:
        await value.axis.set(value.start_um)
        return value

    async def on_kickoff(self, ctx: FlyLine) -> FlyLine:
        return ctx

    async def on_complete(self, ctx: FlyLine) -> None:
        await ctx.axis.set(ctx.stop_um)


class AsyncFlyer(StandardFlyable[FlyLine, FlyLine]):
    """A flyer of ophyd-async that sweeps the axis itself and gives an event for each line."""

    @cached_property
    def flyable_logic(self) -> LineLogic:
        return LineLogic()

    async def describe_collect(self) -> dict[str, Any]:
        return {"counts": {"source": "soft", "dtype": "array", "shape": [5]}}

    async def collect(self) -> AsyncIterator[dict[str, Any]]:
        yield {"data": {"counts": [1] * 5}, "timestamps": {"counts": 0.0}, "time": 0.0}


def async_motors(RE: RunEngine) -> list[SimMotor]:
    motors = [SimMotor(name=name, units="mm", initial_value=0.5) for name in ("x", "y")]
    for motor in motors:
        connect(motor)
        RE(bps.mv(motor.acceleration_time, 0.01))
    return motors


def position_mm(RE: RunEngine, motor: SimMotor) -> float:
    return float(
        asyncio.run_coroutine_threadsafe(motor.user_readback.get_value(), RE.loop).result()
    )


def test_a_flyer_of_ophyd_async_is_given_the_line(RE: RunEngine, recorder: Any) -> None:
    (x, y), flyer = async_motors(RE), AsyncFlyer(name="flyer")
    connect(flyer)
    RE(xrf_fly_map(flyer, x, -400, 400, 5, y, -300, 300, 3, dwell_s=0.01))
    assert [page["seq_num"] for page in recorder.of("event_page")] == [[1], [2], [3]]
    assert [position_mm(RE, motor) for motor in (x, y)] == [0.5, 0.5]


def test_a_detector_of_ophyd_async_is_given_its_exposures(
    RE: RunEngine, recorder: Any, tmp_path: Path
) -> None:
    detector = SimBlobDetector(
        StaticPathProvider(StaticFilenameProvider("blobs"), tmp_path), name="blobs"
    )
    x, y = async_motors(RE)
    connect(detector)
    RE(xrf_fly_map(detector, x, -5, 5, 4, y, 0, 20, 2, dwell_s=0.001))
    (descriptor,) = recorder.of("descriptor")
    assert descriptor["data_keys"]["blobs"]["shape"] == [4, 240, 320]
    assert recorder.of("stop")[0]["num_events"] == {"primary": 2}
    blobs = [doc for doc in recorder.of("stream_datum") if doc["uid"].endswith("/0")]
    assert {doc["seq_nums"]["start"] - doc["indices"]["start"] for doc in blobs} == {1}
    assert [position_mm(RE, motor) for motor in (x, y)] == [0.5, 0.5]
    with pytest.raises(ValueError, match="z cannot be flown beside"):
        RE(xrf_fly_line(detector, SynAxis(name="z"), -5, 5, 4, dwell_s=0.001))
