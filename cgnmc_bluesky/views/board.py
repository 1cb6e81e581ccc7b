"""The newest state of every result, gathered from its documents."""

import math
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result, ResultCollector


class Board:
    """Keeps the newest state of every result whose documents it is sent.

    It may be called from any thread and only stores, so that whoever sends documents is not held
    up; views read `latest` when they draw.

    Parameters
    ----------
    runs_kept
        Number of runs whose ended results keep their arrays, the newest; those of others keep
        their values alone.
    """

    def __init__(self, runs_kept: int = 8) -> None:
        self._runs_kept = runs_kept
        self._lock = Lock()
        self._collector = ResultCollector()
        self._order: dict[str, int] = {}
        self._version = 0

    @property
    def version(self) -> int:
        """Number of documents seen, to know whether there is something new to draw."""
        return self._version

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one result document."""
        with self._lock:
            if name == "start":
                self._order[doc["uid"]] = len(self._order)
            self._collector(name, doc)
            if name == "stop":
                self._forget_old_curves()
            self._version += 1

    def latest(self) -> list[Result]:
        """Newest state of every result, in the order in which they began."""
        with self._lock:
            found = [*self._collector.results, *self._collector.open]
        return sorted(found, key=lambda result: self._order[result.about["uid"]])

    def find(self, result_uid: str) -> Result | None:
        """Newest state of one result, by the uid of its own run."""
        found = (result for result in self.latest() if result.about["uid"] == result_uid)
        return next(found, None)

    def _forget_old_curves(self) -> None:
        ended = self._collector.results
        runs = list(dict.fromkeys(result.run_uid for result in reversed(ended)))
        kept = set(runs[: self._runs_kept])
        for place, result in enumerate(ended):
            if result.curves and result.run_uid not in kept:
                ended[place] = replace(result, curves={})


def gives(result: Result, name: str) -> bool:
    """Whether a value is there to be shown."""
    believed = result.status in {Status.PROVISIONAL, Status.FINAL}
    return believed and result.values.get(name) is not None


def number(numbers: Mapping[str, float | None], name: str) -> float:
    """Give one of a result's numbers, NaN where it is not given."""
    found = numbers.get(name)
    return math.nan if found is None else found


def sample_name(result: Result) -> str:
    """What the sample is called; the beginning of the run's uid where nobody said."""
    return result.sample or result.run_uid[:8]


def run_name(result: Result) -> str:
    """What the run of a result is called above a figure."""
    scan = "" if result.scan_id is None else f"scan {result.scan_id} · "
    return scan + sample_name(result)
