"""Files of Biologic's EC-Lab: its text export, and its own binary format through galvani."""

import io
import re
from collections.abc import Sequence
from datetime import UTC
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.spectra.clocks import epoch_s, is_dated
from cgnmc_bluesky.spectra.record import Clock, MeasuredRecord, roles_in, split_unit, stem
from cgnmc_bluesky.spectra.spectrum import Keys, SpectrumError
from cgnmc_bluesky.spectra.tables import numbers_in

TEXT = ("EC-Lab ASCII FILE", "BT-Lab ASCII FILE")
"""First line of a text export."""
BINARY = b"BIO-LOGIC MODULAR FILE"
"""How a file in the program's own format begins."""

_STEP = "dq"
"""Stands for the charge since the row before, of which EC-Lab makes <I>."""
_HEADER_LINES = re.compile(r"Nb header lines\s*:\s*(\d+)")
_STARTED = re.compile(r"Acquisition started on\s*:\s*(\S.*\S)")
_MASS = re.compile(r"Mass of active material\s*:\s*([\d.,]+)\s*(\S+)")


class _File(NamedTuple):
    headers: list[str]
    roles: dict[str, int]
    start_s: float
    """When the record began, NaN where the file does not tell."""


def eclab_text(path: Path, text: str, content_hash: str, known: Keys) -> MeasuredRecord:
    """Read a text export, with decimal points or commas.

    Raises
    ------
    SpectrumError
        Where the header is cut off, or a voltage or current is not among the columns.
    """
    lines = text.splitlines()
    told = _HEADER_LINES.search("\n".join(lines[:5]))
    n_header = int(told[1]) if told else 0
    if not 0 < n_header <= len(lines):
        raise SpectrumError(
            f"{path.name} is cut off: it announces {n_header} header lines and has {len(lines)} "
            "lines; export it again"
        )
    heading, headers = lines[: n_header - 1], lines[n_header - 1].rstrip().split("\t")
    roles = _roles(path, headers, known)
    columns, notes = _columns(path, lines[n_header:], n_header, sorted(roles.values()))
    head = "\n".join(heading)
    started = _STARTED.search(head)
    start_s = epoch_s([started[1]])[0] if started else np.nan
    mass = _MASS.search(head)
    metadata = {
        "technique": next((line.strip() for line in heading[2:] if line.strip()), ""),
        **({"active_mass": f"{mass[1].replace(',', '.')} {mass[2]}"} if mass else {}),
    }
    file = _File(headers, roles, start_s)
    return _record(path, file, columns, content_hash=content_hash, metadata=metadata, notes=notes)


def eclab_binary(path: Path, content: bytes, content_hash: str, known: Keys) -> MeasuredRecord:
    """Read a file in the program's own format.

    Raises
    ------
    SpectrumError
        Where galvani is not installed, or cannot read the file.
    """
    try:
        reader = import_module("galvani.BioLogic")
    except ImportError as error:
        raise SpectrumError(
            f"{path.name} is in EC-Lab's binary format: install galvani (GPL-3.0; pip install "
            "'cgnmc-bluesky[biologic]'), or export the file as text (.mpt)"
        ) from error
    try:
        measured = reader.MPRfile(io.BytesIO(content))
    except (ValueError, NotImplementedError, KeyError, OSError) as error:
        raise SpectrumError(
            f"{path.name} cannot be read by galvani ({error}); export it as text (.mpt)"
        ) from error
    headers = [str(name) for name in measured.data.dtype.names]
    roles = _roles(path, headers, known)
    columns = {
        index: np.asarray(measured.data[headers[index]], dtype=np.float64)
        for index in roles.values()
    }
    started = getattr(measured, "timestamp", None)
    start_s = started.replace(tzinfo=UTC).timestamp() if started is not None else np.nan
    return _record(path, _File(headers, roles, start_s), columns, content_hash=content_hash)


def _roles(path: Path, headers: Sequence[str], known: Keys) -> dict[str, int]:
    roles = roles_in(headers, known)
    if not {"mean_current_a", "current_a"} & set(roles) and "dq/mA.h" in headers:
        roles[_STEP] = headers.index("dq/mA.h")
    wanted = {
        "time (time/s)": ("time_s",),
        "voltage (Ewe/V)": ("voltage_v",),
        "current (<I>/mA or I/mA)": ("mean_current_a", "current_a", _STEP),
    }
    for what, names in wanted.items():
        if not any(name in roles for name in names):
            raise SpectrumError(
                f"{path.name} has no {what} among its columns {', '.join(filter(None, headers))}; "
                "export it again with that column"
            )
    return roles


def _columns(
    path: Path, lines: Sequence[str], n_before: int, wanted: Sequence[int]
) -> tuple[dict[int, NDArray[Any]], tuple[str, ...]]:
    """Columns of rows that are complete, times as text where they are dates."""
    cells = [line.split("\t") for line in lines]
    # the last columns may be empty, and are then missing
    is_row = [
        len(row) > wanted[-1] and all(row[index].strip() for index in wanted) for row in cells
    ]
    notes = tuple(
        f"row left out: line {number} of {path.name}, {line.strip()[:40]!r}"
        for number, (line, good) in enumerate(zip(lines, is_row, strict=True), n_before + 1)
        if not good and line.strip()
    )
    kept = [row for row, good in zip(cells, is_row, strict=True) if good]
    columns: dict[int, NDArray[Any]] = {}
    for index in wanted:
        of_column = [row[index].strip() for row in kept]
        if of_column and is_dated(of_column[0]):
            columns[index] = np.array(of_column)
            continue
        numbers = numbers_in([cell.replace(",", ".") for cell in of_column])
        columns[index] = np.full(len(kept), np.nan) if numbers is None else numbers
    return columns, notes


def _times(recorded: NDArray[Any], start_s: float) -> tuple[NDArray[np.float64], Clock]:
    if recorded.dtype.kind == "U":
        return epoch_s(recorded.tolist()), "local"
    if np.isfinite(start_s):
        return start_s + recorded, "local"
    return np.asarray(recorded, dtype=np.float64), ""


def _record(
    path: Path,
    file: _File,
    columns: dict[int, NDArray[Any]],
    *,
    content_hash: str,
    metadata: dict[str, Any] | None = None,
    notes: tuple[str, ...] = (),
) -> MeasuredRecord:
    split = {role: split_unit(file.headers[index]) for role, index in file.roles.items()}
    time_s, clock = _times(columns[file.roles["time_s"]], file.start_s)
    del split["time_s"]
    if _STEP in file.roles:
        # what galvani reads holds the charge alone
        hours = np.diff(time_s, prepend=time_s[:1]) / 3600.0
        step_mah = columns[file.roles[_STEP]]
        mean_ma = np.divide(step_mah, hours, out=np.zeros_like(step_mah), where=hours > 0.0)
        columns = {**columns, file.roles[_STEP]: mean_ma}
        split["mean_current_a"] = ("<I>", "mA")
        file.roles["mean_current_a"] = file.roles[_STEP]
        del split[_STEP]
    return MeasuredRecord(
        name=stem(path),
        time_s=time_s,
        columns={name: columns[file.roles[role]] for role, (name, _) in split.items()},
        units=dict(split.values()),
        roles={role: name for role, (name, _) in split.items()},
        clock=clock,
        content_hash=content_hash,
        metadata=metadata or {},
        notes=notes,
    )
