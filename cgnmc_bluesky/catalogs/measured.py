"""Measured spectra, columns against time, and records of cells, as runs."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from cgnmc_bluesky.catalogs.grouping import Listed
from cgnmc_bluesky.catalogs.source import Document, Run
from cgnmc_bluesky.spectra import (
    Columns,
    Keys,
    MeasuredRecord,
    MeasuredSpectrum,
    MeasuredTrace,
    read_record,
    read_spectra,
    read_trace,
    standard_names,
)

_NAMESPACE = UUID("7c2f0f36-5b0c-5d0c-9d3a-5f1c6f0a8e11")


def read_measured(
    path: Path,
    columns: Columns | None = None,
    first_scan_id: int = 1,
    known: Keys | None = None,
    *,
    traced: Keys | None = None,
    cycled: Keys | None = None,
    cell_columns: Columns | None = None,
) -> list[Run]:
    """Read a file of measured spectra as runs, one a spectrum; a trace against time is one run, and
    so is the record of a cell.

    Parameters
    ----------
    path
        XDI, column text or Athena project.
    columns
        What overrides the file's header, as in `read_spectra`.
    first_scan_id
        Scan id of the file's first spectrum.
    known
        Data keys by role, which a header may use, as in `read_spectra`.
    traced
        Data keys of a heating ramp by role, as in `read_trace`.
    cycled, cell_columns
        Data keys of cycling by role, and columns of its files, as in `read_record`.

    Raises
    ------
    SpectrumError
        Where the file holds no spectrum.
    """
    comes_first = cycled is not None or not traced
    record = read_record(path, cell_columns, cycled) if comes_first else None
    if record is None and (traced or not columns):
        trace = read_trace(path, traced)
        if trace is not None:
            return [trace_run(trace, path, first_scan_id)]
    record = record or (None if comes_first else read_record(path, cell_columns, cycled))
    if record is not None:
        return [record_run(record, path, first_scan_id)]
    spectra = read_spectra(path, columns, known)
    return [
        spectrum_run(spectrum, path, scan_id)
        for scan_id, spectrum in enumerate(spectra, first_scan_id)
    ]


def spectrum_run(spectrum: MeasuredSpectrum, path: Path, scan_id: int) -> Run:
    """Give a measured spectrum as a run.

    Its uids and times derive from the content alone, so that the same file is the same run wherever
    it lies. Row `i` has the time of the scan's start (0 where the file does not tell), and what the
    file says to have passed since, plus `i` seconds; `clock` in the start document says whether the
    file names a zone ("utc"), none ("local"), or no time at all ("unknown").
    """
    header = spectrum.metadata
    start_s, clock = _start(header)
    element = header.get("Element", {})
    standard = standard_names(spectrum.columns)
    metadata = {
        "scan_id": scan_id,
        "plan_name": "measured_spectrum",
        "sample": str(header.get("Sample", {}).get("name") or spectrum.name),
        "file": path.name,
        "content_hash": spectrum.content_hash,
        "clock": clock,
        "XDI": header,
        "columns": {_key(name): standard.get(name, "") for name in spectrum.columns},
    }
    if element.get("symbol") and element.get("edge"):
        metadata["edge"] = f"{element['symbol']} {element['edge']}"
    n_rows = len(next(iter(spectrum.columns.values())))
    begin_s = start_s + float(header.get("Scan", {}).get("from_start_s", 0.0))
    times = [begin_s + row for row in range(n_rows)]
    return _run(spectrum, path, metadata, start_s, times, {})


def trace_run(trace: MeasuredTrace, path: Path, scan_id: int) -> Run:
    """Give columns against time as a run, whose uids derive from the content alone.

    An event has the time of its row. What counts from no known time counts from 0.
    """
    metadata = {
        "scan_id": scan_id,
        "plan_name": "measured_trace",
        "sample": trace.name,
        "file": path.name,
        "content_hash": trace.content_hash,
    }
    times = trace.time_s.tolist()
    stamps = {name: of_column.tolist() for name, of_column in trace.stamps_s.items()}
    start_s = min(times, default=0.0)
    return _run(trace, path, metadata, start_s, times, stamps)


def record_run(record: MeasuredRecord, path: Path, scan_id: int) -> Run:
    """Give the record of a cell as a run, whose uids derive from the content alone.

    An event has the time of its row. What counts from no known time counts from 0.
    """
    times = record.time_s.tolist()
    metadata = {
        "scan_id": scan_id,
        "plan_name": "measured_cycling",
        "sample": record.name,
        "file": path.name,
        "content_hash": record.content_hash,
        "roles": {role: _key(name) for role, name in record.roles.items()},
        "clock": record.clock or "unknown",
        "header": dict(record.metadata),
    }
    return _run(record, path, metadata, min(times, default=0.0), times, {})


def broken_run(path: Path, scan_id: int, error: ValueError) -> Run:
    """Give a file that should hold a spectrum and cannot be read as a run without any data."""
    from event_model import compose_run

    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    uid = str(uuid5(_NAMESPACE, path.name))
    run = compose_run(
        uid=uid,
        time=0.0,
        metadata={
            "scan_id": scan_id,
            "plan_name": "measured_spectrum",
            "sample": name,
            "file": path.name,
        },
    )
    stop = run.compose_stop(
        uid=str(uuid5(UUID(uid), "stop")), time=0.0, exit_status="fail", reason=str(error)
    )
    documents: list[Document] = [("start", dict(run.start_doc)), ("stop", dict(stop))]
    return Run(documents[0][1], Listed(documents), (path.resolve().parent,), str(error))


def _key(name: str) -> str:
    """A data key, in which event-model takes neither points nor slashes."""
    return re.sub(r"[./]", "_", name)


def _run(
    measured: MeasuredSpectrum | MeasuredTrace | MeasuredRecord,
    path: Path,
    metadata: Mapping[str, Any],
    start_s: float,
    times: Sequence[float],
    stamps: Mapping[str, Sequence[float]],
) -> Run:
    from event_model import compose_run

    run_uid = uuid5(_NAMESPACE, measured.content_hash)
    is_trace = isinstance(measured, MeasuredTrace)
    is_spectrum = isinstance(measured, MeasuredSpectrum)
    keys = {name: name if is_trace else _key(name) for name in measured.columns}
    n_rows = len(times)
    run = compose_run(uid=str(run_uid), time=start_s, metadata=dict(metadata))
    stream = run.compose_descriptor(
        uid=str(uuid5(run_uid, "descriptor")),
        time=start_s,
        name="primary",
        data_keys={
            keys[name]: {
                "source": f"{path.name}:{name}",
                "dtype": "number",
                "shape": [],
                "units": measured.units.get(name, ""),
            }
            for name in measured.columns
        },
        hints={},
        configuration={},
        object_keys={},
        # a trace's keys are spelled as the configuration has them, with points if it will
        validate=not is_trace,
    )
    page = {
        "descriptor": stream.descriptor_doc["uid"],
        "uid": [f"{run.start_doc['uid']}-{row}" for row in range(n_rows)],
        "seq_num": list(range(1, n_rows + 1)),
        "time": list(times),
        "data": {keys[name]: array.tolist() for name, array in measured.columns.items()},
        "timestamps": {keys[name]: list(stamps.get(name, times)) for name in measured.columns},
        "filled": {},
    }
    stop = {
        "uid": str(uuid5(run_uid, "stop")),
        "time": max(times, default=start_s) + is_spectrum,
        "run_start": str(run_uid),
        "exit_status": "success",
        "reason": "",
        "num_events": {"primary": n_rows},
    }
    documents: list[Document] = [
        ("start", dict(run.start_doc)),
        ("descriptor", dict(stream.descriptor_doc)),
        ("event_page", page),
        ("stop", stop),
    ]
    note = "; ".join(measured.notes)
    return Run(documents[0][1], Listed(documents), (path.resolve().parent,), note)


def _start(metadata: Mapping[str, Any]) -> tuple[float, str]:
    """Time of the scan, in seconds since the epoch, and which clock it is on: UTC, a local one of
    which the file names no zone (taken as UTC), or none.
    """
    scan = metadata.get("Scan", {})
    try:
        started = datetime.fromisoformat(str(scan.get("start_time", "")).strip())
    except ValueError:
        return 0.0, "unknown"
    clock = "utc" if started.tzinfo else "local"
    known = started if started.tzinfo else started.replace(tzinfo=UTC)
    return known.timestamp(), clock
