"""Electrons that manganese takes and nickel gives at a surface whose valences change."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

METALS = ("Ni", "Mn", "Co")

Number = tuple[float, float]
"""A value and one standard deviation."""


@dataclass(frozen=True)
class ChargeBalance:
    """Electrons by formula unit of MO2, counted as in the paper.

    Parameters
    ----------
    gained_mn
        Taken up by manganese: 2 for each Mn4+ that became Mn2+.
    released_ni
        Of nickel: 1 for each Ni3+ that became Ni2+; negative where Ni2+ became less.
    balance
        What is left of the first beside the second.
    reduced
        By how much the valences of all metals together went down: so many electrons came from
        elsewhere, two for each oxygen lost. `None` without cobalt.
    """

    gained_mn: Number
    released_ni: Number
    balance: Number
    reduced: Number | None


def charge_balance(
    surface: Mapping[str, float], changes: Mapping[str, Number | None]
) -> ChargeBalance:
    """Balance electrons at a surface.

    An element of content x whose mean valence goes from v₀ to v₁ takes x · (v₀ − v₁) electrons. The
    paper sets what manganese gains against what "Ni2+ formation" releases; chemically nickel that
    goes from 3 to 2 takes an electron too, and `reduced` counts it so.

    Parameters
    ----------
    surface
        Share of each metal among the metals, by its symbol.
    changes
        v₁ − v₀ of each, with one standard deviation; cobalt's may be `None`.

    Examples
    --------
    The paper's limiting cases, Mn4+ to Mn2+ and Ni3+ to Ni2+ altogether:

    >>> whole = {"Mn": (-2.0, 0.0), "Ni": (-1.0, 0.0), "Co": None}
    >>> conventional = charge_balance({"Ni": 0.6, "Mn": 0.2, "Co": 0.2}, whole)
    >>> conventional.gained_mn[0], conventional.released_ni[0]
    (0.4, 0.6)
    >>> gradient = charge_balance({"Ni": 0.4, "Mn": 0.4, "Co": 0.2}, whole)
    >>> gradient.gained_mn[0], gradient.released_ni[0]
    (0.8, 0.4)
    """
    taken = {metal: _taken(surface[metal], changes[metal]) for metal in METALS}
    mn, ni = taken["Mn"], taken["Ni"]
    if mn is None or ni is None:
        missing = "Mn" if mn is None else "Ni"
        raise ValueError(f"no change of the valence of {missing}; give it with its sigma")
    every = [each for each in taken.values() if each is not None]
    sigma = math.hypot(mn[1], ni[1])
    reduced = math.fsum(value for value, _ in every), math.hypot(*(own for _, own in every))
    return ChargeBalance(
        mn, ni, (mn[0] - ni[0], sigma), reduced if len(every) == len(METALS) else None
    )


def _taken(content: float, change: Number | None) -> Number | None:
    return None if change is None else (content * -change[0], content * change[1])
