"""One run's documents in any order, blocks of role arrays out as soon as their rows are complete."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.documents.faults import Notes, ReadingError
from cgnmc_bluesky.documents.streams import Column, Monitor, Stream
from cgnmc_bluesky.documents.units import conversion


@dataclass(frozen=True)
class Role:
    """What a technique wants to read.

    Parameters
    ----------
    key
        Data key that plays the role.
    unit
        Unit the values are given in; empty takes readings as they are, whatever their unit.
    recorded_unit
        Unit the key is recorded in where the descriptor is silent or wrong about it.
    """

    key: str
    unit: str
    recorded_unit: str | None = None


class RunReader:
    """Reads one run: documents in, blocks of role arrays out.

    No order is assumed between streams, nor between an event and the datums it needs, and a document that
    comes twice counts once. Roles are found by data key in any stream but `baseline`; each stream that holds
    some of them gives blocks of its own.

    Parameters
    ----------
    roles
        What to read, by name of the role.
    readable
        Folders in which external files may be read.

    Examples
    --------
    >>> reader = RunReader({"energy_ev": Role("mono", "eV")})
    >>> key = {"source": "", "dtype": "number", "shape": [], "units": "keV"}
    >>> reader("descriptor", {"uid": "d", "name": "primary", "data_keys": {"mono": key}})
    []
    >>> event = {"descriptor": "d", "seq_num": 1, "time": 0.0, "data": {"mono": 8.333}, "timestamps": {}}
    >>> [block] = reader("event", event)
    >>> block.values["energy_ev"]
    array([8333.])
    """

    def __init__(self, roles: Mapping[str, Role], readable: Sequence[Path] = ()) -> None:
        self.start: Mapping[str, Any] | None = None
        self.stop: Mapping[str, Any] | None = None
        self.data_keys: set[str] = set()
        self._roles = dict(roles)
        self._notes = Notes()
        self._streams: dict[str, Stream] = {}
        self._descriptors: dict[str, tuple[Stream, tuple[Column, ...]] | None] = {}
        self._handlers: dict[str, Callable[[Mapping[str, Any]], list[Block]]] = {
            "start": self._on_start,
            "descriptor": self._on_descriptor,
            "event": self._on_event,
            "event_page": self._on_event_page,
            "bulk_events": self._on_bulk_events,
            "stop": self._on_stop,
        }

    def __call__(self, name: str, doc: Mapping[str, Any]) -> list[Block]:
        """Take in a document and give the rows that became complete with it.

        Raises
        ------
        ReadingError
            Where the run does not fit its configuration. The reader may be used on; what the error names is
            left out and noted.
        """
        handler = self._handlers.get(name)
        return [] if handler is None else handler(doc)

    @property
    def notes(self) -> list[str]:
        """What was left out, by data key, in words."""
        return self._notes.sentences()

    def missing(self) -> dict[str, str]:
        """Roles that no stream has held so far, with the data key that was looked for."""
        return {
            name: role.key for name, role in self._roles.items() if role.key not in self.data_keys
        }

    def nearest(self, key: str) -> list[str]:
        """Data keys of the run that are spelled most like one that it does not have."""
        return get_close_matches(key, sorted(self.data_keys), n=3, cutoff=0.4)

    def _on_start(self, doc: Mapping[str, Any]) -> list[Block]:
        self.start = doc
        return []

    def _on_stop(self, doc: Mapping[str, Any]) -> list[Block]:
        self.stop = doc
        return []

    def _on_descriptor(self, doc: Mapping[str, Any]) -> list[Block]:
        if doc["uid"] in self._descriptors:
            return []
        name, data_keys = doc.get("name", "primary"), doc["data_keys"]
        self._descriptors[doc["uid"]] = None
        if name == "baseline":
            return []
        self.data_keys.update(data_keys)
        faults: list[ReadingError] = []
        columns = tuple(self._columns(data_keys, faults))
        if columns:
            stream = self._streams.get(name)
            if stream is None:
                kind = Monitor if _is_monitor(name, data_keys) else Stream
                stream = self._streams[name] = kind(name, self._notes)
            self._descriptors[doc["uid"]] = stream, columns
        if faults:
            raise faults[0]
        return []

    def _columns(
        self, data_keys: Mapping[str, Mapping[str, Any]], faults: list[ReadingError]
    ) -> Iterator[Column]:
        for name, role in self._roles.items():
            if role.key not in data_keys:
                continue
            described = data_keys[role.key]
            recorded = described.get("units") if role.recorded_unit is None else role.recorded_unit
            try:
                convert = conversion(recorded or "", role.unit, key=role.key, role=name)
            except ReadingError as fault:
                self._notes.key(role.key, f"unit {recorded!r} where {role.unit!r} is meant")
                faults.append(fault)
            else:
                shape = tuple(described.get("shape") or ())
                yield Column(name, role.key, shape, convert, described.get("external", ""))

    def _on_event(self, doc: Mapping[str, Any]) -> list[Block]:
        found = self._descriptors.get(doc["descriptor"])
        if found is None:
            return []
        stream, columns = found
        data, timestamps = doc["data"], doc["timestamps"]
        page = {
            "seq_num": [doc["seq_num"]],
            "time": [doc["time"]],
            "data": {column.key: [data.get(column.key)] for column in columns},
            "timestamps": {
                column.key: [timestamps[column.key]] for column in columns if column.key in timestamps
            },
        }
        return stream.rows(columns, page)

    def _on_event_page(self, doc: Mapping[str, Any]) -> list[Block]:
        found = self._descriptors.get(doc["descriptor"])
        if found is None:
            return []
        stream, columns = found
        return stream.rows(columns, doc)

    def _on_bulk_events(self, doc: Mapping[str, Any]) -> list[Block]:
        return [
            block for events in doc.values() for event in events for block in self._on_event(event)
        ]


def _is_monitor(stream: str, data_keys: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell a stream whose readings are known by their timestamps.

    Named as Bluesky names them; or, as a monitor may be given any name, a stream of a single reading beside
    the scan's own.
    """
    is_single = stream != "primary" and len(data_keys) == 1
    is_external = any("external" in key for key in data_keys.values())
    return stream.endswith("_monitor") or (is_single and not is_external)
