"""What the runs of a source hold: their data keys, and the energies they were scanned over."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cgnmc_bluesky.beamline import Role
from cgnmc_bluesky.catalogs import Run, Source, SourceError
from cgnmc_bluesky.documents import ReadingError, RunReader
from cgnmc_bluesky.documents.files import source_of_stream
from cgnmc_bluesky.documents.frames import Folders, Frame

RUNS_LOOKED_AT = 20
"""How many of a source's latest runs are looked at."""


@dataclass(frozen=True)
class DataKey:
    """What a descriptor says of a data key.

    Parameters
    ----------
    name
        The key.
    unit
        Its unit, empty where the descriptor gives none.
    shape
        Shape of one reading.
    dtype
        Kind of its values, as event-model names them.
    """

    name: str
    unit: str = ""
    shape: tuple[int | None, ...] = ()
    dtype: str = "number"


@dataclass(frozen=True)
class Surveyed:
    """What one run holds.

    Parameters
    ----------
    start
        Its start document.
    keys
        Its data keys by name, without those of the baseline.
    energies_ev
        First and last energy in eV, `None` where it has none.
    fault
        What is wrong with its record, empty where nothing is.
    unreadable
        Why the files of a data key cannot be read, by the key.
    """

    start: Mapping[str, Any]
    keys: Mapping[str, DataKey] = field(default_factory=dict)
    energies_ev: tuple[float, float] | None = None
    fault: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a user calls it: its scan id, or its uid."""
        return f"run {self.start.get('scan_id') or str(self.start.get('uid', ''))[:8]}"


def survey(
    source: Source, energy: Role | None = None, readable: Sequence[Path] = ()
) -> list[Surveyed]:
    """Look at the latest runs of a source, the oldest of them first.

    Parameters
    ----------
    source
        The source.
    energy
        What plays the energy, for its range.
    readable
        Folders in which external files may be read, beside those of the source.
    """
    runs = list(_latest(source))
    return [_surveyed(run, energy, [*run.folders, *readable]) for run in reversed(runs)]


def _latest(source: Source) -> Iterator[Run]:
    for n_back in range(1, RUNS_LOOKED_AT + 1):
        try:
            yield source.latest(n_back)
        except SourceError:
            return


def _surveyed(run: Run, energy: Role | None, readable: Sequence[Path]) -> Surveyed:
    reader = RunReader({"energy_ev": energy} if energy else {}, readable)
    unreadable: dict[str, str] = {}
    keys: dict[str, DataKey] = {}
    energies: list[float] = []
    fault = run.note
    try:
        for name, doc in run.documents():
            if name == "descriptor" and doc.get("name") != "baseline":
                keys |= {key: _data_key(key, said) for key, said in doc["data_keys"].items()}
            if name == "stream_resource" and (why := _why_unreadable(doc, readable)):
                unreadable[doc.get("data_key", "")] = why
            try:
                blocks = reader(name, doc)
            except ReadingError:
                # Units are judged by the roles they are wanted for, not here.
                blocks = []
            energies += [float(value) for block in blocks for value in block.values["energy_ev"]]
    except SourceError as problem:
        fault = str(problem)
    finite = np.array(energies)[np.isfinite(energies)]
    span = (float(finite.min()), float(finite.max())) if finite.size else None
    return Surveyed(run.start, keys, span, fault, unreadable)


def _why_unreadable(resource: Mapping[str, Any], readable: Sequence[Path]) -> str:
    """Say why a file cannot be read; nothing where it can."""
    source = source_of_stream(resource, Folders(readable))
    source.has(Frame(resource["uid"], 0), ())  # so that it is looked for
    source.refresh()
    why = source.fault or source.trouble
    source.close()
    return why


def _data_key(name: str, said: Mapping[str, Any]) -> DataKey:
    shape = tuple(said.get("shape") or ())
    unit = " ".join(str(said.get("units") or "").split())
    return DataKey(name, unit, shape, said.get("dtype", "number"))
