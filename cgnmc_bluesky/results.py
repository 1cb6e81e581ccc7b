"""Results as documents: a run of their own beside the raw run, and back again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import event_model
import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status

Sink = Callable[[str, Mapping[str, Any]], None]
"""Takes a document's name and the document."""

_IN_KEYS = str.maketrans({".": "\u2024", "/": "\u2215"})
_IN_NAMES = str.maketrans({"\u2024": ".", "\u2215": "/"})
"""A data key holds no full stop and no slash; a reference's name (Li0.5NiO2) may."""

PREVIEW = "_preview"
"""Ending of streams that are for the eye while a run goes on, and are not stored."""


@dataclass(frozen=True)
class Subject:
    """What a result is of.

    Parameters
    ----------
    run_uid, scan_id, plan_name, sample
        The raw run, as its start document names it.
    analysis, version
        The analysis.
    mode
        Which of the run's signals: "transmission", "fluorescence", "tey".
    particle
        Number of the particle in a map.
    parameters, references
        What the result rests on beside the data; references with the hash of their content.
    """

    run_uid: str
    scan_id: int | None
    plan_name: str | None
    sample: str | None
    analysis: str
    version: str
    mode: str | None = None
    particle: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[Mapping[str, Any], ...] = ()

    def metadata(self) -> dict[str, Any]:
        """Return what the start document of the result holds."""
        named = {
            "parent_scan_id": self.scan_id,
            "parent_plan_name": self.plan_name,
            "sample": self.sample,
            "mode": self.mode,
            "particle": self.particle,
        }
        return {
            "purpose": "analysis",
            "parent_uid": self.run_uid,
            **{name: value for name, value in named.items() if value is not None},
            "analysis": {
                "name": self.analysis,
                "version": self.version,
                "parameters": dict(self.parameters),
                "references": [dict(reference) for reference in self.references],
            },
        }


def sample_of(start: Mapping[str, Any]) -> str | None:
    """Name of the sample in a start document, wherever beamlines put it.

    Examples
    --------
    >>> sample_of({"sample": {"name": "NMC622"}}), sample_of({"XDI": {"Sample": {"name": "NiO"}}})
    ('NMC622', 'NiO')
    """
    xdi = start.get("XDI")
    nested = xdi.get("Sample") if isinstance(xdi, Mapping) else None
    for named in (start.get("sample"), start.get("sample_name"), nested):
        name = named.get("name") if isinstance(named, Mapping) else named
        if name:
            return str(name)
    return None


class ResultWriter:
    """Composes the documents of one result as its estimates come.

    Parameters
    ----------
    subject
        What the result is of.
    emit
        Takes the documents.
    """

    def __init__(self, subject: Subject, emit: Sink) -> None:
        self._subject = subject
        self._emit = emit
        self._run: event_model.ComposeRunBundle | None = None
        self._streams: dict[str, Any] = {}
        self._time_s = 0.0

    def update(self, estimate: Estimate, time_s: float, *, curves: str = "") -> None:
        """Emit an event with what is known now.

        Parameters
        ----------
        estimate
            What the analysis says.
        time_s
            Time of the newest data it rests on.
        curves
            Stream that the estimate's curves are emitted in; empty for none.
        """
        self._time_s = time_s
        values = {name: _number(value) for name, value in estimate.values.items()}
        sigmas = {f"{name}_sigma": _number(value) for name, value in estimate.sigmas.items()}
        state = {
            "status": str(estimate.status),
            "reason": estimate.reason,
            "n_points": estimate.n_points,
        }
        units = {name: estimate.units[name.removesuffix("_sigma")] for name in values | sigmas}
        self._event("primary", {**values, **sigmas, **state}, units)
        if curves and estimate.curves:
            self._event(curves, dict(estimate.curves), estimate.curve_units)

    def close(self, exit_status: Literal["success", "fail"] = "success", reason: str = "") -> None:
        """Emit the stop document."""
        if self._run is not None:
            stop = self._run.compose_stop(
                exit_status=exit_status, reason=reason, time=self._time_s, validate=False
            )
            self._emit("stop", stop)

    def _event(self, stream: str, data: dict[str, Any], units: Mapping[str, str]) -> None:
        data = {name.translate(_IN_KEYS): value for name, value in data.items()}
        units = {name.translate(_IN_KEYS): unit for name, unit in units.items()}
        if self._run is None:
            metadata = self._subject.metadata()
            self._run = event_model.compose_run(
                metadata=metadata, time=self._time_s, validate=False
            )
            self._emit("start", self._run.start_doc)
        if stream not in self._streams:
            source = f"analysis:{self._subject.analysis}"
            ragged = stream.endswith(PREVIEW)
            keys = {
                name: _data_key(name, value, units, source, ragged) for name, value in data.items()
            }
            composed = self._run.compose_descriptor(
                name=stream, data_keys=keys, time=self._time_s, validate=False
            )
            self._streams[stream] = composed
            self._emit("descriptor", composed.descriptor_doc)
        event = self._streams[stream].compose_event(
            data=data,
            timestamps=dict.fromkeys(data, self._time_s),
            time=self._time_s,
            validate=False,
        )
        self._emit("event", event)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _data_key(
    name: str, value: object, units: Mapping[str, str], source: str, ragged: bool
) -> dict[str, Any]:
    if isinstance(value, np.ndarray):
        shape = [None] if ragged else list(value.shape)
        key = {"dtype": "array", "dtype_numpy": value.dtype.str, "shape": shape}
    else:
        dtype = {str: "string", int: "integer"}.get(type(value), "number")
        key = {"dtype": dtype, "shape": []}
    return {"source": source, "units": units.get(name, ""), **key}


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
        Arrays for the eye.
    files
        Files that arrays were written to, by what they hold.
    about
        Start document of the result.
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
    curves: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

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
        if descriptor["name"] != "primary":
            curves = {
                name.translate(_IN_NAMES): np.asarray(value, dtype=float)
                for name, value in data.items()
            }
            self._open[run_start] = replace(result, curves=curves)
            return
        keys = descriptor["data_keys"]
        units = {name: keys[name].get("units") or "" for name in data}
        data = {name.translate(_IN_NAMES): value for name, value in data.items()}
        units = {name.translate(_IN_NAMES): unit for name, unit in units.items()}
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
    )
