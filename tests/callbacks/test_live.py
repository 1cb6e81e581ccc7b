import logging
import threading

import numpy as np
import pytest
from bluesky import RunEngine
from simulated_runs import REGIONS
from test_pipeline import results_of
from troublesome import Counting, Devouring, Dying, Hanging, Live, Raising

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.callbacks import EdgePosition, Ni2Fraction
from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.sim import SimulatedBeamline

SOON_S = 60.0


def through(live, *runs):
    collector = ResultCollector()
    live.subscribe(collector)
    for run in runs:
        for name, doc in run:
            live(name, doc)
    assert live.wait(SOON_S)
    return collector.results


def test_live_is_replay_to_the_last_bit():
    beamline = SimulatedBeamline(seed=8)
    documents: list = []
    engine = RunEngine()
    engine.preprocessors.append(beamline.with_metadata)
    engine.subscribe(lambda name, doc: documents.append((name, doc)))
    collector = ResultCollector()
    with EdgePosition() as edge, Ni2Fraction() as fraction:
        for live in (edge, fraction):
            live.subscribe(collector)
            engine.subscribe(live)
        detectors = [beamline.i0, beamline.it, beamline.ir]
        engine(xanes_scan(detectors, beamline.mono, edge="Ni K", regions=REGIONS))
        assert edge.wait(SOON_S)
        assert fraction.wait(SOON_S)
    replayed = results_of(documents)
    assert {result.analysis for result in collector.results} == set(replayed)
    for result in collector.results:
        again = replayed[result.analysis]
        assert result.as_dict() == again.as_dict()
        for name, curve in result.curves["spectrum"].items():
            np.testing.assert_array_equal(curve, again.curves["spectrum"][name])


def test_interleaved_runs_are_told_apart(counted):
    one, two = list(counted()), list(counted())
    mixed = [pair for pairs in zip(one, two, strict=True) for pair in pairs]
    with Live(Counting) as live:
        results = through(live, mixed)
    assert {result.run_uid for result in results} == {one[0][1]["uid"], two[0][1]["uid"]}
    assert [result.values["rows"] for result in results] == [5.0, 5.0]


def test_an_analysis_that_raises_is_a_failed_result(counted, caplog):
    with caplog.at_level(logging.ERROR), Live(Raising) as live:
        [result] = through(live, counted())
    assert result.status is Status.FAILED
    assert "of all things" in result.reason
    assert "Traceback" in caplog.text


def test_an_analysis_that_eats_memory_is_a_failed_result(counted):
    with Live(Devouring, memory_bytes=2**32) as live:
        [result] = through(live, counted())
    assert result.status is Status.FAILED
    assert "memory" in result.reason.lower()


@pytest.mark.parametrize(("kind", "words"), [(Hanging, "no sign of life"), (Dying, "ended")])
def test_a_process_that_is_lost_is_a_failed_result_and_the_next_run_a_new_start(
    counted, kind, words
):
    with Live(kind, patience_s=3.0) as live:
        [lost] = through(live, counted())
        assert lost.status is Status.FAILED
        assert words in lost.reason
        [result] = through(live, counted(trouble=False))
        assert result.status is Status.FINAL
        assert result.values["rows"] == 5.0


def test_a_sink_that_raises_is_logged_and_the_others_go_on(counted, caplog):
    def broken(name, doc):
        raise ValueError("the screen fell down")

    with caplog.at_level(logging.ERROR), Live(Counting) as live:
        live.subscribe(broken)
        [result] = through(live, counted())
    assert result.status is Status.FINAL
    assert "the screen fell down" in caplog.text


def test_a_sink_can_leave(counted):
    seen: list = []
    with Live(Counting) as live:
        token = live.subscribe(lambda name, doc: seen.append(name))
        live.unsubscribe(token)
        through(live, counted())
    assert seen == []


def test_a_missing_configuration_is_a_failed_result_and_no_harm(counted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Live(Counting) as live:
        [result] = through(live, counted(beamline="somewhere"))
    assert result.status is Status.FAILED
    assert "beamline.toml" in result.reason


def test_the_calling_thread_is_not_kept(counted):
    """A document is queued in well under a millisecond, also while the analysis hangs."""
    documents = list(counted())
    event = documents[3]
    with Live(Hanging, patience_s=5.0) as live:
        for name, doc in documents[:6]:
            live(name, doc)
        done = threading.Event()

        def queue():
            for _ in range(2000):
                live(*event)
            done.set()

        thread = threading.Thread(target=queue)
        thread.start()
        assert done.wait(2.0)
        thread.join()
        live(*documents[-1])
        assert live.wait(SOON_S)


def test_results_of_analyses_are_not_analysed(counted):
    start, *others = counted(purpose="analysis")
    with Live(Counting) as live:
        assert through(live, [start, *others]) == []


def test_a_session_that_ends_takes_its_process_along():
    import subprocess
    import sys

    script = (
        "import time\n"
        "from cgnmc_bluesky.callbacks import EdgePosition\n"
        "live = EdgePosition()\n"
        "live('start', {'uid': 'of a run that nobody configured', 'time': 0.0})\n"
        "while live._threads._worker is None:\n"
        "    time.sleep(0.01)\n"
        "print(live._threads._worker.pid)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    import psutil

    pid = int(done.stdout)
    if psutil.pid_exists(pid):
        psutil.Process(pid).wait(20)
    assert not psutil.pid_exists(pid)
