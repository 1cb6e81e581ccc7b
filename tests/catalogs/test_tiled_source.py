"""Runs out of a real Tiled server, by whatever way a user may name it."""

import pytest
from catalog_documents import GROWING, RAW, RESULT, TWIN, UNFINISHED, events, run_documents

from cgnmc_bluesky.catalogs import EmbeddedCatalog, SourceError, done_samples, open_source


@pytest.fixture
def source(catalog):
    return open_source(catalog)


def test_documents_come_back_with_the_same_content(source, raw_documents):
    run = source.find(RAW)
    read = list(run.documents())
    assert {name for name, _ in read} == {"start", "descriptor", "event", "stop"}
    assert read[0] == ("start", raw_documents[0][1])
    assert events(read) == events(raw_documents)
    assert read[-1][1]["uid"] == raw_documents[-1][1]["uid"]
    assert run.note == ""
    assert run.folders == (source._embedded.directory,)


def test_raw_runs_and_results_are_told_apart_in_the_order_of_time(source):
    assert [run.uid for run in source.runs()] == [UNFINISHED, RAW, RESULT]
    assert [run.is_result for run in source.runs()] == [False, False, True]
    assert [run.uid for run in source.results_of(RAW)] == [RESULT]
    assert source.results_of(UNFINISHED) == []


def test_a_series_is_found_by_its_name(catalog, source):
    assert [run.uid for run in source.of_series("as delivered")] == [RAW]
    assert source.of_series("aged") == []
    assert done_samples(catalog, "as delivered") == [("NMC811", "Ni K")]


@pytest.mark.parametrize("which", [-1, "-1", 7, "7", RAW, "3a0000", RESULT, "3b00"])
def test_every_way_to_name_the_last_raw_run(source, which):
    assert source.find(which).uid == RAW


def test_run_that_is_not_over_has_no_stop(source):
    run = source.find(-2)
    assert run.uid == UNFINISHED
    assert [name for name, _ in run.documents()] == ["start", "descriptor"]
    assert run.note == ""


def test_run_is_seen_to_grow_before_it_is_over(catalog):
    documents = run_documents(GROWING, 150, time=1.5e9)
    write = catalog.writer()
    try:
        for name, doc in documents[:-1]:
            write(name, doc)
        assert write.flush()
        [run] = open_source(catalog).with_uid(GROWING)
        assert events(run.documents()) == events(documents)[:100]
        write(*documents[-1])
        assert write.flush()
        assert events(run.documents()) == events(documents)
    finally:
        catalog.client.delete_contents(GROWING, recursive=True, external_only=False)


@pytest.mark.parametrize(
    ("which", "message"),
    [
        (-3, "has no run -3; it holds 2"),
        (99, r"has no run 99; its last are 6 \(3c000000\), 7 \(3a000000\)"),
        ("feed", "has no run 'feed'; its last are"),
        ("3", "more than one uid .*: 3a000000-.*, 3b000000-.*, 3c000000-.*; give more characters"),
    ],
)
def test_run_that_is_not_meant_by_its_name(source, which, message):
    with pytest.raises(SourceError, match=message):
        source.find(which)


def test_previews_are_not_stored(catalog):
    assert list(catalog.client[RESULT]) == ["primary"]


def test_last_run_by_the_catalog_itself(catalog):
    assert catalog.client[7].start["uid"] == RAW
    assert catalog.client["3a000000"].start["uid"] == RAW


def test_client_of_a_result_stands_for_its_run(catalog):
    with open_source(catalog.client[RESULT]) as source:
        assert source.find(-1).uid == RAW
        assert [run.uid for run in source.results_of(RAW)] == [RESULT]


def test_client_of_a_catalog(catalog):
    assert open_source(catalog.client).find(-1).uid == RAW


def test_address_with_the_key_in_the_environment(catalog, monkeypatch, raw_documents):
    address, key = catalog.uri.split("?api_key=")
    monkeypatch.setenv("TILED_API_KEY", key)
    with open_source(address) as source:
        assert events(list(source.find(-1).documents())) == events(raw_documents)


def test_address_without_a_key(catalog, monkeypatch):
    monkeypatch.delenv("TILED_API_KEY", raising=False)
    with pytest.raises(SourceError, match="the server wants a key; set TILED_API_KEY"):
        open_source(catalog.uri.partition("?")[0])


def test_address_where_nothing_is():
    with pytest.raises(SourceError, match=r"http://127.0.0.1:9: the server does not answer"):
        open_source("http://127.0.0.1:9")


def test_profile_as_databroker_opens_it(catalog, monkeypatch, tmp_path):
    import databroker

    address, key = catalog.uri.split("?api_key=")
    monkeypatch.setenv("TILED_API_KEY", key)
    monkeypatch.setattr("tiled.profiles.paths", [tmp_path])
    (tmp_path / "beamline.yml").write_text(f"bmx:\n  uri: {address}\n")
    with open_source("profile:bmx") as source:
        assert source.find(-1).uid == RAW
    client = databroker.catalog["bmx"]
    assert open_source(client).find(-1).uid == RAW
    client.context.http_client.close()
    with pytest.raises(SourceError, match="no Tiled profile 'bmy'; there are: bmx"):
        open_source("profile:bmy")


def test_another_process_finds_the_server_that_runs(catalog):
    with EmbeddedCatalog(catalog.directory) as second:
        assert second.uri == catalog.uri
        assert open_source(second).find(-1).uid == RAW
    assert catalog.is_running


def test_results_may_be_written_beside_the_runs(catalog, raw_documents):
    with open_source(catalog.client) as source:
        write = source.writer()
        for name, doc in run_documents(TWIN, 1, time=1.6e9, purpose="analysis", parent_uid="none"):
            write(name, doc)
    try:
        with pytest.raises(SourceError, match="the run 'none' that the result"):
            open_source(catalog).find(TWIN)
    finally:
        catalog.client.delete_contents(TWIN, recursive=True, external_only=False)
