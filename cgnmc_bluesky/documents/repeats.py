"""Readings that come again, because a device had nothing new."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cgnmc_bluesky.documents.columns import Layout
from cgnmc_bluesky.documents.faults import Notes


class Repeats:
    """Knows the readings of one stream's columns of which each counts once.

    Some mass spectrometers hand out their last reading until they have a new one, or an old one in
    between. Such a reading came before with the same timestamp, in another row. The value counts
    too, since a clock that is too coarse, or stands, gives other readings the same timestamp; and
    so does the row, since a point that is measured again may find nothing new.

    Parameters
    ----------
    notes
        Takes what came again, by data key.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._first: dict[tuple[str, float, float], int] = {}

    def of_event(self, layout: Layout, event: Mapping[str, Any], number: int) -> Collection[str]:
        """Roles whose readings in an event are old ones."""
        data, timestamps = event["data"], event.get("timestamps", {})
        return [
            column.role
            for column in layout.once
            if self._is_old(column.key, timestamps.get(column.key), data.get(column.key), number)
        ]

    def of_page(
        self, layout: Layout, page: Mapping[str, Any], rows: Sequence[tuple[int, int, float]]
    ) -> list[Collection[str]]:
        """Roles whose readings are old ones, for rows of a page: place, number and time of each."""
        data, timestamps = page["data"], page.get("timestamps", {})
        found: list[Collection[str]] = [()] * len(rows)
        for column in layout.once:
            key = column.key
            if key not in data or key not in timestamps:
                continue
            for index, (row, number, _) in enumerate(rows):
                if self._is_old(key, timestamps[key][row], data[key][row], number):
                    found[index] = (*found[index], column.role)
        return found

    def _is_old(self, key: str, stamp: float | None, reading: Any, number: int) -> bool:
        if stamp is None or not isinstance(reading, int | float):
            return False
        is_old = self._first.setdefault((key, stamp, reading), number) != number
        if is_old:
            self._notes.row(key, "an old reading again", number)
        return is_old
