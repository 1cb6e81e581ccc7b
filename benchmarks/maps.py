"""Fluorescence maps as a nanoprobe would record them, of a simulated particle."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from bluesky import RunEngine
from numpy.typing import NDArray

from benchmarks.scans import Document
from cgnmc_bluesky.plans import xrf_fly_map
from cgnmc_bluesky.sim import SimulatedNanoprobe
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import PARTICLES

Counts = NDArray[np.float32]

INCIDENT_EV = 9000.0
GAIN_EV = 10.0
CHANNELS = np.arange(525, 935)
"""From below nickel's escape peak to above the elastic one: 410 of 4096."""
AT_ONCE = 1024


@dataclass(frozen=True)
class Raster:
    """A square of pixels about a particle.

    Parameters
    ----------
    n_pixels
        Pixels of a side.
    half_um
        Half of the side, from the particle's centre to the outermost pixels' centres.
    """

    n_pixels: int
    half_um: float = 6.5

    def positions_um(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions x and y of all pixels, row by row, shape `(n_pixels²,)`."""
        along = np.linspace(-self.half_um, self.half_um, self.n_pixels)
        y_um, x_um = np.meshgrid(along, along, indexing="ij")
        return x_um.ravel(), y_um.ravel()


def spectra(
    raster: Raster,
    random: np.random.Generator,
    *,
    dwell_s: float = 0.01,
    channels: NDArray[np.int64] = CHANNELS,
) -> Counts:
    """Count the spectra of a map of the gradient particle.

    Parameters
    ----------
    raster
        Where the pixels are.
    random
        Gives the noise.
    dwell_s
        Time on a pixel.
    channels
        Which channels are kept.

    Returns
    -------
    NDArray[np.float32]
        Shape `(n_pixels², channels)`.
    """
    beam = Nanobeam([PARTICLES["gradient"]])
    element = DetectorElement(gain_ev=GAIN_EV)
    x_um, y_um = raster.positions_um()
    counts = np.empty((len(x_um), len(channels)), np.float32)
    for first in range(0, len(x_um), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        emission = beam.emission(x_um[part], y_um[part], dwell_s)
        counts[part] = element.record(emission, dwell_s, random).counts[:, channels]
    return counts


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

    def stored(self, path: Path, **options: Any) -> "FlownMap":
        """Store the rows in a file of their own.

        Parameters
        ----------
        path
            The file.
        options
            How its data sets are laid out, as for `h5py.Group.create_dataset`.
        """
        with h5py.File(self.path) as recorded, h5py.File(path, "w") as stored:
            for name, dataset in recorded["entry"].items():
                chunks = dataset.chunks if options else None
                stored.create_dataset(f"entry/{name}", data=dataset[()], chunks=chunks, **options)
        return self.at(path)

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
