"""The rows of a monitor, and which streams are one."""

from collections.abc import Iterable, Mapping
from typing import Any

from cgnmc_bluesky.documents.streams import Stream


def is_monitor(name: str, data_keys: Mapping[str, Any]) -> bool:
    """Tell whether a stream is a monitor's: it may be given any name, but a single reading beside
    the scan's own is one.
    """
    return name.endswith("_monitor") or (name != "primary" and len(data_keys) == 1)


class Monitor(Stream):
    """Rows of a monitor, known by the timestamps of their readings.

    A pause sets the sequence numbers of all streams back, and a suspension subscribes monitors
    anew, which repeats their last reading. So rows with timestamps seen before are left out and the
    others are numbered as they come; their time is that of their reading, not of the event.
    """

    def note_missing_rows(self, n_made: int) -> None:
        """Leave it: of a monitor's readings nobody knows how many there were."""

    def _known(
        self, seq_num: int, time_s: float, stamps: Iterable[float | None], uid: str
    ) -> tuple[int, float] | None:
        known = tuple(time_s if stamp is None else stamp for stamp in stamps)
        if known in self._seen:
            return None
        self._seen.add(known)
        return len(self._seen), max(known)
