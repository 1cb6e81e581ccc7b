"""The sections of galvanostatic cycling: a cycler's data keys, and the cell that is in the beam."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, Strict, model_validator

from cgnmc_bluesky.beamline.edges import SYMBOLS
from cgnmc_bluesky.beamline.errors import ConfigurationError, suggestion
from cgnmc_bluesky.beamline.references import existing
from cgnmc_bluesky.beamline.roles import Role, roles_by_unit
from cgnmc_bluesky.beamline.section import Key, Located, Number, Positive, Section

FARADAY_MAH_PER_MOL = 96485.33212 / 3.6
"""Charge of a mole of electrons, in mAh."""

UNITS: Mapping[str, str] = {
    "time_s": "s",
    "voltage_v": "V",
    "current_a": "A",
    "mean_current_a": "A",
    "capacity_ah": "Ah",
    "capacity_mah": "mAh",
    "capacity_mah_per_g": "mAh/g",
    "x_li": "",
    "cycle": "",
}
"""Roles of cycling data, and the unit of each."""

_ATOMS = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")


def _is_role(name: str) -> str:
    if name not in UNITS:
        raise ConfigurationError(f"{name!r} is no column; {suggestion(name, UNITS)}")
    return name


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"'{name}': there is no such time zone; expected one such as \"Europe/Paris\""
        ) from error
    return name


def _has_atoms(formula: str) -> str:
    mass_of(formula)
    return formula


RoleName = Annotated[str, AfterValidator(_is_role)]
Formula = Annotated[Key, AfterValidator(_has_atoms)]
Zone = Annotated[str, AfterValidator(_is_zone)]


class CyclingRoles(Section):
    """Data keys of galvanostatic cycling. Files of cyclers bring their own.

    Parameters
    ----------
    time_s
        Time of a row; without it, that of its event.
    voltage_v, voltage_unit
        The cell's voltage, and its unit where the descriptor gives none or a wrong one.
    current_a, current_unit
        The current, positive on charge.
    charge_sign
        -1 where the current is recorded as negative on charge.
    mean_current_a
        Instead, its mean since the row before, as EC-Lab records it (`<I>`).
    capacity_ah, capacity_mah, capacity_mah_per_g
        The charge as the cycler counted it, which is what is compared with our own count; where
        there is no current, what is looked at.
    x_li
        Instead, the lithium left in a formula unit.
    cycle
        The cycler's own number of the cycle.
    active_mass_mg
        Mass of the active material.
    peak_window_v
        Where the peak of dQ/dV is looked for.
    columns
        Columns of files without a usable header, by their number from 1 or their name.
    """

    time_s: Key | None = None
    voltage_v: Key | None = None
    voltage_unit: Literal["V", "mV"] | None = None
    current_a: Key | None = None
    mean_current_a: Key | None = None
    current_unit: Literal["A", "mA", "uA"] | None = None
    charge_sign: Literal[1, -1] = 1
    capacity_ah: Key | None = None
    capacity_mah: Key | None = None
    capacity_mah_per_g: Key | None = None
    x_li: Key | None = None
    cycle: Key | None = None
    active_mass_mg: Positive | None = None
    peak_window_v: tuple[Number, Number] | None = None
    columns: dict[RoleName, Annotated[int, Strict()] | Key] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        named = [role for role in UNITS if getattr(self, role) is not None]
        if named and self.voltage_v is None:
            raise ConfigurationError(f"names {named[0]} but no 'voltage_v'; give its data key")
        if named == ["voltage_v"]:
            raise ConfigurationError(
                "names neither a current nor a capacity; give current_a, mean_current_a, or a "
                "capacity with its unit (capacity_mah)"
            )
        if self.peak_window_v and not self.peak_window_v[0] < self.peak_window_v[1]:
            low, high = self.peak_window_v
            raise ConfigurationError(
                f"peak_window_v = [{low:g}, {high:g}]: expected the lower voltage first"
            )
        return self

    def roles(self) -> dict[str, Role]:
        """Roles of cycling."""
        return self.recorded(roles_by_unit(self, UNITS))

    def recorded(self, roles: Mapping[str, Role]) -> dict[str, Role]:
        """Give roles with the units that the configuration says they are recorded in."""
        units = {
            "voltage_v": self.voltage_unit,
            "current_a": self.current_unit,
            "mean_current_a": self.current_unit,
        }
        return {
            name: replace(role, recorded_unit=units.get(name) or role.recorded_unit)
            for name, role in roles.items()
        }


class CellSection(Section):
    """The cell that is in the beam, and the record that its cycler keeps of it.

    Parameters
    ----------
    record
        The cycler's file.
    active_mass_mg
        Mass of the active material.
    theoretical_mah_per_g
        Charge that takes one lithium out of every formula unit.
    formula
        The formula unit, of which that charge is computed.
    x_start
        Lithium in a formula unit when the record begins.
    clock_offset_s
        What is added to the record's times to put them on the clock of the scans; where it is
        given, be it 0, the record's clock is taken as known.
    time_zone
        Zone of the record's times, where they name none.
    """

    record: Located | None = None
    active_mass_mg: Positive | None = None
    theoretical_mah_per_g: Positive | None = None
    formula: Formula | None = None
    x_start: Number = 1.0
    clock_offset_s: Number | None = None
    time_zone: Zone | None = None

    @model_validator(mode="after")
    def _has_one_capacity(self) -> Self:
        if self.formula is not None and self.theoretical_mah_per_g is not None:
            raise ConfigurationError("has formula and theoretical_mah_per_g; keep one")
        return self

    @property
    def record_path(self) -> Path | None:
        """Where the record really is, `None` without one; an error where it is not there."""
        return existing(self.record, "[cell] record") if self.record is not None else None

    @property
    def offset_s(self) -> float:
        """What is added to the record's times, 0 where nothing is given."""
        return self.clock_offset_s or 0.0

    @property
    def mah_per_g(self) -> float | None:
        """Charge that takes one lithium out of every formula unit, in mAh a gram; `None` where
        nothing tells.
        """
        if self.formula is None:
            return self.theoretical_mah_per_g
        return FARADAY_MAH_PER_MOL / mass_of(self.formula)


def mass_of(formula: str) -> float:
    """Molar mass of a formula unit without brackets, in g/mol.

    Raises
    ------
    ConfigurationError
        Where it is no such formula.

    Examples
    --------
    >>> round(mass_of("LiNiO2"), 2)
    97.63
    """
    import xraydb

    atoms = _ATOMS.findall(formula)
    if not atoms or "".join(symbol + number for symbol, number in atoms) != formula:
        raise ConfigurationError(
            f"'{formula}': expected a formula without brackets, such as \"LiNi0.6Mn0.2Co0.2O2\""
        )
    unknown = [symbol for symbol, _ in atoms if symbol not in SYMBOLS]
    if unknown:
        raise ConfigurationError(
            f"'{formula}': there is no element {unknown[0]}; {suggestion(unknown[0], SYMBOLS)}"
        )
    return float(sum(xraydb.atomic_mass(symbol) * float(number or 1) for symbol, number in atoms))
