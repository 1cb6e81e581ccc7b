"""Files that grow while no documents come."""

import threading
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
from event_model import compose_run
from troublesome import Counting, Live

from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.results import ResultCollector

SOON_S = 60.0
N_ROWS = 4


class GrowingFile:
    """A file in SWMR mode, its absorption flushed row by row."""

    def __init__(self, path: Path) -> None:
        self._file = h5py.File(path, "w", libver="latest")
        self._data = self._file.create_dataset("mu", (0,), "f8", maxshape=(None,), chunks=(1,))
        self._file.swmr_mode = True

    def add(self, value: float) -> None:
        self._data.resize(len(self._data) + 1, axis=0)
        self._data[-1] = value
        self._data.flush()

    def close(self) -> None:
        self._file.close()


class Watching:
    """Tells when a result has come to some number of rows."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rows = 0.0

    def __call__(self, name, doc) -> None:
        if name == "event":
            with self._changed:
                self._rows = max(self._rows, doc["data"]["rows"])
                self._changed.notify_all()

    def wait(self, rows: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._rows >= rows, SOON_S)


@pytest.fixture
def growing(tmp_path) -> Iterator[GrowingFile]:
    file = GrowingFile(tmp_path / "mu.h5")
    yield file
    file.close()


@pytest.fixture
def run(tmp_path):
    """Documents up to one stream datum for all rows, and the stop document."""
    beamline = {
        "data": {"readable": [str(tmp_path)]},
        "xanes": {"energy_ev": "mono_energy", "mutrans": "mu"},
    }
    composed = compose_run(metadata={"beamline": beamline})
    key = {"dtype": "number", "shape": [], "source": ""}
    stream = composed.compose_descriptor(
        name="primary", data_keys={"mono_energy": key, "mu": key | {"external": "STREAM:"}}
    )
    resource = composed.compose_stream_resource(
        data_key="mu",
        mimetype="application/x-hdf5",
        uri=f"file://localhost{tmp_path / 'mu.h5'}",
        parameters={"dataset": "mu"},
    )
    datum = resource.compose_stream_datum(
        indices={"start": 0, "stop": N_ROWS},
        seq_nums={"start": 1, "stop": N_ROWS + 1},
        descriptor=stream.descriptor_doc,
    )
    documents = [
        ("start", composed.start_doc),
        ("descriptor", stream.descriptor_doc),
        ("stream_resource", resource.stream_resource_doc),
    ]
    for at in range(N_ROWS):
        data = {"mono_energy": 8300.0 + at}
        event = {"data": data, "timestamps": dict.fromkeys(data, float(at)), "time": float(at)}
        documents.append(("event", stream.compose_event(**event, validate=False)))
    return [*documents, ("stream_datum", datum)], ("stop", composed.compose_stop())


def test_rows_are_read_as_their_file_grows_though_no_document_comes(growing, run) -> None:
    documents, stop = run
    watching, collector = Watching(), ResultCollector()
    with Live(Counting) as live:
        live.subscribe(watching)
        live.subscribe(collector)
        growing.add(0.1)
        for name, doc in documents:
            live(name, doc)
        assert watching.wait(1)
        growing.add(0.2)
        assert watching.wait(2)
        growing.add(0.3)
        assert watching.wait(3)
        live(*stop)
        assert live.wait(SOON_S)
    [result] = collector.results
    assert result.values["rows"] == N_ROWS
    assert "mu: row missing (row 4)" in result.reason


def test_a_pipeline_that_polls_gives_what_one_that_does_not_gives(growing, run) -> None:
    documents, stop = run
    collector = ResultCollector()
    polling = Pipeline([Counting], collector, own=True)
    for name, doc in documents:
        polling(name, doc)
    assert polling.is_waiting
    assert not polling.poll()
    for at in range(N_ROWS):
        growing.add(at)
        assert polling.poll()
    assert not polling.is_waiting
    polling(*stop)
    late = Pipeline([Counting], collector, own=True)
    for name, doc in (*documents, stop):
        late(name, doc)
    one, other = collector.results
    assert one.values == other.values == {"rows": N_ROWS}
    assert one.reason == other.reason == ""
