"""What the runs of a source hold: their data keys, and over what their readings range."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block
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


Range = tuple[float, float]


@dataclass(frozen=True)
class Readings:
    """Over what the readings of a role range in one run.

    Parameters
    ----------
    values
        Lowest and highest, in the role's unit.
    event_s, stamp_s
        First and last time, by the events and by the readings' own timestamps, since the epoch.

    Each is `None` where there is none.
    """

    values: Range | None = None
    event_s: Range | None = None
    stamp_s: Range | None = None

    def with_block(self, role: str, block: Block) -> "Readings":
        """Return what it is with more rows; with the same where they do not hold the role."""
        if role not in block.values:
            return self
        return Readings(
            _wider(self.values, block.values[role]),
            _wider(self.event_s, block.event_s),
            _wider(self.stamp_s, block.stamp_s),
        )


def _wider(known: Range | None, numbers: NDArray[np.float64] | None) -> Range | None:
    finite = np.empty(0) if numbers is None else numbers[np.isfinite(numbers)]
    if not finite.size:
        return known
    ends = (*(known or ()), float(finite.min()), float(finite.max()))
    return min(ends), max(ends)


@dataclass(frozen=True)
class Surveyed:
    """What one run holds.

    Parameters
    ----------
    start
        Its start document.
    keys
        Its data keys by name, without those of the baseline.
    readings
        Over what the readings of the roles range that were asked for.
    fault
        What is wrong with its record, empty where nothing is.
    unreadable
        Why the files of a data key cannot be read, by the key.
    streams
        The stream of each data key.
    """

    start: Mapping[str, Any]
    keys: Mapping[str, DataKey] = field(default_factory=dict)
    readings: Mapping[str, Readings] = field(default_factory=dict)
    fault: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    streams: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a user calls it: its scan id, or its uid."""
        return f"run {self.start.get('scan_id') or str(self.start.get('uid', ''))[:8]}"


def survey(
    source: Source, roles: Mapping[str, Role] | None = None, readable: Sequence[Path] = ()
) -> list[Surveyed]:
    """Look at the latest runs of a source, the oldest of them first.

    Parameters
    ----------
    source
        The source.
    roles
        What to read for its range.
    readable
        Folders in which external files may be read, beside those of the source.
    """
    runs = list(_latest(source))
    return [_surveyed(run, roles or {}, [*run.folders, *readable]) for run in reversed(runs)]


def _latest(source: Source) -> Iterator[Run]:
    for n_back in range(1, RUNS_LOOKED_AT + 1):
        try:
            yield source.latest(n_back)
        except SourceError:
            return


def _surveyed(run: Run, roles: Mapping[str, Role], readable: Sequence[Path]) -> Surveyed:
    reader = RunReader(roles, readable)
    readings = dict.fromkeys(roles, Readings())
    unreadable: dict[str, str] = {}
    keys: dict[str, DataKey] = {}
    streams: dict[str, str] = {}
    fault = run.note
    try:
        for name, doc in run.documents():
            if name == "descriptor" and doc.get("name") != "baseline":
                keys |= {key: _data_key(key, said) for key, said in doc["data_keys"].items()}
                streams |= dict.fromkeys(doc["data_keys"], doc.get("name", ""))
            if name == "stream_resource" and (why := _why_unreadable(doc, readable)):
                unreadable[doc.get("data_key", "")] = why
            try:
                blocks = reader(name, doc)
            except ReadingError:
                # Units are judged by the roles they are wanted for, not here.
                blocks = []
            for block in blocks:
                readings = {role: found.with_block(role, block) for role, found in readings.items()}
    except SourceError as problem:
        fault = str(problem)
    return Surveyed(run.start, keys, readings, fault, unreadable, streams)


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
