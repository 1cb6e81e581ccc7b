"""Document files in all their forms, whole and damaged."""

import gzip
import json

import numpy as np
import pytest
from catalog_documents import RAW, RESULT, UNFINISHED, events, run_documents
from hypothesis import given
from hypothesis import strategies as st

from cgnmc_bluesky.catalogs import SourceError, open_source

FIRST = run_documents(RAW, 3, scan_id=1, sample="NMC811")
SECOND = run_documents(UNFINISHED, 2, scan_id=2)
ANALYSIS = run_documents(RESULT, 1, purpose="analysis", parent_uid=RAW)


def interleaved():
    """Two runs at a time, as two live callbacks would record them, then a result of the first."""
    rest = list(SECOND)
    mixed = [rest.pop(0)]
    for document in FIRST:
        mixed.append(document)
        mixed.extend([rest.pop(0)] if rest else [])
    return [*mixed, *rest, *ANALYSIS]


def as_lines(documents, form="list"):
    items = (
        list(document) if form == "list" else dict(zip(("name", "doc"), document, strict=True))
        for document in documents
    )
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def as_msgpack(documents, **options):
    import msgpack

    return b"".join(msgpack.packb(document, **options) for document in documents)


@pytest.fixture
def opened(tmp_path):
    def open_content(content, name):
        path = tmp_path / name
        path.write_bytes(content)
        return open_source(path)

    return open_content


def nested():
    return json.dumps([["start", FIRST[0][1]], FIRST[1:], [SECOND, ANALYSIS]]).encode()


def by_name():
    runs = [
        {
            "start": run[0][1],
            "descriptors": [doc for name, doc in run if name == "descriptor"],
            "events": [doc for name, doc in run if name == "event"],
            "stop": run[-1][1],
        }
        for run in (SECOND, FIRST, ANALYSIS)
    ]
    return json.dumps({"runs": runs}).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("runs.jsonl", as_lines(interleaved())),
        ("runs.jsonl.gz", gzip.compress(as_lines(interleaved()), mtime=0)),
        ("runs.jsonl", as_lines(interleaved(), "object")),
        ("runs.JSON", json.dumps(interleaved()).encode()),
        ("runs.json", nested()),
        ("runs.json.gz", gzip.compress(by_name(), mtime=0)),
        ("runs.json", b"[\n" + as_lines(interleaved(), "object").replace(b"\n", b",\n") + b"]"),
        ("runs.msgpack", as_msgpack(interleaved())),
        (
            "runs.msgpack.gz",
            gzip.compress(
                as_msgpack([{"name": name, "doc": doc} for name, doc in interleaved()]), mtime=0
            ),
        ),
    ],
)
def test_every_form_gives_the_same_runs(opened, name, content):
    with opened(content, name) as source:
        assert {run.uid for run in source.runs()} == {RAW, UNFINISHED, RESULT}
        assert [run.uid for run in source.results_of(RAW)] == [RESULT]
        assert source.writer() is None
        for run, expected in ((source.find(1), FIRST), (source.find("3c00"), SECOND)):
            assert events(run.documents()) == events(expected)
            assert dict(run.start) == expected[0][1]
            assert run.note == ""
        assert source.find(RESULT).uid == RAW
        assert not source.find(-1).is_result


@given(st.randoms(use_true_random=False))
def test_runs_are_told_apart_however_they_are_interleaved(random):
    rests = [list(FIRST), list(SECOND), list(ANALYSIS)]
    mixed = []
    while rests := [rest for rest in rests if rest]:
        mixed.append(random.choice(rests).pop(0))
    source = open_source(mixed)
    for run in (FIRST, SECOND):
        assert list(source.find(run[0][1]["uid"]).documents()) == run
    assert [list(run.documents()) for run in source.results_of(RAW)] == [ANALYSIS]


def test_iterable_of_documents():
    source = open_source(iter(interleaved()))
    assert events(source.find(RAW).documents()) == events(FIRST)
    assert list(source.find(RAW).documents()) == FIRST
    with pytest.raises(SourceError, match="the list holds no start document"):
        open_source([1, 2])
    with pytest.raises(SourceError, match="a float is no source"):
        open_source(1.5)


def test_one_run_stands_for_itself():
    run = open_source(FIRST).find(-1)
    assert open_source(run).find(-1) is run


def test_nan_and_infinity_may_stand_in_jsonl(opened):
    start, descriptor, event, stop = run_documents(RAW, 1)
    event[1]["data"] = {"mono_energy": 8333.0, "i0": float("nan"), "mca": [float("inf")] * 20}
    source = opened(as_lines([start, descriptor, event, stop]), "runs.jsonl")
    [data] = events(source.find(-1).documents())
    assert np.isnan(data["i0"])
    assert np.isinf(data["mca"]).all()


@pytest.mark.parametrize("use_bin_type", [True, False])
def test_arrays_that_databroker_packed(opened, use_bin_type):
    import msgpack_numpy

    documents = run_documents(RAW, 1)
    documents[2][1]["data"]["mca"] = np.arange(20, dtype=np.uint16).reshape(4, 5)
    documents[2][1]["data"]["i0"] = np.float64(2.5)
    content = as_msgpack(documents, default=msgpack_numpy.encode, use_bin_type=True)
    [data] = events(opened(content, "runs.msgpack").find(-1).documents())
    np.testing.assert_array_equal(data["mca"], np.arange(20).reshape(4, 5))
    assert data["mca"].dtype == np.uint16
    assert data["i0"] == 2.5


def test_packed_objects_are_never_unpickled(opened):
    import msgpack_numpy

    documents = run_documents(RAW, 1)
    documents[2][1]["data"]["mca"] = np.array([{"evil": True}], dtype=object)
    source = opened(as_msgpack(documents, default=msgpack_numpy.encode), "runs.msgpack")
    run = source.find(-1)
    assert "an array of objects, which is not unpacked for safety" in run.note
    assert [name for name, _ in run.documents()] == ["start", "descriptor"]


def test_last_line_that_is_cut_off(opened):
    lines = as_lines(FIRST).splitlines(keepends=True)
    source = opened(b"".join(lines[:4]) + lines[4][:30], "runs.jsonl")
    run = source.find(-1)
    assert len(events(run.documents())) == 2
    assert run.note == "line 5 is cut off"


def test_file_that_ends_without_a_stop(opened):
    run = opened(as_lines(FIRST[:-1]), "runs.jsonl").find(-1)
    assert run.note == ""
    assert len(events(run.documents())) == 3


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("form", [list(FIRST), [FIRST], {"documents": FIRST}, "objects", "names"])
def test_nested_json_that_is_cut_off_anywhere(opened, form, indent):
    if form == "objects":
        form = [{"name": name, "doc": doc} for name, doc in FIRST]
    elif form == "names":
        form = json.loads(by_name())["runs"][1]
    content = json.dumps(form, indent=indent).encode()
    start_ends = content.index(FIRST[0][1]["uid"].encode()) + 150
    seen = set()
    for end in range(start_ends, len(content) - 6, 37):
        run = opened(content[:end], "run.json").find(-1)
        assert run.note == "run.json is cut off"
        documents = list(run.documents())
        assert documents == FIRST[: len(documents)]
        seen.add(len(documents))
    assert seen >= {1, 2, 3, 4}


def test_msgpack_that_is_cut_off_is_named(opened):
    run = opened(as_msgpack(FIRST)[:-60], "runs.msgpack").find(-1)
    assert run.note.startswith("runs.msgpack is cut off after byte ")


def test_line_in_the_middle_that_cannot_be_read_is_of_the_run_it_is_in(opened):
    lines = as_lines(FIRST + SECOND).splitlines(keepends=True)
    lines[8] = b'{"name": "eve\x00\n'
    source = opened(b"".join(lines), "runs.jsonl")
    assert source.find(1).note == ""
    assert source.find(2).note == "line 9 cannot be read"
    assert len(events(source.find(2).documents())) == 1


@pytest.mark.parametrize("name", ["runs.json", "runs.json.gz", "runs.msgpack", "runs.jsonl.gz"])
def test_other_files_that_are_cut_off(opened, name):
    whole = json.dumps(interleaved(), indent=None).replace("], [", "],\n[").encode()
    content = {
        "runs.json": whole[:-400],
        "runs.json.gz": gzip.compress(whole)[:-40],
        "runs.msgpack": as_msgpack(FIRST)[:-60],
        "runs.jsonl.gz": gzip.compress(as_lines(FIRST), mtime=0)[:-60],
    }[name]
    source = opened(content, name)
    notes = [run.note for run in source.runs()]
    assert any("cut off" in note or "damaged" in note for note in notes), notes
    assert any(run.start["uid"] == RAW for run in source.runs())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runs.jsonl", b"", "runs.jsonl is empty"),
        ("runs.jsonl.gz", gzip.compress(b"", mtime=0), "runs.jsonl.gz is empty"),
        ("runs.json", b"[1, 2, 3]", "runs.json holds no start document"),
        ("runs.jsonl", b"nonsense\n", r"no start document \(line 1 is cut off\)"),
        (
            "runs.msgpack",
            b"\xc1",
            r"no start document \(runs.msgpack cannot be read from byte 0 on",
        ),
        ("runs.jsonl", as_lines(FIRST[1:]), "runs.jsonl holds no start document"),
    ],
)
def test_file_without_any_run(opened, name, content, message):
    with pytest.raises(SourceError, match=message) as raised:
        opened(content, name)
    assert "\n" not in str(raised.value)


def test_path_that_is_not_there():
    with pytest.raises(SourceError, match=r"nowhere/run\.jsonl is not there; name a file"):
        open_source("nowhere/run.jsonl")


@pytest.mark.parametrize(
    ("name", "n_runs", "n_events"),
    [
        ("apstools_uid-219cc7b4_count.json", 1, 5),
        ("apstools_uid-3ab777ae_lineup2.json", 1, None),
        ("apstools_uid-b31e8698_usaxs_tune_ar.json", 1, 1),
        ("apstools_usaxs.json.gz", 10, None),
    ],
)
def test_real_runs(shared, name, n_runs, n_events):
    source = open_source(shared / "bluesky_docs" / name)
    runs = list(source.runs())
    assert len(runs) == n_runs
    whole = json.loads(
        gzip.decompress(content)
        if (content := (shared / "bluesky_docs" / name).read_bytes())[:2] == b"\x1f\x8b"
        else content
    )
    assert sum(len(list(run.documents())) for run in runs) == len(whole)
    for run in runs:
        names = [document_name for document_name, _ in run.documents()]
        assert names[0] == "start"
        assert source.find(run.uid[:8]).uid == run.uid
    if n_events is not None:
        assert len(events(runs[0].documents())) == n_events
