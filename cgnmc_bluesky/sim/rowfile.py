"""An HDF5 file that grows row by row while others read it."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = "/entry"


class RowFile:
    """Data sets of one length, written in SWMR mode: a row is flushed before it is announced.

    Row i is the entries i·n … (i+1)·n of each data set, n being that data set's part of a row. What
    was never written reads as NaN, or as 0 of counts.

    Parameters
    ----------
    path
        The file; it must not exist yet.
    rows
        What a row is of each data set, by its name: an array of the right shape and type.
    compression
        "gzip" or `None`.
    """

    def __init__(
        self, path: Path, rows: Mapping[str, NDArray[Any]], compression: str | None
    ) -> None:
        import h5py

        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = h5py.File(path, "x", libver="latest")
        options = {} if compression is None else {"compression": compression, "shuffle": True}
        if compression == "gzip":
            options["compression_opts"] = 1
        self._lengths = {name: row.shape[0] for name, row in rows.items()}
        self._sets = {
            name: self._file.create_dataset(
                dataset_of(name),
                shape=(0, *row.shape[1:]),
                maxshape=(None, *row.shape[1:]),
                chunks=row.shape,
                dtype=row.dtype,
                fillvalue=np.nan if row.dtype.kind == "f" else 0,
                **options,
            )
            for name, row in rows.items()
        }
        self._file.swmr_mode = True

    def write(self, number: int, row: Mapping[str, NDArray[Any]]) -> None:
        """Write a row and flush it.

        Parameters
        ----------
        number
            Its number, from 0.
        row
            What it is of each data set; shorter arrays leave their end unwritten.
        """
        for name, values in row.items():
            dataset = self._sets[name]
            begin = number * self._lengths[name]
            end = begin + values.shape[0]
            if end > dataset.shape[0]:
                dataset.resize(end, axis=0)
            dataset[begin:end] = values
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def dataset_of(name: str) -> str:
    """Path of a data set in the file, by its name."""
    return f"{GROUP}/{name}"


def temporary_folder(owner: object) -> Path:
    """Make a folder for such files that goes with its owner."""
    folder = tempfile.mkdtemp(prefix="cgnmc-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder).resolve()
