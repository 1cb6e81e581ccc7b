"""Runs in a Tiled catalog, wherever it is served."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cgnmc_bluesky.catalogs.source import Document, ListedSource, Run, Source, SourceError
from cgnmc_bluesky.catalogs.writer import CatalogWriter

_PAGE = 32
_NOT_ACCEPTABLE = 406
_UNAUTHORISED = (401, 403)


class TiledSource(Source):
    """Runs in a Tiled catalog.

    Parameters
    ----------
    name
        What the user called it.
    catalog
        Tiled client of a container of runs.
    folders
        Where files that its runs refer to may lie.
    is_owner
        Whether the client is closed with the source.
    """

    def __init__(
        self, name: str, catalog: Any, folders: tuple[Path, ...] = (), *, is_owner: bool = False
    ) -> None:
        super().__init__(name)
        self._is_owner = is_owner
        self._catalog = catalog
        self._folders = folders
        self._writer: CatalogWriter | None = None

    def runs(self) -> Iterator[Run]:
        """Give every run, of scans and of analyses, in the order of their time."""
        return iter(self._runs_in(self._catalog.values))

    def latest(self, n_back: int) -> Run:
        """Give the raw run that is `n_back`-th from the end, 1 being the last."""
        window = _PAGE * n_back
        while True:
            found = self._runs_in(partial(self._last_clients, window))
            raw = [run for run in found if not run.is_result]
            if len(raw) >= n_back:
                return raw[-n_back]
            if len(found) < window:
                raise SourceError(f"{self.name} has no run -{n_back}; it holds {len(raw)}")
            window *= 4

    def with_scan_id(self, scan_id: int) -> list[Run]:
        """Give the runs with one scan id, in the order of their time."""
        return self._matching("start.scan_id", scan_id)

    def with_uid(self, beginning: str) -> list[Run]:
        """Give the runs whose uid begins so."""
        from tiled.queries import Like, Regex

        # databroker's MongoDB knows regular expressions, Tiled's own catalog patterns of SQL
        query = (
            Like("start.uid", f"{beginning}%")
            if getattr(self._catalog, "is_sql", True)
            else Regex("start.uid", f"^{re.escape(beginning)}")
        )
        found = self._runs_in(lambda: self._catalog.search(query).values())
        return [run for run in found if run.uid.startswith(beginning)]

    def results_of(self, run_uid: str) -> list[Run]:
        """Give the stored results of a raw run, in the order of their time."""
        return [run for run in self._matching("start.parent_uid", run_uid) if run.is_result]

    def of_series(self, series: str) -> list[Run]:
        """Give the raw runs that name one series, in the order of their time."""
        return [run for run in self._matching("start.series", series) if not run.is_result]

    def writer(self) -> CatalogWriter:
        """Give what stores documents in the catalog, from a thread of its own."""
        if self._writer is None:
            self._writer = CatalogWriter(lambda: self._catalog)
        return self._writer

    def close(self) -> None:
        """Deliver what is still to be written, within a bounded time."""
        if self._writer is not None:
            self._writer.close()
        if self._is_owner:
            self._catalog.context.http_client.close()

    def _last_clients(self, number: int) -> Iterable[Any]:
        return list(self._catalog.values()[-1 : -number - 1 : -1])

    def _matching(self, key: str, value: int | str) -> list[Run]:
        from tiled.queries import Eq

        return self._runs_in(lambda: self._catalog.search(Eq(key, value)).values())

    def _runs_in(self, clients: Callable[[], Iterable[Any]]) -> list[Run]:
        with tiled_errors(self.name):
            found = [
                _client_run(self.name, client, self._folders)
                for client in clients()
                if "start" in client.metadata
            ]
        return sorted(found, key=lambda run: float(run.start.get("time", 0.0)))


class RunSource(ListedSource):
    """One raw run of a catalog; where a result is given, the run that it is of.

    Parameters
    ----------
    name
        What the user called it.
    client
        Tiled client of a run.
    is_owner
        Whether the client is closed with the source.
    """

    def __init__(self, name: str, client: Any, *, is_owner: bool = False) -> None:
        run = _client_run(name, client, ())
        self._catalog: TiledSource | None = None
        if hasattr(client, "parent"):
            with tiled_errors(name):
                self._catalog = TiledSource(name, client.parent, is_owner=is_owner)
        if run.is_result and self._catalog is not None:
            run = self._catalog.find(run.uid)
        super().__init__(name, [run])

    def results_of(self, run_uid: str) -> list[Run]:
        """Give the stored results of a raw run, in the order of their time."""
        return [] if self._catalog is None else self._catalog.results_of(run_uid)

    def writer(self) -> CatalogWriter | None:
        """Give what stores documents beside the run, None where its catalog is not known."""
        return None if self._catalog is None else self._catalog.writer()

    def close(self) -> None:
        """Deliver what is still to be written, within a bounded time."""
        if self._catalog is not None:
            self._catalog.close()


def _client_run(name: str, client: Any, folders: tuple[Path, ...]) -> Run:
    """Give the run that a client is of (Tiled's or databroker's)."""
    metadata = getattr(client, "metadata", None) or {"start": client.start}
    stop = metadata.get("stop") or {}
    return Run(dict(metadata["start"]), _Reading(name, client), folders, stop=stop)


@dataclass(frozen=True)
class _Reading:
    name: str
    client: Any

    def __call__(self) -> Iterator[Document]:
        if not hasattr(self.client, "documents"):
            raise SourceError(
                f"{self.name} holds {self.client!r}, which is no Bluesky run (its spec is missing)"
            )
        with tiled_errors(self.name):
            for name, doc in self.client.documents():
                # an unfinished run comes with an empty stop document
                if doc:
                    yield name, dict(doc)


@contextmanager
def tiled_errors(name: str) -> Iterator[None]:
    """Say in one line, with the source's name, what went wrong on the way to a server."""
    import httpx

    try:
        yield
    except httpx.HTTPStatusError as error:
        raise SourceError(f"{name}: {_status_error(error)}") from error
    except (httpx.HTTPError, OSError) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise SourceError(f"{name}: the server does not answer ({why}); is it running?") from error
    except (json.JSONDecodeError, KeyError) as error:
        why = str(error).partition("\n")[0]
        raise SourceError(f"{name}: the server's answer is broken off ({why})") from error


def _status_error(error: Any) -> str:
    status = error.response.status_code
    if status == _NOT_ACCEPTABLE:
        return (
            "the server does not export documents; register "
            "bluesky_tiled_plugins.exporters:json_seq_exporter for a BlueskyRun's json-seq"
        )
    if status in _UNAUTHORISED:
        return f"the server refuses access ({status}); set TILED_API_KEY"
    return f"the server answers {str(error).partition(chr(10))[0]}"
