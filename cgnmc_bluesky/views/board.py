"""The newest state of every result, gathered from its documents."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Status

_CURVE_STREAMS = ("spectrum", "spectrum_preview")
_NOTES = ("status", "reason", "n_points")
_SIGMA = "_sigma"


@dataclass(frozen=True)
class Latest:
    """What the documents of one result say so far.

    Parameters
    ----------
    start
        Start document of the result's own run.
    data
        Newest reading of its `primary` stream: values, sigmas, status and reason.
    units
        Unit of each value and curve.
    curves
        Newest arrays, all of one length; empty where none came.
    """

    start: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def run_uid(self) -> str:
        """Uid of the raw run."""
        return str(self.start.get("parent_uid", ""))

    @property
    def scan_id(self) -> int | None:
        """Number of the scan, where it has one."""
        return self.start.get("parent_scan_id")

    @property
    def sample(self) -> str:
        """Name of the sample."""
        return str(self.start.get("sample") or "")

    @property
    def analysis(self) -> str:
        """Name of the analysis."""
        return str(self.start.get("analysis", {}).get("name", ""))

    @property
    def mode(self) -> str:
        """Detection mode."""
        return str(self.start.get("mode") or "")

    @property
    def status(self) -> Status:
        """How far the values may be believed."""
        return Status(self.data.get("status", Status.WAITING))

    @property
    def reason(self) -> str:
        """Why, in words."""
        return str(self.data.get("reason", ""))

    @property
    def values(self) -> dict[str, float]:
        """The values by name; NaN where one cannot be given."""
        return {
            name: _number(value)
            for name, value in self.data.items()
            if name not in _NOTES and not name.endswith(_SIGMA)
        }

    def sigma(self, name: str) -> float:
        """One standard deviation of a value; NaN where it has none."""
        return _number(self.data.get(name + _SIGMA))

    def unit(self, name: str) -> str:
        """Unit of a value or curve; empty where it is a mere number."""
        unit = self.units.get(name, "")
        return "" if unit in ("1", "dimensionless") else unit

    def gives(self, name: str) -> bool:
        """Whether a value is there to be shown."""
        believed = self.status in (Status.PROVISIONAL, Status.FINAL)
        return believed and math.isfinite(_number(self.data.get(name)))


class Board:
    """Keeps the newest state of every result whose documents it is sent.

    It may be called from any thread and only stores, so that whoever sends documents is not held
    up; views read `latest` when they draw.

    Parameters
    ----------
    curves_kept
        Number of results whose arrays are kept, the newest; all others keep their values alone.
    """

    def __init__(self, curves_kept: int = 16) -> None:
        self._curves_kept = curves_kept
        self._lock = Lock()
        self._latest: dict[str, Latest] = {}
        self._streams: dict[str, tuple[str, str]] = {}
        self._version = 0

    @property
    def version(self) -> int:
        """Number of documents seen, to know whether there is something new to draw."""
        return self._version

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in one result document."""
        with self._lock:
            if name == "start":
                self._latest[doc["uid"]] = Latest(doc)
            elif name == "descriptor":
                self._describe(doc)
            elif name == "event":
                self._record(doc["descriptor"], doc["data"])
            elif name == "event_page" and doc["seq_num"]:
                last_row = {key: rows[-1] for key, rows in doc["data"].items()}
                self._record(doc["descriptor"], last_row)
            self._version += 1

    def latest(self) -> list[Latest]:
        """Newest state of every result, in the order in which they began."""
        with self._lock:
            return list(self._latest.values())

    def find(self, result_uid: str) -> Latest | None:
        """Newest state of one result, by the uid of its own run."""
        with self._lock:
            return self._latest.get(result_uid)

    def _describe(self, doc: Mapping[str, Any]) -> None:
        self._streams[doc["uid"]] = (doc["run_start"], doc.get("name", "primary"))
        known = self._latest.get(doc["run_start"])
        if known is not None:
            units = {key: spec.get("units") or "" for key, spec in doc["data_keys"].items()}
            self._keep(doc["run_start"], known, units={**known.units, **units})

    def _record(self, descriptor: str, data: Mapping[str, Any]) -> None:
        result_uid, stream = self._streams.get(descriptor, ("", ""))
        known = self._latest.get(result_uid)
        if known is None:
            return
        if stream in _CURVE_STREAMS:
            curves = {key: np.asarray(values, dtype=float) for key, values in data.items()}
            self._keep(result_uid, known, curves=curves)
            self._forget_old_curves()
        elif stream == "primary":
            self._keep(result_uid, known, data=dict(data))

    def _keep(self, result_uid: str, known: Latest, **news: Any) -> None:
        parts = {"data": known.data, "units": known.units, "curves": known.curves, **news}
        self._latest[result_uid] = Latest(known.start, **parts)

    def _forget_old_curves(self) -> None:
        drawn = [uid for uid, latest in self._latest.items() if latest.curves]
        for uid in drawn[: max(0, len(drawn) - self._curves_kept)]:
            self._keep(uid, self._latest[uid], curves={})


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
