"""A directory with a server of its own: what can go wrong, and that raw data never suffer."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from catalog_documents import TWIN, run_documents

from cgnmc_bluesky.catalogs import CatalogWriter, EmbeddedCatalog, SourceError, open_source


def backed_up(path):
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()]


def as_json(documents):
    return [tuple(json.loads(json.dumps(document))) for document in documents]


def test_folder_with_other_files_is_no_catalog(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SourceError, match=r"is no catalog: it holds notes\.txt and no catalog\.db"):
        EmbeddedCatalog(tmp_path)


def test_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be a catalog's folder: File exists"):
        EmbeddedCatalog(tmp_path / "file")


def test_readable_folder_must_be_there(tmp_path):
    with pytest.raises(SourceError, match=r"readable folder .*/frames is not there"):
        EmbeddedCatalog(tmp_path / "catalog", readable=[tmp_path / "frames"])


def test_damaged_database_is_said_to_be_one(tmp_path):
    (tmp_path / "catalog.db").write_text("not a database, but long enough to be taken for one")
    with EmbeddedCatalog(tmp_path) as catalog, pytest.raises(SourceError) as raised:
        catalog.open()
    assert "cannot be served" in str(raised.value)
    assert "file is not a database" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_server_that_dies_in_the_middle_of_a_run(tmp_path, monkeypatch):
    from bluesky import RunEngine
    from bluesky.plans import count
    from ophyd.sim import det

    engine = RunEngine()
    emitted = []
    with EmbeddedCatalog(tmp_path).open() as catalog:
        write = catalog.writer()
        engine.subscribe(lambda name, doc: emitted.append((name, doc)))
        engine.subscribe(write)

        def kill_at_third_point(name, doc):
            if name == "event" and doc["seq_num"] == 3:
                assert write.flush()
                catalog._server.process.kill()
                catalog._server.process.wait()

        engine.subscribe(kill_at_third_point)
        [uid] = engine(count([det], 6))
        [later] = engine(count([det], 1))
        assert write.flush(timeout_s=30)
        assert set(write.failures) == {uid, later}
        assert "the catalog's server has died" in write.failures[uid]
        monkeypatch.setattr("tiled.client.utils.TILED_RETRY_ATTEMPTS", 1)
        with pytest.raises(SourceError, match=r"the server does not answer .*is it running"):
            open_source(catalog).find(-1)
    backups = tmp_path / "backup"
    assert backed_up(backups / f"{uid}.jsonl") == as_json(emitted[:9])
    assert backed_up(backups / f"{later}.jsonl") == as_json(emitted[9:])
    [run] = open_source(backups / f"{uid}.jsonl").runs()
    assert run.note == ""


def test_start_that_is_interrupted_leaves_nothing_behind(tmp_path):
    script = (
        "import os, sys\n"
        "from cgnmc_bluesky.catalogs import EmbeddedCatalog\n"
        "catalog = EmbeddedCatalog(sys.argv[1]).open_in_background()\n"
        "while catalog._server.process is None:\n"
        "    pass\n"
        "print(catalog._server.process.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert has_ended(int(done.stdout))
    with EmbeddedCatalog(tmp_path) as catalog:
        source = open_source(catalog)
        assert list(source.runs()) == []
        with pytest.raises(SourceError, match="has no run -1; it holds 0"):
            source.find(-1)


def test_two_that_open_a_folder_at_one_moment_share_a_server(tmp_path):
    with EmbeddedCatalog(tmp_path) as second:
        with EmbeddedCatalog(tmp_path) as first:
            assert first.uri == second.uri
            servers = [first._server, second._server]
            [owner] = [server for server in servers if server.process is not None]
        # the server goes on while the other uses it, whichever of them started it
        assert owner.process.poll() is None
        assert list(second.client) == []
    assert has_ended(owner.process.pid)


def test_server_goes_on_while_another_uses_it(tmp_path):
    first = EmbeddedCatalog(tmp_path).open()
    process = first._server.process
    with EmbeddedCatalog(tmp_path).open() as second:
        first.close()
        assert list(second.client) == []
        assert process.poll() is None
    assert has_ended(process.pid)
    assert sorted(path.name for path in tmp_path.glob("*.wal")) == []


def test_server_that_has_not_answered_is_ended_at_once(tmp_path):
    with EmbeddedCatalog(tmp_path) as catalog:
        server = catalog._server
        wait_until_starting(server)
    assert server.process.returncode == -signal.SIGTERM
    with pytest.raises(SourceError, match="cannot be served"):
        server.address()


def test_folder_that_is_closed_while_another_opens_it_is_left_alone(tmp_path):
    with EmbeddedCatalog(tmp_path) as first:
        wait_until_starting(first._server)
        with EmbeddedCatalog(tmp_path) as second:
            server = second._server
        assert server.process is None
        assert not server.is_running


def wait_until_starting(server):
    """Wait until a server's process is there, which holds the folder's lock until it answers."""
    while server.process is None:
        threading.Event().wait(0.01)


def has_ended(process_id):
    """Whether a process that is not our child ends within ten seconds."""
    pause = threading.Event()
    for _ in range(100):
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return True
        pause.wait(0.1)
    return False


class Hanging:
    """A catalog that never answers."""

    def __init__(self):
        self.release = threading.Event()

    def connect(self):
        self.release.wait(30)
        raise ConnectionError("it hung")


def test_closing_is_bounded_and_backs_up_what_is_not_delivered(tmp_path):
    hanging = Hanging()
    write = CatalogWriter(hanging.connect, backup_directory=tmp_path)
    documents = run_documents(TWIN, 4)
    for name, doc in documents:
        write(name, doc)
    write.close(timeout_s=0.2)
    assert backed_up(tmp_path / f"{TWIN}.jsonl") == as_json(documents)
    assert "did not take it within 0.2 s" in write.failures[TWIN]
    write("start", documents[0][1])
    hanging.release.set()
    write._buffer._thread.join()
    assert backed_up(tmp_path / f"{TWIN}.jsonl") == as_json(documents)


def test_arrays_can_be_backed_up(tmp_path):
    import numpy as np

    def refuse():
        raise ConnectionError("no server")

    write = CatalogWriter(refuse, backup_directory=tmp_path)
    documents = run_documents(TWIN, 1)
    documents[2][1]["data"]["mca"] = np.arange(20.0)
    for name, doc in documents:
        write(name, doc)
    write.close()
    event = backed_up(tmp_path / f"{TWIN}.jsonl")[2][1]
    assert event["data"]["mca"] == list(range(20))


def test_file_outside_the_readable_folders_is_warned_of(tmp_path, caplog):
    write = CatalogWriter(lambda: None, readable=[tmp_path])
    write._check_readable("stream_resource", {"uri": f"file://localhost{tmp_path}/a.h5"})
    assert caplog.text == ""
    write._check_readable("stream_resource", {"uri": "file://localhost/elsewhere/a.h5"})
    assert "/elsewhere/a.h5 is outside the folders that the catalog can read" in caplog.text
    write.close()
