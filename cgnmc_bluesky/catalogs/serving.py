"""The server of a catalog's folder: found where another process runs it, else started."""

import contextlib
import fcntl
import json
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cgnmc_bluesky.catalogs.server import USERS
from cgnmc_bluesky.catalogs.source import SourceError

logger = logging.getLogger(__name__)

LOG = "server.log"
ADDRESS = "server.json"
LOCK = "server.lock"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
_LOOK_EVERY_S = 0.05

Address = dict[str, str]


class FolderServer:
    """The server of one folder, which begins to start at once, in the background.

    Of several processes that open a folder at one moment a single one starts a server and the
    others use it: whoever looks for one, starts one or ends it holds the folder's lock. A server
    that others still use goes on when the process that started it ends.

    Parameters
    ----------
    directory
        Folder of the catalog.
    readable
        Folders with files that runs refer to.
    port
        TCP port; 0 takes a free one.
    """

    def __init__(self, directory: Path, readable: Sequence[Path], port: int) -> None:
        self._directory = directory
        self._settings = {
            "directory": str(directory),
            "readable": [str(folder) for folder in readable],
            "port": port,
            "api_key": secrets.token_hex(16),
        }
        self.process: subprocess.Popen[str] | None = None
        self._share: IO[str] | None = None
        self._address: Address = {}
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._guard = threading.Lock()
        self._opening = threading.Thread(target=self._open, daemon=True)
        self._opening.start()

    @property
    def is_running(self) -> bool:
        """Whether the server is there, or starting."""
        if self.process is not None:
            return self.process.poll() is None
        return not self._answered.is_set() or "uri" in self._address

    def address(self) -> Address:
        """Give the server's `uri` and `api_key`, waited for while it starts.

        Raises
        ------
        SourceError
            If it does not start.
        """
        if not self._answered.wait(START_TIMEOUT_S):
            raise SourceError(
                f"the server of {self._directory} did not start within {START_TIMEOUT_S:g} s"
            )
        if "error" in self._address:
            raise SourceError(
                f"the catalog {self._directory} cannot be served ({self._address['error']}); "
                f"see {self._directory / LOG}"
            )
        return self._address

    def end(self) -> None:
        """End the server, unless another process runs it; at once where it is still starting."""
        with self._guard:
            self._ended.set()
            if self.process is not None and not self._answered.is_set():
                # while it imports it would not hear that its standard input is closed
                self.process.terminate()
        self._opening.join(STOP_TIMEOUT_S)
        if self._share is not None:
            self._share.close()
        if self.process is None:
            return
        with _locked(self._directory / LOCK, threading.Event(), STOP_TIMEOUT_S):
            if _is_used(self._directory / USERS):
                _leave(self.process)
            else:
                _end(self.process)
                (self._directory / ADDRESS).unlink(missing_ok=True)

    def _open(self) -> None:
        address: Address = {"error": "it was closed while it was opened"}
        try:
            with _locked(self._directory / LOCK, self._ended, START_TIMEOUT_S):
                address = self._shared() or self._started()
        except OSError as error:
            address = {"error": error.strerror or str(error)}
        finally:
            self._address = address
            self._answered.set()

    def _shared(self) -> Address:
        share = (self._directory / USERS).open("a", encoding="utf-8")
        with contextlib.suppress(OSError):
            # waits only for a server that is just about to end
            fcntl.flock(share, fcntl.LOCK_SH)
        address = _running_elsewhere(self._directory / ADDRESS)
        if address:
            self._share = share
        else:
            share.close()
        return address

    def _started(self) -> Address:
        with self._guard:
            if self._ended.is_set():
                return {"error": "it was closed while it was opened"}
            self.process = process = self._process()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(self._settings) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline() or "{}")
        except (OSError, ValueError):
            answer = {}
        if "uri" not in answer:
            return {"error": str(answer.get("error", "the server ended at once"))}
        address = {"uri": str(answer["uri"]), "api_key": str(self._settings["api_key"])}
        _publish(self._directory / ADDRESS, address)
        return address

    def _process(self) -> subprocess.Popen[str]:
        with (self._directory / LOG).open("a", encoding="utf-8") as log:
            return subprocess.Popen(
                [sys.executable, "-c", "from cgnmc_bluesky.catalogs.server import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # an interrupt from the keyboard is for the scan, not for the catalog
                start_new_session=True,
            )


@contextmanager
def _locked(path: Path, given_up: threading.Event, timeout_s: float) -> Iterator[None]:
    """Hold a lock that any process may want; go on without it where that takes too long."""
    until_s = time.monotonic() + timeout_s
    with path.open("a", encoding="utf-8") as file:
        while not _is_ours(file) and time.monotonic() < until_s:
            if given_up.wait(_LOOK_EVERY_S):
                break
        yield


def _is_ours(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # some network file systems know no locks; two at one moment are rare
        logger.debug("%s cannot be locked: %s", file.name, error)
    return True


def _is_used(users: Path) -> bool:
    with users.open("a", encoding="utf-8") as file:
        return not _is_ours(file)


def _running_elsewhere(published: Path) -> Address:
    """Address of the server that another process runs on the same folder, if it answers."""
    if not published.exists():
        return {}
    import httpx

    try:
        address = json.loads(published.read_text(encoding="utf-8"))
        answer = httpx.get(
            f"{address['uri']}/api/v1/",
            headers={"Authorization": f"Apikey {address['api_key']}"},
            timeout=5.0,
            trust_env=False,
        )
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return {}
    return dict(address) if answer.is_success else {}


def _publish(path: Path, address: Address) -> None:
    """Let other processes of the same user find the server."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(address, file)


def _leave(process: subprocess.Popen[str]) -> None:
    """Let a server go on until the last process that uses it ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    threading.Thread(target=process.wait, daemon=True).start()


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
    except OSError as error:
        logger.debug("the server has ended before: %s", error)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
