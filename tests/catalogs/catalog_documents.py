"""Documents of runs that the tests of catalogs store and read."""

from typing import Any

import event_model

RAW = "3a000000-0000-4000-8000-000000000001"
RESULT = "3b000000-0000-4000-8000-000000000002"
UNFINISHED = "3c000000-0000-4000-8000-000000000003"
GROWING = "3d000000-0000-4000-8000-000000000004"
TWIN = "3a000000-0000-4000-8000-000000000009"

Documents = list[tuple[str, dict[str, Any]]]


def run_documents(
    uid: str, n_events: int = 3, *, time: float = 1.7e9, stream: str = "primary", **metadata: Any
) -> Documents:
    """A run with an energy, an intensity and an array in each event."""
    run = event_model.compose_run(uid=uid, time=time, metadata=metadata)
    data_keys = {
        "mono_energy": {"source": "sim", "dtype": "number", "shape": [], "units": "eV"},
        "i0": {"source": "sim", "dtype": "number", "shape": [], "units": ""},
        "mca": {"source": "sim", "dtype": "array", "shape": [20], "dtype_numpy": "<f8"},
    }
    described = run.compose_descriptor(name=stream, data_keys=data_keys, time=time)
    documents: Documents = [("start", run.start_doc), ("descriptor", described.descriptor_doc)]
    for index in range(n_events):
        data = {"mono_energy": 8333.0 + index, "i0": 0.5 * index, "mca": [float(index)] * 20}
        event = described.compose_event(
            data=data, timestamps=dict.fromkeys(data, time + index), time=time + index
        )
        documents.append(("event", event))
    documents.append(("stop", run.compose_stop(time=time + n_events)))
    return documents


def events(documents: Documents) -> list[dict[str, Any]]:
    """Data of every event, pages taken apart."""
    found = []
    for name, doc in documents:
        if name == "event":
            found.append(doc["data"])
        elif name == "event_page":
            found.extend(event["data"] for event in event_model.unpack_event_page(doc))
    return found
