"""The process that live analyses work in, seen from the scan's side."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from typing import Any

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.callbacks.task import RunAnalysis

Documents = Sequence[tuple[str, Mapping[str, Any]]]

_GRACE_S = 5.0
_STARTING_S = 60.0


class Lost(Exception):
    """The process has ended, or gives no sign of life; the message says which."""


class WorkerProcess:
    """A process that takes raw documents and gives result documents.

    It is a fresh interpreter, neither forked (the scan's threads and connections would come along)
    nor spawned by `multiprocessing` (which runs the user's script a second time).

    Parameters
    ----------
    kinds
        The analyses.
    beamline
        The configuration, or `None` for that of each run.
    memory_bytes
        How much memory it may take.
    """

    def __init__(
        self,
        kinds: Sequence[type[RunAnalysis]],
        beamline: Beamline | None,
        memory_bytes: int,
    ) -> None:
        self._ours, theirs = Pipe()
        self._send_lock = threading.Lock()
        self._unanswered = 0
        self._sign_s = time.monotonic()
        self._is_ready = False
        self.is_lost = False
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            # one thread: the scan keeps its processors, and sums keep their order
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cgnmc_bluesky.callbacks.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._ours.send((tuple(kinds), beamline, memory_bytes))

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, documents: Documents) -> None:
        """Hand over documents.

        Raises
        ------
        Lost
            If the process has ended.
        """
        if not documents:
            return
        with self._send_lock:
            if self._unanswered == 0:
                self._sign_s = time.monotonic()
            self._unanswered += 1
        try:
            self._ours.send(documents)
        except (OSError, ValueError) as error:
            self.is_lost = True
            raise Lost("the analysis process has ended") from error

    def finish(self) -> None:
        """Ask it to end when it has done what it was given."""
        try:
            self._ours.send(None)
        except (OSError, ValueError) as error:
            raise Lost("the analysis process has ended") from error

    def receive(self, patience_s: float) -> list[tuple[Any, ...]]:
        """Wait for what it has to say.

        Parameters
        ----------
        patience_s
            How long it may owe an answer, in seconds.

        Raises
        ------
        EOFError
            When it has ended as it was asked to.
        Lost
            If it has ended otherwise, or has been silent too long (it is killed then).
        """
        while not _readable(self._ours, min(0.2, patience_s)):
            silent_s = time.monotonic() - self._sign_s
            allowed_s = patience_s if self._is_ready else max(patience_s, _STARTING_S)
            if self._unanswered > 0 and silent_s > allowed_s:
                self.kill()
                raise Lost(f"the analysis gave no sign of life for {allowed_s:g} s")
        try:
            said, answered = self._ours.recv()
        except (EOFError, OSError) as end:
            self.is_lost = True
            code = self._process.wait(_GRACE_S)
            if code == 0:
                raise EOFError from end
            raise Lost(f"the analysis process has ended (exit status {code})") from end
        with self._send_lock:
            self._is_ready = True
            self._unanswered -= answered
            self._sign_s = time.monotonic()
        return list(said)

    def kill(self) -> None:
        """End it at once."""
        self.is_lost = True
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(_GRACE_S)


def _readable(connection: Connection, timeout_s: float) -> bool:
    try:
        return connection.poll(timeout_s)
    except OSError:
        return True
