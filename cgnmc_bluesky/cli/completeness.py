"""What of a stream of documents never arrived."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cgnmc_bluesky.catalogs.source import Document

_NUMBERED = frozenset({"event", "event_page", "stream_datum"})


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
        elif name in _NUMBERED and doc["descriptor"] in self._streams:
            self._seen[self._streams[doc["descriptor"]]].update(_numbers(name, doc))
        if self._is_known(name, doc):
            self._sink(name, doc)
        if name == "stop":
            self._close(doc)

    def _is_known(self, name: str, doc: Mapping[str, Any]) -> bool:
        run_uid = doc.get("run_start")
        if name in _NUMBERED:
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
    """Of documents that are read again and again while a run grows, what is new."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def news(self, document: Document) -> Document | None:
        """Give of a document what has not been there before, `None` where all has.

        A catalog makes up the uids of events, and grows a page or the range of a stream's datum
        instead of adding one.
        """
        name, doc = document
        key = (name, str(doc["descriptor"] if "seq_num" in doc else doc.get("uid", "")))
        newest = max(_numbers(name, doc), default=0 if name in _NUMBERED else 1)
        before = self._seen.get(key, 0)
        if newest <= before:
            return None
        self._seen[key] = newest
        return (name, _beyond(doc, before)) if name == "stream_datum" else document


def _beyond(datum: Mapping[str, Any], last: int) -> dict[str, Any]:
    """Give the part of a stream's datum that is beyond a row's number."""
    skipped = max(0, last + 1 - datum["seq_nums"]["start"])
    ranges = {
        key: {**datum[key], "start": datum[key]["start"] + skipped}
        for key in ("indices", "seq_nums")
    }
    return {**datum, **ranges, "uid": f"{datum['uid']}-{last}"}


def _numbers(name: str, doc: Mapping[str, Any]) -> Iterable[int]:
    """Numbers of the rows that a document holds."""
    if name == "stream_datum":
        return range(doc["seq_nums"]["start"], doc["seq_nums"]["stop"])
    numbers = doc.get("seq_num", ())
    return numbers if isinstance(numbers, list | tuple) else [numbers]


def _ranges(numbers: list[int], most: int = 5) -> str:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    shown = ["–".join(str(end) for end in span) for span in ranges[:most]]
    return ", ".join([*shown, "…"] if len(ranges) > most else shown)
