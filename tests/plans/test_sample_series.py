"""A series over a sample table: checked before anything moves, and gone on with after any end."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import bluesky.plans as bp
import pytest
from bluesky import Msg, RunEngine
from bluesky.run_engine import call_in_bluesky_event_loop
from bluesky.utils import RunEngineInterrupted, SigintHandler
from ophyd import Signal
from ophyd.sim import SynAxis, SynSignal
from ophyd_async.core import StrictEnum, init_devices, soft_signal_rw
from ophyd_async.sim import SimMotor
from ways_out import FaultError, broken_at, paused_before

from cgnmc_bluesky.beamline.samples import Sample
from cgnmc_bluesky.catalogs import done_samples
from cgnmc_bluesky.plans import sample_series, sxas_scan, xanes_scan
from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.optics import Selector

NAMES = [f"{material}, {cycles} cycles" for material in ("A", "B") for cycles in (0, 1, 50, 100)]
SHORT = [[-1, 1, 2]]
HEADER = "name,material,cycles,position,cutoff_v,edges,comment"


class Holder(Selector):
    """A sample holder with named positions, which remembers where it was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        places = {name: partial(self.sent.append, name) for name in NAMES}
        super().__init__(Clock(), name="holder", choices=places, first=NAMES[3])
        self.sent.clear()


class Catalog:
    """A catalog that knows what is done."""

    def done_samples(self, series: str) -> list[tuple[str, str]]:
        return [(NAMES[0], "Ni L3")] if series == "aged" else []


def csv_row(sample: str, **changed: str) -> str:
    material, _, cycles = sample.removesuffix(" cycles").partition(", ")
    cells = {
        "name": f'"{sample}"',
        "material": material,
        "cycles": cycles,
        "position": f'"{sample}"',
        "cutoff_v": "4.4",
        "edges": "Ni L3",
        "comment": "",
    }
    return ",".join({**cells, **changed}.values())


@pytest.fixture
def pgm(mono: Any) -> Any:
    mono.limits = (200.0, 1500.0)
    mono.set(700.0)
    mono.sent.clear()
    return mono


@pytest.fixture
def holder() -> Holder:
    return Holder()


@pytest.fixture
def mesh() -> SynSignal:
    return SynSignal(func=lambda: 1e-9, name="gold_mesh")


@pytest.fixture
def scan(pgm: Any, mesh: SynSignal) -> dict[str, Any]:
    return {"detectors": [mesh], "energy": pgm, "regions": SHORT}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    def write(*rows: str, name: str = "aged.csv", header: str = HEADER) -> str:
        path = tmp_path / name
        path.write_text("\n".join(["# measured at 300 K", header, *rows, ""]))
        return str(path)

    return write


@pytest.fixture
def table(written: Callable[..., str]) -> str:
    return written(*(csv_row(name) for name in NAMES))


def carried(recorder: Any, *keys: str) -> list[Any]:
    """What the runs carry, by key; alone where it is one."""
    found = [tuple(start.get(key) for key in keys) for start in recorder.of("start")]
    return [values[0] for values in found] if len(keys) == 1 else found


def test_each_sample_is_measured_at_each_of_its_edges(
    *,
    RE: RunEngine,
    recorder: Any,
    holder: Holder,
    scan: dict[str, Any],
    written: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [csv_row(NAMES[0], edges="Ni L3; Mn L2,3".join('""')), csv_row(NAMES[5], cutoff_v="")]
    uids = RE(sample_series(written(*rows), holder, scan, md={"proposal": 7}))
    keys = ("sample", "material", "cycles", "cutoff_v", "series", "edge", "proposal")
    assert carried(recorder, *keys) == [
        (NAMES[0], "A", 0, 4.4, "aged", "Ni L3", 7),
        (NAMES[0], "A", 0, 4.4, "aged", "Mn L3", 7),
        (NAMES[5], "B", 1, None, "aged", "Ni L3", 7),
    ]
    assert uids == tuple(carried(recorder, "uid"))
    assert set(carried(recorder, "plan_name")) == {"sxas_scan"}
    assert recorder.of("start")[0]["XDI"]["Sample"] == {"name": NAMES[0]}
    assert "cutoff_v" not in recorder.of("start")[2]
    assert holder.sent == [NAMES[0], NAMES[0], NAMES[5], NAMES[3]]
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "series aged: 1 of 3, A, 0 cycles, Ni L3",
        "series aged: 2 of 3, A, 0 cycles, Mn L3",
        "series aged: 3 of 3, B, 1 cycles, Ni L3",
        "series aged: all 3 are done",
    ]


def test_a_toml_table_names_its_series_and_axes_have_a_column_each(
    RE: RunEngine, recorder: Any, scan: dict[str, Any], tmp_path: Path
) -> None:
    x, y = SynAxis(name="stage_x"), SynAxis(name="stage_y")
    x.egu, y.egu = "um", "mm"
    path = tmp_path / "table.toml"
    path.write_text(
        'series = "4.8 V"\n[[sample]]\nname = 12\nmaterial = "gradient"\ncycles = 50\n'
        'cutoff_v = 4.8\nstage_x_mm = 1.5\nstage_y = -2\nedges = ["Ni L3", "Co L3"]\n'
    )
    moves: list[tuple[str, float]] = []
    for axis in (x, y):
        axis.subscribe(lambda value, obj, **_: moves.append((obj.name, value)), run=False)
    RE(sample_series(path, [x, y], scan))  # type: ignore[arg-type]
    assert carried(recorder, "sample", "cutoff_v", "series", "edge") == [
        ("12", 4.8, "4.8 V", "Ni L3"),
        ("12", 4.8, "4.8 V", "Co L3"),
    ]
    assert {("stage_x", 1500.0), ("stage_y", -2.0)} <= set(moves)
    assert (x.position, y.position) == (0.0, 0.0)


def test_the_scan_suits_the_edge_unless_a_plan_is_named(
    RE: RunEngine, recorder: Any, holder: Holder, mesh: SynSignal
) -> None:
    axis = SynAxis(name="mono", value=8000.0)
    row = {"name": "a", "material": "A", "cycles": 0, "position": NAMES[0]}
    options = {"detectors": [mesh], "energy": axis}
    series = {"series": "s"}
    RE(sample_series([{**row, "edges": "Ni K"}], holder, {**options, "regions": SHORT}, md=series))
    stack = {**options, "plan": "xpeem_stack", "energies_ev": [850.0, 853.0]}
    RE(sample_series([{**row, "edges": ["Ni L3"]}], holder, stack, md=series))
    named = {**options, "plan": xanes_scan, "regions": SHORT, "edge": "Co K"}
    RE(sample_series([row], holder, named, md=series))
    assert carried(recorder, "plan_name", "edge") == [
        ("xanes_scan", "Ni K"),
        ("xpeem_stack", "Ni L3"),
        ("xanes_scan", "Co K"),
    ]


def test_a_function_gives_the_plan_once_for_each(
    RE: RunEngine, recorder: Any, holder: Holder, table: str, mesh: SynSignal
) -> None:
    called: list[tuple[str, str, Any]] = []

    def count(row: Any) -> Iterator[Msg]:
        called.append((row.name, row.edge, holder.position))
        return bp.count([mesh], md={"sample": "whatever", "edge": "Ni M3"})  # type: ignore[no-any-return]

    RE(sample_series(table, holder, count))
    assert called == [(name, "Ni L3", name) for name in NAMES]
    assert carried(recorder, "sample") == NAMES
    assert set(carried(recorder, "edge")) == {"Ni M3"}
    assert set(carried(recorder, "cutoff_v")) == {4.4}


def refused(
    table: Any, holder: Any, scan: Any, capsys: pytest.CaptureFixture[str], **options: Any
) -> list[str]:
    """What is said where nothing has been told, sent or moved."""
    plan = sample_series(table, holder, scan, **options)
    with pytest.raises(ValueError) as info:  # noqa: PT011  (whoever calls looks at what it says)
        assert {msg.command for msg in plan} == {"read"}
    assert capsys.readouterr().out == ""
    return str(info.value).splitlines()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"cycles": "many"}, "cycles is 'many': give a whole number of charge cycles"),
        ({"cycles": "-1"}, "cycles is '-1': give a whole number"),
        ({"cycles": "nan"}, "cycles is 'nan': give a whole number"),
        ({"cycles": ""}, "cycles is missing: give a whole number"),
        ({"material": " "}, "material is missing: give what it is of"),
        ({"name": ""}, "name is missing: give the sample's name"),
        ({"name": f'"{NAMES[1]}"'}, f"name is '{NAMES[1]}': row 2 has it too"),
        ({"cutoff_v": "inf"}, "cutoff_v is 'inf': give the voltage"),
        ({"cutoff_v": "4400"}, "cutoff_v is '4400': give the voltage it was charged to in V"),
        ({"edges": "Nn L3"}, "edges is 'Nn L3': there is no element 'Nn'; did you mean"),
        ({"edges": "Ni Q"}, "edges is 'Ni Q': there is no edge 'Q'; Ni has K, L1"),
        ({"edges": "Ni L3; ni_l3"}, "edges is 'Ni L3; ni_l3': Ni L3 is named 2 times"),
        ({"position": '"A, 5 cycles"'}, "position is 'A, 5 cycles': holder has no such position; "),
        ({"position": f'"{NAMES[0]}"'}, f"position is '{NAMES[0]}': row 1 stands there too"),
        ({"position": ""}, "position is missing: say where holder is to go"),
        ({"name": "A, 1 cycles", "position": ""}, " has 8 cells under 7 columns: put a cell that"),
    ],
)
def test_an_error_in_row_7_is_named_before_anything_moves(
    *,
    holder: Holder,
    scan: dict[str, Any],
    written: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    problem: str,
) -> None:
    rows = [csv_row(name) for name in NAMES]
    rows[6] = csv_row(NAMES[6], **changed)
    (line,) = refused(written(*rows), holder, scan, capsys)
    assert line.startswith("aged.csv row 7 (line 9)")
    assert problem in line
    assert holder.sent == []


def test_all_problems_of_all_rows_are_named(
    holder: Holder,
    scan: dict[str, Any],
    written: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [csv_row(NAMES[0], cycles="x"), csv_row(NAMES[1]), csv_row("nowhere", edges="Ni 7")]
    lines = refused(
        written(*rows, header=HEADER.replace("comment", "remark")), holder, scan, capsys
    )
    assert [line.partition(":")[0] for line in lines] == [
        "aged.csv row 1 (line 3), cycles is 'x'",
        "aged.csv row 3 (line 5), cycles is missing",
        "aged.csv row 3 (line 5), edges is 'Ni 7'",
        "aged.csv row 3 (line 5), position is 'nowhere'",
    ]


def test_a_scan_that_cannot_be_made_is_named_by_its_rows(
    holder: Holder, scan: dict[str, Any], written: Callable[..., str], capsys: Any, pgm: Any
) -> None:
    rows = [csv_row(name) for name in NAMES]
    rows[6] = csv_row(NAMES[6], edges="Al L3")
    (line,) = refused(written(*rows), holder, scan, capsys)
    assert line.startswith(f"aged.csv row 7 (line 9), {NAMES[6]}, Al L3: mono cannot go to")
    rows[6] = csv_row(NAMES[6], edges="Ni K")
    (line,) = refused(written(*rows), holder, {**scan, "plan": "sxas_scan"}, capsys)
    assert "row 7" in line
    assert "edge is 'Ni K', at 8333 eV: give a soft X-ray one" in line
    (line,) = refused(written(rows[6]), holder, {**scan, "plan": "sxas_scan"}, capsys)
    assert line.startswith("aged.csv row 1 (line 3)")
    assert (holder.sent, pgm.sent) == ([], [])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"table": "none.csv"}, "none.csv is not there: give the path of a CSV or TOML file"),
        ({"table": []}, "the sample table holds no sample: give a row for each"),
        ({"table": 3}, "the sample table is 3: give the path"),
        ({"table": [{"name": "a", "posn": 1}]}, "column 'posn': there is no such column; did you"),
        ({"holder": "holder"}, "holder 'holder' cannot be moved: give a device"),
        ({"holder": []}, "holder is empty"),
        ({"scan": None}, "scan is None: give its arguments by name"),
        ({"scan": {"plan": "sxas"}}, "scan's plan is 'sxas': did you mean 'sxas_scan'?"),
        (
            {"scan": {}},
            "scan cannot be made: sxas_scan is missing a required argument: 'detectors'",
        ),
        ({"sweps": 2}, "scan cannot be made: sxas_scan takes no 'sweps'; did you mean 'sweeps'?"),
        ({"sweeps": 0}, "scan cannot be made: sweeps is 0"),
        ({"done": "A"}, "done is 'A': give a list of names"),
        ({"done": [7]}, "done is [7]: give a list of names"),
        ({"done": ["A, 2 cycles"]}, "done names 'A, 2 cycles', which is not in aged.csv: did you"),
        ({"md": {"series": ""}}, "the series is called '': name it"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_moves(
    *,
    holder: Holder,
    scan: dict[str, Any],
    table: str,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, Any],
    message: str,
) -> None:
    options = {key: changed.pop(key) for key in ("done", "md") if key in changed}
    given = {"table": table, "holder": holder, "scan": scan, **changed}
    chosen = given["scan"]
    if {"sweeps", "sweps"} & set(changed):
        chosen = {**scan, **changed}
    lines = refused(given["table"], given["holder"], chosen, capsys, **options)
    assert any(message in line for line in lines), lines


def test_rows_need_a_name_for_their_series(holder: Holder, scan: Any, capsys: Any) -> None:
    row = {"name": "a", "material": "A", "cycles": 0, "position": NAMES[0], "edges": "Ni L3"}
    assert "name it, such as" in refused([row], holder, scan, capsys)[0]


@pytest.mark.parametrize(
    ("position", "problem"),
    [(11, "limits are 0 and 10"), ("nan", "stage goes to numbers"), (True, "goes to numbers")],
)
def test_numbers_are_checked_against_the_axis_limits(
    scan: dict[str, Any], capsys: Any, position: Any, problem: str
) -> None:
    stage = SynAxis(name="stage")
    stage.limits = (0.0, 10.0)
    row = {"name": "a", "material": "A", "cycles": 0, "position": position, "edges": "Ni L3"}
    (line,) = refused([row], stage, scan, capsys, md={"series": "s"})
    assert line.startswith(f"the sample table row 1, position is {position!r}: ")
    assert problem in line


def test_a_holder_that_tells_nothing_takes_names(RE: RunEngine, recorder: Any, scan: Any) -> None:
    slot = Signal(name="slot", value="parked")
    row = {"name": "a", "material": "A", "cycles": 0, "position": "left", "edges": "Ni L3"}
    RE(sample_series([row], slot, scan, md={"series": "s"}))
    assert carried(recorder, "sample") == ["a"]
    assert slot.get() == "parked"


def test_devices_of_ophyd_async_bring_samples_into_the_beam(
    RE: RunEngine, recorder: Any, scan: Any, capsys: Any
) -> None:
    class Slot(StrictEnum):
        LEFT = "left"
        RIGHT = "right"

    async def made() -> tuple[Any, Any]:
        async with init_devices():
            slot, x = soft_signal_rw(Slot, name="slot"), SimMotor("x", instant=True)
        return slot, x

    slot, x = call_in_bluesky_event_loop(made())
    row = {"name": "a", "material": "A", "cycles": 0, "edges": "Ni L3"}
    series = {"series": "s"}
    with pytest.raises(ValueError, match="slot has no such position; did you mean 'right'"):
        RE(sample_series([{**row, "position": "rihgt"}], slot, scan, md=series))
    RE(sample_series([{**row, "slot": "right", "x_um": 1500}], [slot, x], scan, md=series))
    assert carried(recorder, "sample") == ["a"]


@pytest.mark.parametrize(
    ("done", "left"),
    [
        (NAMES[:6], NAMES[6:]),
        ([(name, "Ni L3") for name in NAMES[:7]], NAMES[7:]),
        ([(NAMES[0], "Mn L3"), ("of another table", "Ni L3")], NAMES),
        (Catalog(), NAMES[1:]),
        (lambda series: [(NAMES[0], "Ni L3")] if series == "aged" else [], NAMES[1:]),
        (NAMES, []),
    ],
)
def test_what_is_done_is_not_measured_again(
    *, RE: RunEngine, recorder: Any, holder: Holder, scan: Any, table: str, done: Any, left: Any
) -> None:
    RE(sample_series(table, holder, scan, done=done))
    assert carried(recorder, "sample") == left


def test_a_scan_that_fails_ends_the_series_which_goes_on_from_there(
    *,
    RE: RunEngine,
    recorder: Any,
    holder: Holder,
    scan: dict[str, Any],
    table: str,
    mesh: SynSignal,
    pgm: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken_at(mesh, "trigger", 6)
    with pytest.raises(FaultError):
        RE(sample_series(table, holder, scan))
    assert (holder.position, pgm.position) == (NAMES[3], 700.0)
    assert "ended at A, 50 cycles, Ni L3 (FaultError: " in (told := capsys.readouterr().out)
    assert "with 2 of 8 done; to go on" in told
    assert [stop["exit_status"] for stop in recorder.of("stop")] == ["success", "success", "fail"]
    RE(sample_series(table, holder, scan, done=lambda name: done_samples(recorder.documents, name)))
    assert carried(recorder, "sample")[3:] == NAMES[2:]
    assert "series aged: 2 of 8 were done before" in capsys.readouterr().out


@pytest.mark.parametrize(("way_out", "how"), [("abort", "aborted"), ("stop", "stopped")])
def test_an_ended_series_puts_back_and_goes_on_later(
    *,
    RE: RunEngine,
    recorder: Any,
    holder: Holder,
    scan: dict[str, Any],
    table: str,
    pgm: Any,
    way_out: str,
    how: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(sample_series(table, holder, scan), "create", 4))
    getattr(RE, way_out)()
    assert (holder.position, pgm.position) == (NAMES[3], 700.0)
    assert f"ended at {NAMES[1]}, Ni L3 ({how}) with 1 of 8 done" in capsys.readouterr().out
    assert done_samples(recorder.documents, "aged") == [(NAMES[0], "Ni L3")]


def test_a_paused_series_goes_on_at_its_point(
    RE: RunEngine, recorder: Any, holder: Holder, scan: dict[str, Any], table: str
) -> None:
    with pytest.raises(RunEngineInterrupted):
        RE(paused_before(sample_series(table, holder, scan), "create", 4))
    RE.resume()
    assert carried(recorder, "sample") == NAMES
    assert {doc["num_events"]["primary"] for doc in recorder.of("stop")} == {2}
    assert holder.position == NAMES[3]


def test_ctrl_c_pauses_a_series_that_then_goes_on(
    RE: RunEngine, recorder: Any, holder: Holder, pgm: Any, table: str
) -> None:
    RE.context_managers = [SigintHandler]

    def interrupt(row: Sample) -> Iterator[Msg]:
        if row.name == NAMES[1] and RE.state == "running":
            os.kill(os.getpid(), signal.SIGINT)
            while not RE.deferred_pause_requested:
                yield Msg("sleep", None, 0.001)
        return (yield from sxas_scan([pgm.setpoint], pgm, edge=row.edge, regions=SHORT))

    with pytest.raises(RunEngineInterrupted):
        RE(sample_series(table, holder, interrupt))
    assert RE.state == "paused"
    assert holder.position == NAMES[1]
    RE.resume()
    assert carried(recorder, "sample") == NAMES
    assert holder.position == NAMES[3]
