"""External files: how the frames of a resource are read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np

from cgnmc_bluesky.documents.frames import Folders, Frame, Source, Unreadable
from cgnmc_bluesky.documents.hdf5 import Dataset

HDF5_SPECS = frozenset({"AD_HDF5", "AD_HDF5_SWMR", "HDF5"})


class Handled:
    """Frames that only a handler installed for their format can read."""

    def __init__(self, path: Path, handler: Any, settings: Mapping[str, Any], folders: Folders):
        self.fault, self.trouble = "", ""
        self._path = path
        self._make = handler
        self._settings = settings
        self._folders = folders
        self._handler: Any = None

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """Tell whether reading is worth a try."""
        return not self.fault

    def refresh(self) -> bool:
        """Open the file anew next time, since handlers do not follow a file that grows."""
        self.close()
        return False

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Nothing else is known."""
        return shape

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> Sequence[Any]:
        """Read frames, one a row."""
        if self._handler is None:
            self._handler = self._make(str(self._path), **self._settings)
        wanted = [frame.place for frame in frames if isinstance(frame.place, Mapping)]
        for path in map(Path, self._handler.get_file_list(wanted)):
            if path not in self._folders:
                self.fault = self._folders.refusal(path)
                raise OSError(self.fault)
        return [np.asarray(self._handler(**place)) for place in wanted]

    def close(self) -> None:
        """Let go of the handler and its file."""
        handler, self._handler = self._handler, None
        if hasattr(handler, "close"):
            handler.close()


def source_of_stream(doc: Mapping[str, Any], folders: Folders) -> Source:
    """Find how the frames of a `stream_resource` document are read."""
    if "mimetype" not in doc:
        return source_of_resource(doc, folders)
    uri = urlparse(doc["uri"])
    path = Path(unquote(uri.path))
    if uri.scheme not in {"file", ""}:
        return Unreadable(f"{doc['uri']!r} is not a file")
    if path not in folders:
        return Unreadable(folders.refusal(path))
    if doc["mimetype"] != "application/x-hdf5":
        return Unreadable(f"files of type {doc['mimetype']!r} are not read")
    parameters = doc["parameters"]
    name = parameters.get("dataset") or parameters.get("path") or "/entry/data/data"
    return Dataset(path, name, parameters.get("multiplier") or 1, folders)


def source_of_resource(doc: Mapping[str, Any], folders: Folders) -> Source:
    """Find how the frames of a `resource` document are read."""
    path = Path(doc.get("root", "")) / doc["resource_path"].lstrip("/" if doc.get("root") else "")
    settings, spec = doc["resource_kwargs"], doc["spec"]
    if path not in folders:
        return Unreadable(folders.refusal(path))
    if spec in HDF5_SPECS:
        name = settings.get("path") or settings.get("dataset") or "/entry/data/data"
        return Dataset(path, name, settings.get("frame_per_point") or 1, folders)
    try:
        handler = _handler(spec)
    except ImportError as error:
        return Unreadable(f"the handler for files of kind {spec!r} cannot be imported ({error})")
    if handler is None:
        return Unreadable(f"no handler for files of kind {spec!r} (try area-detector-handlers)")
    return Handled(path, handler, settings, folders)


def _handler(spec: str) -> Any:
    from importlib.metadata import entry_points

    found = entry_points(group="databroker.handlers", name=spec)
    return next(iter(found)).load() if found else None
