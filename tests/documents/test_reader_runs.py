"""Runs that a RunEngine makes, and runs that other beamlines have made."""

import asyncio
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import RunEngineInterrupted
from event_model import DocumentNames, pack_event_page, schema_validators
from ophyd import Signal
from ophyd.sim import SynAxis, SynGauss

from cgnmc_bluesky.documents import Role

Document = tuple[str, dict[str, Any]]
ROLES = {"energy_ev": Role("mono", "eV"), "i0": Role("i0", ""), "temperature_c": Role("t", "degC")}
N_POINTS = 5


@pytest.fixture
def engine() -> Iterator[RunEngine]:
    engine = RunEngine({}, context_managers=[])
    yield engine
    if engine.state != "idle":
        engine.halt()
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join()
    asyncio.set_event_loop(None)
    engine.loop.close()


def paused_scan() -> Any:
    """A scan with a monitor, paused after its third point and between two checkpoints."""
    motor = SynAxis(name="mono")
    i0 = SynGauss("i0", motor, "mono", center=0.0, Imax=1e-6)
    temperature = Signal(name="t", value=20.0)

    @bpp.monitor_during_decorator([temperature])
    @bpp.run_decorator()
    def scan():
        for point in range(N_POINTS):
            yield from bps.checkpoint()
            yield from bps.abs_set(temperature, 20.0 + point)
            yield from bps.mv(motor, 8333.0 + point)
            yield from bps.trigger_and_read([motor, i0])
            if point == 2:
                yield from bps.pause()

    return scan()


@pytest.fixture
def documents(engine) -> list[Document]:
    """The documents of a paused and resumed scan."""
    kept: list[Document] = []
    engine.subscribe(lambda name, doc: kept.append((name, json.loads(json.dumps(doc)))))
    with pytest.raises(RunEngineInterrupted):
        engine(paused_scan())
    engine.resume()
    return kept


def events_by_stream(documents: list[Document]) -> dict[str, list[dict[str, Any]]]:
    streams = {doc["uid"]: doc["name"] for name, doc in documents if name == "descriptor"}
    events = defaultdict(list)
    for name, doc in documents:
        if name == "event":
            events[streams[doc["descriptor"]]].append(doc)
    return events


def test_a_scan_that_was_paused_has_each_point_once(documents, read) -> None:
    events = events_by_stream(documents)["primary"]
    assert len(events) == N_POINTS + 1
    result = read(documents, ROLES)
    columns = result.columns()["primary"]
    assert columns["seq_num"] == [1, 2, 3, 4, 5]
    assert columns["energy_ev"] == [8333.0 + point for point in range(N_POINTS)]
    again = [event for event in events if event["seq_num"] == 3][-1]
    assert columns["time_s"][2] == again["time"]
    assert result.reader.notes == []


def test_its_monitor_has_each_reading_once(documents, read) -> None:
    events = events_by_stream(documents)["t_monitor"]
    readings = {event["timestamps"]["t"]: event["data"]["t"] for event in events}
    assert len(readings) < len(events), "the pause did not repeat a reading"
    numbers = [event["seq_num"] for event in events]
    assert len(set(numbers)) < len(numbers), "the pause did not set the numbers back"
    columns = read(documents, ROLES).columns()["t_monitor"]
    assert columns["time_s"] == sorted(readings)
    assert columns["temperature_c"] == [readings[time_s] for time_s in sorted(readings)]
    assert columns["seq_num"] == list(range(1, len(readings) + 1))


def test_it_is_the_same_as_pages(documents, read) -> None:
    events = events_by_stream(documents)
    others = [document for document in documents if document[0] not in {"event", "stop"}]
    pages = [("event_page", pack_event_page(*of_one)) for of_one in events.values()]
    assert read([*others, *pages, documents[-1]], ROLES).bits() == read(documents, ROLES).bits()


def real_runs(path: Path) -> list[list[Document]]:
    """Cut the documents of a file into its runs."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        runs: list[list[Document]] = []
        for name, doc in json.load(file):
            if name == "start":
                runs.append([])
            runs[-1].append((name, doc))
    return runs


def test_real_runs_give_every_event_of_every_key(shared, read) -> None:
    seen = 0
    for path in sorted((shared / "bluesky_docs").glob("apstools_*.json*")):
        for run in real_runs(path):
            for _, descriptor in (d for d in run if d[0] == "descriptor"):
                if descriptor["name"] == "baseline":
                    continue
                events = [
                    d for n, d in run if n == "event" and d["descriptor"] == descriptor["uid"]
                ]
                keys = [
                    key
                    for key, described in descriptor["data_keys"].items()
                    if described["dtype"] in {"number", "integer", "array"}
                    and not any(isinstance(event["data"][key], str) for event in events)
                ]
                result = read(run, {key: Role(key, "") for key in keys})
                rows = result.tables()
                if not events:
                    assert descriptor["name"] not in rows
                    continue
                table = rows[descriptor["name"]]
                for key in keys:
                    expected = np.array([event["data"][key] for event in events], dtype=float)
                    np.testing.assert_array_equal(table.column(key), expected)
                seen += len(events) * len(keys)
                assert result.reader.missing() == {}
    assert seen > 1000


def test_a_real_scan_in_its_recorded_units(shared, read) -> None:
    [run] = real_runs(shared / "bluesky_docs" / "apstools_uid-3ab777ae_lineup2.json")
    roles = {
        "two_theta_deg": Role("m1", "deg"),
        "i0": Role("I0", ""),
        "energy_ev": Role("m2", "eV"),
    }
    result = read(run, roles)
    assert len(result.tables()["primary"]) == 11
    assert result.reader.missing() == {"energy_ev": "m2"}
    assert result.reader.nearest("m2") == ["m1"]
    assert result.reader.notes == []


def test_a_real_run_that_ended_early_is_read_as_far_as_it_went(shared, read) -> None:
    [run] = real_runs(shared / "bluesky_docs" / "apstools_uid-b31e8698_usaxs_tune_ar.json")
    result = read(run, {"i0": Role("PD_USAXS", "")})
    assert result.blocks == []
    assert result.reader.missing() == {}


def test_the_runs_made_up_here_are_valid(run, number) -> None:
    bundle = run.describe("primary", {"mono": number("eV")})
    run.event(bundle, 1, 1.0, mono=8333.0)
    for name, doc in run.stop():
        schema_validators[DocumentNames[name]].validate(doc)
