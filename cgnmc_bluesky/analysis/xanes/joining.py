"""Rows of several streams side by side, as an energy scan needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block, Table

Floats = NDArray[np.float64]

NEEDED: Mapping[str, tuple[frozenset[str], ...]] = {
    "transmission": (frozenset({"mutrans"}), frozenset({"i0", "itrans"})),
    "fluorescence": (frozenset({"mufluor"}), frozenset({"i0", "ifluor"})),
    "tey": (frozenset({"i0", "tey"}),),
    "pfy": (frozenset({"i0", "pfy"}),),
}
"""Roles that a mode needs beside the energy: any one of the sets."""

NO_KEYS: Mapping[str, str] = MappingProxyType({})

SAME_ENERGY_EV = 0.02
"""Readings of two streams whose energies are no farther apart were made at one energy."""


class NotYet(ValueError):
    """Too few data to say anything; the message says what is wanting."""


@dataclass(frozen=True)
class Joined:
    """Rows of several streams side by side, and what is to be said of that."""

    rows: Block
    notes: tuple[str, ...] = ()


def join(tables: Mapping[str, Table], mode: str, keys: Mapping[str, str] = NO_KEYS) -> Joined:
    """One block of rows with all the roles that there are, whatever streams they came in.

    Parameters
    ----------
    tables
        Rows of each stream.
    mode
        "transmission", "fluorescence", "tey" or "pfy".
    keys
        Data key of each role, for the notes.

    Raises
    ------
    NotYet
        If some role that the mode needs has no row yet.

    Notes
    -----
    The stream that holds most of the needed roles leads, `primary` before others. What another
    stream holds is taken row by row where it has the same rows (by their numbers), and else
    interpolated to the rows of the leading one: in energy where it has energies of its own, else in
    time. A dark current is taken as its mean.
    """
    everywhere = set().union(*(table.roles() for table in tables.values()))
    needed = next((roles for roles in NEEDED[mode] if roles <= everywhere), None)
    if needed is None or "energy_ev" not in everywhere:
        raise NotYet("no rows yet")
    wanted = needed | {"energy_ev"}
    order = sorted(tables, key=lambda name: (name != "primary", name))
    complete = [name for name in order if wanted <= tables[name].roles()]
    leading = next(iter(complete), max(order, key=lambda name: _held(tables[name], wanted)))
    rows = tables[leading].merged()
    values = {role: _scalar(column) for role, column in rows.values.items()}
    notes = []
    for role in sorted(everywhere - set(values)):
        source = next(tables[name] for name in order if role in tables[name].roles())
        values[role], apart_ev = _beside(rows, source.merged(), role)
        if apart_ev:
            notes.append(
                f"{keys.get(role, role)} was read at other energies than the sample, up to "
                f"{apart_ev:.2f} eV away: it is interpolated"
            )
    return Joined(replace(rows, values=values), tuple(notes))


def _held(table: Table, wanted: frozenset[str]) -> tuple[int, bool]:
    """How many of the wanted roles a stream has, and whether the absorption is among them."""
    held = wanted & table.roles()
    return len(held), bool(held - {"energy_ev", "i0"})


def _scalar(column: Floats) -> Floats:
    """Readings of shape `(n, 1)` as `(n,)`; of an array for each row there is no single reading."""
    if column.ndim == 1:
        return column
    return column.reshape(len(column)) if column.size == len(column) else column.mean(axis=1)


def _beside(rows: Block, other: Block, role: str) -> tuple[Floats, float]:
    """A role of another stream at the rows of the leading one, and how far its energies lie from
    theirs, in eV.
    """
    column = _scalar(other.values[role])
    if role.startswith("dark_"):
        known = np.any(np.isfinite(column))
        return np.full(len(rows), np.nanmean(column) if known else np.nan), 0.0
    apart_ev = _energies_apart_ev(rows, other)
    if apart_ev:
        return _at_energies(rows, other, column), apart_ev
    if np.array_equal(np.sort(rows.seq_num), np.sort(other.seq_num)):
        return column[np.argsort(other.seq_num)][np.argsort(np.argsort(rows.seq_num))], 0.0
    return np.interp(rows.time_s, other.time_s, column, left=np.nan, right=np.nan), 0.0


def _energies_apart_ev(rows: Block, other: Block) -> float:
    """How far the energies of one stream's rows lie from those of another at most, in eV; 0 where
    it has none of its own, or the same.
    """
    if "energy_ev" not in rows.values or "energy_ev" not in other.values:
        return 0.0
    own, others = (_scalar(block.values["energy_ev"]) for block in (rows, other))
    own, others = own[np.isfinite(own)], np.sort(others[np.isfinite(others)])
    if not len(own) or not len(others):
        return 0.0
    after = np.clip(np.searchsorted(others, own), 1, len(others) - 1) if len(others) > 1 else 0
    nearest = np.minimum(np.abs(own - others[after]), np.abs(own - others[after - 1]))
    apart_ev = float(np.max(nearest))
    return apart_ev if apart_ev > SAME_ENERGY_EV else 0.0


def _at_energies(rows: Block, other: Block, column: Floats) -> Floats:
    """A column of another stream at the energies of the leading one's rows; NaN where it was not
    read.
    """
    energy_ev = _scalar(other.values["energy_ev"])
    order = np.argsort(energy_ev, kind="stable")
    order = order[np.isfinite(energy_ev[order])]
    wanted_ev = _scalar(rows.values["energy_ev"])
    return np.interp(wanted_ev, energy_ev[order], column[order], left=np.nan, right=np.nan)
