"""Maps from the simulated nanoprobe: the documents of the run, and the file its rows are in."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
from bluesky import RunEngine
from numpy.typing import NDArray

from benchmarks.scans import Document
from cgnmc_bluesky.plans import xrf_fly_map
from cgnmc_bluesky.sim import SimulatedNanoprobe
from cgnmc_bluesky.sim.rowfile import RowFile


@dataclass(frozen=True)
class FlownMap:
    """The documents of a map, and the one file that its rows are in.

    Parameters
    ----------
    documents
        Of the whole run.
    path
        The file.
    """

    documents: tuple[Document, ...]
    path: Path

    def at(self, path: Path) -> "FlownMap":
        """Say that the rows are in another file."""
        uri = f"file://localhost{path}"
        moved = (
            (name, {**doc, "uri": uri} if name == "stream_resource" else doc)
            for name, doc in self.documents
        )
        return replace(self, documents=tuple(moved), path=path)

    def contiguous(self, path: Path) -> "FlownMap":
        """Store each data set in one piece, as no growing file can be."""
        with h5py.File(self.path) as recorded, h5py.File(path, "w") as stored:
            for name, dataset in recorded["entry"].items():
                stored.create_dataset(f"entry/{name}", data=dataset[()])
        return self.at(path)

    def by_row(self, path: Path, compression: str | None) -> "FlownMap":
        """Store row after row as a detector does, a chunk of each data set a row."""
        rows = list(self.rows())
        file = RowFile(path, rows[0], compression)
        for number, row in enumerate(rows):
            file.write(number, row)
        file.close()
        return self.at(path)

    def forget(self) -> None:
        """Let the system forget what it keeps of the file in memory."""
        os.sync()
        with self.path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def rows(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Give the arrays of one row after the other, by data key."""
        with h5py.File(self.path) as recorded:
            datasets = recorded["entry"]
            n_rows = self.n_rows
            for row in range(n_rows):
                yield {
                    name: dataset[row * n : (row + 1) * n]
                    for name, dataset in datasets.items()
                    if (n := len(dataset) // n_rows)
                }

    @property
    def n_rows(self) -> int:
        """Rows of the map."""
        rows: int = self.documents[0][1]["shape"][0]
        return rows


def fly(folder: Path, n_rows: int, n_pixels: int, **options: Any) -> FlownMap:
    """Map a particle with the simulated nanoprobe, which has three detector elements.

    Parameters
    ----------
    folder
        Where the file goes.
    n_rows, n_pixels
        Rows of the map, and pixels of a row.
    options
        Further ones of `SimulatedNanoprobe`.
    """
    documents: list[Document] = []
    engine = RunEngine({}, context_managers=[])
    nanoprobe = SimulatedNanoprobe(folder=folder, compression=None, **options)
    stage, metadata = nanoprobe.stage, nanoprobe.metadata()
    lines = (stage.x, -6.5, 6.5, n_pixels, stage.y, -6.5, 6.5, n_rows)
    with ExitStack() as stack:
        stack.callback(engine.loop.call_soon_threadsafe, engine.loop.stop)
        plan = xrf_fly_map(nanoprobe.xspress3, *lines, dwell_s=0.01, md=metadata)
        engine(plan, lambda name, doc: documents.append((name, doc)))
    [path] = folder.glob("*.h5")
    return FlownMap(tuple(documents), path)
