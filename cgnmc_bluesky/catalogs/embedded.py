"""A directory as a catalog, with a Tiled server of its own behind it."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from cgnmc_bluesky.catalogs.server import ARRAYS, DATABASE, TABLES, UNFINISHED, USERS
from cgnmc_bluesky.catalogs.serving import ADDRESS, LOCK, LOG, FolderServer
from cgnmc_bluesky.catalogs.source import SourceError
from cgnmc_bluesky.catalogs.tiled import TiledSource
from cgnmc_bluesky.catalogs.writer import FLUSH_TIMEOUT_S, CatalogWriter

BACKUP = "backup"
MEASURED = "measured"
_OWN_FILES = {DATABASE, UNFINISHED, TABLES, ARRAYS, BACKUP, MEASURED, LOG, ADDRESS, LOCK, USERS}


class EmbeddedCatalog:
    """A directory with a real Tiled server in a process of its own.

    The server listens on the loopback interface alone, with a random key, and ends with this
    process however that ends. Where another process serves the directory already, its server is
    used.

    Parameters
    ----------
    directory
        Folder of the catalog; created where there is none.
    readable
        Folders with files that runs refer to.
    port
        TCP port; 0 takes a free one.

    Raises
    ------
    SourceError
        Where the directory holds other files, or a readable folder is not there.

    Notes
    -----
    A scan need not wait for the server::

        with EmbeddedCatalog("beamtime") as catalog:
            RE.subscribe(catalog.writer())
            RE(xanes_scan([i0, it, ir], mono))
    """

    def __init__(
        self, directory: str | Path, readable: Sequence[str | Path] = (), port: int = 0
    ) -> None:
        self.directory = Path(directory).resolve()
        self.folders = tuple(Path(folder).resolve() for folder in readable)
        self._port = port
        self._check()
        self._server: FolderServer | None = None
        self._lock = threading.Lock()
        self._client: Any = None
        self._writers: list[CatalogWriter] = []

    def __enter__(self) -> Self:
        return self.open_in_background()

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def measured(self) -> Path:
        """Folder for files that detectors write, where they can be read back."""
        return self.directory / MEASURED

    @property
    def uri(self) -> str:
        """Address of the server with its key, waited for while the server starts."""
        address = self._opened().address()
        return f"{address['uri']}/api/v1?api_key={address['api_key']}"

    @property
    def client(self) -> Any:
        """Tiled client of the catalog, waited for while the server starts."""
        server = self._opened()
        # imported while the server starts, since either takes seconds
        import bluesky_tiled_plugins  # noqa: F401
        from tiled.client import from_uri

        address = server.address()
        with self._lock:
            if self._client is None:
                self._client = from_uri(
                    f"{address['uri']}/api/v1", api_key=address["api_key"], trust_env=False
                )
            return self._client

    @property
    def is_running(self) -> bool:
        """Whether the server is there, or starting."""
        return self._server is not None and self._server.is_running

    def open(self) -> Self:
        """Start the server and wait until it answers."""
        self._opened().address()
        return self

    def open_in_background(self) -> Self:
        """Start the server and return at once; whatever needs it waits for it."""
        self._opened()
        return self

    def writer(self, backup_directory: str | Path | None = None) -> CatalogWriter:
        """Give a callback that stores runs; it may be used while the server is still starting.

        Parameters
        ----------
        backup_directory
            Folder for the runs that cannot be stored; by default `backup` in the catalog's.
        """
        self.open_in_background()
        writer = CatalogWriter(
            connect=lambda: self.client,
            is_reachable=lambda: self.is_running,
            backup_directory=Path(backup_directory or self.directory / BACKUP),
            readable=(self.directory, *self.folders),
        )
        self._writers.append(writer)
        return writer

    def close(self, timeout_s: float = FLUSH_TIMEOUT_S) -> None:
        """Deliver what is still to be written, within a bounded time, and end the server."""
        for writer in self._writers:
            writer.close(timeout_s)
        self._writers.clear()
        if self._client is not None:
            self._client.context.http_client.close()
            self._client = None
        server, self._server = self._server, None
        if server is not None:
            server.end()

    def _opened(self) -> FolderServer:
        with self._lock:
            if self._server is None:
                self._server = FolderServer(self.directory, self.folders, self._port)
            return self._server

    def _check(self) -> None:
        for folder in self.folders:
            if not folder.is_dir():
                raise SourceError(f"readable folder {folder} is not there; correct it in [data]")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            strangers = {path.name for path in self.directory.iterdir()} - _OWN_FILES
        except OSError as error:
            raise SourceError(
                f"{self.directory} cannot be a catalog's folder: {error.strerror or error}"
            ) from error
        if strangers and not (self.directory / DATABASE).exists():
            raise SourceError(
                f"{self.directory} is no catalog: it holds {min(strangers)} and no {DATABASE}; "
                "name an empty or a new folder"
            )
        if not os.access(self.directory, os.W_OK):
            raise SourceError(f"{self.directory} is not writable; copy the catalog or change that")


class EmbeddedSource(TiledSource):
    """Runs in an embedded catalog.

    Parameters
    ----------
    name
        What the user called it.
    catalog
        The catalog.
    is_owner
        Whether the catalog is closed with the source.
    """

    def __init__(self, name: str, catalog: EmbeddedCatalog, *, is_owner: bool = True) -> None:
        super().__init__(name, catalog.client, (catalog.directory, *catalog.folders))
        self._embedded = catalog
        self._closes_catalog = is_owner

    def writer(self) -> CatalogWriter:
        """Give what stores documents in the catalog, from a thread of its own."""
        if self._writer is None:
            self._writer = self._embedded.writer()
        return self._writer

    def close(self) -> None:
        """Deliver what is still to be written, and end the server."""
        if self._closes_catalog:
            self._embedded.close()
        else:
            super().close()
