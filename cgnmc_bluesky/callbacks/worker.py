"""The process that live analyses work in: `python -m cgnmc_bluesky.callbacks.worker FD`."""

import logging
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from cgnmc_bluesky.beamline import Beamline, ConfigurationError
from cgnmc_bluesky.callbacks.gate import Belonging
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.task import RunAnalysis, say_failed
from cgnmc_bluesky.standards import Library

PREVIEW_PERIOD_S = 0.2
"""Curves for the eye are sent no more often than this."""

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.5
PAUSE_GROWTH = 1.125
"""A file is looked at again after about an eighth of the time that it has been waited for."""

logger = logging.getLogger(__name__)


class Worker:
    """Takes documents of interleaved runs, and works on each with a pipeline of its own.

    Parameters
    ----------
    connection
        To the scan's process.
    kinds
        The analyses.
    beamline
        The configuration, or `None` for that of each run.
    """

    def __init__(
        self,
        connection: Connection,
        kinds: Sequence[type[RunAnalysis]],
        beamline: Beamline | None,
    ) -> None:
        self._connection = connection
        self._kinds = kinds
        self._beamline = beamline
        self._library = Library()
        self._pipelines: dict[str, Pipeline] = {}
        self._belonging = Belonging()
        self._said: list[tuple[Any, ...]] = []
        self._previewed_s = 0.0

    def work(self) -> None:
        """Serve until asked to end, or until the other side is gone."""
        self._answer(0)
        while True:
            self._follow_files()
            try:
                documents = self._connection.recv()
            except EOFError:
                return
            if documents is None:
                self._answer(0)
                return
            for name, doc in documents:
                self._take(name, doc)
            if not self._connection.poll():
                self._update()
            self._answer(1)

    def _follow_files(self) -> None:
        """Read what is written into files that rows wait for, until documents come."""
        pause_s = SHORTEST_PAUSE_S
        while self._is_waiting() and not self._connection.poll(pause_s):
            pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)
            if self._poll():
                pause_s = SHORTEST_PAUSE_S
                self._update()
            if self._said:
                self._answer(0)

    def _is_waiting(self) -> bool:
        return any(pipeline.is_waiting for pipeline in self._pipelines.values())

    def _poll(self) -> bool:
        found = [
            self._guarded(run_uid, pipeline.poll)
            for run_uid, pipeline in list(self._pipelines.items())
        ]
        return any(found)

    def say(self, *message: Any) -> None:
        """Add to the next answer."""
        self._said.append(message)

    def _answer(self, answered: int) -> None:
        said, self._said = self._said, []
        self._connection.send((said, answered))

    def _update(self) -> None:
        now_s = time.monotonic()
        curves = now_s - self._previewed_s > PREVIEW_PERIOD_S
        if curves:
            self._previewed_s = now_s
        for pipeline in self._pipelines.values():
            pipeline.update(curves=curves)

    def _take(self, name: str, doc: Mapping[str, Any]) -> None:
        if name == "start":
            self._begin(doc)
            return
        run_uid = self._belonging.run_of(name, doc, self._pipelines)
        pipeline = self._pipelines.get(run_uid)
        if pipeline is not None:
            self._guarded(run_uid, lambda: pipeline(name, doc))
        if name == "stop":
            self._end(run_uid)

    def _guarded(self, run_uid: str, work: Callable[[], bool | None]) -> bool:
        """Do some work for a run, which is given up if that raises."""
        try:
            return bool(work())
        except Exception:
            logger.exception("documents of run %s cannot be read", run_uid)
            self._give_up(self._pipelines.pop(run_uid))
            return False

    def _begin(self, start: Mapping[str, Any]) -> None:
        if start.get("purpose") == "analysis":
            self.say("done", start["uid"])
            return
        pipeline = Pipeline(
            self._kinds, self._emit, beamline=self._beamline, library=self._library, own=True
        )
        try:
            pipeline("start", start)
        except ConfigurationError as error:
            for kind in self._kinds:
                say_failed(kind, start, str(error), self._emit)
        else:
            self._pipelines[start["uid"]] = pipeline

    def _end(self, run_uid: str) -> None:
        self._pipelines.pop(run_uid, None)
        self._belonging.forget(run_uid)
        self.say("done", run_uid)

    def _give_up(self, pipeline: Pipeline) -> None:
        try:
            pipeline.close()
        except Exception:
            logger.exception("the analysis cannot be closed")

    def _emit(self, name: str, doc: Mapping[str, Any]) -> None:
        self.say("result", name, doc)


class _Forward(logging.Handler):
    """Sends what is logged to the other side, where the user's log is."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        self._worker.say("log", record.levelno, self.format(record).replace("%", "%%"))


def main(descriptor: int) -> None:
    """Serve the process at the other end of a pipe.

    Parameters
    ----------
    descriptor
        File descriptor of our end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(descriptor)
    kinds, beamline, memory_bytes = connection.recv()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    worker = Worker(connection, kinds, beamline)
    logging.getLogger().addHandler(_Forward(worker))
    worker.work()


if __name__ == "__main__":
    main(int(sys.argv[1]))
