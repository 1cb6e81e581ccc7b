"""External files: how the frames of a resource are read."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np

from cgnmc_bluesky.documents.frames import Folders, Frame, Source, Unreadable
from cgnmc_bluesky.documents.hdf5 import Hdf5, Locate, Location
from cgnmc_bluesky.documents.sequence import TIFF, TiffFiles

FRAMES = frozenset({"AD_HDF5", "AD_HDF5_SWMR", "HDF5"})
"""Kinds of files that hold one frame after another."""

ELEMENTS = frozenset({"XSP3", "XSP3_BULK", "XSP3_FLY", "XPS3_FLY"})
"""Kinds of files that hold the spectra of several detector elements; all but the first are read as
a whole."""

COLUMNS = frozenset(
    {"PANDA", "ROI_HDF5_FLY", "SIS_HDF51", "SIS_HDF51_FLY_STREAM_V1", "ZEBRA_HDF51"}
)
"""Kinds of files that hold a data set for each signal, named in the datum."""

COLUMN_WORDS = ("column", "field", "det_elem")

_ELEMENT = re.compile(r"\(?\s*:\s*,\s*(\d+)\s*(?:,\s*:\s*)*\)?")


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

    def shape_of(self, frame: Frame, shape: tuple[int, ...]) -> tuple[int, ...]:
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
    if doc["mimetype"] == TIFF and "template" in doc["parameters"]:
        return TiffFiles(path, doc["parameters"], folders)
    if doc["mimetype"] == "application/x-hdf5":
        return _streamed_hdf5(path, doc["parameters"], folders)
    return Unreadable(f"files of type {doc['mimetype']!r} are not read")


def _streamed_hdf5(path: Path, parameters: Mapping[str, Any], folders: Folders) -> Source:
    name = parameters.get("dataset") or parameters.get("path") or "/entry/data/data"
    part = str(parameters.get("slice") or "")
    element = _ELEMENT.fullmatch(part)
    if part.strip("():, ") and element is None:
        return Unreadable(f"a slice {part!r} of a data set is not read")
    locate = _in_frames(name, None if element is None else int(element[1]))
    return Hdf5(path, locate, folders, parameters.get("multiplier") or 1)


def source_of_resource(doc: Mapping[str, Any], folders: Folders) -> Source:
    """Find how the frames of a `resource` document are read."""
    path, settings, spec = _path(doc), doc["resource_kwargs"], doc["spec"]
    if path not in folders:
        return Unreadable(folders.refusal(path))
    if spec in FRAMES:
        name = settings.get("path") or settings.get("dataset") or "/entry/data/data"
        return Hdf5(path, _in_frames(name), folders, settings.get("frame_per_point") or 1)
    if spec in ELEMENTS:
        name = settings.get("key") or settings.get("dataset") or "/entry/instrument/detector/data"
        return Hdf5(path, _in_elements(name, one_by_one=spec == "XSP3"), folders)
    if spec in COLUMNS:
        return Hdf5(path, _in_columns, folders)
    return _handled(path, spec, settings, folders)


def _handled(path: Path, spec: str, settings: Mapping[str, Any], folders: Folders) -> Source:
    try:
        handler = _handler(spec)
    except ImportError as error:
        return Unreadable(f"the handler for files of kind {spec!r} cannot be imported ({error})")
    if handler is None:
        return Unreadable(f"no handler for files of kind {spec!r} (try area-detector-handlers)")
    return Handled(path, handler, settings, folders)


def _path(doc: Mapping[str, Any]) -> Path:
    root, within = doc.get("root") or "", doc["resource_path"]
    # Some writers name the root twice.
    is_whole = not root or within.startswith(root.rstrip("/") + "/")
    return Path(within) if is_whole else Path(root) / within.lstrip("/")


def _in_frames(name: str, element: int | None = None) -> Locate:
    """Readings are one after another in a data set."""

    def locate(place: int | Mapping[str, Any]) -> Location:
        if not isinstance(place, int):
            place = int(place.get("point_number", place.get("frame", 0)))
        return Location(name, place, element)

    return locate


def _in_elements(name: str, *, one_by_one: bool) -> Locate:
    """Readings are those of one detector element, numbered from 1, or of all."""

    def locate(place: int | Mapping[str, Any]) -> Location:
        place = {"frame": place} if isinstance(place, int) else place
        channel, frame = place.get("channel"), place.get("frame")
        index = int(frame) if one_by_one and frame is not None else None
        return Location(name, index, None if channel is None else int(channel) - 1)

    return locate


def _in_columns(place: int | Mapping[str, Any]) -> Location:
    """Every reading is a data set of its own."""
    names = [] if isinstance(place, int) else [place.get(word) for word in COLUMN_WORDS]
    return Location(next(filter(None, names), "data"))


def _handler(spec: str) -> Any:
    from importlib.metadata import entry_points

    found = entry_points(group="databroker.handlers", name=spec)
    return next(iter(found)).load() if found else None
