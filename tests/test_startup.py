"""What a session is made of, and what it says where a part of it is not to be had."""

import io
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from ophyd.sim import SynAxis, SynSignal
from rich.console import Console

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.beamline import Beamline, ConfigurationError
from cgnmc_bluesky.catalogs import open_source
from cgnmc_bluesky.plans import measure_dark, measure_standard, xanes_scan
from cgnmc_bluesky.results import ResultWriter, Sink, Subject
from cgnmc_bluesky.sim import SimulatedBeamline
from cgnmc_bluesky.startup import devices_from, live, make_run_engine, open_session
from cgnmc_bluesky.startup.devices import connect
from cgnmc_bluesky.startup.engine import carry
from cgnmc_bluesky.startup.results import Results
from cgnmc_bluesky.startup.screen import Screen, open_windows


def ended(engine: RunEngine) -> None:
    """End a RunEngine's loop, which else is reported as left open."""
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join()
    engine.loop.close()


@pytest.fixture
def starts() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def engine(tmp_path: Path, starts: list[dict[str, Any]]) -> Iterator[RunEngine]:
    engine = make_run_engine(tmp_path / "kept" / "scan_id")
    engine.subscribe(lambda _, doc: starts.append(doc), "start")
    yield engine
    ended(engine)


def test_scans_are_numbered_on_from_the_last_session(
    engine: RunEngine, starts: list[dict[str, Any]], tmp_path: Path
) -> None:
    engine(bp.count([SynAxis(name="x")]))
    engine(bp.count([SynAxis(name="x")]))
    second = make_run_engine(tmp_path / "kept" / "scan_id")
    second.subscribe(lambda _, doc: starts.append(doc), "start")
    second(bp.count([SynAxis(name="x")]))
    ended(second)
    assert [start["scan_id"] for start in starts] == [1, 2, 3]
    assert starts[0]["versions"]["cgnmc_bluesky"]


def test_a_damaged_number_begins_again(
    engine: RunEngine, starts: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "scan_id").write_text("1x")
    engine(bp.count([SynAxis(name="x")]))
    assert starts[0]["scan_id"] == 1


def test_runs_carry_what_is_true_at_their_start(
    engine: RunEngine, starts: list[dict[str, Any]]
) -> None:
    sample = SynAxis(name="sample", value=1.0)
    place = {"Facility": {"name": "NSLS-II"}}
    carry(engine, lambda _: {"sample": f"number {sample.position:g}", "XDI": place})
    engine(bp.count([sample], md={"XDI": {"Element": {"symbol": "Ni"}}}))
    sample.set(2.0)
    engine(bp.count([sample]))
    engine(bp.count([sample], md={"sample": "my own"}))
    assert [start["sample"] for start in starts] == ["number 1", "number 2", "my own"]
    assert starts[0]["XDI"] == {"Facility": {"name": "NSLS-II"}, "Element": {"symbol": "Ni"}}
    assert starts[1]["XDI"] == place


def beamline_with(**devices: Mapping[str, Any]) -> Beamline:
    return Beamline.from_dict({"devices": devices})


def test_devices_are_made_as_the_configuration_names_them() -> None:
    beamline = beamline_with(
        mono={"class": "ophyd.sim.SynAxis", "labels": ["axes"]},
        it={"class": "ophyd.sim.SynSignal", "name": "transmitted"},
    )
    devices = devices_from(beamline)
    assert isinstance(devices["mono"], SynAxis)
    assert isinstance(devices["it"], SynSignal)
    assert (devices["mono"].name, devices["it"].name) == ("mono", "transmitted")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"class": "Motor"},
        {"class": "ophyd.NoSuchMotor"},
        {"class": "no_such_package.Motor"},
        {"class": "ophyd.sim.SynAxis", "speed": 3},
    ],
)
def test_a_device_that_cannot_be_made_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"\[devices\] mono = .*; give \{ class ="):
        devices_from(beamline_with(mono=settings))


class Mute:
    """A device whose server does not run."""

    name = "mute"

    def wait_for_connection(self, timeout: float) -> None:
        raise TimeoutError("no PV answered")


def test_a_device_that_does_not_answer_is_named() -> None:
    with pytest.raises(ConnectionError, match=r"mute does not answer .*no PV answered"):
        connect(Mute())


class Coroutine:
    """A device that connects as ophyd-async's do."""

    name = "coroutine"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.timeout_s = 0.0

    async def connect(self, timeout: float) -> None:
        self.timeout_s = timeout
        if self.error is not None:
            raise self.error


def test_a_device_of_coroutines_connects_in_the_engines_loop(engine: RunEngine) -> None:
    device = Coroutine()
    connect(device, timeout_s=2.0)
    assert device.timeout_s == 2.0
    with pytest.raises(ConnectionError, match=r"coroutine does not answer .*no such PV"):
        connect(Coroutine(TimeoutError("no such PV")))


class Analysis:
    """A live analysis that is done when it is told."""

    def __init__(self, *, is_done: bool = True) -> None:
        self.is_done = is_done
        self.sinks: list[Sink] = []

    def subscribe(self, sink: Sink) -> None:
        self.sinks.append(sink)

    def wait(self, timeout_s: float) -> bool:
        return self.is_done

    def close(self) -> None:
        self.is_done = True

    def finds(self, edge_ev: float) -> None:
        for sink in self.sinks:
            writer = ResultWriter(
                Subject("4c9e", 1, "xanes_scan", "NiO", "edge_position", "1"), sink
            )
            units = {"edge_ev": "eV"}
            writer.update(Estimate(Status.FINAL, "", units, {"edge_ev": edge_ev}), 0.0)
            writer.close()


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(written: io.StringIO) -> Console:
    return Console(file=written, width=200)


def results_of(analysis: Analysis, console: Console) -> Results:
    return Results([analysis], console, timeout_s=0.01)  # type: ignore[list-item]


def test_the_last_result_is_that_of_the_last_run(console: Console, written: io.StringIO) -> None:
    analysis = Analysis()
    results = results_of(analysis, console)
    analysis.finds(8344.0)
    analysis.finds(8345.0)
    assert results[-1].values == {"edge_ev": 8345.0}
    assert [result.values["edge_ev"] for result in results] == [8344.0, 8345.0]
    assert len(results) == len(results[:]) == 2
    assert written.getvalue() == ""


def test_a_wait_is_bounded_and_said(console: Console, written: io.StringIO) -> None:
    results = results_of(Analysis(is_done=False), console)
    with pytest.raises(IndexError):
        results[-1]
    assert "waiting for results, 0.01 s at most" in written.getvalue()
    assert "still not there after 0.01 s" in written.getvalue()


def test_the_screen_shows_each_call_of_the_engine_by_itself(
    engine: RunEngine, console: Console, written: io.StringIO
) -> None:
    analysis = Analysis()
    screen = Screen(console, lambda timeout_s: analysis.finds(8344.0))
    analysis.subscribe(screen)
    engine.context_managers.append(screen.during)
    engine(bp.count([SynAxis(name="x")]))
    assert written.getvalue().count("NiO") == 1
    engine(bp.count([SynAxis(name="x")]))
    assert written.getvalue().count("NiO") == 2


def test_results_are_told_in_a_line_each(console: Console) -> None:
    analysis = Analysis()
    results = results_of(analysis, console)
    assert repr(results) == "no results yet"
    analysis.finds(8344.0)
    assert repr(results) == "1  NiO  edge_position: final, edge_ev = 8344 ± 0"


def test_a_standard_just_measured_serves_as_a_reference(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated = SimulatedBeamline(seed=3)
    chambers, mono = [simulated.i0, simulated.it, simulated.ir], simulated.mono
    regions = [[-150, -20, 10], [-20, 60, 1], [60, 540, 10]]
    documents: list[tuple[str, dict[str, Any]]] = []
    first = make_run_engine()
    first.subscribe(lambda name, doc: documents.append((name, doc)))
    for name, valence in (("NiO", 2), ("LiNiO2", 3)):
        simulated.sample.set(name)
        first(measure_standard(chambers, mono, name=name, valence=valence, regions=regions))
    references = tomllib.loads(capsys.readouterr().out)
    first(measure_dark(chambers, simulated.shutter))
    ended(first)
    xanes = simulated.roles()["xanes"] | tomllib.loads(capsys.readouterr().out)
    beamline = Beamline.from_dict({**simulated.roles(), **references, "xanes": xanes})
    simulated.sample.set("conventional, pristine")
    second = make_run_engine()
    session = live(second, beamline, open_source(documents), console=console)
    second(xanes_scan(chambers, mono, regions=regions))
    found = {result.analysis: result for result in session.results}
    session.close()
    ended(second)
    assert found["edge_position"].status == Status.FINAL
    assert found["ni2_fraction"].values["ni2_fraction"] == pytest.approx(0.33, abs=0.01)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory where no catalog can be made, and no window be opened."""
    (tmp_path / "occupied").write_text("a file, not a folder")
    monkeypatch.setenv("CGNMC_SESSION", str(tmp_path / "occupied"))
    monkeypatch.delenv("CGNMC_BEAMLINE", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_missing_is_told_and_the_rest_is_there(
    nowhere: Path, console: Console, written: io.StringIO
) -> None:
    (nowhere / "beamline.toml").write_text('[xanes]\nenergie = "mono"\n')
    session = open_session(console)
    banner = written.getvalue()
    assert "no beamline.toml: ConfigurationError: " in banner
    assert "'energie'" in banner
    assert "no catalog: " in banner
    assert "devices  mono, i0, it" in banner
    at_hand = session.namespace()
    chambers = [at_hand[name] for name in ("i0", "it", "ir")]
    session.RE(at_hand["xanes_scan"](chambers, at_hand["mono"], regions=[[-5, 5, 5]]))
    assert {result.analysis for result in session.results} == {"edge_position", "ni2_fraction"}
    session.close()
    ended(session.RE)


def test_a_device_that_is_missing_does_not_cost_the_others(
    nowhere: Path, console: Console, written: io.StringIO
) -> None:
    (nowhere / "beamline.toml").write_text(
        """
        [beamline]
        name = "QAS 7-BM"
        [xanes]
        energy_ev = "mono"
        mutrans = "mu"
        [devices]
        mono = { class = "ophyd.sim.SynAxis" }
        mu = { class = "ophyd.sim.NoSuchSignal" }
        """
    )
    session = open_session(console)
    starts: list[dict[str, Any]] = []
    session.RE.subscribe(lambda _, doc: starts.append(doc), "start")
    session.RE(bp.count([session.namespace()["mono"]]))
    session.close()
    ended(session.RE)
    assert set(session.devices) == {"mono"}
    assert "no mu: ConfigurationError: [devices] mu = " in written.getvalue()
    assert starts[0]["XDI"] == {"Beamline": {"name": "QAS 7-BM"}}
    assert "beamline" not in starts[0]


def test_no_display_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert open_windows() == []
