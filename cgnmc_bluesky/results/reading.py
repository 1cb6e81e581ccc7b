"""Result documents back to results."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import event_model
import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results.documents import PREVIEW, name_of


@dataclass(frozen=True)
class Result:
    """What one analysis found in one run.

    Parameters
    ----------
    run_uid, scan_id, plan_name, sample
        The raw run.
    analysis, mode, particle
        Which analysis, of which of the run's signals or particles.
    status
        "waiting", "provisional", "final" or "failed".
    reason
        Why, in words.
    values, sigmas
        Values and one standard deviation of each; `None` where one cannot be given.
    units
        Unit of each value.
    n_points
        Number of points that the values rest on.
    curves
        Arrays for the eye, by group ("spectrum", "map", "profile") and name.
    curve_units
        Unit of each array, by its name.
    files
        Files that arrays were written to, by what they hold.
    about
        Start document of the result.
    conditions
        Where in a series the sample belongs, as far as the raw run says: "material", "cycles",
        "cutoff_v" and "series".
    """

    run_uid: str
    scan_id: int | None
    plan_name: str | None
    sample: str | None
    analysis: str
    mode: str | None
    status: Status
    reason: str
    values: Mapping[str, float | None]
    sigmas: Mapping[str, float | None]
    units: Mapping[str, str]
    particle: int | None = None
    n_points: int = 0
    curves: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict, repr=False)
    curve_units: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_documents(cls, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> "Result":
        """Read a result back from the documents of its run, in any order after the start.

        Raises
        ------
        ValueError
            If the documents hold no result.
        """
        collector = ResultCollector()
        for name, document in documents:
            collector(name, document)
        found = [*collector.results, *collector.open]
        if len(found) != 1:
            raise ValueError(f"the documents hold {len(found)} results; give those of one run")
        return found[0]

    def as_dict(self) -> dict[str, Any]:
        """Return what a line of JSON holds."""
        line = {
            "run_uid": self.run_uid,
            "scan_id": self.scan_id,
            "plan_name": self.plan_name,
            "sample": self.sample,
            **self.conditions,
            "analysis": self.analysis,
            "mode": self.mode,
            "status": str(self.status),
            "reason": self.reason,
            "values": dict(self.values),
            "sigmas": dict(self.sigmas),
            "units": dict(self.units),
        }
        optional = {"particle": self.particle, "files": dict(self.files) or None}
        return line | {name: value for name, value in optional.items() if value is not None}


class ResultCollector:
    """A sink that reads result documents back into results.

    Parameters
    ----------
    when_closed
        Called with each result whose run has stopped.
    """

    def __init__(self, when_closed: Callable[[Result], None] | None = None) -> None:
        self.results: list[Result] = []
        self._when_closed = when_closed
        self._open: dict[str, Result] = {}
        self._streams: dict[str, tuple[str, Mapping[str, Any]]] = {}

    @property
    def open(self) -> list[Result]:
        """Results whose runs have not stopped."""
        return list(self._open.values())

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in a document; those of raw runs are passed over."""
        if name == "start" and doc.get("purpose") == "analysis":
            self._open[doc["uid"]] = _opened(doc)
        elif name == "descriptor" and doc["run_start"] in self._open:
            self._streams[doc["uid"]] = (doc["run_start"], doc)
        elif name == "event" and doc["descriptor"] in self._streams:
            self._event(doc)
        elif name == "event_page" and doc["descriptor"] in self._streams:
            for event in event_model.unpack_event_page(cast("event_model.EventPage", doc)):
                self._event(event)
        elif name == "stop" and doc.get("run_start") in self._open:
            result = self._open.pop(doc["run_start"])
            self.results.append(result)
            if self._when_closed is not None:
                self._when_closed(result)

    def _event(self, doc: Mapping[str, Any]) -> None:
        run_start, descriptor = self._streams[doc["descriptor"]]
        data, result = doc["data"], self._open.get(run_start)
        if result is None:
            return
        units = {name_of(name): descriptor["data_keys"][name].get("units") or "" for name in data}
        data = {name_of(name): value for name, value in data.items()}
        if descriptor["name"] != "primary":
            arrays = {name: np.asarray(value, dtype=float) for name, value in data.items()}
            group = descriptor["name"].removesuffix(PREVIEW)
            self._open[run_start] = replace(
                result,
                curves={**result.curves, group: arrays},
                curve_units={**result.curve_units, **units},
            )
            return
        names = [name.removesuffix("_sigma") for name in data if name.endswith("_sigma")]
        self._open[run_start] = replace(
            result,
            status=Status(data["status"]),
            reason=data["reason"],
            n_points=int(data["n_points"]),
            values={name: _finite(data[name]) for name in names},
            sigmas={name: _finite(data[f"{name}_sigma"]) for name in names},
            units={name: units[name] for name in names},
        )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def _opened(start: Mapping[str, Any]) -> Result:
    return Result(
        run_uid=start["parent_uid"],
        scan_id=start.get("parent_scan_id"),
        plan_name=start.get("parent_plan_name"),
        sample=start.get("sample"),
        analysis=start["analysis"]["name"],
        mode=start.get("mode"),
        particle=start.get("particle"),
        status=Status.WAITING,
        reason="",
        values={},
        sigmas={},
        units={},
        about=start,
        conditions=start.get("conditions", {}),
    )
