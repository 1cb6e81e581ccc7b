"""Documents of runs that are put together by hand, every one valid by event-model's schemas.

`paged(documents, n)` puts their events into event pages; `as_from_tiled(documents)` puts the
documents of stream resources in the order and with the numbers that a Tiled server gives them back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import event_model

Document = tuple[str, dict[str, Any]]

HDF5 = "application/x-hdf5"
TIME_S = 1.7e9


@dataclass
class RunDocuments:
    """A run that is put together."""

    metadata: dict[str, Any]
    documents: list[Document] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._run = event_model.compose_run(time=TIME_S, metadata=self.metadata)
        self.documents.append(("start", self._run.start_doc))

    def describe(self, data_keys: Mapping[str, dict[str, Any]], stream: str = "primary") -> Any:
        bundle = self._run.compose_descriptor(
            name=stream, data_keys=dict(data_keys), time=TIME_S, validate=False
        )
        self.add("descriptor", bundle.descriptor_doc)
        return bundle

    def stream_resource(self, key: str, path: Path, dataset: str, **parameters: Any) -> Any:
        bundle = self._run.compose_stream_resource(
            data_key=key,
            mimetype=HDF5,
            uri=f"file://localhost{path}",
            parameters={"dataset": dataset, **parameters},
        )
        self.add("stream_resource", bundle.stream_resource_doc)
        return bundle.compose_stream_datum

    def stream_datum(self, compose: Any, bundle: Any, start: int, stop: int) -> None:
        doc = compose(
            indices={"start": start, "stop": stop},
            seq_nums={"start": start + 1, "stop": stop + 1},
            descriptor=bundle.descriptor_doc,
        )
        self.add("stream_datum", doc)

    def resource(self, spec: str, path: Path, **settings: Any) -> Any:
        bundle = self._run.compose_resource(
            spec=spec, root="/", resource_path=str(path).lstrip("/"), resource_kwargs=settings
        )
        self.add("resource", bundle.resource_doc)
        return bundle

    def datum(self, resource: Any, **place: Any) -> str:
        datum = resource.compose_datum(datum_kwargs=place)
        self.add("datum", datum)
        return str(datum["datum_id"])

    def event(
        self,
        bundle: Any,
        number: int,
        data: Mapping[str, Any],
        *,
        time_s: float | None = None,
        stamps_s: Mapping[str, float] | None = None,
    ) -> None:
        """Add an event; without times it is made a second after the one before it."""
        time_s = TIME_S + number if time_s is None else time_s
        datums = {key for key, value in data.items() if isinstance(value, str)}
        event = bundle.compose_event(
            seq_num=number,
            time=time_s,
            data=dict(data),
            timestamps=dict.fromkeys(data, time_s) | dict(stamps_s or {}),
            filled=dict.fromkeys(datums, False),
            validate=False,
        )
        self.add("event", event)

    def add(self, name: str, doc: dict[str, Any]) -> None:
        validator = event_model.schema_validators[event_model.DocumentNames[name]]
        validator.validate(event_model.sanitize_doc(doc))
        self.documents.append((name, doc))

    def stop(self) -> list[Document]:
        self.documents.append(("stop", self._run.compose_stop(time=TIME_S + 1e6)))
        return self.documents


def data_key(shape: Iterable[int], units: str = "", **more: Any) -> dict[str, Any]:
    shape = list(shape)
    dtype = "array" if shape else "number"
    return {"source": "made up", "dtype": dtype, "shape": shape, "units": units, **more}


def paged(documents: Sequence[Document], rows_a_page: int) -> list[Document]:
    """Put the events of each descriptor into pages; a page stands where its last event stood."""
    last = {doc["descriptor"]: doc["uid"] for name, doc in documents if name == "event"}
    found: list[Document] = []
    waiting: dict[str, list[dict[str, Any]]] = {}
    for name, doc in documents:
        if name != "event":
            found.append((name, doc))
            continue
        page = waiting.setdefault(doc["descriptor"], [])
        page.append(doc)
        if len(page) == rows_a_page or doc["uid"] == last[doc["descriptor"]]:
            found.append(("event_page", event_model.pack_event_page(*page)))
            page.clear()
    return found


def as_from_tiled(documents: Sequence[Document]) -> list[Document]:
    """Put stream data as a Tiled server gives them back: one for each key, behind all events, its
    rows numbered from 1.
    """
    resources = {doc["uid"]: doc for name, doc in documents if name == "stream_resource"}
    extents: dict[str, int] = {}
    descriptor_of: dict[str, str] = {}
    for name, doc in documents:
        if name == "stream_datum":
            uid = doc["stream_resource"]
            extents[uid] = max(extents.get(uid, 0), doc["indices"]["stop"])
            descriptor_of[uid] = doc["descriptor"]
    found = [pair for pair in documents[:-1] if not pair[0].startswith("stream_")]
    for uid, resource in sorted(resources.items()):
        if uid not in extents:
            continue
        datum = {
            "uid": f"sd-{uid}-0",
            "stream_resource": uid,
            "descriptor": descriptor_of[uid],
            "indices": {"start": 0, "stop": extents[uid]},
            "seq_nums": {"start": 1, "stop": extents[uid] + 1},
        }
        found += [("stream_resource", resource), ("stream_datum", datum)]
    return [*found, documents[-1]]
