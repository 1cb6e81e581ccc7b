"""Heating ramps through files of documents and a real Tiled server: the same readings come back."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import msgpack_numpy
import numpy as np
import pytest
from event_model import NumpyEncoder
from heating_documents import (
    MAKERS,
    MeasuredRamp,
    RampRun,
    measured_ramp,
    monitored_run,
    polled_run,
)
from numpy.testing import assert_array_equal
from run_documents import Document, paged

from cgnmc_bluesky import replay
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import EmbeddedCatalog, Source, open_source
from cgnmc_bluesky.documents import RunReader

N_PATTERNS, N_BINS, N_SAMPLES = 6, 200, 60
ODD, SUSPENDED, STALE = "odd", "suspended", "stale"
STORED = ("polled", "twice", "lists", "datums", "streamed", ODD, SUSPENDED, STALE)
"""What is stored in a server, which takes a second each."""


@pytest.fixture(scope="module")
def ramps(tmp_path_factory) -> dict[str, RampRun]:
    rng = np.random.default_rng(8)
    time_s = 3.0 * np.arange(1.0, N_SAMPLES + 1)
    currents = {mass: 1e-9 * rng.normal(1.0, 0.01, N_SAMPLES) for mass in ("18", "32")}
    currents["32"][17] = np.nan
    patterns = list(rng.poisson(50.0, (N_PATTERNS, N_BINS)).astype(float))
    measured = measured_ramp(time_s, 25.0 + time_s / 15.0, currents, patterns, exposure_s=30.0)
    odd = [pattern[: N_BINS - 7 * (row == 4)] for row, pattern in enumerate(patterns)]
    of_odd = measured_ramp(time_s, 25.0 + time_s / 15.0, currents, odd, exposure_s=30.0)
    made = {name: maker(measured) for name, maker in MAKERS.items()}
    for patterns_in in ("lists", "datums", "streamed"):
        folder = tmp_path_factory.mktemp(patterns_in)
        made[patterns_in] = polled_run(measured, folder=folder, patterns=patterns_in)
    return made | {
        ODD: polled_run(of_odd),
        f"{ODD} lists": polled_run(of_odd, patterns="lists"),
        SUSPENDED: monitored_run(released(), suspended_s=[700.0, 2333.0, 2334.0]),
        STALE: polled_run(measured, stale=[(9, 9), (40, 22)]),
    }


def released() -> MeasuredRamp:
    """Two hours with a release near 190 °C, and patterns that hold nothing."""
    rng = np.random.default_rng(9)
    time_s = 30.0 * np.arange(1.0, 241.0)
    temperature_c = 25.0 + time_s / 15.0
    release = np.exp(-0.5 * ((temperature_c - 215.0) / 12.0) ** 2)
    oxygen = 1e-9 * (1.0 + np.exp(-time_s / 2000.0) + release + rng.normal(0.0, 0.01, 240))
    patterns = list(rng.poisson(50.0, (4, N_BINS)).astype(float))
    return measured_ramp(time_s, temperature_c, {"32": oxygen}, patterns, exposure_s=1000.0)


def rows_of(
    run: RampRun, documents: list[Document]
) -> tuple[dict[str, dict[str, np.ndarray]], list[str]]:
    """Every role's readings in each stream, in order of time, and the notes."""
    beamline = Beamline.from_dict(run.configuration())
    reader = RunReader(beamline.roles("heating"), beamline.data.readable)
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for name, doc in documents:
        for block in reader(name, doc):
            clocks = {name: getattr(block, name) for name in ("time_s", "event_s", "stamp_s")}
            for role, values in {**block.values, **clocks}.items():
                found.setdefault(block.stream, {}).setdefault(role, []).append(values)
    joined = {
        stream: {role: np.concatenate(parts) for role, parts in columns.items()}
        for stream, columns in found.items()
    }
    order = {stream: np.argsort(columns["time_s"]) for stream, columns in joined.items()}
    return {
        stream: {role: values[order[stream]] for role, values in columns.items()}
        for stream, columns in joined.items()
    }, reader.notes


def assert_same(run: RampRun, documents: list[Document]) -> None:
    before, notes_before = rows_of(run, run.documents)
    after, notes = rows_of(run, documents)
    assert notes == notes_before
    assert after.keys() == before.keys()
    for stream, columns in before.items():
        assert after[stream].keys() == columns.keys()
        for role, values in columns.items():
            if role == "stamp_s" and stream == "primary":
                continue  # of readings in files the server keeps no timestamps
            assert_array_equal(after[stream][role], values, err_msg=f"{stream} {role}")


def as_lines(documents: list[Document], path: Path) -> Path:
    text = "\n".join(json.dumps(document, cls=NumpyEncoder) for document in documents)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def as_msgpack(documents: list[Document], path: Path) -> Path:
    packed = (msgpack.packb(doc, default=msgpack_numpy.encode) for doc in documents)
    path.write_bytes(b"".join(packed))
    return path


@pytest.mark.parametrize("in_pages", [False, True])
@pytest.mark.parametrize(
    ("write", "name"),
    [(as_lines, "run.jsonl"), (as_lines, "run.jsonl.gz"), (as_msgpack, "run.msgpack")],
)
def test_files_of_documents_hold_the_same_readings(
    ramps, tmp_path, write: Callable[..., Any], name: str, in_pages
) -> None:
    for run in ramps.values():
        documents = paged(run.documents, 40) if in_pages else run.documents
        [stored] = open_source(write(documents, tmp_path / name)).runs()
        assert_same(run, list(stored.documents()))


@pytest.fixture(scope="module")
def source(tmp_path_factory, ramps) -> Iterator[Source]:
    folders = [run.folder for run in ramps.values() if run.folder]
    with EmbeddedCatalog(tmp_path_factory.mktemp("catalog"), folders).open() as catalog:
        write = catalog.writer()
        for name in STORED:
            for document in ramps[name].documents:
                write(*document)
        assert write.flush(240.0)
        assert write.failures == {}
        yield open_source(catalog)


def test_a_server_gives_the_same_readings_back(ramps, source) -> None:
    for name in STORED:
        run = ramps[name]
        stored = source.find(run.documents[0][1]["uid"])
        assert_same(run, list(stored.documents()))


def test_a_suspended_ramp_is_replayed_to_the_last_bit(ramps, source) -> None:
    run = ramps[SUSPENDED]
    beamline = Beamline.from_dict(run.configuration())
    live = [result.as_dict() for result in replay(run.documents, beamline)]
    stored = source.find(run.documents[0][1]["uid"])
    assert [result.as_dict() for result in replay(stored, beamline)] == live
    [onset] = [result for result in live if result["analysis"] == "o2_onset"]
    assert onset["values"]["t_rate_c"] == pytest.approx(185.0, abs=10.0)


def test_what_is_odd_is_told_of_what_comes_back_too(ramps, source) -> None:
    def notes_of(name: str) -> list[str]:
        stored = source.find(ramps[name].documents[0][1]["uid"])
        return rows_of(ramps[name], list(stored.documents()))[1]

    missing = "rga_mz32: no number (row 18)"
    assert notes_of("polled") == [missing]
    length = f"xrd_intensity: row of shape ({N_BINS - 7},) instead of ({N_BINS},) (row 5)"
    assert notes_of(ODD) == [missing, length]
    assert notes_of(STALE)[0] == "rga_mz18, rga_mz32: an old reading again (rows 11, 43)"
