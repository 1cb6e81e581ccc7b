"""Catalogs that live in this process: databroker's temporary one, and a server without exporter."""

import pytest
from catalog_documents import RAW, RESULT, TWIN, events, run_documents

from cgnmc_bluesky.catalogs import SourceError, done_samples, open_source


@pytest.fixture(scope="module")
def broker():
    from databroker import Broker

    broker = Broker.named("temp")
    for run in (
        run_documents(TWIN, 2, scan_id=4, time=1.6e9),
        run_documents(RAW, 3, scan_id=5, sample="aged", edge="Ni L3", series="cycled"),
        run_documents(RESULT, 1, time=1.7e9 + 9, purpose="analysis", parent_uid=RAW),
    ):
        for name, doc in run:
            broker.insert(name, doc)
    yield broker
    broker.v2.context.http_client.close()


@pytest.mark.parametrize("which", [-1, 5, RAW, "3a000000-0000-4000-8000-000000000001", RESULT])
def test_broker_finds_its_runs(broker, which):
    run = open_source(broker).find(which)
    assert run.uid == RAW
    assert events(run.documents()) == events(run_documents(RAW, 3))


def test_broker_tells_raw_runs_from_results(broker):
    source = open_source(broker)
    assert [run.uid for run in source.runs()] == [TWIN, RAW, RESULT]
    assert [run.uid for run in source.results_of(RAW)] == [RESULT]
    assert source.find(-2).uid == TWIN
    with pytest.raises(SourceError, match=r"begins more than one uid .*3a000000"):
        source.find("3a000000")


def test_broker_knows_what_is_done_of_a_series(broker):
    assert done_samples(broker, "cycled") == [("aged", "Ni L3")]
    assert done_samples(broker, "another") == []


@pytest.mark.parametrize("manner", ["catalog", "header", "run"])
def test_parts_of_a_broker_are_sources_too(broker, manner):
    named = {"catalog": broker.v2, "header": broker[RAW], "run": broker.v2[RAW]}[manner]
    run = open_source(named).find(-1)
    assert run.uid == RAW
    assert len(events(run.documents())) == 3


def test_server_without_the_exporter_is_said_to_lack_it(tmp_path):
    from bluesky_tiled_plugins import TiledWriter
    from tiled.catalog import in_memory
    from tiled.client import Context, from_context
    from tiled.server.app import build_app

    tree = in_memory(writable_storage=[str(tmp_path), f"duckdb:///{tmp_path / 'tables.duckdb'}"])
    with Context.from_app(build_app(tree)) as context:
        client = from_context(context)
        write = TiledWriter(client)
        for name, doc in run_documents(RAW, 2):
            write(name, doc)
        run = open_source(client).find(-1)
        assert run.uid == RAW
        with pytest.raises(SourceError, match="json_seq_exporter for a BlueskyRun"):
            list(run.documents())
