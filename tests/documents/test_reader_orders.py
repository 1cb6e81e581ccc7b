"""However the documents of a run come, its rows are the same to the last bit."""

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest
from event_model import pack_event_page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgnmc_bluesky.documents import Role

ROLES = {
    "energy_ev": Role("mono", "eV"),
    "i0": Role("i0", ""),
    "spectra": Role("xs", ""),
    "temperature_c": Role("t", "degC"),
}
N_ROWS = 6
ONCE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def whole_run(made_up_run, number, tmp_path_factory) -> tuple[Any, list[list[Any]], Any]:
    """Start and descriptors; the documents of each source in its own order; the folder."""
    run = made_up_run()
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(1)
    with h5py.File(folder / "xs.h5", "w") as file:
        file["d"] = rng.poisson(20.0, (2 * N_ROWS, 8)).astype("u4")
    spectrum = number(dtype="array", shape=[2, 8], external="STREAM:")
    primary = run.describe("primary", {"mono": number("keV"), "i0": number(), "xs": spectrum})
    plain = run.describe("points", {"mono": number("keV"), "i0": number()})
    monitor = run.describe("t_monitor", {"t": number("K")})
    head = list(run.documents)
    streams = [
        [
            run.event(primary, n, n + 0.5, mono=8.0 + n / 7, i0=rng.normal())
            for n in range(1, N_ROWS + 1)
        ],
        [
            run.event(plain, n, time, mono=8.0 + n / 3, i0=rng.normal())
            for n, time in ((1, 1.0), (2, 2.0), (3, 3.0), (2, 4.0), (3, 5.0))
        ],
        [
            run.event(monitor, n, stamp + 0.1, t=300.0 + stamp, timestamps={"t": stamp})
            for n, stamp in ((1, 0.3), (2, 1.3), (2, 1.3), (3, 2.3))
        ],
    ]
    composed = run.run.compose_stream_resource(
        data_key="xs",
        mimetype="application/x-hdf5",
        uri=f"file://localhost{folder / 'xs.h5'}",
        parameters={"dataset": "d"},
    )
    datums = [
        composed.compose_stream_datum(
            indices={"start": first, "stop": last},
            seq_nums={"start": first + 1, "stop": last + 1},
            descriptor=primary.descriptor_doc,
        )
        for first, last in ((0, 1), (1, 4), (4, N_ROWS))
    ]
    sources = [[("event", event) for event in stream] for stream in streams]
    sources.append([("stream_datum", datum) for datum in datums])
    sources.append([("stream_resource", composed.stream_resource_doc)])
    return head, sources, folder


def paged(documents: list[Any], cuts: set[int]) -> list[Any]:
    """Put events of one stream into pages."""
    ends = [*sorted(cuts & set(range(1, len(documents)))), len(documents)]
    starts = [0, *ends[:-1]]
    return [
        ("event_page", pack_event_page(*(doc for _, doc in documents[start:end])))
        for start, end in zip(starts, ends, strict=True)
    ]


def interleaved(draw: Callable[..., Any], sources: list[list[Any]]) -> list[Any]:
    """Deal the documents of all sources into one sequence, each source in its own order."""
    turns = [index for index, source in enumerate(sources) for _ in source]
    left = [iter(source) for source in sources]
    return [next(left[turn]) for turn in draw(st.permutations(turns))]


@ONCE
@given(data=st.data())
def test_any_interleaving_pages_and_duplicates(read, whole_run, data) -> None:
    head, sources, folder = whole_run
    in_order = [document for source in sources for document in source]
    expected = read([*head, *in_order, ("stop", {})], ROLES, [folder])
    pieces = []
    for source in sources:
        if source[0][0] == "event" and data.draw(st.booleans()):
            pieces.append(paged(source, data.draw(st.sets(st.integers(1, 5)))))
        else:
            pieces.append(source)
    documents = interleaved(data.draw, pieces)
    again = data.draw(st.lists(st.sampled_from(documents), max_size=5))
    result = read([*head, *documents, *again, ("stop", {})], ROLES, [folder])
    assert result.bits() == expected.bits()
    assert result.reader.notes == expected.reader.notes
    assert sum(map(len, result.blocks)) == sum(map(len, expected.blocks))


@ONCE
@given(data=st.data())
def test_any_order_whatever(read, whole_run, data) -> None:
    """Even out of order within their streams: only a monitor's numbers are then others."""
    head, sources, folder = whole_run
    in_order = [document for source in sources for document in source]
    expected = read([*head, *in_order, ("stop", {})], ROLES, [folder]).bits()
    shuffled = data.draw(st.permutations(in_order))
    bits = read([*head, *shuffled, ("stop", {})], ROLES, [folder]).bits()
    for columns in (bits, expected):
        columns["t_monitor"].pop("seq_num")
    assert bits == expected


def test_rows_come_with_the_document_that_completes_them(read, whole_run) -> None:
    head, sources, folder = whole_run
    events, _, _, datums, resource = sources
    result = read([*head, *resource, *datums], ROLES, [folder])
    assert result.blocks == []
    result = read([*head, *resource, *datums, *events[:3]], ROLES, [folder])
    assert [block.seq_num.tolist() for block in result.blocks] == [[1], [2], [3]]
    result = read([*head, *events, *resource, *datums], ROLES, [folder])
    assert [block.seq_num.tolist() for block in result.blocks] == [[1], [2, 3, 4], [5, 6]]


def test_as_from_a_catalog_with_all_stream_data_behind_all_events(read, whole_run) -> None:
    head, sources, folder = whole_run
    events, _, _, datums, resource = sources
    whole = datums[0][1] | {
        "indices": {"start": 0, "stop": N_ROWS},
        "seq_nums": {"start": 1, "stop": N_ROWS + 1},
    }
    live = read([*head, *resource, *datums, *events, ("stop", {})], ROLES, [folder])
    stored = [*head, *events, *resource, ("stream_datum", whole), ("stop", {})]
    assert read(stored, ROLES, [folder]).bits() == live.bits()


def test_frames_without_plain_keys_take_the_time_of_an_event_that_follows(
    read, made_up_run, number, tmp_path
) -> None:
    with h5py.File(tmp_path / "xs.h5", "w") as file:
        file["d"] = np.arange(8.0).reshape(2, 4)
    run = made_up_run()
    key = number(dtype="array", shape=[4], external="STREAM:")
    bundle = run.describe("primary", {"xs": key})
    composed = run.run.compose_stream_resource(
        data_key="xs",
        mimetype="application/x-hdf5",
        uri=f"file://localhost{tmp_path / 'xs.h5'}",
        parameters={"dataset": "d"},
    )
    head = [*run.documents, ("stream_resource", composed.stream_resource_doc)]
    datums = [
        composed.compose_stream_datum(
            indices={"start": n, "stop": n + 1},
            seq_nums={"start": n + 1, "stop": n + 2},
            descriptor=bundle.descriptor_doc,
        )
        for n in range(2)
    ]
    time_s = bundle.descriptor_doc["time"]
    events = [run.event(bundle, n, time_s + n) for n in (1, 2)]
    step = [*zip(["stream_datum"] * 2, datums, strict=True)]
    happened = [*zip(["event"] * 2, events, strict=True)]
    live = read([*head, step[0], happened[0], step[1], happened[1]], ROLES, [tmp_path])
    stored = read([*head, *happened, *step], ROLES, [tmp_path])
    assert live.bits() == stored.bits()
    assert live.columns()["primary"]["time_s"] == [time_s + 1, time_s + 2]
