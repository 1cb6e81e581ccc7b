"""What every analysis of an energy scan shares: its rows, its axis, its way from data to an
estimate.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.analysis.xanes.absorption import (
    Spectrum,
    Unusable,
    electron_yield,
    fluorescence_yield,
    fluorescent,
    of_foil,
    of_reference,
    transmitted,
)
from cgnmc_bluesky.analysis.xanes.alignment import Matcher, Unmatched
from cgnmc_bluesky.analysis.xanes.inflection import NoInflection, first_inflection
from cgnmc_bluesky.analysis.xanes.joining import NotYet, join
from cgnmc_bluesky.analysis.xanes.model import EdgeModel, as_foil

Floats = NDArray[np.float64]

ABSORPTION: Mapping[str, Callable[[Block, Mapping[str, str]], Spectrum]] = {
    "transmission": transmitted,
    "fluorescence": fluorescent,
    "tey": electron_yield,
    "pfy": fluorescence_yield,
}
"""How each mode's absorption follows from the readings."""

REFERENCE: Mapping[str, Callable[[Block, Mapping[str, str]], Spectrum | None]] = {
    "transmission": of_foil,
    "fluorescence": of_foil,
    "tey": of_reference,
    "pfy": of_reference,
}
"""How the spectrum that tells the energies follows from the readings, in each mode."""

LEAST_EV = 30.0
"""No edge that is scanned lies below; keV do."""

LEAST_SCANNED_EV = 1.0
"""Rows whose energies all lie closer together are no scan."""

FARTHEST_EV = 20.0
"""An axis that is off by more is not believed: what was found is another edge."""


@dataclass(frozen=True)
class Axis:
    """What is added to a scan's energies to put them on the calibrated axis.

    Parameters
    ----------
    shift_ev
        The shift, in eV; `None` where there is no foil to tell.
    sigma_ev
        One standard deviation of the shift, in eV.
    scale_sigma_ev
        One standard deviation of the calibrated axis itself: of where the well measured foil has
        its first inflection. It is the same for every scan and every standard.
    assumed_ev
        What is added where there is no foil to tell: what the standards' axes were off by.
    notes
        What is to be said of it.
    """

    shift_ev: float | None
    sigma_ev: float = 0.0
    notes: tuple[str, ...] = ()
    scale_sigma_ev: float = 0.0
    assumed_ev: float = 0.0

    def calibrated(self, energy_ev: Floats) -> Floats:
        """Energies on the calibrated axis, as far as that is known."""
        return energy_ev + (self.assumed_ev if self.shift_ev is None else self.shift_ev)


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
    calibrant: ClassVar[str] = "foil"
    """What tells the energies."""
    curve_group: ClassVar[str] = "spectrum"

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
        self._match_foil = Matcher(model.foil) if model.foil else None

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
            joined = join(self._tables, self.mode, self._keys)
            notes, rows = joined.notes, joined.rows
            rows = replace(rows, values={**rows.values, **self._constant_roles(len(rows))})
            self._refuse_energies(rows.values["energy_ev"])
            spectrum, axis = self._placed(rows)
            notes = (*notes, *spectrum.notes)
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
            curves={self.curve_group: said.curves},
            curve_units={name: self.curve_units.get(name, "") for name in said.curves},
        )

    def _refuse_energies(self, energy_ev: Floats) -> None:
        known = energy_ev[np.isfinite(energy_ev)]
        if not len(known):
            return
        if np.min(known) > 0 and np.max(known) < LEAST_EV:
            key = self._keys.get("energy_ev", "energy")
            raise Unusable(
                f"{key} is {np.min(known):.4g} to {np.max(known):.4g} eV: if these are keV, give "
                'energy_unit = "keV"'
            )
        if np.ptp(known) < LEAST_SCANNED_EV:
            raise NotYet("the energy has not been scanned")

    def _placed(self, rows: Block) -> tuple[Spectrum, Axis]:
        """The absorption, and what puts it on the calibrated axis."""
        return ABSORPTION[self.mode](rows, self._keys), self._axis(rows, self._match_foil)

    def _nothing(
        self, status: Status, why: str, notes: tuple[str, ...], *, ended: bool
    ) -> Estimate:
        end = ("the run ended before that",) if ended and status is Status.WAITING else ()
        rows = sum(len(table) for table in self._tables.values())
        reason = "; ".join(dict.fromkeys((why, *end, *notes)))
        return Estimate(status, reason, self.units, n_points=rows)

    @property
    def _absorption_key(self) -> str:
        """Data key that the absorption hangs on, for remarks."""
        roles = {
            "transmission": ("mutrans", "itrans"),
            "fluorescence": ("mufluor", "ifluor"),
        }.get(self.mode, (self.mode,))
        return next((self._keys[role] for role in roles if role in self._keys), "absorption")

    def _constant_roles(self, length: int) -> dict[str, Floats]:
        return {role: np.full(length, value) for role, value in self._constants.items()}

    def _axis(self, rows: Block, matched: Matcher | None) -> Axis:
        """Put the scan on the calibrated axis by its foil."""
        key = self._keys.get("irefer", self._keys.get("murefer", ""))
        try:
            foil = REFERENCE[self.mode](rows, self._keys)
            if foil is None:
                return self._without_foil(f"no {self.calibrant}" + (f" ({key})" if key else ""))
            if self.model.foil is not None and matched is not None:
                found = as_foil(matched(foil.energy_ev, foil.mu))
                return Axis(
                    found.shift_ev,
                    found.sigma_ev,
                    glitch_notes(key, found.glitches_ev),
                    self.model.foil.inflection_sigma_ev,
                )
            inflection_ev, sigma_ev = first_inflection(foil.energy_ev, foil.mu)
        except Unmatched as doubt:
            if doubt.early:
                raise NotYet(f"{self.calibrant} channel {key}: {doubt}") from doubt
            return self._without_foil(f"{self.calibrant} channel {key} cannot be used ({doubt})")
        except (NoInflection, Unusable) as doubt:
            return self._without_foil(f"{self.calibrant} channel {key} cannot be used ({doubt})")
        shift_ev = self.model.energy_ev - inflection_ev
        if abs(shift_ev) > FARTHEST_EV:
            return self._without_foil(
                f"{self.calibrant} channel {key} cannot be used "
                f"(its edge at {inflection_ev:.1f} eV is not {self.model.edge})"
            )
        return Axis(shift_ev, sigma_ev)

    def _without_foil(self, why: str) -> Axis:
        assumed_ev = self.model.usual_shift_ev
        if not assumed_ev:
            return Axis(None, 0.0, (f"{why}: energies are as recorded",))
        taken = f"{why}: energies are moved by {assumed_ev:+.2f} eV, as those of the standards"
        return Axis(None, 0.0, (taken,), assumed_ev=assumed_ev)


def glitch_notes(key: str, energies_ev: tuple[float, ...]) -> tuple[str, ...]:
    """Say which points were left out because they stand out singly."""
    if not energies_ev:
        return ()
    where = ", ".join(f"{energy:.1f}" for energy in energies_ev[:3])
    more = " …" if len(energies_ev) > 3 else ""
    return (f"{key} glitch left out at {where}{more} eV",)
