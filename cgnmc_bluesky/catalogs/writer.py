"""Documents into a catalog, without ever stopping or slowing who sends them."""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from cgnmc_bluesky.catalogs.grouping import Belonging
from cgnmc_bluesky.catalogs.renumbering import Renumbering

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 60.0
BATCH_SIZE = 100
"""Events that are stored at once, so that others see a scan grow; 1 ms each at this number."""
ROW_SIZE = 1 << 16
"""Numbers that an array in an event may have to be stored with its row. Larger ones are stored one
behind the other by themselves, which loses what row they are of where a point was measured again.
"""
_FLUSH = "flush"

Document = tuple[str, Mapping[str, Any]]


class CatalogWriter:
    """Callback that stores runs in a Tiled catalog from a thread of its own.

    A document is only queued, and stored as it is but for the numbers of monitors (`Renumbering`).
    Where the catalog cannot be reached or fails, all documents of the run, those delivered before
    included, go to `<run uid>.jsonl` in the backup folder. Streams that end in `_preview` are for
    the eye while a scan grows and are not stored.

    Parameters
    ----------
    connect
        Gives the Tiled client; it may wait for a server that is starting.
    is_reachable
        Whether it is worth while to try; by default always.
    backup_directory
        Folder for the runs that cannot be stored; without one they are lost, and the log says so.
    readable
        Folders that the server may read files from; None where that is not known.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        is_reachable: Callable[[], bool] = lambda: True,
        backup_directory: Path | None = None,
        readable: Sequence[Path] | None = None,
    ) -> None:
        from bluesky.callbacks.buffer import BufferingWrapper

        self._connect = connect
        self._is_reachable = is_reachable
        self._backup_directory = backup_directory
        self._readable = readable
        self._pending: deque[Document] = deque()
        self._deliveries: dict[str, _Delivery] = {}
        self._previews: set[str] = set()
        self._is_closed = False
        self._belonging = Belonging()
        self._buffer = BufferingWrapper(self._deliver_next)

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Queue one document."""
        if self._is_preview(name, doc):
            return
        if self._is_closed:
            logger.error("a %s document came after the catalog was closed; it is not stored", name)
            return
        self._queue(name, doc)

    @property
    def failures(self) -> dict[str, str]:
        """Why runs could not be stored and where they are instead, by uid."""
        return {
            uid: delivery.failure
            for uid, delivery in list(self._deliveries.items())
            if delivery.failure
        }

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Wait until all that came so far is stored or backed up; say whether it was in time."""
        if self._is_closed:
            return True
        done = threading.Event()
        self._queue(_FLUSH, {"done": done})
        return done.wait(timeout_s)

    def close(self, timeout_s: float = FLUSH_TIMEOUT_S) -> None:
        """Deliver what is queued; what is not delivered in time goes to the backup folder."""
        if self._is_closed:
            return
        in_time = self.flush(timeout_s)
        self._is_closed = True
        self._buffer.shutdown(wait=in_time)
        if not in_time:
            self._give_up(f"the catalog did not take it within {timeout_s:g} s")

    def _queue(self, name: str, doc: Mapping[str, Any]) -> None:
        self._pending.append((name, doc))
        self._buffer(name, doc)

    def _deliver_next(self, *_: object) -> None:
        # the documents are taken from our own queue, which can be emptied when this thread hangs
        try:
            name, doc = self._pending.popleft()
        except IndexError:
            return
        if name == _FLUSH:
            doc["done"].set()
        else:
            self._deliver(name, doc)

    def _deliver(self, name: str, doc: Mapping[str, Any]) -> None:
        if name == "start":
            self._begin(str(doc["uid"]))
        self._belonging.learn(name, doc)
        delivery = self._deliveries.get(self._belonging.of(doc))
        if delivery is None:
            logger.error("a %s document belongs to no run that was begun; it is not stored", name)
            return
        delivery(name, doc)
        if name == "stop":
            self._belonging.forget(delivery.uid)
            if not delivery.failure:
                del self._deliveries[delivery.uid]

    def _give_up(self, reason: str) -> None:
        for delivery in list(self._deliveries.values()):
            delivery.fail(reason)
        self._is_reachable = lambda: False
        while self._pending:
            self._deliver_next()

    def _begin(self, uid: str) -> None:
        backup = self._backup_directory and self._backup_directory / f"{uid}.jsonl"
        self._deliveries[uid] = _Delivery(uid, self._store_of_run, backup)

    def _store_of_run(self) -> Callable[[str, Mapping[str, Any]], None]:
        """Give what stores one run; each document asks first whether that is worth while."""
        from bluesky_tiled_plugins import TiledWriter

        if not self._is_reachable():
            raise ConnectionError("the catalog's server is not running")
        write = TiledWriter(self._connect(), batch_size=BATCH_SIZE, max_array_size=ROW_SIZE)
        renumbered = Renumbering()

        def store(name: str, doc: Mapping[str, Any]) -> None:
            if not self._is_reachable():
                raise ConnectionError("the catalog's server has died")
            self._check_readable(name, doc)
            write(name, _as_rows(name, renumbered(name, doc)))

        return store

    def _is_preview(self, name: str, doc: Mapping[str, Any]) -> bool:
        if name == "descriptor" and str(doc.get("name", "")).endswith("_preview"):
            self._previews.add(doc["uid"])
            return True
        return doc.get("descriptor") in self._previews

    def _check_readable(self, name: str, doc: Mapping[str, Any]) -> None:
        if self._readable is None or name not in ("resource", "stream_resource"):
            return
        path = _external_path(doc)
        if not any(path.is_relative_to(folder) for folder in self._readable):
            logger.warning(
                "%s is outside the folders that the catalog can read; add its folder to readable "
                "in [data]",
                path,
            )


class _Delivery:
    """All documents of one run on their way to the catalog."""

    def __init__(
        self,
        uid: str,
        open_store: Callable[[], Callable[[str, Mapping[str, Any]], None]],
        backup: Path | None,
    ) -> None:
        self.uid = uid
        self.failure = ""
        self._open_store = open_store
        self._store: Callable[[str, Mapping[str, Any]], None] | None = None
        self._backup = backup
        self._documents: list[Document] = []
        self._lock = threading.Lock()

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        self._documents.append((name, doc))
        if self.failure:
            self._back_up()
            return
        try:
            self._store = self._store or self._open_store()
            self._store(name, doc)
        except Exception as error:
            logger.exception("run %s cannot be stored at its %s document", self.uid, name)
            self.fail(f"{type(error).__name__}: {error}".partition("\n")[0])

    def fail(self, reason: str) -> None:
        """Leave the catalog alone from here on; the whole run goes to the backup."""
        if not self.failure:
            where = f"its documents are in {self._backup}" if self._backup else "it is lost"
            self.failure = f"{reason}; {where}"
            logger.error("run %s is not in the catalog: %s", self.uid, self.failure)
        self._back_up()

    def _back_up(self) -> None:
        with self._lock:
            documents, self._documents = self._documents, []
            if self._backup is None or not documents:
                return
            from event_model import NumpyEncoder

            self._backup.parent.mkdir(parents=True, exist_ok=True)
            with self._backup.open("a", encoding="utf-8") as file:
                for document in documents:
                    file.write(json.dumps(document, cls=NumpyEncoder) + "\n")


def _as_rows(name: str, doc: Mapping[str, Any]) -> dict[str, Any]:
    """Give a document with what arrow takes for a row: no arrays of several dimensions."""
    if name not in {"event", "event_page"}:
        return dict(doc)
    data = {
        key: [_listed(one) for one in value] if name == "event_page" else _listed(value)
        for key, value in doc["data"].items()
    }
    return {**doc, "data": data}


def _listed(reading: Any) -> Any:
    return reading.tolist() if getattr(reading, "ndim", 0) > 1 else reading


def _external_path(doc: Mapping[str, Any]) -> Path:
    if "uri" in doc:
        return Path(unquote(urlparse(str(doc["uri"])).path))
    return Path(str(doc.get("root", "/")), str(doc.get("resource_path", "")).lstrip("/"))
