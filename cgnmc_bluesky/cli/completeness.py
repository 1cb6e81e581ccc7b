"""What of a stream of documents never arrived."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from cgnmc_bluesky.catalogs.source import Document


class Completeness:
    """Passes documents on and says what is missing between them.

    A stream over a network may lose documents and nobody is told. Every event has a number in its
    stream, and the stop document says how many there were: what is not accounted for is missing.

    Parameters
    ----------
    sink
        Receives the documents of runs whose start was seen.
    tell
        Is told in words what is missing.
    """

    def __init__(
        self, sink: Callable[[str, Mapping[str, Any]], None], tell: Callable[[str], None]
    ) -> None:
        self._sink = sink
        self._tell = tell
        self._runs: dict[str, str] = {}
        self._streams: dict[str, tuple[str, str]] = {}
        self._seen: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._strangers: set[str] = set()

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one document."""
        if name == "start":
            for label in self._runs.values():
                self._tell(f"{label}: its stop has not come, and another run begins")
            self._runs = {doc["uid"]: f"scan {doc.get('scan_id', '?')} ({doc['uid'][:8]})"}
        elif name == "descriptor":
            self._streams[doc["uid"]] = (doc["run_start"], doc.get("name", "primary"))
        elif name in {"event", "event_page"} and doc["descriptor"] in self._streams:
            numbers = doc["seq_num"]
            seen = self._seen[self._streams[doc["descriptor"]]]
            seen.update(numbers if isinstance(numbers, list | tuple) else [numbers])
        if self._is_known(name, doc):
            self._sink(name, doc)
        if name == "stop":
            self._close(doc)

    def _is_known(self, name: str, doc: Mapping[str, Any]) -> bool:
        run_uid = doc.get("run_start")
        if name in {"event", "event_page"}:
            run_uid = self._streams.get(doc["descriptor"], ("",))[0]
        if name == "start" or run_uid is None or run_uid in self._runs:
            return True
        if run_uid not in self._strangers:
            self._strangers.add(run_uid)
            what = f"run {run_uid[:8]}" if run_uid else "events of an unknown stream"
            self._tell(f"{what}: left out, its beginning was before this watch or did not arrive")
        return False

    def _close(self, stop: Mapping[str, Any]) -> None:
        label = self._runs.pop(stop["run_start"], "")
        for stream, count in (stop.get("num_events") or {}).items():
            seen = self._seen.pop((stop["run_start"], stream), set())
            missing = sorted(set(range(1, count + 1)) - seen)
            if missing and label:
                self._tell(
                    f"{label}: {len(missing)} of {count} events of stream {stream} did not arrive "
                    f"(seq_num {_ranges(missing)})"
                )


class Increment:
    """Of documents that are read again and again while a run grows, those that are new."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str, int]] = set()

    def is_new(self, document: Document) -> bool:
        """Whether the document has not been there before."""
        name, doc = document
        numbers = doc.get("seq_num", 0)
        # A catalog makes up the uids of events, and grows a page instead of adding one.
        is_row = name in {"event", "event_page"}
        number = max(numbers, default=0) if isinstance(numbers, list | tuple) else numbers
        key = (name, str(doc["descriptor"] if is_row else doc.get("uid", "")), number)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new


def _ranges(numbers: list[int], most: int = 5) -> str:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    shown = ["–".join(str(end) for end in span) for span in ranges[:most]]
    return ", ".join([*shown, "…"] if len(ranges) > most else shown)
