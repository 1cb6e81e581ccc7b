"""A directory as a catalog, with a Tiled server of its own behind it."""

import json
import logging
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from cgnmc_bluesky.catalogs.server import ARRAYS, DATABASE, TABLES, UNFINISHED
from cgnmc_bluesky.catalogs.source import SourceError
from cgnmc_bluesky.catalogs.tiled import TiledSource
from cgnmc_bluesky.catalogs.writer import FLUSH_TIMEOUT_S, CatalogWriter

logger = logging.getLogger(__name__)

BACKUP = "backup"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
_LOG = "server.log"
_ADDRESS = "server.json"
_OWN_FILES = {DATABASE, UNFINISHED, TABLES, ARRAYS, BACKUP, _LOG, _ADDRESS}


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
        self._process: subprocess.Popen[str] | None = None
        self._address: dict[str, str] = {}
        self._answered = threading.Event()
        self._lock = threading.Lock()
        self._client: Any = None
        self._writers: list[CatalogWriter] = []

    def __enter__(self) -> Self:
        return self.open_in_background()

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def uri(self) -> str:
        """Address of the server with its key, waited for while the server starts."""
        address = self._ready()
        return f"{address['uri']}/api/v1?api_key={address['api_key']}"

    @property
    def client(self) -> Any:
        """Tiled client of the catalog, waited for while the server starts."""
        self.open_in_background()
        # imported while the server starts, since either takes seconds
        import bluesky_tiled_plugins  # noqa: F401
        from tiled.client import from_uri

        address = self._ready()
        with self._lock:
            if self._client is None:
                self._client = from_uri(
                    f"{address['uri']}/api/v1", api_key=address["api_key"], trust_env=False
                )
            return self._client

    @property
    def is_running(self) -> bool:
        """Whether the server is there, or starting."""
        if self._process is not None:
            return self._process.poll() is None
        return bool(self._address)

    def open(self) -> Self:
        """Start the server and wait until it answers."""
        self._ready()
        return self

    def open_in_background(self) -> Self:
        """Start the server and return at once; whatever needs it waits for it."""
        with self._lock:
            if self._process is None and not self._address:
                self._start()
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
        process, self._process, self._address = self._process, None, {}
        self._answered.clear()
        if process is not None:
            _end(process)
            (self.directory / _ADDRESS).unlink(missing_ok=True)

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

    def _start(self) -> None:
        self._address = _running_elsewhere(self.directory / _ADDRESS)
        if self._address:
            self._answered.set()
            return
        settings = {
            "directory": str(self.directory),
            "readable": [str(folder) for folder in self.folders],
            "port": self._port,
            "api_key": secrets.token_hex(16),
        }
        with (self.directory / _LOG).open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from cgnmc_bluesky.catalogs.server import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # an interrupt from the keyboard is for the scan, not for the catalog
                start_new_session=True,
            )
        threading.Thread(target=self._listen, args=(self._process, settings), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str], settings: dict[str, Any]) -> None:
        """Hand over the settings and wait for the server's one line."""
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        answer = json.loads(line or "{}")
        if "uri" in answer:
            self._address = {"uri": answer["uri"], "api_key": settings["api_key"]}
            _publish(self.directory / _ADDRESS, self._address)
        else:
            self._address = {"error": answer.get("error", "the server ended at once")}
        self._answered.set()

    def _ready(self) -> dict[str, str]:
        self.open_in_background()
        if not self._answered.wait(START_TIMEOUT_S):
            raise SourceError(
                f"the server of {self.directory} did not start within {START_TIMEOUT_S:g} s"
            )
        if "error" in self._address:
            raise SourceError(
                f"the catalog {self.directory} cannot be served ({self._address['error']}); "
                f"see {self.directory / _LOG}"
            )
        return self._address


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


def _running_elsewhere(published: Path) -> dict[str, str]:
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


def _publish(path: Path, address: dict[str, str]) -> None:
    """Let other processes of the same user find the server."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(address, file)


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
