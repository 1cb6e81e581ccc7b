"""HDF5 files that may still be growing, in this process or another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cgnmc_bluesky.documents.faults import READ_ERRORS
from cgnmc_bluesky.documents.frames import Folders, Frame
from cgnmc_bluesky.documents.slab import Slab


class Dataset:
    """Frames in an HDF5 data set, which may still grow in another process.

    Frame i is the rows i·n … (i+1)·n of a data set with as many dimensions as a reading, n being
    the reading's first; of one with a dimension more it is row i.
    """

    def __init__(self, path: Path, name: str, frames_a_reading: int, folders: Folders) -> None:
        self.fault, self.trouble = "", ""
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
        return (frame.index + 1) * self._rows(shape) <= self._extent()[1]

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

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a frame, where this is declared."""
        return Slab(self._dataset, [0], self._rows(shape), shape).shape[1:]

    def read(self, frames: Sequence[Frame], shape: tuple[int, ...]) -> Slab:
        """Give frames that are there, one a row."""
        indices = [frame.index for frame in frames]
        return Slab(self._dataset, indices, self._rows(shape), shape)

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
                self.fault = self._folders.refusal(beyond[0])
            else:
                self._dataset = dataset
        finally:
            if self._dataset is None:
                file.close()


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
