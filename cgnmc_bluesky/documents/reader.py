"""One run's documents in, in any order; blocks out as soon as their rows are complete."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import Role
from cgnmc_bluesky.documents.columns import Column, Layout, layout_of
from cgnmc_bluesky.documents.faults import Notes, ReadingError
from cgnmc_bluesky.documents.files import source_of_resource, source_of_stream
from cgnmc_bluesky.documents.frames import Folders, Frame, Source
from cgnmc_bluesky.documents.mixed import Mixed
from cgnmc_bluesky.documents.monitors import Monitor, is_monitor
from cgnmc_bluesky.documents.streams import Stream, events_of
from cgnmc_bluesky.documents.units import Conversion, conversion, unit_for


class RunReader:
    """Reads one run: documents in, blocks of role arrays out.

    No order is assumed between streams, nor between an event and the datums it needs, and a
    document that comes twice counts once. Roles are found by data key in any stream but
    `baseline`; each stream that holds some of them gives blocks of its own. `units` has the unit
    that each role found so far is given in.

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
    >>> event = {"descriptor": "d", "seq_num": 1, "time": 0.0, "timestamps": {}}
    >>> [block] = reader("event", event | {"data": {"mono": 8.333}})
    >>> block.values["energy_ev"]
    array([8333.])
    """

    def __init__(self, roles: Mapping[str, Role], readable: Sequence[Path] = ()) -> None:
        self.start: Mapping[str, Any] | None = None
        self.stop: Mapping[str, Any] | None = None
        self.data_keys: set[str] = set()
        self.units: dict[str, str] = {}
        self._roles = dict(roles)
        self._folders = Folders(readable)
        self._notes = Notes()
        self._streams: dict[str, Stream] = {}
        self._layouts: dict[str, tuple[Stream, Layout] | None] = {}
        self._sources: dict[str, Source] = {}
        self._streamed_keys: dict[str, str] = {}
        self._datums: dict[str, Frame] = {}
        self._early: defaultdict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
        self._handlers: dict[str, Callable[[Mapping[str, Any]], Iterable[Block]]] = {
            "start": self._on_start,
            "descriptor": self._on_descriptor,
            "event": self._on_event,
            "event_page": self._on_event_page,
            "bulk_events": self._on_bulk_events,
            "resource": self._on_resource,
            "datum": self._on_datum,
            "datum_page": self._on_datum_page,
            "bulk_datum": self._on_bulk_datum,
            "stream_resource": self._on_stream_resource,
            "stream_datum": self._on_stream_datum,
            "stop": self._on_stop,
        }

    def __call__(self, name: str, doc: Mapping[str, Any]) -> list[Block]:
        """Take in a document and give the rows that became complete with it.

        Raises
        ------
        ReadingError
            Where the run does not fit its configuration. The reader may be used on; what the error
            names is left out and noted.
        """
        return list(self.blocks(name, doc))

    def blocks(self, name: str, doc: Mapping[str, Any]) -> Iterable[Block]:
        """Do the same, but read from files one block at a time, as the blocks are asked for."""
        handler = self._handlers.get(name)
        return () if handler is None else handler(doc)

    def poll(self) -> Iterator[Block]:
        """Give the rows whose files have grown since the last document, one block at a time."""
        for stream in self._mixed():
            yield from stream.complete()

    @property
    def is_waiting(self) -> bool:
        """Whether rows wait for their files to grow, so that `poll` is worth a call."""
        return any(stream.is_waiting for stream in self._mixed())

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

    def close(self) -> None:
        """Let go of all files; the stop document does it too."""
        for source in self._sources.values():
            source.close()

    def _on_start(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        self.start = doc
        return ()

    def _on_stop(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        self.stop = doc
        for awaited in list(self._early):
            yield from self._arrived(awaited)
        for stream in self._mixed():
            yield from stream.complete(is_final=True)
        made = doc.get("num_events") or {}
        for name, rows in self._streams.items():
            rows.note_missing_rows(made.get(name, 0))
        self.close()

    def _on_descriptor(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        if doc["uid"] in self._layouts:
            return
        name, data_keys = doc.get("name", "primary"), doc["data_keys"]
        self._layouts[doc["uid"]] = None
        if name == "baseline":
            return
        self.data_keys.update(data_keys)
        faults: list[ReadingError] = []
        layout = layout_of(self._columns(data_keys, faults), data_keys)
        if layout.columns:
            stream = self._streams.get(name) or self._new_stream(name, layout, doc)
            self._layouts[doc["uid"]] = stream, layout
        if faults:
            raise faults[0]
        yield from self._arrived(doc["uid"])

    def _new_stream(self, name: str, layout: Layout, doc: Mapping[str, Any]) -> Stream:
        stream: Stream
        if layout.external:
            stream = Mixed(name, self._notes, self._sources, doc["time"])
        elif is_monitor(name, doc["data_keys"]):
            stream = Monitor(name, self._notes)
        else:
            stream = Stream(name, self._notes)
        self._streams[name] = stream
        return stream

    def _columns(
        self, data_keys: Mapping[str, Mapping[str, Any]], faults: list[ReadingError]
    ) -> Iterator[Column]:
        for name, role in self._roles.items():
            if role.key not in data_keys:
                continue
            described = data_keys[role.key]
            recorded = described.get("units") if role.recorded_unit is None else role.recorded_unit
            unit = unit_for(role, recorded or "")
            self.units[name] = unit or recorded or ""
            try:
                convert = (
                    conversion(recorded or "", unit, key=role.key, role=name)
                    if role.factor is None
                    else Conversion(role.factor, 0.0)
                )
            except ReadingError as fault:
                self._notes.key(role.key, f"unit {recorded!r} where {role.unit!r} is meant")
                faults.append(fault)
            else:
                shape = tuple(described.get("shape") or ())
                is_external = bool(described.get("external"))
                options = role.channels, role.once, role.is_image
                yield Column(name, role.key, shape, convert, is_external, *options)

    def _on_event(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        try:
            found = self._layouts[doc["descriptor"]]
        except KeyError:
            return self._await(doc["descriptor"], "event", doc)
        if found is None:
            return ()
        stream, layout = found
        if not isinstance(stream, Mixed):
            return stream.event(layout, doc)
        self._take_event(stream, layout, doc)
        return stream.complete()

    def _on_event_page(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        try:
            found = self._layouts[doc["descriptor"]]
        except KeyError:
            return self._await(doc["descriptor"], "event_page", doc)
        if found is None:
            return ()
        stream, layout = found
        if not isinstance(stream, Mixed):
            return stream.page(layout, doc)
        for event in events_of(doc):
            self._take_event(stream, layout, event)
        return stream.complete()

    def _on_bulk_events(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        for events in doc.values():
            for event in events:
                yield from self._on_event(event)

    def _take_event(self, stream: Mixed, layout: Layout, doc: Mapping[str, Any]) -> None:
        """Hand an event on with its frames, or keep it until they are known."""
        data, filled = dict(doc["data"]), doc.get("filled") or {}
        for column in layout.external:
            datum_id = data.get(column.key)
            if not isinstance(datum_id, str) or filled.get(column.key):
                continue
            if datum_id in self._datums:
                data[column.key] = self._datums[datum_id]
            elif self.stop is None:
                self._await(datum_id, "event", doc)
                return
            else:
                data[column.key] = None
        stream.take_event(layout, {**doc, "data": data})

    def _on_resource(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        if doc["uid"] in self._sources:
            return ()
        self._sources[doc["uid"]] = source_of_resource(doc, self._folders)
        return self._arrived(doc["uid"])

    def _on_datum(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        if doc["resource"] not in self._sources:
            return self._await(doc["resource"], "datum", doc)
        if doc["datum_id"] in self._datums:
            return ()
        self._datums[doc["datum_id"]] = Frame(doc["resource"], doc["datum_kwargs"])
        return self._arrived(doc["datum_id"])

    def _on_datum_page(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        for row, datum_id in enumerate(doc["datum_id"]):
            kwargs = {name: values[row] for name, values in doc["datum_kwargs"].items()}
            datum = {"datum_id": datum_id, "resource": doc["resource"], "datum_kwargs": kwargs}
            yield from self._on_datum(datum)

    def _on_bulk_datum(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        for datum_id, kwargs in zip(doc["datum_ids"], doc["datum_kwarg_list"], strict=True):
            datum = {"datum_id": datum_id, "resource": doc["resource"], "datum_kwargs": kwargs}
            yield from self._on_datum(datum)

    def _on_stream_resource(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        if doc["uid"] in self._sources:
            return ()
        self._sources[doc["uid"]] = source_of_stream(doc, self._folders)
        self._streamed_keys[doc["uid"]] = doc["data_key"]
        return self._arrived(doc["uid"])

    def _on_stream_datum(self, doc: Mapping[str, Any]) -> Iterable[Block]:
        for awaited, known in (
            (doc["descriptor"], self._layouts),
            (doc["stream_resource"], self._streamed_keys),
        ):
            if awaited not in known:
                return self._await(awaited, "stream_datum", doc)
        found, key = self._layouts[doc["descriptor"]], self._streamed_keys[doc["stream_resource"]]
        if found is None or key not in (column.key for column in found[1].external):
            return ()
        stream, layout = found
        if not isinstance(stream, Mixed):
            return ()
        stream.take_frames(layout, key, doc)
        return stream.complete()

    def _await(self, uid: str, name: str, doc: Mapping[str, Any]) -> Iterable[Block]:
        """Keep a document until the one that it refers to is there."""
        if self.stop is None:
            self._early[uid].append((name, doc))
        return ()

    def _arrived(self, uid: str) -> Iterable[Block]:
        for name, doc in self._early.pop(uid, ()):
            yield from self.blocks(name, doc)

    def _mixed(self) -> list[Mixed]:
        return [stream for stream in self._streams.values() if isinstance(stream, Mixed)]
