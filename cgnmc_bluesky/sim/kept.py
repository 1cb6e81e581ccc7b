"""Frames of a detector that are kept in HDF5, one file a run, and announced event by event."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.rowfile import RowFile, dataset_of


class KeptFrames:
    """Keeps one frame an event.

    Parameters
    ----------
    key
        Data key of the frames.
    shape
        Rows and columns of a frame.
    dtype
        Of its pixels.
    folder
        Where the files go.
    name
        What their names begin with.
    compression
        "gzip", or `None` for none.
    """

    def __init__(
        self,
        key: str,
        shape: tuple[int, int],
        dtype: type[np.unsignedinteger[Any]],
        folder: Path,
        name: str,
        compression: str | None = "gzip",
    ) -> None:
        self._key = key
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._folder = folder
        self._name = name
        self._compression = compression
        self._file: RowFile | None = None
        self._resource: Any = None
        self._n_frames = self._n_collected = 0

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe a frame, which is stored outside of the documents."""
        return {
            self._key: {
                "source": f"SIM:{self._name}:{self._key}",
                "dtype": "array",
                "dtype_numpy": self._dtype.str,
                "shape": [1, *self._shape],
                "units": "counts",
                "external": "STREAM:",
            }
        }

    def keep(self, frame: NDArray[Any]) -> None:
        """Keep a frame, in the place of one that nobody has collected."""
        rows = {self._key: frame[None].astype(self._dtype)}
        if self._file is None:
            path = self._folder / f"{self._name}-{uuid.uuid4().hex[:12]}.h5"
            self._file = RowFile(path, rows, self._compression)
        self._file.write(self._n_collected, rows)
        self._n_frames = self._n_collected + 1

    def documents(self) -> Iterator[tuple[str, Any]]:
        """Announce the frame that has come since the last time.

        Yields
        ------
        tuple
            Name and document: a stream resource once, then stream data.
        """
        if self._file is None or self._n_frames == self._n_collected:
            return
        if self._resource is None:
            self._resource = self._composed(self._file.path)
            yield "stream_resource", self._resource.stream_resource_doc
        begin, self._n_collected = self._n_collected, self._n_frames
        indices = {"start": begin, "stop": self._n_collected}
        yield "stream_datum", self._resource.compose_stream_datum(indices)

    def close(self) -> None:
        """End the run, and close its file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
        self._resource = None
        self._n_frames = self._n_collected = 0

    def _composed(self, path: Path) -> Any:
        from event_model import compose_stream_resource

        return compose_stream_resource(
            mimetype="application/x-hdf5",
            uri=f"file://localhost{quote(str(path.resolve()))}",
            data_key=self._key,
            parameters={"dataset": dataset_of(self._key), "chunk_shape": [1, *self._shape]},
        )
