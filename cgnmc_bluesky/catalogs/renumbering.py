"""Monitors' events numbered so that none stands in for another."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from cgnmc_bluesky.documents.monitors import is_monitor


class Renumbering:
    """Numbers the events of each monitor of one run as they come.

    A pause, and each suspension, sets the numbers of all streams back to those of the last
    checkpoint. A point is measured again then, and takes the number that it had; but a monitor
    counts on, and gives new readings the numbers of others. What keeps one event a number, as
    Tiled's export does, loses these. All else is passed on as it is.

    Examples
    --------
    >>> renumbered = Renumbering()
    >>> key = {"source": "", "dtype": "number", "shape": []}
    >>> descriptor = {"uid": "d", "name": "t_monitor", "data_keys": {"t": key}}
    >>> _ = renumbered("descriptor", descriptor)
    >>> [renumbered("event", {"descriptor": "d", "seq_num": n})["seq_num"] for n in (1, 2, 2)]
    [1, 2, 3]
    """

    def __init__(self) -> None:
        self._monitors: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def __call__(self, name: str, doc: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give a document with the numbers it is to be stored with."""
        if name == "descriptor" and is_monitor(doc.get("name", "primary"), doc["data_keys"]):
            self._monitors[doc["uid"]] = doc["name"]
        stream = self._monitors.get(doc.get("descriptor", ""))
        if stream is None or name not in {"event", "event_page"}:
            return doc
        first = self._counts[stream] + 1
        n_rows = len(doc["seq_num"]) if name == "event_page" else 1
        self._counts[stream] += n_rows
        numbers = list(range(first, first + n_rows))
        return {**doc, "seq_num": numbers if name == "event_page" else first}
