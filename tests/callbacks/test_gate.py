"""Which documents reach an analysis."""

import pytest
from run_documents import RunDocuments, data_key

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.callbacks.gate import Gate
from cgnmc_bluesky.callbacks.soft import SurfaceBulkAnalysis

BEAMLINE = Beamline.from_dict(
    {"soft_xanes": {"energy_ev": "pgm", "i0": "mesh", "yields": {"tey": "current"}}}
)


def run_of(*streams, **metadata):
    """A run with some streams, each of some data keys, and an event of each."""
    run = RunDocuments({"plan_name": "count", **metadata})
    for name, keys in streams:
        bundle = run.describe({key: data_key([]) for key in keys}, name)
        run.event(bundle, 1, dict.fromkeys(keys, 1.0))
    return run.stop()


@pytest.fixture
def gate():
    return Gate([SurfaceBulkAnalysis], BEAMLINE)


def test_a_run_that_shows_what_is_read_passes_whole(gate):
    documents = run_of(("primary", ["pgm", "current"]))
    assert gate.passed(documents) == (documents, [])


def test_what_came_before_passes_along_but_for_rows_of_no_use(gate):
    documents = run_of(("slow", ["thermometer"]), ("primary", ["pgm"]))
    through, ended = gate.passed(documents)
    assert ended == []
    assert [name for name, _ in through] == ["start", "descriptor", "descriptor", "event", "stop"]


@pytest.mark.parametrize("streams", [[("primary", ["thermometer"])], [("baseline", ["pgm"])], []])
def test_a_run_without_anything_to_read_is_over_with_its_stop(gate, streams):
    documents = run_of(*streams)
    assert gate.passed(documents) == ([], [documents[0][1]["uid"]])


def test_interleaved_runs_are_told_apart(gate):
    soft, other = run_of(("primary", ["pgm"])), run_of(("primary", ["thermometer"]))
    batch = [document for pair in zip(soft, other, strict=True) for document in pair]
    through = [document for part in batch for document in gate.passed([part])[0]]
    assert through == soft


def test_a_run_that_nobody_configured_passes_for_the_analysis_to_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documents = run_of(("primary", ["pgm"]))
    assert Gate([SurfaceBulkAnalysis], None).passed(documents) == (documents, [])


def test_results_are_not_analysed(gate):
    documents = run_of(("primary", ["pgm"]), purpose="analysis")
    assert gate.passed(documents) == ([], [documents[0][1]["uid"]])
