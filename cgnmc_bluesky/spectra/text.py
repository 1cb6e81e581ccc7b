"""Column text: XDI, and what beamlines and programs write."""

import contextlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.spectra.names import ROLES, standard_names
from cgnmc_bluesky.spectra.spectrum import Columns, Keys, MeasuredSpectrum, SpectrumError

KEV_BELOW = 100.0
"""Energies below this many are in keV, where the file does not say otherwise."""

_COMMENT = "#;%"


class _Row(NamedTuple):
    line: int
    values: list[float]


class _Named(NamedTuple):
    names: list[str]
    units: list[str]


def column_text(
    path: Path, text: str, content_hash: str, columns: Columns, known: Keys
) -> MeasuredSpectrum:
    """Read a spectrum from text in columns."""
    lines = text.splitlines()
    rows, notes = _data_rows(path, lines)
    n_columns = len(rows[0].values)
    headings = lines[: rows[0].line - 1]
    metadata, declared = _xdi_header(headings)
    label = None if declared else ["energy", "mutrans"]
    label = _label_line(headings, n_columns, columns, known) or label
    named = _named_columns(label, declared, n_columns)
    table = np.array([row.values for row in rows]).T
    order = _ordered(path, named.names, columns)
    arrays = {name: table[index] for name, index in order.items()}
    units = {name: named.units[index] for name, index in order.items()}
    energy = _energy_column(path, list(arrays), columns, known)
    arrays[energy], units[energy] = _in_ev(path, energy, arrays[energy], units[energy])
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return MeasuredSpectrum(name, arrays, units, metadata, content_hash, notes)


def _data_rows(path: Path, lines: Sequence[str]) -> tuple[list[_Row], tuple[str, ...]]:
    """Rows of numbers that all have the commonest length, and what had to be left out."""
    rows = [
        _Row(number, values)
        for number, line in enumerate(lines, 1)
        if line.strip() and line.lstrip()[0] not in _COMMENT and (values := _numbers(line))
    ]
    widths = Counter(len(row.values) for row in rows)
    if not rows or (n_columns := widths.most_common(1)[0][0]) < 2:
        raise SpectrumError(f"{path.name} has no two columns of numbers in its {len(lines)} lines")
    kept = [row for row in rows if len(row.values) == n_columns]
    used = {row.line for row in kept}
    notes = tuple(
        f"row left out: line {number} of {path.name}, {lines[number - 1].strip()[:40]!r}"
        for number in range(kept[0].line, len(lines) + 1)
        if number not in used
        and (stripped := lines[number - 1].strip())
        and stripped[0] not in _COMMENT
    )
    return kept, notes


def _numbers(line: str) -> list[float] | None:
    """Numbers of a line, separated by tabs, semicolons, commas or blanks; else None."""
    for separator in "\t;,":
        if separator in line:
            tokens = line.strip().rstrip(separator).split(separator)
            break
    else:
        tokens = line.split()
    try:
        return [float(token) for token in tokens]
    except ValueError:
        pass
    with contextlib.suppress(ValueError):
        # blanks beside a stray tab, or the decimal comma of many a European instrument
        return [float(token.replace(",", ".")) for token in line.replace(";", " ").split()]
    return None


def _xdi_header(headings: Sequence[str]) -> tuple[dict[str, Any], dict[int, tuple[str, str]]]:
    """Nested metadata, and name and unit of the columns that the header declares, by number."""
    metadata: dict[str, Any] = {}
    declared: dict[int, tuple[str, str]] = {}
    for line in headings:
        text = line.strip().lstrip(_COMMENT).strip()
        if column := re.match(r"Column\.(\d+)\s*:\s*(\S+)\s*(.*)", text, re.IGNORECASE):
            declared[int(column[1]) - 1] = (column[2], column[3].strip())
        elif item := re.match(r"([A-Za-z]\w*)\.([A-Za-z]\w*)\s*:\s*(.*)", text):
            metadata.setdefault(item[1].capitalize(), {})[item[2]] = item[3].strip()
        elif started := re.match(r"(?:time at start|start[ _]time)\s*[=:]\s*(.+)", text, re.I):
            metadata.setdefault("Scan", {}).setdefault("start_time", started[1].strip())
        elif passed := re.match(r"time from start \(seconds\)\s*[=:]\s*([\d.]+)", text, re.I):
            metadata.setdefault("Scan", {}).setdefault("from_start_s", float(passed[1]))
    return metadata, declared


def _named_columns(
    label: Sequence[str] | None, declared: Mapping[int, tuple[str, str]], n_columns: int
) -> _Named:
    names, units = [], []
    for index in range(n_columns):
        fallback = label[index] if label and index < len(label) else f"column_{index + 1}"
        name, unit = declared.get(index, (fallback, _unit_in(fallback)))
        names.append(f"{name}_{index + 1}" if name in names else name)
        units.append(unit)
    return _Named(names, units)


def _label_line(
    headings: Sequence[str], n_columns: int, columns: Columns, known: Keys
) -> list[str] | None:
    """Names in the last line before the data that has one for each column."""
    by_name = {value for value in columns.values() if isinstance(value, str)}
    for line in reversed(headings):
        text = re.sub(r"\s+([(\[])", r"\1", line.strip().lstrip(_COMMENT).strip())
        for separator in ("\t", ";", ",", r"\s{2,}", r"\s+"):
            tokens = [token.strip() for token in re.split(separator, text)]
            if len(tokens) != n_columns:
                continue
            knows_energy = (
                "energy" in standard_names(tokens).values() or known.get("energy_ev") in tokens
            )
            # a single key may be a word of a comment by chance
            holds_keys = len(set(known.values()) & set(tokens)) > 1
            is_header_line = line[:1] not in _COMMENT and line is headings[-1]
            if knows_energy or holds_keys or by_name & set(tokens) or is_header_line:
                return tokens
    return None


def _unit_in(name: str) -> str:
    bracketed = re.search(r"[(\[]\s*(k?eV)\s*[)\]]", name, re.IGNORECASE)
    return bracketed[1] if bracketed else ""


def _ordered(path: Path, names: Sequence[str], columns: Columns) -> dict[str, int]:
    """Index of each column by the name it shall have."""
    chosen = {}
    for role, wanted in columns.items():
        if role not in ROLES:
            raise SpectrumError(
                f"{role!r} is no column of a spectrum; {_nearest(role, list(ROLES))}"
            )
        chosen[ROLES[role]] = _index(path, names, role, wanted)
    rest = {
        name: index
        for index, name in enumerate(names)
        if name not in chosen and index not in chosen.values()
    }
    in_file_order = sorted((chosen | rest).items(), key=lambda item: item[1])
    return dict(in_file_order)


def _index(path: Path, names: Sequence[str], role: str, wanted: int | str) -> int:
    if isinstance(wanted, str):
        lowered = [name.lower() for name in names]
        if wanted.lower() in lowered:
            return names.index(wanted) if wanted in names else lowered.index(wanted.lower())
        raise SpectrumError(
            f"{path.name} has no column {wanted!r} for {role}; {_nearest(wanted, names)}"
        )
    if not 1 <= wanted <= len(names):
        raise SpectrumError(
            f"{path.name} has no column {wanted} for {role}; it has columns 1 to {len(names)}: "
            + ", ".join(names)
        )
    return wanted - 1


def _nearest(wanted: str, names: Sequence[str]) -> str:
    near = get_close_matches(wanted, names, n=1, cutoff=0.5)
    return (f"did you mean {near[0]!r}? " if near else "") + f"there are {', '.join(names)}"


def _energy_column(path: Path, names: Sequence[str], columns: Columns, known: Keys) -> str:
    if "energy" in (ROLES[role] for role in columns):
        return "energy"
    if (key := known.get("energy_ev", "")) in names:
        return key
    for name, standard in standard_names(names).items():
        if standard == "energy":
            return name
    raise SpectrumError(
        f"{path.name} has no energy among its columns {', '.join(names)}; "
        "name it with columns = { energy = <number or name> }"
    )


def _in_ev(
    path: Path, name: str, energy: NDArray[np.float64], unit: str
) -> tuple[NDArray[np.float64], str]:
    declared = unit.lower().partition(" ")[0]
    if declared not in ("", "ev", "kev"):
        raise SpectrumError(
            f"{path.name} gives column {name!r} in {unit!r}; convert it to eV or keV"
        )
    largest = np.nanmax(energy, initial=0.0)
    if declared == "kev" or (not declared and largest < KEV_BELOW):
        return energy * 1000.0, "eV"
    return energy, "eV"
