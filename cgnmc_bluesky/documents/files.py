"""External files: where the frames of resources are, and their contents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlparse

import numpy as np
from numpy.typing import NDArray

HDF5_SPECS = frozenset({"AD_HDF5", "AD_HDF5_SWMR", "HDF5"})
READ_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError)
"""What h5py and handlers raise over a file that is unfinished, truncated or not as announced."""


@dataclass(frozen=True)
class Frame:
    """One reading in a file.

    Parameters
    ----------
    resource
        Uid of the resource that it is part of.
    place
        Its index in a data set, or what a handler wants to know.
    """

    resource: str
    place: int | Mapping[str, Any]


class Source(Protocol):
    """The frames of one resource.

    `fault` says why they can never be read, if so; `trouble` why they could not be read just now.
    """

    fault: str
    trouble: str
    is_outside: bool

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """Tell whether the frame is there, as far as seen so far."""

    def refresh(self) -> bool:
        """Look again, and tell whether anything has changed."""

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> NDArray[Any]:
        """Read frames, one a row."""

    def close(self) -> None:
        """Let go of the file."""


class Unreadable:
    """A resource whose frames cannot be had, whatever happens."""

    def __init__(self, fault: str, *, is_outside: bool = False) -> None:
        self.fault, self.trouble = fault, ""
        self.is_outside = is_outside

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """No frame is there."""
        return False

    def refresh(self) -> bool:
        """Nothing changes."""
        return False

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> NDArray[Any]:
        """Refuse."""
        raise OSError(self.fault)

    def close(self) -> None:
        """Nothing is open."""


class Dataset:
    """Frames in an HDF5 data set, which may still grow in another process.

    Frame i is the rows i·n … (i+1)·n of a data set with as many dimensions as a reading, n being
    the reading's first; of one with a dimension more it is row i.
    """

    def __init__(self, path: Path, name: str, frames_a_reading: int, folders: "Folders") -> None:
        self.fault, self.trouble, self.is_outside = "", "", False
        self._path = path
        self._name = name
        self._frames_a_reading = frames_a_reading
        self._folders = folders
        self._dataset: Any = None
        self._last_extent = self._extent()

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """Tell whether the frame's rows are in the data set, as far as seen so far."""
        if self._dataset is None:
            return False
        return (_index(frame) + 1) * self._rows(shape) <= self._extent()[1]

    def refresh(self) -> bool:
        """Look how far the data set has grown, and tell whether it has."""
        before = self._last_extent
        try:
            if self._dataset is None:
                self._open()
            else:
                self._dataset.refresh()
            self.trouble = ""
        except READ_ERRORS as error:
            self.trouble = f"file {str(self._path)!r} cannot be read ({error})"
            self.close()
        self._last_extent = self._extent()
        return self._last_extent != before

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> NDArray[Any]:
        """Read frames, one a row, shape `(n, ...)`."""
        rows = self._rows(shape)
        runs = _consecutive([_index(frame) for frame in frames])
        parts = [self._dataset[first * rows : (last + 1) * rows] for first, last in runs]
        array = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if prod(array.shape) == len(frames) * prod(shape):
            return np.reshape(array, (len(frames), *shape))
        lead = (len(frames),) if rows == 1 else (len(frames), rows)
        return np.reshape(array, (*lead, *array.shape[1:]))

    def close(self) -> None:
        """Let go of the file."""
        if self._dataset is not None:
            self._dataset.file.close()
            self._dataset = None

    def _extent(self) -> tuple[str, int]:
        return self.fault, 0 if self._dataset is None else self._dataset.shape[0]

    def _rows(self, shape: tuple[int, ...]) -> int:
        is_stacked = self._dataset.ndim != len(shape)
        return self._frames_a_reading if is_stacked else max(shape[0], 1)

    def _open(self) -> None:
        file = _opened(self._path)
        try:
            dataset = file[self._name]
            paths = _files_behind(dataset, self._path)
            beyond = [path for path in paths if path not in self._folders]
            if beyond:
                self.fault, self.is_outside = self._folders.refusal(beyond[0]), True
            else:
                self._dataset = dataset
        finally:
            if self._dataset is None:
                file.close()


class Handled:
    """Frames that only a handler installed for their format can read."""

    def __init__(self, path: Path, handler: Any, settings: Mapping[str, Any], folders: "Folders"):
        self.fault, self.trouble, self.is_outside = "", "", False
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

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> NDArray[Any]:
        """Read frames, one a row."""
        if self._handler is None:
            self._handler = self._make(str(self._path), **self._settings)
        wanted = [frame.place for frame in frames if isinstance(frame.place, Mapping)]
        for path in map(Path, self._handler.get_file_list(wanted)):
            if path not in self._folders:
                self.fault, self.is_outside = self._folders.refusal(path), True
                raise OSError(self.fault)
        return np.stack([np.asarray(self._handler(**place)) for place in wanted])

    def close(self) -> None:
        """Let go of the handler and its file."""
        handler, self._handler = self._handler, None
        if hasattr(handler, "close"):
            handler.close()


class Folders:
    """Folders in which files may be read, links followed to where they lead."""

    def __init__(self, readable: Iterable[Path]) -> None:
        self._folders = [Path(folder).resolve() for folder in readable]

    def __contains__(self, path: Path) -> bool:
        resolved = path.resolve()
        return any(resolved.is_relative_to(folder) for folder in self._folders)

    def refusal(self, path: Path) -> str:
        """Say why a file is not read, and what to do."""
        return (
            f"file {str(path)!r} lies outside the readable folders; "
            f"add its folder to [data] readable in beamline.toml"
        )


def source_of_stream(doc: Mapping[str, Any], folders: Folders) -> Source:
    """Find how the frames of a `stream_resource` document are read."""
    if "mimetype" not in doc:
        return source_of_resource(doc, folders)
    uri = urlparse(doc["uri"])
    path = Path(unquote(uri.path))
    if uri.scheme not in {"file", ""}:
        return Unreadable(f"{doc['uri']!r} is not a file")
    if path not in folders:
        return Unreadable(folders.refusal(path), is_outside=True)
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
        return Unreadable(folders.refusal(path), is_outside=True)
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


def _opened(path: Path) -> Any:
    import h5py

    if not path.exists():
        raise FileNotFoundError("it does not exist")
    try:
        return h5py.File(path, "r", swmr=True, locking=False)
    except OSError:
        # A file that this process itself is writing can only be opened with the writer's locking.
        return h5py.File(path, "r", swmr=True)


def _files_behind(dataset: Any, path: Path) -> list[Path]:
    """Find the files that a data set is kept in, also those linked to or mapped into it."""
    own = Path(dataset.file.filename)
    mapped = dataset.virtual_sources() if dataset.is_virtual else ()
    names = [source.file_name for source in mapped] + [name for name, *_ in dataset.external or ()]
    return [path, own, *(own.parent / name for name in names if name != ".")]


def _index(frame: Frame) -> int:
    if isinstance(frame.place, int):
        return frame.place
    place = frame.place.get("point_number", frame.place.get("frame", 0))
    return int(place)


def _consecutive(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Cut indices into runs, first and last of each."""
    breaks = [i for i in range(1, len(indices)) if indices[i] != indices[i - 1] + 1]
    starts = [0, *breaks]
    ends = [*breaks, len(indices)]
    return [(indices[start], indices[end - 1]) for start, end in zip(starts, ends, strict=True)]
