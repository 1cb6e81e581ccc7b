"""The energy scan, message by message and in a RunEngine, on every way out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bluesky import Msg, RunEngine
from bluesky.simulators import RunEngineSimulator, assert_message_and_return_remaining
from bluesky.utils import FailedStatus, RunEngineInterrupted
from ophyd.sim import SynAxis, SynSignal
from ways_out import FaultError, broken_at, paused_before

from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.sim import DetectorFailure, Fault, SimulatedBeamline

SHORT = [[-2, 2, 1]]
POINTS_EV = [8331.0, 8332.0, 8333.0, 8334.0, 8335.0]


@pytest.fixture
def scan(mono: SynAxis, chambers: list[SynSignal]) -> Callable[..., Iterator[Msg]]:
    return lambda **options: xanes_scan(chambers, mono, **{"regions": SHORT, **options})


def after(messages: list[Msg], command: str) -> list[Msg]:
    """The messages from the next one of a command on, which must be there."""
    return assert_message_and_return_remaining(messages[1:], lambda msg: msg.command == command)


def test_messages_come_in_the_order_of_the_recipe(scan: Callable[..., Iterator[Msg]]) -> None:
    simulator = RunEngineSimulator()
    simulator.add_handler("read", lambda msg: {"mono": {"value": 8500.0}}, "mono")
    messages = simulator.simulate_plan(scan())
    messages = after(after(messages, "open_run"), "set")
    assert messages[0].args == (8326.0,)
    for energy_ev in POINTS_EV:
        for command in ("checkpoint", "set", "wait", "trigger", "create", "read", "save"):
            messages = after(messages, command)
            if command == "set":
                assert messages[0].args == (energy_ev,)
    messages = after(after(messages, "close_run"), "unstage")
    assert [msg.args for msg in messages if msg.command == "set"] == [(8500.0,)]


def test_one_event_a_point_with_the_energy_and_all_detectors(
    RE: RunEngine, recorder: Any, scan: Callable[..., Iterator[Msg]], mono: Any
) -> None:
    (uid,) = RE(scan(md={"sample": "pristine"}))
    assert [doc["data"]["mono"] for doc in recorder.of("event")] == POINTS_EV
    assert set(recorder.of("event")[0]["data"]) == {"mono", "mono_setpoint", "i0", "it", "ir"}
    (descriptor,) = recorder.of("descriptor")
    assert descriptor["name"] == "primary"
    assert recorder.of("stop")[0]["num_events"] == {"primary": 5}
    assert recorder.of("start")[0]["uid"] == uid
    assert mono.sent == [8326.0, *POINTS_EV, 8500.0]


def test_metadata_bear_the_names_of_the_xdi_dictionary(
    RE: RunEngine, recorder: Any, scan: Callable[..., Iterator[Msg]]
) -> None:
    RE(scan(edge="ni_k", md={"sample": "pristine", "XDI": {"Mono": {"name": "Si 111"}}}))
    (start,) = recorder.of("start")
    assert start["XDI"]["Element"] == {"symbol": "Ni", "edge": "K"}
    assert start["XDI"]["Scan"]["edge_energy"] == 8333.0
    assert "xraydb" in start["XDI"]["Scan"]["edge_energy_table"]
    assert start["XDI"]["Mono"] == {"name": "Si 111"}
    assert start["XDI"]["Sample"] == {"name": "pristine"}
    assert (start["edge"], start["plan_name"]) == ("Ni K", "xanes_scan")
    assert (start["num_points"], start["shape"]) == (5, [5])
    assert (start["motors"], start["detectors"]) == (["mono"], ["i0", "it", "ir"])
    assert start["hints"] == {"dimensions": [(["mono"], "primary")]}
    assert start["plan_args"]["regions"] == [[-2.0, 2.0, 1.0, "eV"]]


def test_an_axis_in_kev_is_moved_in_kev(RE: RunEngine, chambers: list[SynSignal]) -> None:
    axis = SynAxis(name="mono", value=8.5)
    axis.egu = "keV"
    sent: list[float] = []
    axis.subscribe(lambda value, **_: sent.append(value), run=False)
    RE(xanes_scan(chambers, axis, regions=SHORT))
    assert sent[1:6] == pytest.approx([8.331, 8.332, 8.333, 8.334, 8.335])
    assert axis.position == 8.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"detectors": []}, r"detectors are \[\]: give a list"),
        ({"detectors": ["i0"]}, "detector 'i0' cannot be read: give a device, not its name"),
        ({"energy": "mono"}, "energy 'mono' cannot be moved"),
        ({"edge": "Nn K"}, "Nn"),
        ({"edge": "Ni Q"}, "Ni Q|'Q'"),
        ({"edge": "Ni N7"}, "N7"),
        ({"regions": [[-2, 2, 0]]}, "step 0"),
        ({"edge": "Fe K", "regions": [[-2200, 2, 10]]}, "mono cannot go to 4907 .*5000"),
        ({"edge": "Mo K"}, r"mono cannot go to 205\d\d"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_first_message(
    mono: SynAxis, chambers: list[SynSignal], arguments: dict[str, Any], message: str
) -> None:
    given = {"detectors": chambers, "energy": mono, **arguments}
    plan = xanes_scan(given.pop("detectors"), given.pop("energy"), **given)
    with pytest.raises(ValueError, match=message):
        next(plan)


def test_a_device_named_twice_is_refused(mono: SynAxis, chambers: list[SynSignal]) -> None:
    with pytest.raises(ValueError, match="'i0' is named 2 times"):
        next(xanes_scan([*chambers, chambers[0]], mono))
    with pytest.raises(ValueError, match="among the detectors"):
        next(xanes_scan([*chambers, mono], mono))


def test_a_detector_and_a_part_of_it_are_read_once(
    RE: RunEngine, recorder: Any, chambers: list[SynSignal]
) -> None:
    axis = SynAxis(name="mono", value=8500.0)
    RE(xanes_scan([*chambers, axis.setpoint], axis, regions=SHORT))
    assert set(recorder.of("event")[0]["data"]) == {"mono", "mono_setpoint", "i0", "it", "ir"}


def test_an_axis_in_degrees_is_refused(chambers: list[SynSignal]) -> None:
    axis = SynAxis(name="theta")
    axis.egu = "deg"
    with pytest.raises(ValueError, match="moves in 'deg': give the axis"):
        next(xanes_scan(chambers, axis))


@pytest.mark.parametrize(
    ("device", "method", "call"),
    [
        ("mono", "set", 1),
        ("mono", "set", 4),
        ("mono", "read", 3),
        ("mono", "stage", 1),
        ("i0", "stage", 1),
        ("i0", "trigger", 3),
        ("it", "read", 3),
        ("ir", "unstage", 1),
    ],
)
def test_a_device_that_fails_leaves_the_energy_where_it_was(
    *,
    RE: RunEngine,
    recorder: Any,
    scan: Callable[..., Iterator[Msg]],
    mono: SynAxis,
    chambers: list[SynSignal],
    device: str,
    method: str,
    call: int,
) -> None:
    broken_at({d.name: d for d in (mono, *chambers)}[device], method, call)
    with pytest.raises((FaultError, FailedStatus)):
        RE(scan())
    assert mono.position == 8500.0
    assert all(stop["exit_status"] == "fail" for stop in recorder.of("stop")) or method == "unstage"
    assert len(recorder.of("stop")) == len(recorder.of("start"))


def test_a_simulated_detector_that_fails_costs_its_scan_alone(RE: RunEngine, recorder: Any) -> None:
    fault = Fault("raise", points=[3], channel="it")
    beamline = SimulatedBeamline("NiO", faults=[fault], noise=False)
    before = beamline.mono.position
    plan = xanes_scan([beamline.i0, beamline.it], beamline.mono, regions=SHORT)
    with pytest.raises(DetectorFailure):
        RE(plan)
    assert beamline.mono.position == pytest.approx(before, abs=0.01)
    assert len(recorder.of("event")) == 2
    assert recorder.of("stop")[0]["exit_status"] == "fail"


@pytest.mark.parametrize(("way_out", "status"), [("abort", "abort"), ("stop", "success")])
def test_an_ended_scan_leaves_the_energy_where_it_was(
    *,
    RE: RunEngine,
    recorder: Any,
    scan: Callable[..., Iterator[Msg]],
    mono: SynAxis,
    way_out: str,
    status: str,
) -> None:
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(scan(), "create", 3))
    getattr(RE, way_out)()
    assert mono.position == 8500.0
    assert recorder.of("stop")[0]["exit_status"] == status
    assert len(recorder.of("event")) == 2


def test_a_halted_scan_leaves_everything_as_it_stands(
    RE: RunEngine, scan: Callable[..., Iterator[Msg]], mono: SynAxis
) -> None:
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(scan(), "create", 3))
    RE.halt()
    assert mono.position == 8333.0


def test_a_paused_scan_measures_its_point_again(
    RE: RunEngine, recorder: Any, scan: Callable[..., Iterator[Msg]], mono: Any
) -> None:
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(scan(), "create", 3))
    RE.resume()
    assert [doc["data"]["mono"] for doc in recorder.of("event")] == POINTS_EV
    assert mono.sent.count(8333.0) == 2
    assert mono.position == 8500.0
