"""Estimates to result documents: a run of their own beside the raw run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

import event_model
import numpy as np

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.results.conditions import conditions_of
from cgnmc_bluesky.results.documents import PREVIEW, Sink, key_of

Curves = Literal["none", "preview", "stored"]


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
    conditions
        Where in a series the sample belongs: "material", "cycles", "cutoff_v", "series".
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
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, start: Mapping[str, Any], analysis: str, version: str) -> "Subject":
        """Return what an analysis of the run with that start document is of."""
        return cls(
            run_uid=start.get("uid", ""),
            scan_id=start.get("scan_id"),
            plan_name=start.get("plan_name"),
            sample=sample_of(start),
            analysis=analysis,
            version=version,
            conditions=conditions_of(start),
        )

    def metadata(self) -> dict[str, Any]:
        """Return what the start document of the result holds."""
        named = {
            "parent_scan_id": self.scan_id,
            "parent_plan_name": self.plan_name,
            "sample": self.sample,
            "mode": self.mode,
            "particle": self.particle,
            "conditions": dict(self.conditions) or None,
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
                "libraries": library_versions(),
            },
        }


@cache
def library_versions() -> dict[str, str]:
    """Versions of what the numbers are computed with."""
    return {name: version(name) for name in ("numpy", "scipy")}


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
        self._last: Estimate | None = None

    def update(self, estimate: Estimate, time_s: float, *, curves: Curves = "none") -> None:
        """Emit an event with what is known now.

        Parameters
        ----------
        estimate
            What the analysis says.
        time_s
            Time of the newest data it rests on.
        curves
            What becomes of the estimate's curves: "stored" each group in a stream of its name,
            "preview" in one that is for the eye alone, or "none".
        """
        self._time_s, self._last = time_s, estimate
        values = {name: _number(value) for name, value in estimate.values.items()}
        sigmas = {f"{name}_sigma": _number(value) for name, value in estimate.sigmas.items()}
        state = {
            "status": str(estimate.status),
            "reason": estimate.reason,
            "n_points": estimate.n_points,
        }
        units = {name: estimate.units[name.removesuffix("_sigma")] for name in values | sigmas}
        self._event("primary", {**values, **sigmas, **state}, units)
        if curves != "none":
            ending = PREVIEW if curves == "preview" else ""
            for group, arrays in estimate.curves.items():
                self._event(f"{group}{ending}", dict(arrays), estimate.curve_units)

    def fail(self, why: str, time_s: float) -> None:
        """Emit an event that takes back what was said.

        Parameters
        ----------
        why
            What failed, in words.
        time_s
            Time of the newest data.
        """
        if self._last is not None:
            self.update(Estimate(Status.FAILED, why, self._last.units), time_s)

    def close(self, exit_status: Literal["success", "fail"] = "success", reason: str = "") -> None:
        """Emit the stop document."""
        if self._run is not None:
            stop = self._run.compose_stop(
                exit_status=exit_status, reason=reason, time=self._time_s, validate=False
            )
            self._emit("stop", stop)

    def _event(self, stream: str, data: dict[str, Any], units: Mapping[str, str]) -> None:
        data = {key_of(name): value for name, value in data.items()}
        units = {key_of(name): unit for name, unit in units.items()}
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
        shape = [None] * value.ndim if ragged else list(value.shape)
        key = {"dtype": "array", "dtype_numpy": value.dtype.str, "shape": shape}
    else:
        dtype = {str: "string", int: "integer"}.get(type(value), "number")
        key = {"dtype": dtype, "shape": []}
    return {"source": source, "units": units.get(name, ""), **key}
