"""Documents of runs that are still going on, from a catalog or a socket."""

import asyncio
import ipaddress
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from urllib.parse import urlsplit

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import Run, Source, SourceError
from cgnmc_bluesky.catalogs.source import ListedSource
from cgnmc_bluesky.cli.completeness import Completeness, Increment
from cgnmc_bluesky.cli.sources import open_named
from cgnmc_bluesky.results import Sink

POLL_PERIOD_S = 1.0
FAILED_POLLS = 10

_log = logging.getLogger(__name__)


class Feed(ABC):
    """A thread that sends documents on as they come.

    Parameters
    ----------
    sink
        Receives each document once; called from the feed's thread.
    tell
        Is told in words what is wrong with the stream.
    """

    def __init__(self, sink: Sink, tell: Callable[[str], None]) -> None:
        self._sink = sink
        self._tell = tell
        self._ending = Event()
        self._error: Exception | None = None
        self._thread = Thread(target=self._guarded, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def check(self) -> None:
        """Raise what ended the feed, if something did."""
        if self._error is not None:
            raise self._error

    def _guarded(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  (raised again by `check`, in the main thread)
            if not self._ending.is_set():
                _log.exception("the feed has ended")
                self._error = error

    @abstractmethod
    def _run(self) -> None:
        """Send documents until told to end."""


class SocketFeed(Feed):
    """Documents from a bluesky 0MQ proxy.

    They are pickled: whoever can send them can run programs here, so that only this machine's
    own addresses are taken unless the caller trusts the sender.

    Parameters
    ----------
    address
        The proxy's outgoing address, `tcp://host:port`.
    sink
        Receives each document.
    tell
        Is told in words what did not arrive.
    trust
        Whether another machine may send.

    Raises
    ------
    SourceError
        If the address cannot be used, or is another machine's and not trusted.
    """

    def __init__(
        self, address: str, sink: Sink, tell: Callable[[str], None], *, trust: bool = False
    ) -> None:
        super().__init__(sink, tell)
        host = _host(address)
        if not trust and not _is_this_machine(host):
            raise SourceError(
                f"{address} is another machine, whose documents could run programs here; "
                "add --trust if nobody else can send from there"
            )
        self._address = address
        self._loop: asyncio.AbstractEventLoop | None = None

    def _run(self) -> None:
        from bluesky.callbacks.zmq import Bluesky0MQDecodeError, RemoteDispatcher

        self._loop = asyncio.new_event_loop()
        dispatcher = RemoteDispatcher(self._address, loop=self._loop, strict=True)
        dispatcher.subscribe(Completeness(self._sink, self._tell))
        try:
            dispatcher.start()
        except asyncio.CancelledError:
            _log.info("the stream from %s was ended", self._address)
        except Bluesky0MQDecodeError as error:
            raise SourceError(
                f"{self._address} sends what is no Bluesky document; give the outgoing address of "
                "a bluesky-0MQ-proxy"
            ) from error

    def stop(self) -> None:
        """End, and wait for the thread."""
        loop = self._loop
        if loop is not None and self._thread.is_alive():
            # The stream may be breaking off by itself just now.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_cancel_all, loop)
        super().stop()


class CatalogFeed(Feed):
    """Documents of the newest runs of a source, looked for every second.

    Of the runs from before the watch only the last is shown.

    Parameters
    ----------
    named
        The source, as a user may name it.
    beamline
        The configuration, for the columns of measured files.
    sink
        Receives each document once.
    tell
        Is told in words what is wrong.
    """

    def __init__(
        self, named: str, beamline: Beamline | None, sink: Sink, tell: Callable[[str], None]
    ) -> None:
        super().__init__(sink, tell)
        self._named = named
        self._beamline = beamline
        self._source = open_named(named, beamline)
        self._increments: dict[str, Increment] = {}
        self._done: set[str] = set()

    def _run(self) -> None:
        try:
            raw = [run for run in self._source.runs() if not run.is_result]
            self._done.update(run.uid for run in raw[:-1])
            failures = 0
            while not self._ending.wait(POLL_PERIOD_S):
                try:
                    self._look()
                    failures = 0
                except SourceError:
                    # A run that is just being written may not be readable yet.
                    failures += 1
                    if failures > FAILED_POLLS:
                        raise
        finally:
            self._source.close()

    def _look(self) -> None:
        for run in _newest(self._source, self._done):
            self._send_news(run)
        if isinstance(self._source, ListedSource):
            # A file or folder shows what it held when it was opened.
            self._source = open_named(self._named, self._beamline)

    def _send_news(self, run: Run) -> None:
        increment = self._increments.setdefault(run.uid, Increment())
        for document in run.documents():
            news = increment.news(document)
            if news is not None:
                self._sink(*news)
            if document[0] == "stop":
                self._done.add(run.uid)
                del self._increments[run.uid]
                return


def _newest(source: Source, known: set[str]) -> list[Run]:
    """Give the raw runs that are newer than those known, oldest first."""
    found: list[Run] = []
    while True:
        try:
            run = source.latest(len(found) + 1)
        except SourceError:
            return found
        if run.uid in known:
            return found
        found.insert(0, run)


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port:
        raise SourceError(f"{address} is no address; write tcp://127.0.0.1:5578")
    return host


def _is_this_machine(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError as error:
        raise SourceError(f"the machine {host} is not known; check its name") from error
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)
