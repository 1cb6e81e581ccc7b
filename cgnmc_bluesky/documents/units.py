"""From the unit a key was recorded in to the unit its role is in."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.beamline import Role
from cgnmc_bluesky.documents.faults import ReadingError

SPELLINGS = {
    "c": "degC",
    "deg c": "degC",
    "deg_c": "degC",
    "degc": "degC",
    "celsius": "degC",
    "℃": "degC",
    "k": "K",
    "ev": "eV",
    "kev": "keV",
    "deg": "degree",
    "sec": "s",
    "torr": "torr",
    "amps": "A",
    "cts": "count",
    "cps": "1/s",
    "counts/s": "1/s",
    "cts/s": "1/s",
    "c/s": "1/s",
    "a.u.": "",
    "arb": "",
    "arb. units": "",
}
"""Units as control systems write them, in small letters, and how pint writes them."""

_UNPARSED = (ValueError, TypeError, AttributeError, AssertionError)
"""What pint's parser raises at a text that is no expression, beside errors of its own."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """Recorded readings times `factor` plus `offset` are in the role's unit."""

    factor: float
    offset: float

    def __call__(self, recorded: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert readings, of any shape."""
        return recorded * self.factor + self.offset


def conversion(recorded: str, wanted: str, *, key: str, role: str) -> Conversion | None:
    """Find how readings come into the unit of their role.

    Parameters
    ----------
    recorded
        Unit in the descriptor; empty is taken as the role's.
    wanted
        Unit of the role; empty takes any (counts, amperes, volts of a detector).
    key
        Data key, for the message.
    role
        Name of the role, for the message.

    Returns
    -------
    The conversion, or `None` where there is nothing to convert.

    Raises
    ------
    ReadingError
        Where the recorded unit is unknown or of another dimension.

    Examples
    --------
    >>> conversion("keV", "eV", key="mono_energy", role="energy_ev")
    Conversion(factor=1000.0, offset=0.0)
    >>> conversion("degC", "degC", key="t", role="temperature_c") is None
    True
    """
    spelled = _spelled(recorded), _spelled(wanted)
    if not all(spelled) or len(set(spelled)) == 1:
        return None
    found = _converted(*spelled)
    if found is None:
        raise ReadingError(
            f"data key {key!r} is recorded in {recorded!r}, which cannot become {wanted!r}, "
            f"the unit of {role}; name another key for {role} in beamline.toml, or state there "
            f"what unit the key is in"
        )
    return None if found == Conversion(1.0, 0.0) else found


def unit_for(role: Role, recorded: str) -> str:
    """Return the unit that readings of a role are converted to.

    Parameters
    ----------
    role
        The role, of whose units it is the first that has the dimension of the readings; the first
        of all where none has.
    recorded
        Unit in the descriptor.

    Examples
    --------
    >>> ion = Role("rga_mz32", "A", also=("mbar", "1/s"))
    >>> [unit_for(ion, recorded) for recorded in ("nA", "Torr", "cps", "mm", "")]
    ['A', 'mbar', '1/s', 'A', 'A']
    """
    spelled = _spelled(recorded)
    if not role.also or not spelled:
        return role.unit
    units = (role.unit, *role.also)
    if spelled in units:
        return spelled
    return next((unit for unit in units if _converted(spelled, unit)), role.unit)


def _spelled(unit: str) -> str:
    unit = unit.strip()
    return SPELLINGS.get(unit.casefold(), unit)


@cache
def _registry() -> Any:
    import pint

    # Fractions, so that a factor of a thousand is a thousand to the last bit.
    return pint.UnitRegistry(non_int_type=Fraction)


def _converted(recorded: str, wanted: str) -> Conversion | None:
    import pint

    units = _registry()
    try:
        # Angles and counts share a dimension (none), but not a root.
        if units.get_root_units(recorded)[1] != units.get_root_units(wanted)[1]:
            return None
        zero, one = (units.Quantity(Fraction(n), recorded).to(wanted).magnitude for n in (0, 1))
    except (pint.errors.PintError, TokenError, *_UNPARSED):
        # A control system's unit is free text, and pint parses it as an expression.
        return None
    return Conversion(float(one - zero), float(zero))
