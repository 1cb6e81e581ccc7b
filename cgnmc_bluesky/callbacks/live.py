"""Analyses beside a scan: the scan's thread only queues; the work is done in another process."""

import contextlib
import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.callbacks.gate import Gate
from cgnmc_bluesky.callbacks.process import Lost, WorkerProcess
from cgnmc_bluesky.callbacks.task import RunAnalysis, say_failed
from cgnmc_bluesky.results import Sink

logger = logging.getLogger(__name__)

_CLOSE: tuple[str, dict[str, Any]] = ("close", {})


class LiveAnalysis:
    """Runs analyses over a RunEngine's documents without slowing, stopping or endangering its
    scans.

    Parameters
    ----------
    beamline
        The configuration, or its file. Without it, each run's own (the simulated beamline's), else
        the file that `$CGNMC_BEAMLINE` or the working directory has.
    patience_s
        How long the work may go without a sign of life, in seconds, before it is given up.
    memory_bytes
        How much memory the work may take.

    Notes
    -----
    Calling it puts the document in a queue and returns. A thread hands the documents of runs that
    hold something to read to a process of its own, which the first of them starts; what comes back
    is handed to the sinks in another thread. Work that raises, hangs, or takes too much memory
    becomes a result with the status "failed", and the next run finds a new process.
    """

    kinds: ClassVar[tuple[type[RunAnalysis], ...]]

    def __init__(
        self,
        beamline: Beamline | str | Path | None = None,
        *,
        patience_s: float = 60.0,
        memory_bytes: int = 4 * 2**30,
    ) -> None:
        if isinstance(beamline, str | Path):
            beamline = Beamline.load(beamline)
        self._sinks: dict[int, Sink] = {}
        self._documents: queue.SimpleQueue[tuple[str, Mapping[str, Any]]] = queue.SimpleQueue()
        self._runs = _Runs()
        settings = (self.kinds, beamline, memory_bytes)
        self._threads = _Threads(settings, patience_s, self._documents, self._runs, self._send)
        self._stop = weakref.finalize(self, self._documents.put, _CLOSE)

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Queue a document."""
        self._runs.note(name, doc)
        self._documents.put((name, doc))

    def subscribe(self, sink: Sink) -> int:
        """Hand result documents to a sink from now on.

        Parameters
        ----------
        sink
            Called with the name and the document, in a thread of its own. What it raises is logged.

        Returns
        -------
        int
            Token for `unsubscribe`.
        """
        token = max(self._sinks, default=0) + 1
        self._sinks = {**self._sinks, token: sink}
        return token

    def unsubscribe(self, token: int) -> None:
        """Hand no more documents to a sink."""
        self._sinks = {other: sink for other, sink in self._sinks.items() if other != token}

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every run that has stopped has its results.

        Parameters
        ----------
        timeout_s
            How long at most, in seconds.

        Returns
        -------
        bool
            Whether all results are there.
        """
        return self._runs.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Finish what is queued and end the process.

        Parameters
        ----------
        timeout_s
            How long to wait at most, in seconds.
        """
        self._stop()
        self._threads.join(timeout_s)

    def __enter__(self) -> "LiveAnalysis":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _send(self, name: str, doc: Mapping[str, Any]) -> None:
        for sink in self._sinks.values():
            try:
                sink(name, doc)
            except Exception:
                logger.exception("a sink of %s failed", type(self).__name__)


class _Runs:
    """Which runs are under way, and which have stopped without having their results yet."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._starts: dict[str, Mapping[str, Any]] = {}
        self._stopped: set[str] = set()

    def note(self, name: str, doc: Mapping[str, Any]) -> None:
        if name in {"start", "stop"}:
            with self._changed:
                if name == "start":
                    self._starts[doc["uid"]] = doc
                elif doc.get("run_start") in self._starts:
                    self._stopped.add(doc["run_start"])

    def done(self, run_uid: str) -> None:
        with self._changed:
            self._starts.pop(run_uid, None)
            self._stopped.discard(run_uid)
            self._changed.notify_all()

    def open(self) -> list[Mapping[str, Any]]:
        with self._changed:
            return list(self._starts.values())

    def wait(self, timeout_s: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._stopped, timeout_s)


class _Threads:
    """One thread that feeds the process, one that listens to it."""

    def __init__(
        self,
        settings: tuple[Any, ...],
        patience_s: float,
        documents: "queue.SimpleQueue[tuple[str, Mapping[str, Any]]]",
        runs: _Runs,
        send: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._patience_s = patience_s
        self._documents = documents
        self._runs = runs
        self._send = weakref.WeakMethod(send)
        self._analysis = settings[0][0]
        self._written: dict[str, dict[str, dict[str, Any]]] = {}
        self._gate = Gate(settings[0], settings[1])
        self._worker: WorkerProcess | None = None
        self._listener: threading.Thread | None = None
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()

    def join(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        self._feeder.join(timeout_s)
        if self._worker is not None and self._listener is not None:
            self._listener.join(max(0.0, deadline_s - time.monotonic()))
            self._worker.kill()

    def _feed(self) -> None:
        while True:
            batch = [self._documents.get()]
            with contextlib.suppress(queue.Empty):
                while batch[-1] is not _CLOSE:
                    batch.append(self._documents.get_nowait())
            closing = batch[-1] is _CLOSE
            through, unread = self._gate.passed(batch[:-1] if closing else batch)
            for run_uid in unread:
                self._runs.done(run_uid)
            with contextlib.suppress(Lost):
                if through:
                    self._working(through).send(through)
                if closing and self._worker is not None:
                    self._worker.finish()
            if closing:
                return

    def _working(self, documents: Sequence[tuple[str, Mapping[str, Any]]]) -> WorkerProcess:
        """The process; a new one where there is none, or a run begins after it was lost."""
        worker = self._worker
        begins = any(name == "start" for name, _ in documents)
        if worker is None or (worker.is_lost and begins):
            if self._listener is not None:
                self._listener.join()
            self._worker = worker = WorkerProcess(*self._settings)
            self._listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
            self._listener.start()
        return worker

    def _listen(self, worker: WorkerProcess) -> None:
        try:
            while True:
                for kind, *content in worker.receive(self._patience_s):
                    if kind == "result":
                        self._result(*content)
                    elif kind == "done":
                        self._written.pop(content[0], None)
                        self._runs.done(content[0])
                    else:
                        logger.log(*content)
        except EOFError:
            return
        except Lost as loss:
            logger.error("%s: %s", self._analysis.name, loss)
            self._give_up(str(loss))

    def _result(self, name: str, doc: dict[str, Any]) -> None:
        self._remember(name, doc)
        send = self._send()
        if send is not None:
            send(name, doc)

    def _remember(self, name: str, doc: dict[str, Any]) -> None:
        """Keep the start documents of results that are open, to close them if the process is
        lost.
        """
        if name == "start":
            self._written.setdefault(doc["parent_uid"], {})[doc["uid"]] = doc
        elif name == "stop":
            for results in self._written.values():
                results.pop(doc["run_start"], None)

    def _give_up(self, why: str) -> None:
        """Say of every run under way that it has no result, and why."""
        send = self._send()
        for start in self._runs.open():
            opened = self._written.pop(start["uid"], {})
            for uid, document in opened.items():
                if send is not None:
                    send("stop", _stop(uid, document, why))
            if send is not None:
                say_failed(self._analysis, start, why, send)
            self._runs.done(start["uid"])


def _stop(uid: str, start: Mapping[str, Any], why: str) -> dict[str, Any]:
    return {
        "uid": f"{uid}-stop",
        "run_start": uid,
        "time": start["time"],
        "exit_status": "fail",
        "reason": why,
        "num_events": {},
    }
