"""What every analysis of an energy scan shares: its rows, its axis, its way from data to an
estimate.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.analysis.xanes.absorption import (
    Spectrum,
    Unusable,
    fluorescent,
    of_foil,
    transmitted,
)
from cgnmc_bluesky.analysis.xanes.alignment import Unmatched
from cgnmc_bluesky.analysis.xanes.inflection import NoInflection, first_inflection
from cgnmc_bluesky.analysis.xanes.model import EdgeModel, match_foil

Floats = NDArray[np.float64]

NEEDED: Mapping[str, tuple[frozenset[str], ...]] = {
    "transmission": (frozenset({"mutrans"}), frozenset({"i0", "itrans"})),
    "fluorescence": (frozenset({"mufluor"}), frozenset({"i0", "ifluor"})),
}
"""Roles that a mode needs beside the energy: any one of the sets."""

ABSORPTION: Mapping[str, Callable[[Block, Mapping[str, str]], Spectrum]] = {
    "transmission": transmitted,
    "fluorescence": fluorescent,
}
"""How each mode's absorption follows from the readings."""


class NotYet(ValueError):
    """Too few data to say anything; the message says what is wanting."""


@dataclass(frozen=True)
class Axis:
    """What is added to a scan's energies to put them on the calibrated axis.

    Parameters
    ----------
    shift_ev
        The shift, in eV; `None` where there is no foil to tell.
    sigma_ev
        One standard deviation of the shift, in eV.
    notes
        What is to be said of it.
    """

    shift_ev: float | None
    sigma_ev: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """Values with their sigmas, curves, and remarks."""

    values: Mapping[str, float | None]
    sigmas: Mapping[str, float | None]
    n_points: int
    curves: Mapping[str, Floats]
    notes: tuple[str, ...] = ()


class ScanAccumulator(ABC):
    """Rows of an energy scan in, an estimate out.

    Parameters
    ----------
    model
        What is known of the edge.
    keys
        Data key of each role, for the remarks.
    mode
        "transmission" or "fluorescence".
    constants
        Roles that are one number for the whole scan (dark currents).
    """

    curve_units: Mapping[str, str]

    def __init__(
        self,
        model: EdgeModel,
        keys: Mapping[str, str],
        mode: str = "transmission",
        constants: Mapping[str, float] | None = None,
    ) -> None:
        self.model = model
        self.mode = mode
        self._keys = keys
        self._constants = dict(constants or {})
        self._tables: dict[str, Table] = {}

    @property
    @abstractmethod
    def units(self) -> Mapping[str, str]:
        """Unit of each value."""

    @abstractmethod
    def _say(self, spectrum: Spectrum, axis: Axis, *, ended: bool) -> Said:
        """Find the values, or raise `NotYet` or `Unusable`."""

    def add(self, block: Block) -> None:
        """Take in more rows of any stream."""
        self._tables.setdefault(block.stream, Table()).add(block)

    def result(self, *, ended: bool = False) -> Estimate:
        """Say what the rows so far tell.

        Parameters
        ----------
        ended
            Whether the run has ended, so that no more rows will come.
        """
        notes: tuple[str, ...] = ()
        try:
            rows = join(self._tables, self.mode)
            rows = replace(rows, values={**rows.values, **self._constant_roles(len(rows))})
            spectrum = ABSORPTION[self.mode](rows, self._keys)
            notes = spectrum.notes
            axis = self._axis(rows)
            said = self._say(spectrum, axis, ended=ended)
        except NotYet as wanting:
            return self._nothing(Status.WAITING, str(wanting), notes, ended=ended)
        except Unusable as fault:
            status = Status.FAILED if ended else Status.WAITING
            return self._nothing(status, str(fault), notes, ended=ended)
        return Estimate(
            status=Status.FINAL if ended else Status.PROVISIONAL,
            reason="; ".join(dict.fromkeys((*axis.notes, *self.model.notes, *notes, *said.notes))),
            units=self.units,
            values=said.values,
            sigmas=said.sigmas,
            n_points=said.n_points,
            curves=said.curves,
            curve_units={name: self.curve_units.get(name, "") for name in said.curves},
        )

    def _nothing(
        self, status: Status, why: str, notes: tuple[str, ...], *, ended: bool
    ) -> Estimate:
        end = ("the run ended before that",) if ended and status is Status.WAITING else ()
        rows = sum(len(table) for table in self._tables.values())
        reason = "; ".join(dict.fromkeys((why, *end, *notes)))
        return Estimate(status, reason, self.units, n_points=rows)

    def _constant_roles(self, length: int) -> dict[str, Floats]:
        return {role: np.full(length, value) for role, value in self._constants.items()}

    def _axis(self, rows: Block) -> Axis:
        """Put the scan on the calibrated axis by its foil."""
        key = self._keys.get("irefer", self._keys.get("murefer", ""))
        unusable = f"foil {key} cannot be used ({{}}): energies are as recorded"
        try:
            foil = of_foil(rows, self._keys)
            if foil is None:
                named = f" ({key})" if key else ""
                return Axis(None, 0.0, (f"no foil{named}: energies are as recorded",))
            if self.model.foil is not None:
                found = match_foil(self.model.foil, foil.energy_ev, foil.mu)
                return Axis(found.shift_ev, found.sigma_ev, glitch_notes(key, found.glitches_ev))
            inflection_ev, sigma_ev = first_inflection(foil.energy_ev, foil.mu)
        except Unmatched as doubt:
            if doubt.early:
                raise NotYet(f"foil {key}: {doubt}") from doubt
            return Axis(None, 0.0, (unusable.format(doubt),))
        except (NoInflection, Unusable) as doubt:
            return Axis(None, 0.0, (unusable.format(doubt),))
        return Axis(self.model.energy_ev - inflection_ev, sigma_ev)


def join(tables: Mapping[str, Table], mode: str) -> Block:
    """One block of rows with all the roles that a mode needs, whatever streams they came in.

    Parameters
    ----------
    tables
        Rows of each stream.
    mode
        "transmission" or "fluorescence".

    Raises
    ------
    NotYet
        If some role has no row yet.

    Notes
    -----
    Where one stream holds all the needed roles, its rows are taken as they are. Where the energy
    comes in a stream of its own, it is interpolated in time to the rows of the detectors.
    """
    for stream in sorted(tables, key=lambda name: (name != "primary", name)):
        roles = tables[stream].roles()
        if "energy_ev" in roles and any(needed <= roles for needed in NEEDED[mode]):
            return tables[stream].merged()
    everywhere = set().union(*(table.roles() for table in tables.values()))
    needed = next((roles for roles in NEEDED[mode] if roles <= everywhere), None)
    if needed is None or "energy_ev" not in everywhere:
        raise NotYet("no rows yet")
    leading = max(sorted(tables), key=lambda name: len(needed & tables[name].roles()))
    rows = tables[leading].merged()
    values = dict(rows.values)
    for role in sorted(everywhere - set(values)):
        source = next(table for _, table in sorted(tables.items()) if role in table.roles())
        values[role] = np.interp(
            rows.time_s, source.time_s(), source.column(role), left=np.nan, right=np.nan
        )
    return replace(rows, values=values)


def glitch_notes(key: str, energies_ev: tuple[float, ...]) -> tuple[str, ...]:
    """Say which points were left out because they stand out singly."""
    if not energies_ev:
        return ()
    where = ", ".join(f"{energy:.1f}" for energy in energies_ev[:3])
    more = " …" if len(energies_ev) > 3 else ""
    return (f"{key} glitch left out at {where}{more} eV",)
