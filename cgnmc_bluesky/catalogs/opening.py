"""What a user names, opened as a source of runs."""

import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cgnmc_bluesky.catalogs.embedded import EmbeddedCatalog, EmbeddedSource
from cgnmc_bluesky.catalogs.files import documents_in, is_document_file, read_documents
from cgnmc_bluesky.catalogs.grouping import Record, group
from cgnmc_bluesky.catalogs.measured import broken_run, read_measured
from cgnmc_bluesky.catalogs.server import DATABASE
from cgnmc_bluesky.catalogs.source import ListedSource, Run, Source, SourceError
from cgnmc_bluesky.catalogs.tiled import RunSource, TiledSource, tiled_errors
from cgnmc_bluesky.spectra import Columns, Keys, SpectrumError

logger = logging.getLogger(__name__)

_MEASURED_ONLY = (".xdi", ".prj", ".xdi.gz", ".prj.gz", ".mpt", ".mpr", ".mpt.gz", ".mpr.gz")
_CONNECT_TIMEOUT_S = 10.0

ReadMeasured = Callable[..., list[Run]]
"""Reads the runs of a file of measured spectra, from a first scan id on."""


def open_source(
    named: object,
    *,
    readable: Sequence[str | Path] = (),
    columns: Columns | None = None,
    known: Keys | None = None,
    traced: Keys | None = None,
    cycled: Keys | None = None,
    cell_columns: Columns | None = None,
) -> Source:
    """Open whatever holds runs.

    Parameters
    ----------
    named
        An address (`http://...`), `profile:NAME`, a folder with an embedded catalog or with
        measured spectra, a file of documents, of measured spectra, of columns against time or of
        a cell's record; in Python also a Tiled catalog or run, a databroker `Broker` or header, or
        any iterable of documents.
    readable
        Folders, beside the source's own, with files that runs refer to.
    columns
        What overrides the headers of measured spectra, as in `read_spectra`.
    known
        Data keys by role, which headers of measured spectra may use.
    traced
        Data keys of a heating ramp by role, which headers of columns against time may use.
    cycled, cell_columns
        Data keys of cycling by role, which headers of cells' records may use, and what overrides
        these headers, as in `read_record`.

    Raises
    ------
    SourceError
        Where there is nothing of the kind; the message names it and the remedy.
    """
    if isinstance(named, str) and re.match(r"https?://", named):
        return _open_address(named)
    if isinstance(named, str) and named.startswith("profile:"):
        return _open_profile(named, named.removeprefix("profile:"))
    if isinstance(named, str | Path):
        measured = partial(
            read_measured,
            columns=columns,
            known=known,
            traced=traced,
            cycled=cycled,
            cell_columns=cell_columns,
        )
        return _open_path(Path(named).expanduser(), readable, measured)
    return _open_object(named)


def _open_path(path: Path, readable: Sequence[str | Path], measured: ReadMeasured) -> Source:
    if not path.exists():
        raise SourceError(f"{path} is not there; name a file, a folder, http://... or profile:NAME")
    if not path.is_dir():
        return ListedSource(str(path), _runs_of_file(path, 1, measured))
    if (path / DATABASE).exists():
        return EmbeddedSource(str(path), EmbeddedCatalog(path, readable))
    return ListedSource(str(path), _runs_of_folder(path, measured))


def _runs_of_file(path: Path, first_scan_id: int, measured: ReadMeasured) -> list[Run]:
    if is_document_file(path):
        return read_documents(path)
    try:
        return measured(path, first_scan_id=first_scan_id)
    except SpectrumError as error:
        raise SourceError(str(error)) from error


def _runs_of_folder(folder: Path, measured: ReadMeasured) -> list[Run]:
    """Give the runs of a folder's files, in natural order; what is no spectrum is passed over."""
    runs: list[Run] = []
    reasons = []
    for path in sorted((path for path in folder.iterdir() if path.is_file()), key=_natural):
        if path.name.startswith("."):
            continue
        try:
            runs.extend(_runs_of_file(path, len(runs) + 1, measured))
        except SourceError as error:
            reasons.append(str(error))
            if path.name.lower().endswith(_MEASURED_ONLY):
                runs.append(broken_run(path, len(runs) + 1, error))
            else:
                logger.info("passed over: %s", error)
    if not runs:
        why = f" ({reasons[0]})" if reasons else ""
        raise SourceError(
            f"{folder} holds neither a catalog ({DATABASE}) nor measured spectra{why}"
        )
    return runs


def _natural(path: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdigit() else (-1, part.lower())
        for part in re.split(r"(\d+)", path.name)
    ]


def _open_address(address: str) -> Source:
    import httpx
    from tiled.client import from_context
    from tiled.client.context import Context

    name = address.partition("?")[0]
    with tiled_errors(name):
        # asked first by itself, since Tiled's client would go on trying for a minute
        httpx.get(name, timeout=_CONNECT_TIMEOUT_S, follow_redirects=True)
        context, node_path = Context.from_any_uri(address, api_key=os.environ.get("TILED_API_KEY"))
        try:
            return _client_source(name, from_context(context, node_path_parts=node_path), True)
        except RuntimeError as error:
            context.http_client.close()
            raise SourceError(f"{name}: the server wants a key; set TILED_API_KEY") from error


def _open_profile(named: str, profile: str) -> Source:
    from tiled.client import from_profile
    from tiled.profiles import ProfileError, list_profiles

    try:
        known = sorted(list_profiles())
    except ProfileError as error:
        raise SourceError(f"Tiled's profiles cannot be read: {error}") from error
    if profile not in known:
        there_are = ", ".join(known) or "none"
        raise SourceError(f"there is no Tiled profile {profile!r}; there are: {there_are}")
    with tiled_errors(named):
        return _client_source(named, from_profile(profile), is_owner=True)


def _open_object(named: Any) -> Source:
    name = type(named).__name__
    if isinstance(named, Source):
        return named
    if isinstance(named, EmbeddedCatalog):
        return EmbeddedSource(str(named.directory), named, is_owner=False)
    if isinstance(named, Run):
        return ListedSource(named.uid[:8], [named])
    if hasattr(named, "v2") and not hasattr(named, "structure_clients"):
        # databroker's Broker and Header in the manner of version 1
        return _client_source(name, named.v2)
    if hasattr(named, "documents") or hasattr(named, "structure_clients"):
        return _client_source(name, named)
    if not isinstance(named, Iterable):
        raise SourceError(f"a {name} is no source; give a path, an address, a catalog or documents")
    runs = group(Record([document for item in named for document in documents_in(item)]))
    if not runs:
        raise SourceError(f"the {name} holds no start document; give (name, document) pairs")
    return ListedSource(name, [replace(run, own=True) for run in runs])


def _client_source(name: str, client: Any, is_owner: bool = False) -> Source:
    """Source of a catalog's client, or of a run's."""
    from bluesky_tiled_plugins import CatalogOfBlueskyRuns

    if hasattr(client, "documents"):
        return RunSource(name, client, is_owner=is_owner)
    with tiled_errors(name):
        if not isinstance(client, CatalogOfBlueskyRuns) and "raw" in client:
            # facilities keep their raw runs in a container of that name
            name, client = f"{name}/raw", client["raw"]
    return TiledSource(name, client, is_owner=is_owner)
