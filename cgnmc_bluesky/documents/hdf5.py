"""HDF5 files that may still be growing, in this process or another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from cgnmc_bluesky.documents.faults import READ_ERRORS
from cgnmc_bluesky.documents.frames import Folders, Frame
from cgnmc_bluesky.documents.slab import Element, Elements, Slab


@dataclass(frozen=True)
class Location:
    """Where a reading is in a file.

    Parameters
    ----------
    dataset
        Path of its data set.
    index
        Its number in the data set; `None` where the data set as a whole is the reading.
    element
        Which detector element it is of, by its index on the second axis, where there are several.
    """

    dataset: str
    index: int | None = None
    element: int | None = None


Locate = Callable[[int | Mapping[str, Any]], Location]
"""Tells by a frame's place where its reading is."""


@dataclass(frozen=True)
class Cut:
    """Where a file is cut off, if it is; what lies behind would read as zeros.

    Files grow row by row. So behind the first row that is lost none is looked for: where the index
    of the rows is lost too, HDF5 would try for minutes.

    Parameters
    ----------
    size
        Number of bytes that there are.
    meant
        Number of bytes that the file itself says it has.
    """

    size: int
    meant: int
    lost_from: dict[str, int] = field(default_factory=dict, init=False)

    def __bool__(self) -> bool:
        return self.meant > self.size

    def spares(self, dataset: Any, first: int, end: int) -> bool:
        """Tell whether some rows of a data set lie before the cut."""
        if not self:
            return True
        if first >= self.lost_from.get(dataset.name, first + 1):
            return False
        try:
            is_spared = _end_of(dataset, first, end) <= self.size
        except READ_ERRORS:
            is_spared = False
        if not is_spared:
            self.lost_from[dataset.name] = first
        return is_spared


class Hdf5:
    """Frames in an HDF5 file, which may still grow in another process.

    Frame i is the rows i·n … (i+1)·n of a data set with as many dimensions as a reading, n being
    the reading's first; of one with a dimension more it is row i.

    Parameters
    ----------
    path
        The file.
    locate
        Tells where a frame's reading is in it.
    rows_a_reading
        Rows of a data set with a dimension more that make one reading.
    folders
        Where the file, and those behind it, may be.
    """

    def __init__(
        self, path: Path, locate: Locate, folders: Folders, rows_a_reading: int = 1
    ) -> None:
        self.fault, self.trouble = "", ""
        self._path = path
        self._locate = locate
        self._rows_a_reading = rows_a_reading
        self._folders = folders
        self._file: Any = None
        self._datasets: dict[str, Any] = {}
        self._elements: dict[str, Elements] = {}
        self._wanted: set[str] = set()
        self._cut = Cut(0, 0)
        self._last_extents = self._extents()

    def has(self, frame: Frame, shape: tuple[int, ...]) -> bool:
        """Tell whether the frame's rows are in the data set, as far as seen so far."""
        location = self._locate(frame.place)
        if location.dataset not in self._datasets:
            self._wanted.add(location.dataset)
            return False
        if not _holds(self._datasets[location.dataset], location.element):
            return False
        view = self._view(location)
        rows = self._rows(view, location, shape)
        end = ((location.index or 0) + 1) * rows
        is_short = location.index is None and len(view.shape) == len(shape) and rows < shape[0]
        if is_short or not 0 < end <= view.shape[0]:
            return False
        return self._cut.spares(self._datasets[location.dataset], end - rows, end)

    def refresh(self) -> bool:
        """Look how far the data sets have grown, and tell whether they have."""
        self._elements.clear()
        try:
            for dataset in self._datasets.values():
                dataset.refresh()
            for name in self._wanted - self._datasets.keys():
                self._open(name)
            self.trouble = f"file {str(self._path)!r} is cut off" if self._cut else ""
        except READ_ERRORS as error:
            self.trouble = f"file {str(self._path)!r} cannot be read ({error})"
            self.close()
        before, self._last_extents = self._last_extents, self._extents()
        return self._last_extents != before

    def shape_of(self, frame: Frame, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a frame that is there, where this is declared."""
        return self.read([frame], shape).shape[1:]

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> Slab:
        """Give frames that are there, one a row."""
        locations = [self._locate(frame.place) for frame in frames]
        view = self._view(locations[0])
        rows = self._rows(view, locations[0], shape)
        return Slab(view, [location.index or 0 for location in locations], rows, shape)

    def close(self) -> None:
        """Let go of the file."""
        self._datasets.clear()
        self._elements.clear()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _extents(self) -> tuple[str, dict[str, int]]:
        return self.fault, {name: found.shape[0] for name, found in self._datasets.items()}

    def _view(self, location: Location) -> Any:
        dataset = self._datasets[location.dataset]
        if location.element is None:
            return dataset
        elements = self._elements.setdefault(location.dataset, Elements(dataset))
        return Element(dataset, elements, location.element)

    def _rows(self, view: Any, location: Location, shape: tuple[int, ...]) -> int:
        if location.index is None:
            return int(view.shape[0])
        is_stacked = len(view.shape) != len(shape)
        return self._rows_a_reading if is_stacked else max(shape[0], 1)

    def _open(self, name: str) -> None:
        if self._file is None:
            self._file = _opened(self._path)
            self._cut = Cut(self._path.stat().st_size, self._file.id.get_filesize())
        dataset = self._file.get(name)
        if not getattr(dataset, "shape", ()):
            raise OSError(f"it holds no data set {name!r} with rows")
        beyond = [path for path in _behind(dataset, self._path) if path not in self._folders]
        if beyond:
            self.fault = self._folders.refusal(beyond[0])
        else:
            self._datasets[name] = dataset


def _end_of(dataset: Any, first: int, end: int) -> int:
    """Find the first byte in the file behind some rows."""
    if dataset.chunks is None:
        begin = dataset.id.get_offset() or 0
        return int(begin + end * dataset.dtype.itemsize * prod(dataset.shape[1:]))
    chunks = (
        dataset.id.get_chunk_info_by_coord(
            tuple(part.start // n * n for part, n in zip(chunk, dataset.chunks, strict=True))
        )
        for chunk in dataset.iter_chunks((slice(first, end), *map(slice, dataset.shape[1:])))
    )
    return int(max((chunk.byte_offset or 0) + chunk.size for chunk in chunks))


def _holds(dataset: Any, element: int | None) -> bool:
    return element is None or (len(dataset.shape) > 1 and 0 <= element < dataset.shape[1])


def _opened(path: Path) -> Any:
    import h5py

    if not path.exists():
        raise FileNotFoundError("it does not exist")
    # What is read once is not worth a chunk cache, which copies all channels of a chunk.
    settings = {"swmr": True, "rdcc_nbytes": 0}
    try:
        return h5py.File(path, "r", locking=False, **settings)
    except OSError:
        # A file that this process itself is writing can only be opened with the writer's locking.
        return h5py.File(path, "r", **settings)


def _behind(dataset: Any, path: Path) -> list[Path]:
    """Find the files that a data set is kept in, also those linked to or mapped into it."""
    own = Path(dataset.file.filename)
    mapped = dataset.virtual_sources() if dataset.is_virtual else ()
    names = [source.file_name for source in mapped] + [name for name, *_ in dataset.external or ()]
    return [path, own, *(own.parent / name for name in names if name != ".")]
